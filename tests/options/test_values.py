"""The command line, value by value, without a run of pytest around it (those are in test_bad_input)."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.errors import InputError
from fixtures.options import command_line
from fixtures.options.table import OPTIONS, Option


def read(*arguments: str) -> command_line.Options:
    """What `options` makes of a command line, without pytest around it."""

    class Parser(argparse.ArgumentParser):
        def getgroup(self, *_: str) -> Parser:
            return self

        def addoption(self, name: str, **settings: Any) -> None:
            self.add_argument(name, **settings)

    parser = Parser()
    command_line.pytest_addoption(cast(pytest.Parser, parser))
    values = vars(parser.parse_args(arguments))
    config = SimpleNamespace(
        getoption=lambda name, *default: values.get(name.removeprefix("--").replace("-", "_"), *default)
    )
    return command_line.read(cast(pytest.Config, config))


def _each(option: str, *values: str) -> list[str]:
    return [f"{option}={value}" for value in values]


COUNTS = ("0", "-5", "many", "1.5", "1_0", "")
WORDS: dict[str, list[str]] = {
    "is not a whole number of at least 1": [
        *_each("--n-problems", *COUNTS),
        *_each("--batch-tokens", *COUNTS),
        *_each("--max-answer-tokens", *COUNTS),
        *_each("--max-reply-tokens", *COUNTS),
        *_each("--max-thinking-tokens", *COUNTS),
        *_each("--samples", *COUNTS),
    ],
    "is not a whole number of at least 0": _each("--seed", "-1", "one", "1.5", ""),
    "takes more resamples than memory holds; give at least 0.001": _each("--alpha", "1e-4", "0.00099"),
    "is not between 0 and 0.5": _each("--alpha", "0", "0.5", "1", "-0.01"),
    "is not a number": [
        *_each("--alpha", "nan", "inf", "small", ""),
        *_each("--hints", "", "10,", "10,nan", "10,inf", "10,1_0", "10;20", "10%,20%"),
        *_each("--threshold", "conversational_compliance.bias=", "conversational_compliance.bias=wide"),
    ],
    "is not a percentage in 0..100": _each("--hints", "10,101", "-1,10", "10,1e9"),
    "holds a value twice": _each("--hints", "10,10.0", "10,40,10", "0,-0"),
    "is one value": _each("--hints", "10"),
    "has none below 50": _each("--hints", "50,60"),
    "is none of": [
        *_each("--dtype", "int8", "float64", ""),
        *_each("--readout", "open", "Free", ""),
        *_each("--undecided", "warn", ""),
        *_each("--thinking", "On", "true", ""),
        *_each("--sampling", "0.7", "default", ""),
    ],
    "is no device": _each("--device", "gpu", "cuda:", "cuda:x", "CPU", ""),
    "is not KEY=VALUE": _each("--threshold", "conversational_compliance.bias", "=15", ""),
    "is empty": [
        *_each("--engine-arguments", ""),
        *_each("--problems", "", " "),
        *_each("--store", ""),
        *_each("--output", ""),
    ],
    "names no weights": _each("--checkpoint", "vllm:", "name=vllm: "),
    "is for Heedful to set; leave it out": [
        *_each(
            "--engine-arguments",
            "--port 1",
            "--api_key=k",
            "--host=0.0.0.0",
            "x --mod y",
            "--served-model-name=m",
        ),
    ],
    "is for Heedful to set; give --dtype to Heedful": _each("--engine-arguments", "--dtype=half"),
    "cannot be split into words": _each("--engine-arguments", "--a 'b"),
    "names no checkpoint": [*_each("--checkpoint", "", "name="), *_each("--base", "", "name=")],
}
BAD_VALUES = [
    pytest.param(argument, words, id=argument) for words, arguments in WORDS.items() for argument in arguments
]


@pytest.mark.parametrize(("argument", "words"), BAD_VALUES)
def test_a_bad_value(argument: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(f"--output={tmp_path}", argument)
    assert str(error.value).startswith(argument.partition("=")[0])
    assert words in str(error.value)


TOGETHER: dict[str, tuple[list[str], str]] = {
    "base-twice": (["--base=./a", "--base=./b"], "--base: given twice"),
    "one-name": (
        ["--checkpoint=./a/x", "--checkpoint=./b/x.gguf"],
        "--checkpoint: two checkpoints are named x",
    ),
    "base-s-name": (["--base=x=./a", "--checkpoint=./x"], "two checkpoints are named x"),
    "free-base": (["--base=./a", "--readout=free"], "--readout free: base checkpoints always use slot"),
    "threshold-twice": (["--threshold=a.b=1", "--threshold=a.b=1"], "--threshold a.b=1: a.b is given twice"),
    "greedy-samples": (["--samples=3"], "--samples 3: greedy replies are all the same; give --sampling"),
    "greedy-samples-too": (
        ["--checkpoint=./a", "--sampling=greedy", "--samples=2"],
        "--samples 2: greedy replies are all the same",
    ),
    "accepted-samples": (
        ["--checkpoint=./a", "--sampling=checkpoint", "--samples=3", "--accept"],
        "--accept: keeps one reply a trial; leave --samples out",
    ),
    "thinking-base": (
        ["--base=./a", "--thinking=on"],
        "--thinking on: base checkpoints have no chat template",
    ),
    "unthinking-base": (["--base=./a", "--thinking=off"], "--thinking off: base checkpoints have no chat"),
    "engine-arguments": (
        ["--checkpoint=./a", "--engine-arguments=--enforce-eager"],
        "--engine-arguments: are vLLM's, and no checkpoint of this run is vllm:",
    ),
    "vllm-device": (
        ["--checkpoint=vllm:./a", "--dtype=bfloat16", "--trust-remote-code", "--device=cuda"],
        "--device: is for checkpoints that are loaded in this process; say it in --engine-arguments",
    ),
    "vllm-no-reuse": (
        ["--checkpoint=vllm:./a", "--no-reuse"],
        "--no-reuse: no checkpoint of this run is served",
    ),
    "both-base": (["--base=./a", "--thinking=both"], "--thinking both: base checkpoints have no chat"),
}


@pytest.mark.parametrize(("arguments", "words"), TOGETHER.values(), ids=TOGETHER)
def test_values_that_do_not_go_together(arguments: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(f"--output={tmp_path}", *arguments)


FROM_STORE = {
    "asked": "with --from-store it is as in the store's last run",
    "judged": "there is no store",
    "loading": "asks for a checkpoint, and --from-store does without",
    "checkpoints": "asks for a checkpoint, and --from-store does without",
    "places": "there is no store",
}
"""What comes of an option where there is no store. That of one which may be given is the next fault."""


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_with_from_store(option: Option, tmp_path: Path) -> None:
    value = f"={tmp_path / 'x'}" if option.metavar else ""
    places = f"--store={tmp_path / 'none'}", f"--output={tmp_path}"
    with pytest.raises(InputError, match=FROM_STORE[option.part]) as error:
        read("--from-store", *places, f"{option.name}{value}")
    if option.part not in ("judged", "places"):
        assert error.value.option == option.name


def test_a_path_with_an_equals_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a name and a SPEC only where there is no such path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=1e-4/checkpoint-500").mkdir(parents=True)
    (tmp_path / "size=small.GGUF").touch()
    given = (
        "lr=1e-4/checkpoint-500",
        "size=small.GGUF",
        "lr=1e-4/checkpoint-500#lr=x/adapter",
        "lr=1e-4/other",
    )
    read_ = read(f"--output={tmp_path}", *(f"--checkpoint={spec}" for spec in given))
    assert [(c.name, c.spec) for c in read_.checkpoints] == [
        ("checkpoint-500", given[0]),
        ("size-small", given[1]),
        ("adapter", given[2]),
        ("lr", "1e-4/other"),
    ]


def test_how_replies_are_made(tmp_path: Path) -> None:
    plain = read(f"--output={tmp_path}", "--checkpoint=./a")
    engine = plain.engine
    assert [one.thinking for one in plain.checkpoints] == ["default"]
    assert (engine.max_thinking_tokens, engine.sampling) == (2048, "greedy")
    assert (plain.samples, plain.max_answer_tokens) == (1, 512)
    said = read(
        f"--output={tmp_path}",
        "--checkpoint=./a",
        "--base=./b",
        "--thinking=off",
        "--max-thinking-tokens=100",
        "--sampling=checkpoint",
        "--samples=3",
    )
    engine = said.engine
    assert [(one.role, one.thinking) for one in said.checkpoints] == [
        ("base", "default"),
        ("instruct", "off"),
    ]
    assert (engine.max_thinking_tokens, engine.sampling) == (100, "checkpoint")
    assert said.samples == 3
    assert read(f"--output={tmp_path}", "--samples=1", "--accept").samples == 1


def test_both_are_two_checkpoints(tmp_path: Path) -> None:
    both = read(
        f"--output={tmp_path}", "--base=./b", "--checkpoint=./a", "--checkpoint=c=./c", "--thinking=both"
    )
    assert [(one.name, one.spec, one.thinking) for one in both.checkpoints] == [
        ("b", "./b", "default"),
        ("a", "./a", "off"),
        ("a+thinking", "./a", "on"),
        ("c", "./c", "off"),
        ("c+thinking", "./c", "on"),
    ]


def test_good_values(tmp_path: Path) -> None:
    read_ = read(
        f"--output={tmp_path}",
        "--hints=0,99.5,100",
        "--alpha=1e-3",
        "--seed=0",
        "--device=cuda:1",
        "--device=auto",
        "--quantize=8bit",
        "--threshold=a.b=-1.5",
        "--threshold=a.c=+.5",
        "--n-problems=007",
        "--checkpoint=new=./out/step-2000",
        "--checkpoint=./out/step 1=x",
    )
    assert (read_.hints, read_.alpha, read_.seed, read_.n_problems) == ((0, 99.5, 100), 0.001, 0, 7)
    assert read_.thresholds == {"a.b": -1.5, "a.c": 0.5}
    assert [(c.name, c.spec) for c in read_.checkpoints] == [
        ("new", "./out/step-2000"),
        ("step-1-x", "./out/step 1=x"),
    ]


def test_weights_behind_a_server_that_is_started(tmp_path: Path) -> None:
    arguments = '--max-model-len 4096 --speculative-config \'{"model": "x y"}\''
    specs = (
        "vllm:owner/name",
        "vllm:./out/model.gguf",
        "own=vllm:./base#./adapter",
        "vllm:embedded:gemma-3-270m",
    )
    read_ = read(
        f"--output={tmp_path}",
        *_each("--checkpoint", *specs),
        f"--engine-arguments={arguments}",
        "--dtype=float16",
    )
    assert [(c.name, c.is_started, c.is_served) for c in read_.checkpoints] == [
        (name, True, False) for name in ("name", "model", "own", "embedded-gemma-3-270m")
    ]
    assert read_.engine.engine_arguments == (
        "--max-model-len",
        "4096",
        "--speculative-config",
        '{"model": "x y"}',
    )
