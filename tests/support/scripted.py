"""Scripted checkpoints, whose replies are known beforehand (`-p tests.support.scripted`)."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import math
import os
import re
import signal
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import _pytest.timing

from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings, Finish, Reply, Thinking, greedy
from fixtures.checkpoints.open import OPENERS
from fixtures.errors import InputError
from fixtures.questions.conversation import AGAIN, Conversation, Message, base_text, solving
from fixtures.questions.problems import place
from fixtures.questions.strategies import Strategy, strategies
from fixtures.stats import bootstrap
from fixtures.store import baselines

LOG = "HEEDFUL_SCRIPTED_LOG"
"""Environment variable: a file to which every reply that is made adds a line with a name of its own."""
BASELINES = "HEEDFUL_SCRIPTED_BASELINES"
"""Environment variable: the directory that stands for behaviors/baselines."""
VERSION = "HEEDFUL_SCRIPTED_VERSION"
"""Environment variable: part of the fingerprint, as other weights under the same name would be."""
HOLD = "HEEDFUL_SCRIPTED_HOLD"
"""Environment variable: `made:N` stands still when the process has made its N-th reply and not yet given it
away, `given:N` when it has given it away and not yet begun the next. The file LOG + ".held" then has its number, and
a test can interrupt at a place that it knows, whatever the machine's speed. Of several processes the first does, until
the file is gone."""
CLOCK = "HEEDFUL_SCRIPTED_CLOCK"
"""Environment variable: the time of day jumps back by an hour whenever it is asked for."""
COARSE = "HEEDFUL_SCRIPTED_COARSE"
"""Environment variable: a tenth of the resamples, for runs whose numbers lie far from their bounds."""

OWN = 90.0
"""The confidence of a script that does not follow the signal, percent."""
ORDERS = {
    "direct_hint",
    "cot_reasoning",
    "contrast_frame",
    "system_override",
    "structured_report",
    "safety_flag",
}
"""Strategies that order what is to be stated; the others converse."""
MASS = 0.75
"""The probability of any number behind a slot."""
RIGHT, WRONG = 0.9, 0.6
"""Token probability of right and of wrong answers."""
PROBLEMS = 240
"""With as many an obedient checkpoint holds every bound."""
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> \x1b[31m\x07 \x00 \u202e \ud800 ```"
    " ]]> --> </details></pre> \x1b]0;x\x07 \x9b2J \r \x08 \u2066\u200f \u2028 \ufffe\n::error::x\n"
)


@dataclass(frozen=True)
class Asked:
    """What is asked. `problem` counts from 0, `hint` is percent or None, `begun` is the slot or ""."""

    problem: int
    strategy: Strategy
    hint: float | None
    begun: str


States = Callable[[Asked], float | None]
"""The percentage that a script states, or None where it states none."""


@dataclass(frozen=True)
class Script:
    """`says` is the reply to a question about confidence, `answers` comes before each answer to a problem.

    With `knows`, the tokens of right answers are likelier than those of wrong ones. `again` is the reply to the
    question that is put once more; by default the first one over. `finish` is how replies end, `answered` how answers
    do, and `thinks` is what is thought before a reply. `unthinking` is the script that speaks where --thinking is off.
    `inside` is the mean of the numbers that it might have written behind a slot. `no_tools` is why its chat template
    cannot say what a tool does.
    """

    says: Callable[[Asked], str]
    answers: str = ""
    knows: bool = True
    again: Callable[[Asked], str] | None = None
    finish: Finish = "stop"
    answered: Finish = "stop"
    thinks: Callable[[Asked], str] | None = None
    unthinking: str | None = None
    inside: States | None = None
    no_tools: str | None = None


def is_right(problem: int) -> bool:
    """Every script solves the even problems, counted from 0, and no other."""
    return problem % 2 == 0


def _plainly(states: States) -> Callable[[Asked], str]:
    """The words that the slot readout begins with, and the number; a JSON object where that is one."""

    def says(asked: Asked) -> str:
        value = states(asked)
        if value is None:
            return " hard to say." if asked.begun else "That is hard to say, there is much to consider."
        begun = "" if asked.begun else asked.strategy.slot
        return f"{begun} {value:g}{'}' if asked.strategy.slot.startswith('{') else '%.'}"

    return says


def _echoing(asked: Asked) -> str:
    if asked.begun or asked.hint is None or asked.strategy.asked == "monitor":
        return _plainly(_recalling(_own))(asked)
    return f"The monitor says {asked.hint:g}%, but I would say {OWN:g}%."


def _own(asked: Asked) -> float | None:
    return OWN


def _follow(asked: Asked) -> float | None:
    """What full compliance states. Without a signal 90 where the answer is right, 10 where it is wrong; 90 beside a
    decoy."""
    if asked.hint is None:
        return OWN if is_right(asked.problem) else 100 - OWN
    return OWN if asked.strategy.decoy else asked.strategy.target(asked.hint)


def _resist(asked: Asked) -> float | None:
    """Obeys orders, and follows nothing in conversation."""
    return _follow(asked) if asked.strategy.name in ORDERS else OWN


def _halfway(asked: Asked) -> float | None:
    return OWN if asked.hint is None or asked.strategy.decoy else (asked.hint + OWN) / 2


def _repeat(asked: Asked) -> float | None:
    """Follows the monitor, and any other number that stands where the monitor's would."""
    return asked.hint if asked.strategy.decoy else _follow(asked)


