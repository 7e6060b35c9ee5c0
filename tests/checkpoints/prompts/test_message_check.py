"""A checkpoint is given what every message says, or it is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.prompts.message_check import left_out
from fixtures.errors import InputError
from fixtures.questions.conversation import Conversation, Message, eliciting, solving
from fixtures.questions.strategies import strategies
from tests.checkpoints.in_process.test_shared_prefix import tiny
from tests.support.fixed_reply import fixed_reply
from tests.support.refusal import Run
from tests.support.tiny import CHATML, tiny_checkpoint

CONTENT = "{{ message['content'] }}"
IN_PARTS = {
    "loop": CHATML.replace(CONTENT, "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}"),
    "idefics3": CHATML.replace(
        CONTENT,
        "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
        "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}",
    ),
    "first-only": CHATML.replace(CONTENT, "{{ message['content'][0]['text'] }}"),
    "refuses-text": CHATML.replace(
        CONTENT,
        "{% if message['content'] is string %}{{ raise_exception('parts') }}{% endif %}"
        "{{ message['content'][0]['text'] }}",
    ),
}
LOSES = {
    "all": CHATML.replace(CONTENT, "{{ message['text'] }}"),
    "answers": CHATML.replace("message in messages", "message in messages if message['role'] != 'assistant'"),
    "all-but-the-last-answer": CHATML.replace(
        CONTENT, "{% if loop.index0 != 1 or loop.length < 5 %}{{ message['content'] }}{% endif %}"
    ),
    "all-but-the-last-turn": CHATML.replace("message in messages", "message in messages[-1:]"),
    "order": CHATML.replace("message in messages", "message in messages | reverse"),
    "spelling": CHATML.replace(CONTENT, "{{ message['content'] | upper }}"),
    "letter-by-letter": CHATML.replace(
        CONTENT, "{% for letter in message['content'] %}{{ letter }} {% endfor %}"
    ),
}
THOUGHTFUL = CHATML.replace(
    CONTENT,
    "{% if message['role'] == 'assistant' and not loop.last %}{{ message['content'].split('</think>')[-1] | trim }}"
    "{% else %}{{ message['content'] }}{% endif %}",
)
SYSTEM_LAST = (
    "{% for message in messages if message['role'] != 'system' %}<|im_start|>{{ message['role'] }}\n"
    "{% if loop.last and messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}\n\n{% endif %}"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As in Mistral 7B v0.3."""
QUESTION = "Ada has 2 pens\n\n and buys 3 more.  How many? "
ASKED = eliciting(QUESTION, "5", strategies()["natural_query"], 0, 25, "free")
IN_SYSTEM = next(
    eliciting(QUESTION, "5", strategy, 0, 25, "free")
    for strategy in strategies().values()
    if strategy.placement == "system"
)


def _opened(directory: Path, template: str) -> InProcessCheckpoint:
    return tiny(tiny_checkpoint(directory, chat_template=template))


@pytest.mark.parametrize("template", IN_PARTS.values(), ids=IN_PARTS)
def test_a_template_that_wants_parts_is_given_parts(tmp_path: Path, template: str) -> None:
    checkpoint = _opened(tmp_path / "parts", template)
    plain = _opened(tmp_path / "plain", CHATML)
    for conversation in (ASKED, IN_SYSTEM, solving(QUESTION)):
        assert checkpoint.render(conversation) == plain.render(conversation)
    assert any("takes content in parts" in note for note in checkpoint.notes)
    assert not plain.notes


def test_what_is_given_in_parts_is_replied_to(tmp_path: Path) -> None:
    said = "My confidence in that answer is 25%."
    checkpoint = tiny(fixed_reply(tmp_path, said, chat_template=IN_PARTS["loop"]))
    assert [reply.text for _, reply in checkpoint.generate([ASKED], 32)] == [said]


@pytest.mark.parametrize("template", LOSES.values(), ids=LOSES)
def test_a_template_that_loses_a_message_is_refused(tmp_path: Path, template: str) -> None:
    with pytest.raises(InputError, match=r"its chat template leaves out, or puts elsewhere, what the"):
        _opened(tmp_path, template)


def test_it_is_one_line_before_anything_is_measured(tmp_path: Path) -> None:
    directory = tiny_checkpoint(tmp_path / "mine", chat_template=LOSES["answers"])
    line = Run(tmp_path).refused("--problems=demo", f"--checkpoint={directory}", torch=True)
    assert f"--checkpoint {directory}: its chat template leaves out" in line


TAKEN = {
    "trims": CHATML.replace(CONTENT, "{{ message['content'] | trim }}"),
    "drops-thoughts": THOUGHTFUL,
    "system-in-the-last-turn": SYSTEM_LAST,
    "either": CHATML.replace(
        CONTENT,
        "{% if message['content'] is string %}{{ message['content'] }}{% else %}{{ message['content'][0]['text'] }}"
        "{% endif %}",
    ),
}


@pytest.mark.parametrize("template", TAKEN.values(), ids=TAKEN)
def test_a_template_that_only_arranges_is_taken(tmp_path: Path, template: str) -> None:
    checkpoint = _opened(tmp_path, template)
    for conversation in (ASKED, IN_SYSTEM, solving(QUESTION)):
        assert "How many?" in checkpoint.render(conversation)
    assert not checkpoint.notes


def test_an_earlier_thought_may_be_dropped_and_what_was_said_may_not(tmp_path: Path) -> None:
    thought = Conversation(
        (
            Message("user", "What is 2 + 3?"),
            Message("assistant", "<think>\nEasy.\n</think>\n\nIt is 5."),
            Message("user", "How sure are you?"),
        )
    )
    checkpoint = _opened(tmp_path, THOUGHTFUL)
    assert "Easy" not in checkpoint.render(thought)
    assert left_out(thought.messages, checkpoint.render(thought)) is None
    assert left_out(thought.messages, "What is 2 + 3? Easy. How sure are you?") == thought.messages[1]


def test_a_message_that_is_lost_in_one_conversation_only(tmp_path: Path) -> None:
    checkpoint = _opened(tmp_path, CHATML.replace(CONTENT, "{{ message['content'] | replace('pens', '') }}"))
    assert checkpoint.render(solving("What is 2 + 3?"))
    with pytest.raises(InputError, match=r"what the user says \(Solve this problem step"):
        checkpoint.render(solving(QUESTION))


@pytest.mark.parametrize("in_front", [True, False])
@pytest.mark.parametrize("behind", [True, False])
def test_a_bos_is_put_where_the_tokenizer_puts_it(tmp_path: Path, in_front: bool, behind: bool) -> None:
    """The tokenizer's BOS is its end token too, as in several families."""
    directory = tiny_checkpoint(tmp_path, bos_token="</s>")
    framed = [
        *([{"SpecialToken": {"id": "</s>", "type_id": 0}}] if in_front else []),
        {"Sequence": {"id": "A", "type_id": 0}},
        *([{"SpecialToken": {"id": "</s>", "type_id": 0}}] if behind else []),
    ]
    settings = json.loads((directory / "tokenizer.json").read_text())
    settings["post_processor"] |= {
        "single": framed,
        "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
    }
    (directory / "tokenizer.json").write_text(json.dumps(settings))
    ids = tiny(directory).token_ids(ASKED)
    assert (ids[0] == 1) == in_front
    assert 1 not in ids[1:]
