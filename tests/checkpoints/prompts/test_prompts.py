"""Every rendered prompt is pinned: a changed wording, placement or template must be a visible diff."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.source.directory import Source
from fixtures.questions.conversation import AGAIN, Readout, Role, asking_again, eliciting, solving
from fixtures.questions.strategies import PAPER_STRATEGIES, Strategy, strategies
from tests.checkpoints.prompts.test_tools import QWEN
from tests.support.tiny import CHATML, tiny_checkpoint

QUESTION = "Ada has 2 pens and buys 3 more. How many pens does she have?"
ANSWER = "Ada has 2 + 3 = 5 pens. The answer is 5."
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
)
DROPS_SYSTEM = CHATML.replace(
    "{% for message in messages %}", "{% for message in messages if message['role'] != 'system' %}"
)

FORMS: dict[str, tuple[Role, str | None, tuple[Readout, ...]]] = {
    "chat": ("instruct", CHATML, ("free", "slot")),
    "chat-without-system": ("instruct", NO_SYSTEM, ("free",)),
    "base": ("base", None, ("slot",)),
    "chat-with-tools": ("instruct", QWEN, ("free", "slot")),
}
ASKED = {
    f"{strategy.name}-{form}": (strategy, form)
    for strategy in strategies().values()
    for form in FORMS
    if (strategy.placement == "tool") == (form == "chat-with-tools")
}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, InProcessCheckpoint]:
    return {
        name: _open(tmp_path_factory.mktemp(name), role, template)
        for name, (role, template, _) in FORMS.items()
    }


def _open(directory: Path, role: Role, template: str | None) -> InProcessCheckpoint:
    tiny_checkpoint(directory, chat_template=template)
    return InProcessCheckpoint(
        CheckpointSpec("tiny", role, "tiny", "--checkpoint"), Source(directory, "tiny"), EngineSettings()
    )


@pytest.mark.parametrize(("strategy", "form"), ASKED.values(), ids=ASKED)
def test_prompt(
    strategy: Strategy, form: str, forms: dict[str, InProcessCheckpoint], snapshot: SnapshotAssertion
) -> None:
    """At one hint, and where the signal is in words at each of them."""
    rendered = []
    for readout in FORMS[form][2]:
        for wording in range(len(strategy.asks)):
            for hint in strategy.hints((25.0,)):
                known = hint if strategy.has_signal else None
                conversation = eliciting(QUESTION, ANSWER, strategy, wording, known, readout)
                said = f", {strategy.put(hint)}" if strategy.words else ""
                rendered.append(
                    f"===== {readout}, wording {wording + 1}{said}\n{forms[form].render(conversation)}"
                )
    assert "\n".join(rendered) == snapshot


@pytest.mark.parametrize("form", FORMS)
def test_solving_prompt(
    form: str, forms: dict[str, InProcessCheckpoint], snapshot: SnapshotAssertion
) -> None:
    assert forms[form].render(solving(QUESTION)) == snapshot


def test_asking_again(forms: dict[str, InProcessCheckpoint], snapshot: SnapshotAssertion) -> None:
    conversation = eliciting(QUESTION, ANSWER, strategies()["natural_query"], 0, 25, "free")
    again = [asking_again(conversation, "I am fairly sure.", "", wording) for wording in range(len(AGAIN))]
    assert "\n".join(map(forms["chat"].render, again)) == snapshot


def test_a_template_that_refuses_or_drops_a_system_message_is_noted(tmp_path: Path) -> None:
    for name, template in {"refuses": NO_SYSTEM, "drops": DROPS_SYSTEM}.items():
        checkpoint = _open(tmp_path / name, "instruct", template)
        natural = eliciting(QUESTION, ANSWER, strategies()["natural_query"], 0, 25, "free")
        assert "25%" in checkpoint.render(natural), name
        assert any("refuses a system message" in note for note in checkpoint.notes), name
    assert not _open(tmp_path / "takes", "instruct", CHATML).notes


LLAMA_DATE = """{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{{- "Today Date: " + date_string + "\n" }}"""
"""As in the templates of Llama 3.2."""
DATED: dict[str, tuple[str, str]] = {
    "date-string": (LLAMA_DATE + CHATML, "Today Date: 26 Jul 2024\n"),
    "iso": ("{{ strftime_now('%Y-%m-%d') }}" + CHATML, "2024-07-26"),
    "long": ("{{ strftime_now('%A, %B %d, %Y') }}\n" + CHATML, "Friday, July 26, 2024\n"),
    "time": ("{{ strftime_now('%H:%M:%S') }}" + CHATML, "00:00:00"),
    "in-a-macro": (
        "{% macro today() %}{% if strftime_now is defined %}{{ strftime_now('%-d/%m/%y') }}{% endif %}{% endmacro %}"
        "{% for _ in [1] %}{{ today() }}{% endfor %}" + CHATML,
        "26/07/24",
    ),
    "leading-space": (
        "\n\n  {% if true %}x{% endif %} {{ strftime_now('%F') }}" + CHATML,
        "\n\nx 2024-07-26",
    ),
}


@pytest.mark.parametrize(("template", "dated"), DATED.values(), ids=DATED)
def test_no_prompt_depends_on_the_day(tmp_path: Path, template: str, dated: str) -> None:
    checkpoint = _open(tmp_path / "dated", "instruct", template)
    plain = _open(tmp_path / "plain", "instruct", CHATML)
    assert checkpoint.render(solving(QUESTION)) == dated + plain.render(solving(QUESTION))
    assert any("26 Jul 2024" in note for note in checkpoint.notes)


@pytest.mark.parametrize("strategy", strategies().values(), ids=list(strategies()))
def test_strategy_is_well_formed(strategy: Strategy) -> None:
    assert len(strategy.asks) >= 3
    assert len(set(strategy.asks)) == len(strategy.asks)
    for wording in range(len(strategy.asks)):
        hint = strategy.hints((37.0,))[0]
        conversation = eliciting(
            QUESTION, ANSWER, strategy, wording, hint if strategy.has_signal else None, "free"
        )
        text = "\n".join(message.content for message in conversation.messages)
        assert "$" not in text
        assert (strategy.put(hint) in text) == strategy.has_signal
        if strategy.has_signal and strategy.name != "irrelevant_number":
            assert re.search("monitor|safety correction", text.lower())


def test_the_paper_s_four_are_there_and_the_controls_share_the_conversation() -> None:
    """Only one thing differs from natural_query: what the number is about, or what the user says."""
    known = strategies()
    assert set(PAPER_STRATEGIES) <= set(known)
    natural = known["natural_query"]
    assert known["recall_signal"].signals == natural.signals
    assert known["no_signal"].asks == known["natural_inline"].asks == natural.asks
    assert known["recall_signal"].asked == "monitor"
    for name in ("other_answer", "irrelevant_number", "verbal_signal", "error_flag"):
        assert known[name].asks == natural.asks
        assert known[name].placement == natural.placement
    for name in ("spoofed_signal", "pressure"):
        assert known[name].signals == natural.signals
        pairs = zip(known[name].asks, natural.asks, strict=True)
        assert all(plain in ask for ask, plain in pairs)


def test_one_spoof_looks_like_the_monitor_s_own_note() -> None:
    known = strategies()
    note = known["natural_inline"].signal(0, 95)
    assert any(note in ask for ask in known["spoofed_signal"].asks)
    assert all("95%" in ask for ask in known["spoofed_signal"].asks)


def test_target_of_contrast_frame_is_the_lower_value() -> None:
    contrast = strategies()["contrast_frame"]
    assert [contrast.target(hint) for hint in (25, 90, 95)] == [25, 90, 90]


def test_a_hint_is_given_exactly_with_a_signal() -> None:
    with pytest.raises(ValueError, match="exactly when there is a signal"):
        eliciting(QUESTION, ANSWER, strategies()["no_signal"], 0, 25, "free")
    with pytest.raises(ValueError, match="exactly when there is a signal"):
        eliciting(QUESTION, ANSWER, strategies()["direct_hint"], 0, None, "free")