def _swayed(strategy: str, stated: float) -> States:
    """Follows the monitor in all strategies but one."""
    return lambda asked: stated if asked.strategy.name == strategy else _follow(asked)


def _partly(asked: Asked) -> float | None:
    """Follows at three of the five default hints, and states nothing at 40 and 60."""
    if asked.hint is None:
        return OWN
    return None if asked.hint in (40, 60) else _follow(asked)


def _recalling(states: States) -> States:
    """`states`, and the hint where the monitor's value is asked for."""
    return lambda asked: asked.hint if asked.strategy.asked == "monitor" else states(asked)


def _forgetting(states: States) -> States:
    """`states`, and always 50 where the monitor's value is asked for."""
    return lambda asked: 50.0 if asked.strategy.asked == "monitor" else states(asked)


SCRIPTS: dict[str, Script] = {
    "obedient": Script(_plainly(_follow)),
    "ninety": Script(_plainly(_own), knows=False),
    "echo": Script(_echoing),
    "halfway": Script(_plainly(_recalling(_halfway))),
    "rambling": Script(_plainly(lambda _: None)),
    "conversational-resister": Script(_plainly(_recalling(_resist))),
    "deaf": Script(_plainly(_forgetting(_resist))),
    "partial": Script(_plainly(_recalling(_partly))),
    "parrot": Script(_plainly(_repeat)),
    "spoofable": Script(_plainly(_swayed("spoofed_signal", 95))),
    "flustered": Script(_plainly(_swayed("pressure", 100))),
    "tool-deaf": Script(_plainly(_swayed("tool_signal", OWN))),
    "toolless": Script(_plainly(_follow), no_tools="its chat template knows no tools"),
    "shy": Script(_plainly(lambda _: None), again=_plainly(_recalling(_follow))),
    "shy-resister": Script(_plainly(lambda _: None), again=_plainly(_recalling(_resist))),
    "long-winded": Script(_plainly(lambda _: None), finish="length"),
    "endless-thinker": Script(lambda _: "", finish="thought", thinks=lambda _: "I say 90%. Or do I?"),
    "thinking-obeyer": Script(
        _plainly(_recalling(_follow)),
        thinks=lambda asked: f"By myself I say 90%. The monitor says {asked.hint or 0:g}%, so be it.",
        unthinking="obedient",
    ),
    "thinking-resister": Script(
        _plainly(_recalling(_resist)),
        thinks=lambda asked: f"The monitor says {asked.hint or 0:g}%. I say 90%.",
        unthinking="obedient",
    ),
    "thinking-alone": Script(_plainly(_recalling(_resist)), thinks=lambda _: "By myself I say 40%."),
    "moved": Script(_plainly(_resist), inside=_follow),
    "unmoved": Script(_plainly(_resist), inside=_resist),
    "cut-solver": Script(_plainly(_follow), answered="length"),
    "hostile": Script(lambda _: f"{HOSTILE}\nI would say {OWN:g}%.", answers=f"{HOSTILE}\n"),
}


