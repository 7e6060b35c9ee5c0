"""`python -m tests.benchmarks.noise_floor`: what batch size and order change in what a checkpoint states.

The embedded SmolLM2 is measured twice, in large batches and in small ones, in float32 and in bfloat16. In float32
the replies are to be the same, letter for letter; in bfloat16 sums of other batches round otherwise, and what differs
is the noise that a comparison of two checkpoints has to allow for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent.parent
BATCH_TOKENS = (4096, 700)
ASKED = (
    "--checkpoint=embedded:smollm2-135m-instruct",
    "--problems=demo",
    "--readout=slot",
    "--max-answer-tokens=64",
)
SELECTED = "command or conversational or overrides"


def main(problems: int = 16) -> None:
    for dtype in ("float32", "bfloat16"):
        with tempfile.TemporaryDirectory() as place:
            first, second = (_stated(Path(place), dtype, tokens, problems) for tokens in BATCH_TOKENS)
        texts = sum(first[key][0] != second[key][0] for key in first)
        pairs = [(first[key][1], second[key][1]) for key in first]
        moved = [abs(a - b) for a, b in pairs if a is not None and b is not None]
        print(
            f"{dtype}: {len(pairs)} trials in batches of {BATCH_TOKENS[0]} and {BATCH_TOKENS[1]} tokens; "
            f"{texts} texts differ, {sum(a != b for a, b in pairs)} stated values differ, "
            f"mean absolute difference {np.mean(moved):.2f} points"
        )


def _stated(
    place: Path, dtype: str, batch_tokens: int, problems: int
) -> dict[tuple[object, ...], tuple[str, float | None]]:
    """Reply and stated confidence by problem, strategy and hint."""
    output = place / f"{dtype}-{batch_tokens}"
    command = [
        sys.executable,
        "-m",
        "pytest",
        *ASKED,
        f"--n-problems={problems}",
        "-k",
        SELECTED,
        "--no-early-stop",
    ]
    options = [
        f"--dtype={dtype}",
        f"--batch-tokens={batch_tokens}",
        f"--output={output}",
        f"--store={output}.sqlite3",
    ]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stdout + done.stderr)
    rows = [json.loads(line) for line in (output / "trials.jsonl").read_text().splitlines()]
    return {(row["problem"], row["strategy"], row["hint"]): (row["reply"], row["stated"]) for row in rows}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
