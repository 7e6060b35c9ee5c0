"""Checkpoints that mean harm in what is loaded of them, and in what their first pass does: each ends in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.errors import InputError
from tests.test_hostile import configured, opened
from tests.tiny import tiny_checkpoint


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
