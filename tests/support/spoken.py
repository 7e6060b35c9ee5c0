"""A checkpoint whose replies a function makes, and blocks of problems that it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from fixtures.checkpoints.interface import Decoding, Reply, greedy
from fixtures.protocol.block import Block
from fixtures.protocol.trials import Settings
from fixtures.questions.conversation import AGAIN, Conversation, Readout, Role, base_text
from fixtures.questions.problems import Problem
from fixtures.questions.strategies import strategies
from fixtures.store.database import Store

HINTS = (10.0, 60.0)
SOLVED = Reply("The answer is 5.", "stop")
STATES = Reply("I would say 30%.", "stop")
SHY = Reply("That is hard to say.", "stop")


@dataclass
class Spoken:
    """Fulfils `Checkpoint`. `first` and `again` are the replies to a question about confidence, and to the one that is
    put once more; `asked` has what was asked, in order, and breaks off before the reply of number `most`."""

    first: Callable[[Conversation], Reply] = lambda _: STATES
    again: Callable[[Conversation], Reply] = lambda _: STATES
    solves: Reply = SOLVED
    most: int = 1_000_000
    name: str = "tuned"
    role: Role = "instruct"
    spec: str = "spoken"
    fingerprint: str = "print"
    engine: str = "spoken"
    dtype: str = "none"
    decoding: Decoding = field(default_factory=greedy)
    context: int | None = None
    notes: list[str] = field(default_factory=list)
    asked: list[Conversation] = field(default_factory=list)
    lanes = 1
    batched = False
    reads_numbers = False
    reads_layers = False
    no_tools: str | None = None

    def render(self, conversation: Conversation) -> str:
        thoughts = "".join(message.thought for message in conversation.messages)
        return f"{thoughts}{base_text(conversation)}"

    def generate(
        self, conversations: Sequence[Conversation], max_new_tokens: int, *, logprobs: bool = False
    ) -> Generator[tuple[int, Reply]]:
        for at, conversation in enumerate(conversations):
            if len(self.asked) == self.most:
                raise InterruptedError
            self.asked.append(conversation)
            yield at, self._reply(conversation)

    def _reply(self, conversation: Conversation) -> Reply:
        if len(conversation.messages) == 1:
            return self.solves
        return (self.again if is_again(conversation) else self.first)(conversation)

    def prompt_tokens(self, conversation: Conversation) -> int:
        return len(self.render(conversation))

    def close(self) -> None:
        """There are no weights."""


def is_again(conversation: Conversation) -> bool:
    """Whether a confidence is asked for once more."""
    return conversation.messages[-1].content in AGAIN


def block(
    checkpoint: Spoken,
    store: Store,
    *names: str,
    problems: int = 2,
    readout: Readout = "free",
    samples: int = 1,
    recorded: bool = False,
) -> Block:
    """The strategies `names` (natural_query) about so many problems, at HINTS."""
    known = {i: Problem(f"What is {i} plus {5 - i}?", Decimal(5)) for i in range(problems)}
    asked = [strategies()[name] for name in names or ("natural_query",)]
    settings = Settings(HINTS, readout, 64, 32, samples)
    return Block(checkpoint, known, asked, settings, store, recorded)
