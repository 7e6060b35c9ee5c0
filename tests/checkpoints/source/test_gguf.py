"""What a GGUF file's header says is kept when the file is converted."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.checkpoints.source import gguf
from tests.checkpoints.in_process.test_shared_prefix import tiny
from tests.support.tiny import SPECIAL
from tests.support.whole_gguf import whole_gguf

EOS, IM_START, IM_END = (SPECIAL.index(token) for token in ("</s>", "<|im_start|>", "<|im_end|>"))
PLAIN = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
HEADERS: dict[str, tuple[dict[str, int], set[int]]] = {
    "end-of-text": ({"eos": EOS}, {EOS}),
    "end-of-turn": ({"eos": EOS, "eot": IM_END}, {EOS, IM_END}),
    "end-of-message": ({"eos": EOS, "eot": IM_END, "eom": IM_START}, {EOS, IM_END, IM_START}),
    "no-token": ({"eos": EOS, "eot": 2**32 - 1}, {EOS}),
}


@pytest.mark.parametrize(("header", "ends"), HEADERS.values(), ids=HEADERS)
def test_the_ends_of_a_turn_that_a_header_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: dict[str, int], ends: set[int]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    directory = gguf.directory(whole_gguf(tmp_path / "model.gguf", chat_template=PLAIN, **header))
    assert tiny(directory)._ends == ends