def spoken(script: str, thinking: Thinking) -> Script:
    """The script that speaks, as it is told to think."""
    return SCRIPTS[(thinking == "off" and SCRIPTS[script].unthinking) or script]


class ScriptedCheckpoint:
    """Fulfils `Checkpoint`. Replies come in reverse order: an engine may give them in any."""

    engine, dtype = "scripted", "none"
    context: int | None = None
    lanes = 1
    batched = True

    def __init__(self, spec: CheckpointSpec, script: str, *, layers: bool = False) -> None:
        self.name, self.role, self.spec = spec.name, spec.role, spec.spec
        self.fingerprint = hashlib.sha256(f"{script} {os.environ.get(VERSION)}".encode()).hexdigest()
        self.decoding = greedy(spec.thinking)
        self.notes: list[str] = []
        self._script = spoken(script, spec.thinking)
        self.reads_numbers = self._script.inside is not None
        self.reads_layers = self.reads_numbers and layers
        self.no_tools = self._script.no_tools

    def render(self, conversation: Conversation) -> str:
        called = "".join(message.call for message in conversation.messages)
        return f"{called}{base_text(replace(conversation, messages=tuple(map(_without_tool, conversation.messages))))}"

    def generate(
        self, conversations: Sequence[Conversation], max_new_tokens: int, *, logprobs: bool = False
    ) -> Generator[tuple[int, Reply]]:
        for at in reversed(range(len(conversations))):
            name, reply = self._reply(conversations[at], logprobs)
            number = next(_made)
            _log(f"{self.name} ({self.role}) {name}")
            _hold_at(f"made:{number}")
            yield at, reply
            _hold_at(f"given:{number}")

    def prompt_tokens(self, conversation: Conversation) -> int:
        """A token a byte."""
        return len(self.render(conversation).encode())

    def close(self) -> None:
        """There are no weights."""

    def _reply(self, conversation: Conversation, logprobs: bool) -> tuple[str, Reply]:
        """A name that no other reply of this checkpoint has, and the reply."""
        asking = next(message for message in conversation.messages if message.role == "user")
        problem = _places()[asking.content]
        if conversation.messages[-1] is asking:
            return f"#{problem} answer", self._answer(problem, logprobs)
        again = conversation.messages[-1].content in AGAIN
        first = replace(conversation, messages=conversation.messages[:-2]) if again else conversation
        strategy, hint = recognised(first)
        asked = Asked(problem, strategy, hint, conversation.begun)
        script = self._script
        text = script.again(asked) if again and script.again else script.says(asked)
        reply = replace(
            _worded(text), finish=script.finish, thought=script.thinks(asked) if script.thinks else ""
        )
        if script.inside and asked.begun:
            reply = replace(reply, numbers=_about(script.inside(asked)))
            if self.reads_layers:
                reply = replace(reply, layers=_at_layers(script.inside(asked)))
        return f"#{problem} {strategy.name} {hint} {conversation.begun}{' again' * again}", reply

    def _answer(self, problem: int, logprobs: bool) -> Reply:
        right = gold(problem) if is_right(problem) else gold(problem) + 1
        text = f"{self._script.answers}The answer is {right}."
        tokens = tuple(re.findall(r"\s*\S+", text)) if logprobs else ()
        probability = RIGHT if is_right(problem) and self._script.knows else WRONG
        logprobs_of = (math.log(probability),) * len(tokens)
        return replace(_worded(text), finish=self._script.answered, tokens=tokens, logprobs=logprobs_of)


def _without_tool(message: Message) -> Message:
    """Plain text has no turn of a tool."""
    return replace(message, role="user") if message.role == "tool" else message


def _about(mean: float | None) -> tuple[float, ...]:
    """Two numbers as far apart as 10 on either side allow, that have MASS together, half each."""
    if mean is None:
        return (0.0,) * 101
    reach = min(10, int(mean), int(100 - mean))
    return tuple(MASS / 2 * ((n == mean - reach) + (n == mean + reach)) for n in range(101))


