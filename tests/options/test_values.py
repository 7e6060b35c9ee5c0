"""The command line, value by value, without a run of pytest around it (those are in test_bad_input)."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fixtures.errors import InputError
from fixtures.options import command_line


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
    ],
    "is no device": _each("--device", "gpu", "cuda:", "cuda:x", "CPU", ""),
    "is not KEY=VALUE": _each("--threshold", "conversational_compliance.bias", "=15", ""),
    "is empty": [*_each("--problems", "", " "), *_each("--store", ""), *_each("--output", "")],
    "names no checkpoint": [*_each("--checkpoint", "", "name="), *_each("--base", "", "name=")],
}
OPTIONS = [
    pytest.param(argument, words, id=argument) for words, arguments in WORDS.items() for argument in arguments
]


@pytest.mark.parametrize(("argument", "words"), OPTIONS)
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
}


@pytest.mark.parametrize(("arguments", "words"), TOGETHER.values(), ids=TOGETHER)
def test_values_that_do_not_go_together(arguments: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(f"--output={tmp_path}", *arguments)


def test_every_option_is_known_to_from_store(pytestconfig: pytest.Config) -> None:
    """In exactly one list, so that no new one is ignored in silence."""
    (ours,) = (group for group in pytestconfig._parser._groups if group.name == "heedful")
    names = [name for option in ours.options for name in option.names()]
    where = ("--store", "--output", "--from-store")
    known = [*command_line.ASKED, *command_line.JUDGED, *command_line.OF_CHECKPOINTS, *where]
    assert sorted(known) == sorted(names)


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
