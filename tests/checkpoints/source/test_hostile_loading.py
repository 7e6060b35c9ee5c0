"""Checkpoints that mean harm in what is loaded of them, and in what their first pass does: each ends in one line."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from fixtures.checkpoints.prompts.rendering import PROBE, in_one_line
from fixtures.errors import InputError
from fixtures.questions.conversation import Conversation, Message
from tests.checkpoints.source.test_hostile import configured, opened
from tests.support.suite import run
from tests.support.tiny import tiny_checkpoint


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "mine")


INDEX = "model.safetensors.index.json"
ASTRAY: dict[str, object] = {
    "up": "../outside.safetensors",
    "root": "/outside.safetensors",
    "down": "sub/model.safetensors",
    "pickle": "pytorch_model.bin",
    "number": 5,
    "list": ["model.safetensors"],
}


@pytest.mark.parametrize("name", ASTRAY.values(), ids=ASTRAY)
def test_weights_that_the_fingerprint_does_not_cover_are_not_loaded(mine: Path, name: object) -> None:
    (mine / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": {"lm_head.weight": name}}))
    with pytest.raises(InputError, match=r"index\.json names .*, and not a \*\.safetensors file beside it"):
        opened(mine)


@pytest.mark.parametrize("weights", [None, 5, ["model.safetensors"], "model.safetensors"])
def test_an_index_without_a_map_is_damaged(mine: Path, weights: object) -> None:
    (mine / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weights}))
    with pytest.raises(InputError, match=r"index\.json is damaged \(no weight_map\)"):
        opened(mine)


@pytest.mark.parametrize(
    ("key", "value"),
    [("transformers_weights", "sub/a.safetensors"), ("configuration_files", ["config.4.0.0.json"])],
)
def test_a_config_that_leads_to_other_files(mine: Path, key: str, value: object) -> None:
    with pytest.raises(InputError, match=f"config.json has {key}, which leads to other files"):
        opened(configured(mine, **{key: value}))


def test_a_tokenizer_that_leads_to_other_files(mine: Path) -> None:
    configured(mine, "tokenizer_config.json", fast_tokenizer_files=["../tokenizer.4.0.0.json"])
    with pytest.raises(InputError, match=r"fast_tokenizer_files in its tokenizer_config\.json, which"):
        opened(mine)


def test_an_adapter_that_nobody_gave(mine: Path) -> None:
    (mine / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="has an adapter beside its weights"):
        opened(mine)


PANIC = {"type": "Split", "pattern": {"Regex": "(a|a|[a-z ]+)+$"}, "behavior": "Isolated", "invert": False}


def test_a_tokenizer_that_panics(mine: Path) -> None:
    configured(mine, "tokenizer.json", pre_tokenizer=PANIC)
    checkpoint = opened(mine)
    prey = Conversation((Message("user", "a" * 40 + "!"),))
    with pytest.raises(
        InputError, match=rf"^--checkpoint {mine}: its tokenizer cannot be used \(Onig: Regex"
    ):
        dict(checkpoint.generate([prey], 1))


def test_a_tokenizer_that_panics_is_told_from_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt), in_one_line("nothing"):
        raise KeyboardInterrupt


def _replacing(content: str, **pattern: str) -> dict[str, object]:
    return {"type": "Replace", "pattern": pattern, "content": content}


def _charsmap(text: bytes) -> dict[str, object]:
    return {
        "type": "Precompiled",
        "precompiled_charsmap": base64.b64encode(b"\4\0\0\0trie" + text + b"\0x\0").decode(),
    }


LONGER: dict[str, list[dict[str, object]]] = {
    "replaces": [_replacing("a" * 16, Regex=".")] * 6,
    "inserts": [_replacing("a", Regex="")] * 13,
    "prepends": [{"prepend": "a" * 4096}],
    "maps": [_charsmap(b"a" * 70)] * 2,
    "bytes": [{"type": "ByteLevel"}] * 13,
}


@pytest.mark.parametrize("steps", LONGER.values(), ids=LONGER)
@pytest.mark.parametrize("section", ["normalizer", "pre_tokenizer", "decoder"])
def test_a_tokenizer_that_makes_texts_ever_longer(
    mine: Path, section: str, steps: list[dict[str, object]]
) -> None:
    configured(mine, "tokenizer.json", **{section: {"type": "Sequence", f"{section}s": steps}})
    with pytest.raises(InputError, match=r"its tokenizer\.json may make a text [0-9,]+ times as long"):
        opened(mine)


def test_a_tokenizer_that_takes_what_sentencepiece_does(mine: Path) -> None:
    steps = [_replacing("\u2581", String=" "), *[_replacing(" ", String="  ")] * 20, {"prepend": "\u2581"}]
    configured(mine, "tokenizer.json", normalizer={"type": "Sequence", "normalizers": steps})
    assert opened(mine).prompt_tokens(PROBE)


@pytest.mark.parametrize("end", [[[1]], ["x"], "x", -5, 10**15, True], ids=str)
def test_ends_that_are_no_tokens(mine: Path, end: object) -> None:
    configured(mine, "generation_config.json", eos_token_id=end)
    with pytest.raises(
        InputError, match=r"its generation_config\.json has an eos_token_id \S+, which is no tok"
    ):
        opened(mine)


def test_weights_that_are_not_quantised_as_the_config_says(mine: Path) -> None:
    pytest.importorskip("bitsandbytes")
    configured(mine, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})
    with pytest.raises(InputError, match=r"it loads, and does not run \(AssertionError\)"):
        dict(opened(mine).generate([PROBE], 1))


def test_a_template_that_leaves_nothing(tmp_path: Path) -> None:
    silent = tiny_checkpoint(tmp_path, chat_template="{# nothing #}", add_bos=False)
    with pytest.raises(
        InputError, match="its chat template leaves out, or puts elsewhere, what the user says"
    ):
        opened(silent)


def test_a_tokenizer_that_leaves_nothing(tmp_path: Path) -> None:
    silent = tiny_checkpoint(tmp_path, chat_template=None, add_bos=False)
    configured(silent, "tokenizer.json", normalizer=_replacing("", Regex="[\\s\\S]"))
    with pytest.raises(InputError, match="its tokenizer leaves no token of a conversation"):
        opened(silent, "base")


@pytest.mark.parametrize("logprobs", [False, True])
def test_a_tokenizer_that_leaves_one_token(tmp_path: Path, logprobs: bool) -> None:
    directory = tiny_checkpoint(tmp_path, chat_template=None, add_bos=False)
    configured(directory, "tokenizer.json", normalizer=_replacing("x", Regex="[\\s\\S]+"))
    terse = opened(directory, "base")
    replies = dict(terse.generate([PROBE, PROBE], 3, logprobs=logprobs))
    assert replies[0] == replies[1]
    assert terse.prompt_tokens(PROBE) == 1


def test_weights_that_make_no_numbers_are_one_line(mine: Path, tmp_path: Path) -> None:
    weights = load_file(mine / "model.safetensors")
    broken = {name: weight * float("nan") for name, weight in weights.items()}
    save_file(broken, mine / "model.safetensors", metadata={"format": "pt"})
    done = run(
        tmp_path,
        [
            "behaviors/test_command_compliance.py",
            "--problems=demo",
            "--n-problems=9",
            f"--checkpoint={mine}",
            f"--store={tmp_path / 'store.sqlite3'}",
            f"--output={tmp_path / 'output'}",
            "-k=test_bias and direct_hint",
        ],
    )
    _, _, shown = done.printed.partition("ERROR at setup of test_bias[mine-direct_hint] ")
    line = (
        f"--checkpoint {mine}: its logits are not numbers (NaN): check its weights, or give another --dtype"
    )
    assert shown.splitlines()[1] == line
    assert shown.splitlines()[2].startswith("-"), done.printed
