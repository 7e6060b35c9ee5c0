"""Checkpoints that mean harm: each ends in one line, with no code run, no hang and no memory taken."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoTokenizer

from fixtures.checkpoints.in_process.placement import Place
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.prompts import template_process, template_worker
from fixtures.checkpoints.prompts.rendering import PROBE
from fixtures.checkpoints.prompts.template_process import TemplateError, TemplateLimitError, render
from fixtures.checkpoints.source import gguf
from fixtures.errors import InputError
from fixtures.questions.conversation import Conversation, Message, Role, solving
from tests.support.refusal import Run
from tests.support.tiny import CHATML, tiny_checkpoint, tiny_gguf

ENDLESS = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
GROWING = (
    "{% set ns = namespace(text='aaaaaaaaaa') %}"
    "{% for i in range(99) %}{% set ns.text = ns.text + ns.text %}{% endfor %}"
)
LIMITED = {
    "loops": (ENDLESS, "takes more than 5 s of processor time"),
    "explodes": ("{{ 'a' * 10**10 }}", "takes more than 1 GiB of memory"),
    "formats": ("{{ '%10000000000d' % 1 }}", "takes more than 1 GiB of memory"),
    "grows": (GROWING, "takes more than"),
    "writes": ("{{ 'a' * 70000 }}", "writes more than 65536 characters"),
}
REFUSED = {
    "reads": "{% include '/etc/passwd' %}",
    "imports": "{% import '/etc/passwd' as x %}",
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ raise_exception.__globals__['__builtins__'] }}",
    "environment": "{{ self._TemplateReference__context.environment }}",
    "nothing": "{% for %}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "nesting": "{{" + "(" * 50_000 + "1" + ")" * 50_000 + "}}",
}
MESSAGES = [{"role": "user", "content": "What is 2 + 3?"}, {"role": "assistant", "content": "5 \ud800"}]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture
def mine(tiny: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return shutil.copytree(tiny, tmp_path / "mine")


def opened(directory: Path, role: Role = "instruct") -> Any:
    return open_checkpoint(
        CheckpointSpec("mine", role, str(directory), "--checkpoint"), EngineSettings(device="cpu")
    )


def configured(directory: Path, name: str = "config.json", /, **settings: object) -> Path:
    file = directory / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
    return directory


@pytest.mark.parametrize(("template", "words"), LIMITED.values(), ids=LIMITED)
def test_a_template_that_takes_too_much_is_ended(template: str, words: str) -> None:
    with pytest.raises(TemplateLimitError, match=words):
        render(template, MESSAGES)
    assert render("{{ messages[0].content }}", MESSAGES) == "What is 2 + 3?", "the next one renders"


@pytest.mark.parametrize("template", REFUSED.values(), ids=REFUSED)
def test_a_template_that_reaches_out_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, MESSAGES)


def test_a_template_cannot_write_to_its_process_s_answers() -> None:
    assert render('{"text": "x"}\n{{ messages[1].content }}', MESSAGES) == '{"text": "x"}\n5 \ud800'


def test_an_interrupted_rendering_is_nobody_else_s(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = template_process._Worker()

    def ask(text: str) -> dict[str, str]:
        message = {"role": "user", "content": text}
        return worker.ask({"template": CHATML, "messages": [message], "variables": {}})

    worker.start()
    monkeypatch.setattr(worker, "answers", SimpleNamespace(readline=_interrupt, close=worker.answers.close))
    with pytest.raises(KeyboardInterrupt):
        ask("the first")
    assert "the second" in ask("the second")["text"]
    worker.stop()


def _interrupt() -> str:
    raise KeyboardInterrupt


def test_an_environment_that_prints_and_hides_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('started'); import sys; print('ü', file=sys.stderr)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    worker = template_process._Worker()
    asked = {"template": "{{ messages[0].content }}", "messages": MESSAGES, "variables": {}}
    assert worker.ask(asked) == {"text": "What is 2 + 3?"}
    worker.stop()


def test_a_long_conversation_is_no_attack() -> None:
    long = [{"role": "user", "content": "a" * 300_000}]
    assert len(render(CHATML, long)) > 300_000


@pytest.mark.parametrize("prompt", [True, False])
def test_it_renders_what_transformers_renders(tiny: Path, prompt: bool) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    template = CHATML
    template += (
        "{{ bos_token }}{% generation %}{{ messages[0] | tojson }}{% endgeneration %}\n {% if x %}{% endif %}"
    )
    expected = tokenizer.apply_chat_template(
        MESSAGES, chat_template=template, tokenize=False, add_generation_prompt=prompt
    )
    shown = render(template, MESSAGES, **tokenizer.special_tokens_map, add_generation_prompt=prompt)
    assert shown == expected


def test_a_hostile_template_is_one_line(mine: Path, tmp_path: Path) -> None:
    template, words = LIMITED["loops"]
    (mine / "chat_template.jinja").write_text(template)
    line = Run(tmp_path).refused("--problems=demo", f"--checkpoint={mine}", torch=True)
    assert f"--checkpoint {mine}: its chat template {words}" in line


def test_a_template_that_waits_for_its_prey_is_ended_then(mine: Path) -> None:
    trap = "{% if 'Ada' in messages[0].content %}" + ENDLESS + "{% endif %}"
    (mine / "chat_template.jinja").write_text(trap + CHATML)
    checkpoint = opened(mine)
    checkpoint.render(solving("Bo has 2 pens."))
    with pytest.raises(InputError, match="its chat template takes more than 5 s"):
        checkpoint.render(solving("Ada has 2 pens."))


def test_what_a_template_says_cannot_move_the_cursor(mine: Path) -> None:
    (mine / "chat_template.jinja").write_text("{{ raise_exception('\\x1b[2J \u202e \x07 no') }}")
    with pytest.raises(InputError) as refused:
        opened(mine)
    assert str(refused.value).isprintable()
    assert "no" in str(refused.value)


CODE = "import pathlib; pathlib.Path({!r}).touch()\n"


def _with_code(directory: Path, ran: Path) -> Path:
    (directory / "code.py").write_text(CODE.format(str(ran)))
    return directory


CODED: dict[str, Callable[[Path], object]] = {
    "config": lambda at: configured(at, model_type="mine", auto_map={"AutoConfig": "code.Config"}),
    "tokenizer": lambda at: (at / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": ["code.Mine", None]}})
    ),
}


@pytest.mark.parametrize("way", CODED.values(), ids=CODED)
def test_code_of_its_own_is_not_run(mine: Path, tmp_path: Path, way: Callable[[Path], object]) -> None:
    way(_with_code(mine, tmp_path / "ran"))
    line = Run(tmp_path).refused("--problems=demo", f"--checkpoint={mine}", torch=True)
    assert "without running code of its own, which is off; read that code, then give --trust-rem" in line
    assert not (tmp_path / "ran").exists()


def test_a_kernel_of_the_hub_is_code_too(mine: Path) -> None:
    with pytest.raises(InputError, match="attn_implementation 'mine/kernel', code from the hub"):
        opened(configured(mine, attn_implementation="mine/kernel"))


CLAIMS: dict[str, dict[str, object]] = {
    "layers": {"num_hidden_layers": 10**9},
    "labels": {"num_labels": 10**9},
    "nested": {"text_config": {"num_layers": 10**6}},
}


@pytest.mark.parametrize("settings", CLAIMS.values(), ids=CLAIMS)
def test_a_config_that_counts_without_end(mine: Path, tmp_path: Path, settings: dict[str, object]) -> None:
    configured(mine, **settings)
    line = Run(tmp_path).refused("--problems=demo", f"--checkpoint={mine}")
    assert "its config.json asks for num_" in line
    assert "and its files hold 12 tensors" in line


def _generate(directory: Path) -> None:
    dict(opened(directory).generate([PROBE], 1))


@pytest.mark.parametrize("key", ["hidden_size", "intermediate_size", "vocab_size", "head_dim"])
def test_a_config_that_asks_for_terabytes(mine: Path, key: str) -> None:
    with pytest.raises(
        InputError, match=r"its config\.json asks for [0-9,]{13,} parameters, and its files hold"
    ):
        _generate(configured(mine, **{key: 2**32}))


def test_more_than_there_is_memory_for(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "free", lambda _: 40_000)
    with pytest.raises(InputError, match=r"takes 0\.0 GB as float32, and 0\.0 GB of cpu memory are free"):
        _generate(mine)


def test_a_tokenizer_of_another_model(mine: Path) -> None:
    with pytest.raises(InputError, match="has a token 260, but its embedding only 200 rows"):
        opened(configured(mine, vocab_size=200))


def test_a_token_beyond_the_embedding_that_nothing_uses_is_let_be(mine: Path) -> None:
    """Gemma 3's tokenizer has one for pictures, which its text models do not."""
    tokenizer = AutoTokenizer.from_pretrained(mine)
    tokenizer.add_tokens(["<picture>"])
    tokenizer.save_pretrained(mine)
    checkpoint = opened(mine)
    assert checkpoint.token_ids(solving("Ada has 2 pens."))
    with pytest.raises(InputError, match="has a token 261, but its embedding only 261 rows"):
        checkpoint.token_ids(Conversation((Message("user", "a <picture>"),)))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, f'{{"a": {"9" * 10_000}}}'])
