"""`python -m tests.quality`: the full simulation, some 15 minutes on two cores; writes README.md beside this."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, fields
from pathlib import Path
from string import Template
from typing import Any

from tests.quality.family import Family, family
from tests.quality.gate import KINDS as GATES
from tests.quality.gate import Gate, gate
from tests.quality.operating import KINDS, SIZES, Characteristics, characteristics
from tests.quality.sequential import BOUNDS, Needed, Stopping, needed, stopping

ALPHA = 0.05
REPEATS = dict(zip(SIZES, (100, 100, 100, 100, 50, 20), strict=True))
"""By problems: a run of 500 takes half a second."""
SEQUENTIAL = {"n": 500, "repeats": 20, "alpha": 0.01}
GATE_SIZES = (200, 300, 500)
GATE_RUNS = 20
SOME = ("obedient, noise 10", "halfway", "1 problem in 13 says 90", "resistant")


def main() -> None:
    kinds = {kind.name: kind for kind in KINDS}
    with ProcessPoolExecutor() as pool:
        cases = [(kind, name, n) for kind in kinds for name in kinds[kind].runs for n in SIZES]
        intervals = pool.map(_characteristics, cases)
        stops = pool.map(_stopping, [(bound, name) for bound in BOUNDS for name in SOME])
        numbers = pool.map(_needed, [(bound, name, 24) for bound in BOUNDS for name in SOME])
        families = pool.map(_family, (24, 100, 500))
        gates = pool.map(_gate, [(checkpoint, n) for n in GATE_SIZES for checkpoint in GATES])
        page = Template(Path(__file__).with_name("README.md.tpl").read_text()).substitute(
            alpha=ALPHA,
            repeats=", ".join(map(str, REPEATS.values())),
            sizes=", ".join(map(str, SIZES)),
            sequential_alpha=SEQUENTIAL["alpha"],
            sequential_repeats=SEQUENTIAL["repeats"],
            sequential_n=SEQUENTIAL["n"],
            intervals=_table(Characteristics, intervals),
            stopping=_table(Stopping, stops),
            needed=_table(Needed, (row for row in numbers if row.asked >= 10)),
            family=_table(Family, families),
            gate=_table(Gate, gates),
        )
    Path(__file__).with_name("README.md").write_text(page)


def _characteristics(case: tuple[str, str, int]) -> Characteristics:
    name, checkpoint, n = case
    (kind,) = (kind for kind in KINDS if kind.name == name)
    return characteristics(kind, checkpoint, n, REPEATS[n], ALPHA)


def _stopping(case: tuple[str, str]) -> Stopping:
    return stopping(*case, **SEQUENTIAL)  # type: ignore[arg-type]


def _needed(case: tuple[str, str, int]) -> Needed:
    return needed(*case, repeats=40, alpha=0.01)


def _family(n: int) -> Family:
    return family(n, 200, 0.01)


def _gate(case: tuple[str, int]) -> Gate:
    return gate(*case, runs=GATE_RUNS)


def _table(kind: type[Any], rows: Iterable[Any]) -> str:
    header = [field.name.replace("_", " ") for field in fields(kind)]
    lines = [header, ["---"] * len(header), *([_shown(value) for value in astuple(row)] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
