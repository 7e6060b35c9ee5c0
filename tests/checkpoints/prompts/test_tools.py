"""Which chat templates can say that a tool was called and what it said; others are known by what they write."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.checkpoints.prompts.rendering import NO_TOOLS, Rendering
from fixtures.errors import InputError
from fixtures.questions.conversation import eliciting
from fixtures.questions.strategies import strategies
from tests.support.tiny import CHATML, tiny_checkpoint

QWEN = (
    "{% for message in messages %}"
    "{% if message.role == 'tool' %}<|im_start|>user\n<tool_response>\n{{ message.content }}\n</tool_response>"
    "<|im_end|>\n"
    "{% elif message.tool_calls %}<|im_start|>assistant"
    "{% if message.content %}\n{{ message.content }}{% endif %}"
    "{% for call in message.tool_calls %}{% set call = call.function %}"
    '{{ "\n<tool_call>\n" }}{"name": "{{ call.name }}", "arguments": {{ call.arguments | tojson }}}\n</tool_call>'
    "{% endfor %}<|im_end|>\n"
    "{% else %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As in Qwen2.5, without its own system message."""
LLAMA = (
    "{% for message in messages %}"
    "{% if message.role == 'tool' %}<|ipython|>{{ message.content | tojson }}<|eot|>"
    "{% elif 'tool_calls' in message %}"
    "{% if message.tool_calls | length != 1 %}{{ raise_exception('one call at a time') }}{% endif %}"
    '<|assistant|>{"name": "{{ message.tool_calls[0].function.name }}", "parameters": '
    "{{ message.tool_calls[0].function.arguments | tojson }}}<|eot|>"
    "{% else %}<|{{ message.role }}|>{{ message.content }}<|eot|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""As in Llama 3.1: of a message that calls a tool the words are left out, and what a tool says is written as JSON."""
MISTRAL = (
    "{% set ns = namespace(turn=0) %}{% for message in messages %}"
    "{% if message.role == 'user' or (message.role == 'assistant' and not message.tool_calls) %}"
    "{% if (message.role == 'user') != (ns.turn % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% set ns.turn = ns.turn + 1 %}{% endif %}"
    "{% if message.role == 'user' %}[INST] {{ message.content }}[/INST]"
    "{% elif message.tool_calls %}[TOOL_CALLS] ["
    "{% for call in message.tool_calls %}"
    "{% if call.id | length != 9 %}{{ raise_exception('nine letters and digits') }}{% endif %}"
    '{{ call.function | tojson }}, "id": "{{ call.id }}"{% endfor %}]</s>'
    '{% elif message.role == "tool" %}[TOOL_RESULTS] {"content": {{ message.content }}, '
    '"call_id": "{{ message.tool_call_id }}"}[/TOOL_RESULTS]'
    "{% else %} {{ message.content }}</s>{% endif %}{% endfor %}"
)
"""As in Mistral 7B v0.3."""
KNOWS = {
    "qwen": (QWEN, '<tool_call>\n{"name": "ask_monitor", "arguments": {}}\n</tool_call>'),
    "llama": (LLAMA, '<|assistant|>{"name": "ask_monitor", "parameters": {}}<|eot|>'),
    "mistral": (MISTRAL, '[TOOL_CALLS] [{"name": "ask_monitor", "arguments": {}}, "id": "monitor01"]</s>'),
}
KNOWS_NOT = {
    "writes-any-role": CHATML,
    "refuses-tools": "{% for message in messages if message.role == 'tool' %}{{ raise_exception('no') }}{% endfor %}"
    + CHATML,
    "drops-what-they-say": QWEN.replace("\n{{ message.content }}\n</tool_response>", "</tool_response>"),
    "drops-what-is-called": QWEN.replace("{{ call.name }}", "a tool"),
    "writes-without-end": "{% for message in messages if message.role == 'tool' %}{{ 'x' * 100000 }}{% endfor %}"
    + QWEN,
    "must-alternate": CHATML.replace(
        "{% for message in messages %}",
        "{% for message in messages %}{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}",
    ),
}
TOLD = eliciting("How many pens?", "Five.", strategies()["tool_signal"], 0, 25, "free")


def rendering(directory: Path, template: str) -> Rendering:
    tiny_checkpoint(directory, chat_template=template)
    return Rendering(directory, "instruct", 1000, False)


@pytest.mark.parametrize(("template", "call"), KNOWS.values(), ids=KNOWS)
def test_a_template_that_knows_tools_writes_the_call_and_the_result(
    tmp_path: Path, template: str, call: str
) -> None:
    known = rendering(tmp_path, template)
    assert known.no_tools is None
    before, after = known.render(TOLD).split(call)
    assert "Five." in before
    assert "External monitor: confidence in the answer above is 25%." in after
    assert "How confident are you in that answer, in percent?" in after


@pytest.mark.parametrize("template", KNOWS_NOT.values(), ids=KNOWS_NOT)
def test_one_that_leaves_any_of_it_out_knows_none(tmp_path: Path, template: str) -> None:
    known = rendering(tmp_path, template)
    assert known.no_tools == NO_TOOLS
    with pytest.raises(InputError, match="its chat template"):
        known.render(TOLD)


def test_a_base_checkpoint_knows_none(tmp_path: Path) -> None:
    tiny_checkpoint(tmp_path, chat_template=QWEN)
    assert "plain text" in str(Rendering(tmp_path, "base", 1000, False).no_tools)
