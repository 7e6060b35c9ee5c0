"""Models that an engine would make say something else: they are found by what they say, and read in another way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from fixtures.checkpoints.in_process.checkpoint import ALONE, PLAIN, InProcessCheckpoint
from fixtures.checkpoints.in_process.kv_cache import StretchLayer
from tests.checkpoints.in_process.test_shared_prefix import asked, small, tiny, with_model

UNSHARED = PLAIN.format("its layers do not keep one key and one value of every token")
UNUSED = "41 weights are not used: those for images and sound"
NAMES = {"vocab_size": 261, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}


def mllama() -> Any:
    """Its second layer looks at images, and keeps nothing of a text."""
    text: dict[str, Any] = {key: value for key, value in small().items() if key != "head_dim"}
    sight: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_global_layers": 1,
    }
    sight |= {"attention_heads": 2, "image_size": 28, "patch_size": 14, "vision_output_dim": 32}
    config = transformers.MllamaConfig(
        text_config={**text, "cross_attention_layers": [1]},
        vision_config={**sight, "intermediate_layers_indices": [0]},
        image_token_index=260,
    )
    return transformers.MllamaForConditionalGeneration(config)


def rwkv() -> Any:
    """It keeps a state, padding and all."""
    return transformers.RwkvForCausalLM(
        transformers.RwkvConfig(
            **NAMES, hidden_size=16, attention_hidden_size=16, num_hidden_layers=2, context_length=4096
        )
    )


def gpt() -> Any:
    """It keeps nothing."""
    return transformers.OpenAIGPTLMHeadModel(
        transformers.OpenAIGPTConfig(**NAMES, n_positions=4096, n_embd=16, n_layer=2, n_head=2)
    )


def gpt2() -> Any:
    """It keeps one key and one value a token, as most do."""
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(**NAMES, n_positions=4096, n_embd=16, n_layer=2, n_head=2)
    )


def loud(make: Callable[[], Any]) -> Any:
    """Its weights are so large that what a token has read shows in what comes next."""
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(10 if weight.dim() > 1 else 1)
    return model


@pytest.mark.parametrize(
    ("make", "notes"),
    [(mllama, [UNUSED, UNSHARED]), (rwkv, [UNSHARED, ALONE]), (gpt, [UNSHARED]), (gpt2, [])],
    ids=["mllama", "rwkv", "openai-gpt", "gpt2"],
)
def test_it_says_at_once_what_it_says_alone(
    tmp_path: Path, make: Callable[[], Any], notes: list[str]
) -> None:
    checkpoint = tiny(with_model(tmp_path, loud(make)))
    conversations = asked("slot", (10, 60))[:6]
    made = dict(checkpoint.generate(conversations, 4, logprobs=True))
    assert checkpoint.notes == notes
    for at, conversation in enumerate(conversations):
        ((_, alone),) = checkpoint.generate_plainly([conversation], 4, logprobs=True)
        assert made[at].text == alone.text
        assert made[at].logprobs == pytest.approx(alone.logprobs, abs=1e-3)


def test_numbers_that_are_only_somewhat_wrong_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that forgets what came before a stretch fails nowhere."""
    checkpoint = tiny(with_model(tmp_path, loud(gpt2)))
    monkeypatch.setattr(StretchLayer, "update", forgetting(StretchLayer.update))
    checkpoint._load_model()
    assert isinstance(checkpoint, InProcessCheckpoint)
    assert checkpoint.notes == [UNSHARED]


def forgetting(update: Callable[..., Any]) -> Callable[..., Any]:
    def forget(layer: StretchLayer, keys: Any, values: Any, *rest: Any, **more: Any) -> Any:
        all_keys, all_values = update(layer, keys, values, *rest, **more)
        return torch.zeros_like(all_keys), torch.zeros_like(all_values)

    return forget
