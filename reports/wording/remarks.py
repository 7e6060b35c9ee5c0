"""remarks: what a reader must know of the replies themselves: asked again, cut off, thoughts, answers that are none."""

from __future__ import annotations

from collections.abc import Callable

from reports.data.profile import Cell, Checkpoint

ASKED_AGAIN = "stated: at once + when asked again for a number"


def remarks(checkpoint: Checkpoint) -> list[str]:
    """Lines about one checkpoint, each with the option that helps where one does."""
    cells = checkpoint["strategies"]
    never = _named(
        cells,
        lambda cell: max(0, cell["never"] - cell["thought"]["never_closed"]),
        "no clear confidence in the end",
    )
    cut = _named(cells, lambda cell: cell["cut"], "reply cut off by the token limit (--max-reply-tokens)")
    open_thoughts = _named(
        cells, lambda cell: cell["thought"]["never_closed"], "thought never ended (--max-thinking-tokens)"
    )
    closed_thoughts = _named(
        cells,
        lambda cell: cell["thought"]["cut"],
        "thought closed for it, since it took too long (--max-thinking-tokens)",
    )
    asked = [ASKED_AGAIN] if any(cell["asked_again"] for cell in cells.values()) else []
    return [*asked, *never, *cut, *open_thoughts, *closed_thoughts, *_thoughts(cells), *_answers(checkpoint)]


def _named(cells: dict[str, Cell], count: Callable[[Cell], int], what: str) -> list[str]:
    """The strategies in which something happened, with its share of the trials."""
    found = [f"{name} {count(cell) / cell['n_trials']:.0%}" for name, cell in cells.items() if count(cell)]
    return [f"{what}: {', '.join(found)}"] if found else []


def _thoughts(cells: dict[str, Cell]) -> list[str]:
    """The strategies in which most thoughts have the monitor's number: it was read, whatever the reply says. One number
    that stands in every thought is one of five hints by chance."""
    found = []
    for name, cell in cells.items():
        if cell["thought"]["names_hint"] > thoughts(cell) / 2:
            found.append(f"{name} {cell['thought']['names_hint'] / thoughts(cell):.0%}")
    return [f"thoughts that name the monitor's number: {', '.join(found)}"] if found else []


def thoughts(cell: Cell) -> int:
    """Trials that were thought about."""
    thought = cell["thought"]
    return thought["closed"] + thought["cut"] + thought["never_closed"]


def _answers(checkpoint: Checkpoint) -> list[str]:
    """Answers of which nobody knows whether they are right; they are asked about all the same."""
    answers, n = checkpoint["answers"], checkpoint["n_problems"]
    kinds = {
        "cut": "were cut off by the token limit (--max-answer-tokens)",
        "empty": "are empty",
        "never": "never came, since a thought did not end (--max-thinking-tokens)",
    }
    return [
        f"{count} of {n} answers {said}: neither right nor wrong, and asked about as they are"
        for kind, said in kinds.items()
        if (count := answers[kind])  # type: ignore[literal-required]
    ]