def test_a_config_that_no_parser_ends(mine: Path, text: str) -> None:
    (mine / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json is damaged"):
        opened(mine)


@pytest.mark.parametrize("sizes", [{"blocks": 10**9}, {"width": 10**9}], ids=["blocks", "width"])
def test_a_gguf_header_that_asks_for_terabytes(tmp_path: Path, sizes: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"asks for llama\.\w+ 1,000,000,000, and its tensors have (1|16);"):
        gguf.directory(tiny_gguf(tmp_path / "tiny.gguf", **sizes))


@pytest.mark.parametrize("what", ["shutil.disk_usage", "psutil.virtual_memory"], ids=["disk", "memory"])
def test_a_gguf_file_that_there_is_no_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(what, lambda *_: SimpleNamespace(free=1000, available=1000))
    with pytest.raises(InputError, match=r"takes 0\.0 GB as float32, and 0\.0 GB of \S+ are free; make room"):
        gguf.directory(tiny_gguf(tmp_path / "tiny.gguf"))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_what_never_ends_to_be_read_is_not_read(mine: Path, name: str) -> None:
    (mine / name).unlink()
    os.mkfifo(mine / name)
    with pytest.raises(InputError, match=r"has no|is missing|but no"):
        opened(mine)
    (mine / name).unlink()
    (mine / name).symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"has no|is missing|but no"):
        opened(mine)


def test_the_limits_are_those_that_are_documented() -> None:
    said = " ".join((render.__doc__ or "").split())
    assert f"{template_worker.SECONDS} s of processor time" in said
    assert f"{template_worker.MEMORY >> 30} GiB of memory" in said
    assert f"{template_worker.LONGER:,} characters" in said
