"""provenance: gathers what run.json holds. Unlike profile.json, it varies from run to run."""

from __future__ import annotations

import hashlib
import platform
import shlex
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fixtures.checkpoints.endpoint import is_served
from fixtures.measuring.measurement import Measurement
from fixtures.options.command_line import Options
from fixtures.questions import conversation, strategies
from fixtures.store.database import counts
from reports.data.run import Counts, Plan, Run

ROOT = Path(__file__).parents[2]
PACKAGES = ("heedful", "torch", "transformers", "numpy", "scipy", "pytest", "pytest-html", "matplotlib")


class Clock:
    """Remembers when a run began, and what its store held then."""

    def __init__(self, options: Options) -> None:
        self._started, self._monotonic = datetime.now(UTC), time.monotonic()
        self._store, self._before, self._no_reuse = options.store, counts(options.store), options.no_reuse

    def read(self, plan: Plan, new_tokens: int | None) -> Run:
        """The whole run, with its time. Rows that were not made since the run began were reused."""
        seconds = time.monotonic() - self._monotonic
        made, taken = self._made(plan), plan["taken"]
        return {
            **plan,  # type: ignore[typeddict-item] # a plan has no `judged_again`
            "started": self._started.isoformat(timespec="seconds"),
            "wall_seconds": round(seconds, 1),
            "made": made,
            "reused": {
                "answers": max(0, taken["answers"] - made["answers"]),
                "trials": max(0, taken["trials"] - made["trials"]),
            },
            "replies_per_second": round((made["answers"] + made["trials"]) / seconds, 2),
            "tokens_per_second": None if new_tokens is None else round(new_tokens / seconds, 2),
        }

    def _made(self, plan: Plan) -> Counts:
        """The rows that the store did not have before. With --no-reuse every row of a served checkpoint is new."""
        now = counts(self._store)
        anew = {
            checkpoint["fingerprint"]: self._no_reuse and is_served(checkpoint["spec"])
            for checkpoint in plan["checkpoints"].values()
        }

        def new(table: str) -> int:
            return sum(
                now[table, one] - (0 if whole else self._before[table, one]) for one, whole in anew.items()
            )

        return {"answers": new("answers"), "trials": new("trials")}


def provenance(measurement: Measurement, options: Options, arguments: list[str]) -> Plan:
    """What is known of a run that is not judged yet; `arguments` are those of its command line."""
    # those under test come first, in training order, then the base that they are compared with
    specs = sorted(options.checkpoints, key=lambda spec: spec.role == "base")
    done = [measurement.done[spec.name] for spec in specs if spec.name in measurement.done]
    return {
        "command": shlex.join(["pytest", *arguments]),
        "revision": _revision(),
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": platform.platform(),
        "problems": {
            "source": measurement.problem_set.source,
            "revision": measurement.problem_set.revision,
            "n": len(measurement.problem_set.problems),
        },
        "prompts": prompts(),
        "hints": list(options.hints),
        "seed": options.seed,
        "alpha": options.alpha,
        "store": str(options.store),
        "planned_trials": measurement.planned,
        "taken": {
            "answers": sum(len(measured.answers) for measured in done),
            "trials": sum(len(measured.transcripts(s)) for measured in done for s in measured.strategies),
        },
        "checkpoints": {
            measured.name: {
                "spec": measured.checkpoint.spec,
                "role": measured.role,
                "fingerprint": measured.checkpoint.fingerprint,
                "dtype": measured.checkpoint.dtype,
                "engine": measured.checkpoint.engine,
                "readout": measured.settings.readout,
                "max_answer_tokens": measured.settings.max_answer_tokens,
                "max_reply_tokens": measured.settings.max_reply_tokens,
            }
            for measured in done
        },
    }


def prompts() -> str:
    """A digest of every word that a checkpoint is asked with."""
    words = Path(strategies.__file__).with_name("strategies.toml").read_bytes()
    return hashlib.sha256(words + conversation.SOLVE.encode()).hexdigest()


def _versions() -> dict[str, str]:
    return {package: found for package in PACKAGES if (found := _version(package))}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _revision() -> str | None:
    """Heedful's own commit, with -dirty where the checkout has changes; None outside a git checkout."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
