"""A turn ends at the tokens that a checkpoint names for it, wherever it names them, and at no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from fixtures.checkpoints.prompts.ends_of_turn import ends_of_turn
from fixtures.checkpoints.prompts.rendering import Rendering
from fixtures.errors import InputError
from fixtures.questions.conversation import solving
from tests.checkpoints.in_process.test_shared_prefix import tiny
from tests.support.fixed_reply import edit_json, fixed_reply
from tests.support.tiny import CHATML, SPECIAL

TURNS = "My confidence in that answer is 25%.", "assistant\n\nIn truth I am 95% sure."
EOS, PAD, IM_START, IM_END = (
    SPECIAL.index(token) for token in ("</s>", "<pad>", "<|im_start|>", "<|im_end|>")
)
PLAIN = (
    "{% for message in messages %}### {{ message['role'] }}\n{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}### assistant\n{% endif %}"
)
"""Without any special token."""
OPENS_ONLY = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
IN_CHANNELS = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}"
    "{% if message['thinking'] is defined %}thinks\n{{ message['thinking'] }}<|im_end|><|im_start|>assistant{% endif %}"
    "{% if message['role'] == 'assistant' %}says{% endif %}\n{{ message['content'] }}"
    "{{ '</s>' if loop.last and not add_generation_prompt else '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant{% endif %}"
)
"""As in gpt-oss: what ends a message ends the thought too."""


def without_ends(directory: Path, template: str = PLAIN) -> Path:
    """Only the tokenizer names an end, </s>."""
    fixed_reply(directory, *TURNS, chat_template=template)
    edit_json(directory / "config.json", eos_token_id=None)
    (directory / "generation_config.json").unlink()
    return directory


def ends(directory: Path) -> frozenset[int]:
    return tiny(directory)._ends


def replied(directory: Path) -> str:
    ((_, reply),) = tiny(directory).generate([solving("What is 2 + 3?")], 64)
    return reply.text


def test_nothing_ends_a_turn_that_nothing_names(tmp_path: Path) -> None:
    """What the other tests would see if they saw nothing."""
    directory = without_ends(tmp_path)
    assert ends(directory) == {EOS}
    assert replied(directory) == "".join(TURNS)


@pytest.mark.parametrize("end", [IM_END, [EOS, IM_END]], ids=str)
@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
def test_an_end_that_one_file_names(tmp_path: Path, file: str, end: object) -> None:
    directory = without_ends(tmp_path)
    if file == "generation_config.json":
        (directory / file).write_text("{}")
    edit_json(directory / file, eos_token_id=end)
    assert ends(directory) == {EOS, IM_END}
    assert replied(directory) == TURNS[0]


def test_an_end_that_the_text_config_names(tmp_path: Path) -> None:
    directory = without_ends(tmp_path)
    edit_json(directory / "config.json", text_config={"eos_token_id": IM_END})
    assert ends_of_turn(directory, Rendering(directory, "instruct", 1000, False)) == {EOS, IM_END}


WRITTEN = {
    "behind-a-turn": (CHATML, IM_END),
    "behind-words": (CHATML.replace("<|im_end|>", "\n[END OF WORDS]\n<|im_end|>"), IM_END),
    "behind-what-also-stands-inside": (IN_CHANNELS.replace("'</s>' if", "'<|im_end|><pad>' if"), PAD),
    "opens-the-next": (OPENS_ONLY, IM_START),
}


@pytest.mark.parametrize(("template", "marker"), WRITTEN.values(), ids=WRITTEN)
def test_an_end_that_the_chat_template_writes(tmp_path: Path, template: str, marker: int) -> None:
    assert ends(without_ends(tmp_path, template)) == {EOS, marker}


def test_a_reply_ends_where_the_chat_template_says(tmp_path: Path) -> None:
    assert replied(without_ends(tmp_path, CHATML)) == TURNS[0]


def test_a_token_that_also_stands_inside_a_turn_ends_none(tmp_path: Path) -> None:
    directory = without_ends(tmp_path, IN_CHANNELS)
    edit_json(directory / "config.json", eos_token_id=[EOS, IM_END])
    assert ends(directory) == {EOS}


def test_text_behind_a_turn_is_no_end(tmp_path: Path) -> None:
    """Some tokenizers have words that were added to their vocabulary."""
    directory = without_ends(tmp_path, PLAIN.replace("### ", "Turn of "))
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tokenizer.add_tokens(["Turn"])
    tokenizer.save_pretrained(directory)
    assert ends_of_turn(directory, Rendering(directory, "instruct", 1000, False)) == {EOS}


def test_the_tokenizer_s_end_of_sequence(tmp_path: Path) -> None:
    directory = without_ends(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tokenizer.eos_token = "<|im_end|>"
    tokenizer.save_pretrained(directory)
    assert replied(directory) == TURNS[0]


@pytest.mark.parametrize("end", [[[1]], ["x"], -5, True], ids=str)
def test_an_end_of_the_text_config_that_is_no_token(tmp_path: Path, end: object) -> None:
    directory = without_ends(tmp_path)
    edit_json(directory / "config.json", text_config={"eos_token_id": end})
    rendering = Rendering(directory, "instruct", 1000, False)
    with pytest.raises(InputError, match=r"its config\.json has an eos_token_id \S+, which is no token"):
        ends_of_turn(directory, rendering)


def test_replies_that_end_elsewhere_have_other_keys(tmp_path: Path) -> None:
    """A store may hold what an older version made, which knew fewer ends."""
    plain = tiny(without_ends(tmp_path / "plain"))
    marked = tiny(without_ends(tmp_path / "marked", CHATML))
    assert plain.engine != marked.engine


def test_a_base_checkpoint_has_no_template_to_end_its_turns(tmp_path: Path) -> None:
    directory = without_ends(tmp_path, CHATML)
    assert tiny(directory, "base")._ends == {EOS}
    assert json.loads((directory / "config.json").read_text())["eos_token_id"] is None