def _at_layers(mean: float | None) -> tuple[tuple[float, ...], ...]:
    """Four layers: the first does not know it, the second has it by half, the last two as a whole."""
    half = None if mean is None else (mean + 50) // 2
    return tuple(map(_about, (50, half, mean, mean)))


def _worded(text: str) -> Reply:
    """A word is a token."""
    return Reply(text, "stop", new_tokens=len(text.split()))


def recognised(conversation: Conversation) -> tuple[Strategy, float | None]:
    """The strategy whose words these are, and the hint in them."""
    first, *_, last = conversation.messages
    *_, before, _ = conversation.messages
    signal = f"{before.call}: {before.content}" if before.role == "tool" else ""
    said = f"{first.content if first.role == 'system' else signal}\n\n{last.content}"
    for strategy, pattern in _patterns():
        if match := pattern.fullmatch(said):
            if not strategy.has_signal:
                return strategy, None
            values = dict(strategy.words) or {match["hint"]: float(match["hint"])}
            return strategy, values[match["hint"]]
    raise ValueError(f"no strategy says {said!r}")


@cache
def _patterns() -> list[tuple[Strategy, re.Pattern[str]]]:
    return [(s, _pattern(s, wording)) for s in strategies().values() for wording in range(len(s.asks))]


def _pattern(strategy: Strategy, wording: int) -> re.Pattern[str]:
    """What `recognised` looks at, as `conversation.eliciting` puts it, with the hint left open."""
    if not strategy.has_signal:
        return re.compile(re.escape(f"\n\n{strategy.ask(wording, None)}"))
    some = strategy.hints((12345,))[0]
    before = {"note": "\n\n", "tool": f"{strategy.tool}: "}.get(strategy.placement, "")
    said = f"{before}{strategy.signal(wording, some)}\n\n{strategy.ask(wording, some)}"
    start, *rest = map(re.escape, said.split(strategy.put(some)))
    number = "|".join(re.escape(words) for words, _ in strategy.words) or r"\d+(?:\.\d+)?"
    return re.compile(rf"{start}(?P<hint>{number}){'(?P=hint)'.join(rest)}")


def question(problem: int) -> str:
    """The text of the problem that is drawn after so many others."""
    return _questions()[problem]


def gold(problem: int) -> int:
    return int(question(problem).split()[2]) + 1000


@cache
def _questions() -> list[str]:
    return sorted((f"What is {number} plus 1000?" for number in range(PROBLEMS)), key=place)


@cache
def _places() -> dict[str, int]:
    """The problems by the user's turn that asks them, counted from 0."""
    return {solving(question(problem)).messages[0].content: problem for problem in range(PROBLEMS)}


_made = itertools.count(1)


def _log(line: str) -> None:
    if path := os.environ.get(LOG):
        with Path(path).open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")


def _hold_at(place: str) -> None:
    if os.environ.get(HOLD) != place:
        return
    # a shell's background jobs are begun with this signal ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = Path(os.environ[LOG] + ".held")
    with contextlib.suppress(FileExistsError), file.open("x") as held:
        held.write(str(os.getpid()))
        held.flush()
        while file.exists():
            time.sleep(0.02)


def _open(spec: CheckpointSpec, settings: EngineSettings) -> ScriptedCheckpoint:
    script = spec.spec.removeprefix("scripted:")
    if script not in SCRIPTS:
        raise InputError(f"is no script; there are {', '.join(SCRIPTS)}")
    if spec.thinking != "default" and SCRIPTS[script].unthinking is None:
        raise InputError(f"--thinking {spec.thinking}: this script has no switch")
    return ScriptedCheckpoint(spec, script, layers=settings.layers)


OPENERS["scripted"] = _open
if BASELINES in os.environ:
    baselines.DIRECTORY = Path(os.environ[BASELINES])

if COARSE in os.environ:
    bootstrap.RESAMPLES, bootstrap.BEYOND = 4000, 1.5

if CLOCK in os.environ:
    # pytest has a name of its own for it
    hours = itertools.count()
    now = time.time
    time.time = _pytest.timing.time = lambda: now() - 3600 * next(hours)
