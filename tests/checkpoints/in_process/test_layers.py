"""What a checkpoint would write, read at every layer: as brute force finds it, on what each layer leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fixtures.checkpoints.in_process import checkpoint as engine
from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.protocol.expected import at_layers, expected
from tests.checkpoints.in_process.test_numbers import VOCABULARIES, BruteForce
from tests.checkpoints.in_process.test_shared_prefix import QUESTIONS, asked, small, tiny, with_model
from tests.support.tiny import CHATML, tiny_checkpoint


class AtLayer(BruteForce):
    """By transformers' own hidden states, which are those in front of the final norm but for the last."""

    def __init__(self, checkpoint: InProcessCheckpoint, prompt: list[int], layer: int) -> None:
        super().__init__(checkpoint, prompt)
        self._layer = layer

    def _behind(self, path: tuple[int, ...]) -> torch.Tensor:
        ids = torch.tensor([[*self._prompt, *path]])
        with torch.inference_mode():
            left = self._model(input_ids=ids, output_hidden_states=True).hidden_states[1:]
            last = self._layer == len(left) - 1
            normed = left[-1] if last else self._model.model.norm(left[self._layer])
            logits = self._model.lm_head(normed)
            if cap := getattr(self._model.config, "final_logit_softcapping", None):
                logits = cap * torch.tanh(logits / cap)
        own: torch.Tensor = logits[0, -1].double().softmax(dim=-1)
        return own


def llama(directory: Path, kind: str, times: float, layers: int = 3) -> Path:
    """Layers whose weights are random, and so large that they do not leave what they were given."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tiny_checkpoint(directory, chat_template=CHATML, merges=VOCABULARIES[kind])
    torch.manual_seed(0)
    vocabulary = 261 + len(VOCABULARIES[kind])
    model = LlamaForCausalLM(LlamaConfig(**small(num_hidden_layers=layers, vocab_size=vocabulary)))
    return enlarged(model, times, directory)


def gemma(directory: Path) -> Path:
    """Windows, and logits that are capped behind the head."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    config = Gemma2Config(**small(sliding_window=24, final_logit_softcapping=3.0))
    return enlarged(Gemma2ForCausalLM(config), 5, with_model(directory, Gemma2ForCausalLM(config)))


def enlarged(model: Any, times: float, directory: Path) -> Path:
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.down_proj.weight.mul_(50)
        model.lm_head.weight.mul_(times)
    model.save_pretrained(directory)
    return directory


def assert_as_brute_force(checkpoint: InProcessCheckpoint, layers: int) -> None:
    conversations = asked("slot", (25,), QUESTIONS[:1])[:2]
    means = set()
    for at, reply in checkpoint.generate(conversations, 3):
        prompt = checkpoint.token_ids(conversations[at])
        brute = [AtLayer(checkpoint, prompt, layer) for layer in range(layers)]
        known = [expected([one.probability(n) for n in range(101)], None) for one in brute]
        found = at_layers(reply.layers)
        assert len(found) == layers
        for one, true in zip(found, known, strict=True):
            assert one is not None
            assert true is not None
            assert one.mean == pytest.approx(true.mean, abs=1e-4)
            assert one.mass == pytest.approx(true.mass, abs=1e-6)
            means.add(round(one.mean, 2))
        assert reply.layers[-1] == reply.numbers
    assert len(means) >= layers, "each layer says another number"
    assert not checkpoint.notes


@pytest.mark.parametrize("times", [1, 20])
@pytest.mark.parametrize("kind", VOCABULARIES)
def test_each_layer_is_as_brute_force_finds_it(tmp_path: Path, kind: str, times: float) -> None:
    assert_as_brute_force(tiny(llama(tmp_path, kind, times), layers=True), 3)


def test_so_it_is_behind_a_cap_and_windows(tmp_path: Path) -> None:
    assert_as_brute_force(tiny(gemma(tmp_path), layers=True), 2)


def test_nothing_else_changes(tmp_path: Path) -> None:
    """Replies, and what is expected at the end, are those of a run that reads no layers, which has none."""
    directory = llama(tmp_path, "a token a digit", 20)
    conversations = asked("slot", (10, 60), QUESTIONS[:2])
    plain, read = tiny(directory), tiny(directory, layers=True)
    assert (plain.reads_layers, read.reads_layers) == (False, True)
    without, within = (dict(one.generate(conversations, 6)) for one in (plain, read))
    for at, reply in within.items():
        assert reply == without[at]
        assert list(reply.numbers) == pytest.approx(list(without[at].numbers), abs=1e-6)
        assert without[at].layers == ()


def test_so_it_is_in_fewer_bits(tmp_path: Path) -> None:
    """There a batch changes the last digits, and that is no other build."""
    checkpoint = tiny(llama(tmp_path, "a token a digit", 20), layers=True, dtype="bfloat16")
    conversations = asked("slot", (25,), QUESTIONS[:1])[:2]
    assert [len(reply.layers) for _, reply in checkpoint.generate(conversations, 2)] == [3, 3]
    assert not checkpoint.notes


def unnormed(model: Any) -> None:
    """Its norm is no part of the stack that its layers are in."""
    norm = model.model.norm
    model.model.norm = torch.nn.Identity()

    def after(_: torch.nn.Module, __: object, made: Any) -> Any:
        made.last_hidden_state = norm(made.last_hidden_state)
        return made

    model.model.register_forward_hook(after)


def shifted(model: Any) -> None:
    """What stands between its last layer and its norm, as in models that add up several streams."""
    model.model.norm.register_forward_pre_hook(lambda _, given: (given[0] + 1, *given[1:]))


@pytest.mark.parametrize("build", [unnormed, shifted])
def test_a_model_of_another_build_has_none_and_says_so(tmp_path: Path, build: Callable[[Any], None]) -> None:
    checkpoint = tiny(llama(tmp_path, "a token a digit", 1), layers=True)
    build(checkpoint._load_model())
    conversations = asked("slot", (25,), QUESTIONS[:1])[:2]
    assert [reply.layers for _, reply in checkpoint.generate(conversations, 2)] == [()] * 2
    assert checkpoint.notes == [engine.NO_LAYERS]
