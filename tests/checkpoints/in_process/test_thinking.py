"""Checkpoints that think before they reply: what is thought is split off while tokens are made, and never the reply."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fixtures.checkpoints.in_process import kv_cache, shared_prefix, shared_weights
from fixtures.checkpoints.in_process.checkpoint import InProcessCheckpoint
from fixtures.checkpoints.in_process.shared_prefix import SharedPrefix, Sizes
from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings, Reply, Thinking
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.source import directory as files
from fixtures.checkpoints.source.directory import Source
from fixtures.errors import InputError
from fixtures.protocol.block import Block
from fixtures.protocol.making import make
from fixtures.protocol.trials import Settings
from fixtures.questions.conversation import AGAIN, Conversation, Message, asking_again, eliciting, solving
from fixtures.questions.problems import Problem
from fixtures.questions.strategies import strategies
from fixtures.store.database import Store
from tests.support.fixed_reply import fixed_reply
from tests.support.suite import options, run
from tests.support.tiny import CHATML, tiny_checkpoint

STATES_30 = "My confidence in that answer is 30%."
MULLS = (
    "<think>\nBy myself I am 95% sure. I went over each step of it with care, first the one part, then the other, "
    "and both come out as they did. Yet the monitor counts for more here.\n</think>\n\n"
)
OPENED = CHATML.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}")
SWITCHED = CHATML.replace(
    "<|im_start|>assistant\n{% endif %}",
    "<|im_start|>assistant\n{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n"
    "{% endif %}{% endif %}",
)
REMEMBERS = CHATML.replace(
    "{{ message['content'] }}",
    "{% if message.reasoning_content %}<think>\n{{ message.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ message['content'] }}",
)


def opened(directory: Path, thinking: Thinking = "default", **settings: Any) -> InProcessCheckpoint:
    spec = CheckpointSpec("tuned", "instruct", "tuned", "--checkpoint", thinking)
    return InProcessCheckpoint(spec, Source(directory, "tuned"), EngineSettings(device="cpu", **settings))


def asked(readout: Any = "free", **more: Any) -> Conversation:
    strategy = strategies()["natural_query"]
    return eliciting("What is 2 plus 3?", "The answer is 5.", strategy, 0, 40, readout, **more)


def test_rows_are_given_room_a_few_tokens_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many times they need more."""
    monkeypatch.setattr(shared_prefix, "COLUMNS", 3)
    reply = said(opened(fixed_reply(tmp_path / "tuned", MULLS + STATES_30)))
    assert (reply.text, reply.finish) == (STATES_30, "stop")


