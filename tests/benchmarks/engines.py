"""Our engine against the others, pair by pair in one run: `python -m tests.benchmarks.engines`.

On the same prompts (GSM8K problems x 5 hints x all strategies), the same checkpoint, fp32, CPU. Each contender has a
process of its own, our engine before and after all others, so that a drift of the machine shows. Ratios are of core
seconds, those of all cores added up: they say the same on a machine that does something else besides.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from fixtures.questions import problems
from tests.benchmarks.contender import CONTENDERS
from tests.benchmarks.floor import Machine, machine, needed
from tests.benchmarks.work import Stage, Work

GSM8K = Path(__file__).parents[3] / "shared" / "gsm8k" / "test.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", nargs="+", choices=get_args(Stage), default=["slot", "free", "answers"])
    parser.add_argument("--against", nargs="*", choices=list(CONTENDERS), default=list(CONTENDERS)[1:])
    parser.add_argument("--role", choices=["base", "instruct"], default="instruct")
    parser.add_argument("--n-problems", type=int, default=8)
    parser.add_argument("--problems", type=Path, default=GSM8K, help="a JSONL file like GSM8K's test.jsonl")
    options = parser.parse_args()
    if not options.problems.is_file():
        print(f"skipped: {options.problems} is not there")
        return
    on = machine()
    print(f"machine: {on.flops / 1e9:.0f} GFLOP/s sgemm and {on.bandwidth / 1e9:.0f} GB/s a core", flush=True)
    known = problems.load(str(options.problems), options.n_problems, 0).problems
    work = Work("answers", options.role, tuple((problem.question, "") for problem in known))
    work = work.answered(run("shared", work)["texts"])
    for stage in options.stages:
        compare(replace(work, stage=stage), options.against, on)


def compare(work: Work, against: list[str], on: Machine) -> None:
    """Print one table."""
    n = len(work.solved)
    print(f"\n{work.stage}, {work.role}, {n} problems, {len(work.conversations())} prompts", flush=True)
    half = run("shared", work.first(n // 2))
    first = run("shared", work)
    others = {name: run(name, work) for name in against if there(name)}
    ours = min(first, run("shared", work), key=lambda result: result["cores"])
    need = needed(work.checkpoint(), work, ours["texts"])
    line("contender", "core s", "ratio", "clock s", "peak GB", "texts equal")
    for name, result in {"shared": ours, **others}.items():
        equal = sum(map(same, result["texts"], ours["texts"]))
        figures = result["cores"], result["cores"] / ours["cores"], result["seconds"], result["peak"]
        line(name, *(f"{figure:.2f}" for figure in figures), str(equal))
    floor = need.seconds(on)
    line("floor", f"{floor:.2f}", f"{floor / ours['cores']:.2f}")
    print(f"tokens: {need.prompt} in the prompts, {need.tree} in their tree, {need.reply} in the replies")
    print("core seconds in our engine: " + ", ".join(f"{name} {s:.1f}" for name, s in ours["spent"].items()))
    print(f"weights and warm-up: {ours['before']:.2f} GB; our first run: {first['cores']:.1f} core s")
    print(f"half the problems: {half['cores']:.1f} core s, {half['peak']:.2f} GB", flush=True)


def same(other: str, ours: str) -> bool:
    """Up to where ours ends: not every contender has our stop rule, and some strip spaces."""
    a, b = other.strip(), ours.strip()
    return a.startswith(b) or (len(a) > 0 and b.startswith(a))


def there(name: str) -> bool:
    if name == "lm_eval" and importlib.util.find_spec("lm_eval") is None:
        print("lm_eval: skipped, it is not installed in this Python")
        return False
    return True


def run(name: str, work: Work) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.contender", name],
        input=json.dumps(work.as_json()),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"  {work.stage} {name}: {result['cores']:.1f} core s, {result['seconds']:.1f} s",
        file=sys.stderr,
        flush=True,
    )
    return result


def line(*cells: str) -> None:
    print(f"{cells[0]:16}" + "".join(f"{cell:>13}" for cell in cells[1:]), flush=True)


if __name__ == "__main__":
    main()
