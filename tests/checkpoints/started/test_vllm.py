"""The command that serves a checkpoint, and what is made of vLLM's log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.checkpoints.interface import EngineSettings
from fixtures.checkpoints.source.directory import Source
from fixtures.checkpoints.source.locate import locate
from fixtures.checkpoints.started import vllm
from fixtures.errors import InputError
from tests.checkpoints.source.test_adapter import KINDS, LORA, adapted
from tests.support.tiny import tiny_checkpoint
from tests.support.vllm_stand_in import environment


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, said in environment(tmp_path).items():
        monkeypatch.setenv(name, said)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("weights") / "base")


def source(spec: str) -> Source:
    return locate(spec, "instruct")


def test_the_words(base: Path, tmp_path: Path) -> None:
    given = EngineSettings(engine_arguments=("--max-model-len", "4k"), trust_remote_code=True)
    command = vllm.command(source(str(base)), given)
    assert command.words == (
        str(tmp_path / "bin" / "vllm"),
        "serve",
        str(base),
        "--served-model-name=heedful",
        f"--tokenizer={base}",
        "--dtype=float32",
        "--load-format=safetensors",
        "--trust-remote-code",
        "--max-model-len",
        "4k",
    )
    assert command.engine == (
        "--dtype=float32 --load-format=safetensors --trust-remote-code --max-model-len 4k"
    )


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        ({"dtype": "bfloat16"}, "bfloat16"),
        ({"dtype": None, "torch_dtype": "float16"}, "float16"),
        ({"dtype": None, "text_config": {"dtype": "bfloat16"}}, "bfloat16"),
        ({"dtype": None}, "auto"),
    ],
)
def test_the_dtype_is_the_checkpoint_s_own(tmp_path: Path, config: dict[str, Any], dtype: str) -> None:
    file = tiny_checkpoint(tmp_path / "own") / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    own = source(str(file.parent))
    assert vllm.command(own, EngineSettings()).dtype == dtype
    assert vllm.command(own, EngineSettings(dtype="float16")).dtype == "float16"


def test_a_file_among_the_arguments_is_known_by_its_content(base: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.jinja"
    engines = set()
    for said in ("one", "two", "two"):
        template.write_text(said)
        given = EngineSettings(engine_arguments=("--chat-template", str(template)))
        engines.add(vllm.command(source(str(base)), given).engine)
    assert len(engines) == 2


def test_a_lora_adapter(base: Path, tmp_path: Path) -> None:
    from peft import LoraConfig

    adapter = adapted(base, tmp_path / "adapter", LoraConfig(**{**LORA, "r": 12}))
    words = vllm.command(source(f"{base}#{adapter}"), EngineSettings()).words
    assert words[3:] == (
        "--served-model-name=heedful-base",
        f"--tokenizer={base}",
        "--lora-modules",
        f"heedful={adapter}",
        "--dtype=float32",
        "--load-format=safetensors",
        "--enable-lora",
        "--max-lora-rank=16",
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "lora"])
def test_an_adapter_that_vllm_would_put_on_otherwise(base: Path, tmp_path: Path, kind: str) -> None:
    adapter = adapted(base, tmp_path / "adapter", KINDS[kind]())
    with pytest.raises(
        InputError, match=r"adapter is more than a plain LoRA \(.+\), which vLLM does not put on"
    ):
        vllm.command(source(f"{base}#{adapter}"), EngineSettings())


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "rank_pattern": lambda config: config.update(rank_pattern={"q_proj": 2}),
    "alpha_pattern": lambda config: config.update(alpha_pattern={"q_proj": 2}),
    "pissa_niter_4": lambda config: config.update(init_lora_weights="pissa_niter_4"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_lora_that_only_peft_knows(base: Path, tmp_path: Path, name: str) -> None:
    adapter = adapted(base, tmp_path / "adapter")
    config = json.loads((adapter / "adapter_config.json").read_text())
    CHANGES[name](config)
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=rf"more than a plain LoRA \({name}\)"):
        vllm.command(source(f"{base}#{adapter}"), EngineSettings())


LOGS = {
    "a flag": (
        "usage: vllm [-h] [-v]\n            ...\nvllm: error: unrecognized arguments: --glarp 3\n",
        "vllm: error: unrecognized arguments: --glarp 3",
    ),
    "no memory": (
        "(EngineCore pid=1) ERROR 11-30 08:20:34 [core.py:1344] ValueError: No available memory for the cache blocks.\n"
        "(APIServer pid=2)   File 'launcher.py', line 348, in setup_server\n"
        "(APIServer pid=2) RuntimeError: Engine core initialization failed. See root cause above.\n"
        "  warnings.warn('resource_tracker: There appear to be %d '\n",
        "ValueError: No available memory for the cache blocks.",
    ),
    "only what follows": (
        "(APIServer pid=2) RuntimeError: Engine core initialization failed. See root cause above.\n\n",
        "RuntimeError: Engine core initialization failed. See root cause above.",
    ),
    "killed": (
        "(Worker pid=7821) INFO 11-30 08:12:48 [base_loader.py:82] Initializing model\nvllm has ended: signal SIGILL\n",
        "vllm has ended: signal SIGILL",
    ),
    "nothing": ("", "its log is empty"),
}
"""Of vLLM 0.32, shortened."""


@pytest.mark.parametrize(("text", "line"), LOGS.values(), ids=LOGS)
def test_the_last_words_of_a_log(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "log").write_text(text)
    assert vllm.last_words(tmp_path / "log") == line


def test_a_long_log_is_read_at_its_end(tmp_path: Path) -> None:
    noise = "(Worker pid=1) INFO 11-30 08:12:48 [a.py:1] words\n" * 100_000
    (tmp_path / "log").write_text(f"{noise}KeyError: 'model.layers'\n")
    assert vllm.last_words(tmp_path / "log") == "KeyError: 'model.layers'"


def test_the_device(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("config: quantization=None, device_config=cpu, seed=0\n")
    assert vllm.device(tmp_path / "log") == "cpu"
    (tmp_path / "log").write_text("")
    assert vllm.device(tmp_path / "log") == "an unknown device"