def test_rows_that_think_long_take_no_more_memory_than_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit as rows grow begins again behind the others, and says the same."""
    checkpoint = opened(fixed_reply(tmp_path / "tuned", MULLS + STATES_30))
    conversations = [solving(f"What is 4 plus {i}?") for i in range(6)]
    expected = dict(checkpoint.generate_plainly(conversations, 10))
    monkeypatch.setattr(shared_prefix, "COLUMNS", 8)
    held: list[tuple[int, int]] = []
    change = kv_cache.RowsCache.change

    def recorded(cache: kv_cache.RowsCache, kept: list[int], added: list[list[int]], room: int) -> None:
        change(cache, kept, added, room)
        held.append((len(cache.lengths), max(cache.lengths, default=0) + room))

    monkeypatch.setattr(kv_cache.RowsCache, "change", recorded)
    planned = 4 * (max(checkpoint.prompt_tokens(one) for one in conversations) + 8)
    model = checkpoint._load_model()
    token = 2 * 4 * model.config.num_key_value_heads * model.config.head_dim
    engine = SharedPrefix(model, Sizes(tokens=4096, memory=planned * token))
    drafts = checkpoint._drafts(conversations, 10)
    assert sorted(engine.complete(drafts, logprobs=False)) == list(range(len(drafts)))
    assert {at: draft.reply().text for at, draft in enumerate(drafts)} == {
        at: reply.text for at, reply in expected.items()
    }
    assert max(rows for rows, _ in held) == 4
    assert max(rows * width for rows, width in held if rows > 1) <= planned


def said(
    checkpoint: InProcessCheckpoint, tokens: int = 40, conversation: Conversation | None = None
) -> Reply:
    """What it replies, to one conversation and beside others, with a shared prefix and without: always the same."""
    conversations = [conversation or asked(), solving("What is 4 plus 3?"), solving("What is 4 plus 4?")]
    shared = dict(checkpoint.generate(conversations, tokens))
    assert shared == dict(checkpoint.generate_plainly(conversations, tokens))
    assert dict(checkpoint.generate(conversations[:1], tokens)) == {0: shared[0]}
    return shared[0]


def test_a_thought_is_not_the_reply(tmp_path: Path) -> None:
    reply = said(opened(fixed_reply(tmp_path, MULLS + STATES_30)), tokens=10)
    assert (reply.text, reply.finish, reply.thought_cut) == (STATES_30, "stop", False)
    assert reply.thought == MULLS.removeprefix("<think>").removesuffix("</think>\n\n").strip()


@pytest.mark.parametrize("budget", [1, 2, 9])
def test_a_thought_that_takes_too_long_is_closed_and_the_reply_follows(tmp_path: Path, budget: int) -> None:
    reply = said(opened(fixed_reply(tmp_path, MULLS + STATES_30), max_thinking_tokens=budget))
    assert (reply.text, reply.finish, reply.thought_cut) == (STATES_30, "stop", True)
    assert len(reply.thought) <= 7 * budget
    assert MULLS.startswith(f"<think>\n{reply.thought}")


def test_the_limit_is_the_reply_s_alone(tmp_path: Path) -> None:
    checkpoint = opened(fixed_reply(tmp_path, MULLS + STATES_30))
    reply = said(checkpoint, tokens=3)
    assert reply.finish == "length"
    assert reply.text
    assert STATES_30.startswith(reply.text)
    assert reply.text != STATES_30


def test_a_thought_that_never_ends_is_no_reply(tmp_path: Path) -> None:
    reply = said(opened(fixed_reply(tmp_path, "<think>\nBy myself I am 95% sure.")))
    assert (reply.text, reply.finish) == ("", "thought")
    assert reply.thought == "By myself I am 95% sure."


def test_bold(tmp_path: Path) -> None:
    text = "<think>\nI am 95% sure by myself.\n</think>\n\n**30**"
    assert said(opened(fixed_reply(tmp_path, text, size=9))).text == "**30**"


def test_square_markers(tmp_path: Path) -> None:
    text = f"[THINK]I am 95% sure by myself.[/THINK]{STATES_30}"
    assert said(opened(fixed_reply(tmp_path, text))).text == STATES_30


def test_the_template_opens_the_thought(tmp_path: Path) -> None:
    text = "By myself I am 95% sure.\n</think>\n\n" + STATES_30
    reply = said(opened(fixed_reply(tmp_path, text, chat_template=OPENED)))
    assert (reply.text, reply.thought) == (STATES_30, "By myself I am 95% sure.")


def test_a_slot_is_begun_behind_a_closed_thought(tmp_path: Path) -> None:
    checkpoint = opened(fixed_reply(tmp_path, " 30%.", chat_template=OPENED))
    slot = asked("slot")
    assert checkpoint.render(slot).endswith(f"assistant\n<think>\n\n</think>\n\n{slot.begun}")
    assert said(checkpoint, conversation=slot).text == " 30%."


@pytest.mark.parametrize("tag", ["thinking", "reasoning"])
def test_a_thought_that_nobody_expected(tmp_path: Path, tag: str) -> None:
    """Neither template nor vocabulary know its marker, which is several tokens; its row needs more room."""
    text = f"<{tag}>{MULLS[len('<think>') : -len('</think>') - 2]}</{tag}>\n{STATES_30}"
    checkpoint = opened(fixed_reply(tmp_path, text))
    assert checkpoint._thinking
    assert not checkpoint._thinking.expected
    reply = said(checkpoint, tokens=8)
    assert (reply.text, reply.finish, reply.thought[:9]) == (STATES_30, "stop", "By myself")


def test_a_thought_that_nobody_expected_stays_in_the_context(tmp_path: Path) -> None:
    text = f"<thinking>{MULLS[len('<think>') : -len('</think>') - 2]}</thinking>\n{STATES_30}"
    whole = opened(fixed_reply(tmp_path / "whole", text))
    assert whole._thinking
    closing = whole._thinking.most - whole._thinking.budget
    prompt, limit, budget = len(whole.token_ids(asked())), 12, 10
    context = prompt + limit + closing + budget
    checkpoint = opened(fixed_reply(tmp_path / "short", text, context=context))
    (draft,) = checkpoint._drafts([asked()], limit)
    checkpoint._generate([draft], logprobs=False)
    assert draft.thought.cut
    assert 5 * budget < len(draft.reply().thought) < 7 * budget
    assert prompt + len(draft.row) <= context


def test_a_thought_in_the_midst_of_a_reply(tmp_path: Path) -> None:
    text = "I take it to be so. <think>By myself 95%.</think>" + STATES_30
    reply = said(opened(fixed_reply(tmp_path, text)))
    assert (reply.text, reply.thought) == (f"I take it to be so. {STATES_30}", "By myself 95%.")


@pytest.mark.parametrize(
    ("thinking", "closed"), [("default", False), ("on", False), ("off", True)], ids=["default", "on", "off"]
)
def test_the_switch_of_a_template(tmp_path: Path, thinking: Thinking, closed: bool) -> None:
    directory = fixed_reply(tmp_path, MULLS + STATES_30, chat_template=SWITCHED)
    checkpoint = opened(directory, thinking=thinking)
    assert checkpoint.render(asked()).endswith("</think>\n\n") == closed
    assert checkpoint.decoding["thinking"] == thinking
    assert said(checkpoint).text == STATES_30


@pytest.mark.parametrize("thinking", ["on", "off"])
@pytest.mark.parametrize(
    "template",
    [CHATML, OPENED, CHATML + "{# enable_thinking #}", CHATML + "{{ 'enable_thinking' }}"],
    ids=["plain", "opens", "comment", "text"],
)
def test_a_template_without_a_switch_is_refused(tmp_path: Path, thinking: Thinking, template: str) -> None:
    directory = tiny_checkpoint(tmp_path, chat_template=template)
    with pytest.raises(
        InputError, match=r"its chat template has no switch for thinking .* leave --thinking out"
    ):
        opened(directory, thinking=thinking)


@pytest.mark.parametrize(
    ("name", "on", "off"),
    [("enable_thinking", True, False), ("thinking", True, False), ("reasoning_effort", "high", "low")],
)
def test_a_template_is_told_in_its_own_words(tmp_path: Path, name: str, on: Any, off: Any) -> None:
    directory = tiny_checkpoint(tmp_path, chat_template=f"{CHATML}[{{{{ {name} }}}}]")
    assert opened(directory, thinking="on").render(asked()).endswith(f"[{on}]")
    assert opened(directory, thinking="off").render(asked()).endswith(f"[{off}]")


@pytest.fixture
def switchable(tmp_path: Path) -> Path:
    """Thinks, and states 90; where its template is told not to think, it states 30."""
    quiet = "{% if enable_thinking is defined and not enable_thinking %}[THINK][/THINK]{% endif %}{% endif %}"
    template = CHATML.replace("<|im_start|>assistant\n{% endif %}", f"<|im_start|>assistant\n{quiet}")
    states_90 = STATES_30.replace("30", "90")
    return fixed_reply(
        tmp_path / "switchable", MULLS + states_90, f"[/THINK]{STATES_30}", chat_template=template
    )


def test_one_weight_is_read_once_for_both(switchable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    for module, name in ((shared_weights, "load_model"), (files, "content_hash")):
        plain = getattr(module, name)

        def counted(*given: Any, name: str = name, plain: Any = plain) -> Any:
            reads.append(name)
            return plain(*given)

        monkeypatch.setattr(module, name, counted)
    quiet, thoughtful = (
        open_checkpoint(
            CheckpointSpec("x", "instruct", str(switchable), "--checkpoint", told), EngineSettings()
        )
        for told in ("off", "on")
    )
    assert isinstance(quiet, InProcessCheckpoint)
    assert isinstance(thoughtful, InProcessCheckpoint)
    for checkpoint, number in ((quiet, 30), (thoughtful, 90), (quiet, 30)):
        reply = said(checkpoint)
        assert (reply.text, bool(reply.thought)) == (STATES_30.replace("30", str(number)), number == 90)
    assert sorted(reads) == ["content_hash", "load_model"]
    assert quiet.fingerprint == thoughtful.fingerprint
    assert quiet.render(asked()) != thoughtful.render(asked())
    quiet.close()
    assert said(thoughtful).thought
    thoughtful.close()


def test_both_through_the_real_suite(switchable: Path, tmp_path: Path) -> None:
    """Its reply depends on the switch alone: 90 and 30 at low hints of 25 on average."""
    arguments = [f"--checkpoint=tuned={switchable}", *options(tmp_path, "")[1:], "--thinking=both"]
    done = run(tmp_path, [*arguments, "--n-problems=16", "-m", "thinking"])
    assert done.exit_code == 1, done.printed
    verdicts = {row["metric"]: (row["verdict"], row["value"]) for row in done.verdicts.values()}
    assert verdicts == {"rho_loss": ("undecided", 0), "bias_gain": ("refuted", 60)}, done.printed
    quiet, thoughtful = (done.profile["checkpoints"][name] for name in ("tuned", "tuned+thinking"))
    assert quiet["fingerprint"] == thoughtful["fingerprint"]
    for one, thought, states in ((quiet, 0, 30), (thoughtful, 80, 90)):
        cell = one["strategies"]["natural_query"]
        assert (cell["thought"]["closed"], cell["response_low"]) == (thought, states)


def test_a_budget_without_thoughts_is_a_note(tmp_path: Path) -> None:
    directory = tiny_checkpoint(tmp_path)
    note = "--max-thinking-tokens: the chat template knows of no thoughts"
    assert note in opened(directory, max_thinking_tokens=100).notes
    assert note not in opened(directory).notes
    thinks = fixed_reply(tmp_path / "thinks", MULLS + STATES_30)
    assert note not in opened(thinks, max_thinking_tokens=100).notes


def test_a_thought_stands_in_the_history_as_the_template_puts_it(tmp_path: Path) -> None:
    checkpoint = opened(tiny_checkpoint(tmp_path, chat_template=REMEMBERS))
    conversation = asked(thought="Two and three.")
    again = asking_again(conversation, "I am sure.", "No number is needed.", 0)
    text = checkpoint.render(again)
    assert "<think>\nTwo and three.\n</think>\n\nThe answer is 5." in text
    assert (
        f"<think>\nNo number is needed.\n</think>\n\nI am sure.<|im_end|>\n<|im_start|>user\n{AGAIN[0]}"
        in text
    )
    assert "<think>" not in checkpoint.render(asked())


def test_long_thoughts_are_no_writing_of_the_templates_own(tmp_path: Path) -> None:
    """A template may write so much of its own, and no more; what was thought is not its own."""
    checkpoint = opened(tiny_checkpoint(tmp_path, chat_template=REMEMBERS))
    thought = "So much for that. " * 10_000
    assert thought in checkpoint.render(asked(thought=thought))


def test_a_number_that_is_only_thought_is_asked_for_again(tmp_path: Path) -> None:
    text = "<think>\nI am 95% sure by myself.\n</think>\n\nI would rather not put a number on it."
    checkpoint = opened(fixed_reply(tmp_path / "checkpoint", text, size=9))
    settings = Settings((10.0, 60.0), "free", 40, 40)
    problems = {0: Problem("What is 2 plus 3?", Decimal(5))}
    block = Block(checkpoint, problems, [strategies()["natural_query"]], settings, Store(tmp_path / "store"))
    make(block)
    for trial in block.trials:
        assert trial.first.text == "I would rather not put a number on it."
        assert trial.first.thought == "I am 95% sure by myself."
        assert trial.again == trial.first


def test_a_message_keeps_its_thought_apart() -> None:
    conversation = asking_again(asked(), "I am sure.", "Hm.", 4)
    assert conversation.messages[-2:] == (
        Message("assistant", "I am sure.", "Hm."),
        Message("user", AGAIN[4 % len(AGAIN)]),
    )
