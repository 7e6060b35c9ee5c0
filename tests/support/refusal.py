"""A run of pytest that bad input must end: in one clear line and exit code 4, with nothing loaded or written."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHERS = ("hypothesispytest", "syrupy", "anyio")
"""Plugins that these tests do not need, and that are slow to import."""
COMMAND = [
    sys.executable,
    "-m",
    "pytest",
    "-p",
    __name__,
    *(part for name in OTHERS for part in ("-p", f"no:{name}")),
]
CLOSED = "http://127.0.0.1:9"
IMPORTED = "HEEDFUL_TEST_IMPORTED"
"""Environment variable: the file to which a run that has this module as a plugin writes what it imported."""


def pytest_unconfigure() -> None:
    Path(os.environ[IMPORTED]).write_text("\n".join(sys.modules))


@dataclass
class Run:
    """One run of pytest with places of its own. `refused` runs it and returns the line that it printed."""

    place: Path
    environment: dict[str, str] = field(default_factory=dict)

    def refused(self, *arguments: str, torch: bool = False) -> str:
        """With `torch`, the mistake shows only once torch is imported; weights are loaded in no case."""
        before = self._files()
        plain = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PIP", "HF_"))
        }
        done = subprocess.run(
            [*COMMAND, *self._places(arguments), *arguments],
            cwd=ROOT,
            env={
                **plain,
                IMPORTED: str(self.place / "imported"),
                "XDG_CACHE_HOME": str(self.place / "cache"),
                "HF_HOME": str(self.place / "hub"),
                "HF_ENDPOINT": CLOSED,
                "NO_PROXY": "*",
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_INDEX_URL": CLOSED,
                "PIP_RETRIES": "0",
                **self.environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        screen = done.stdout + done.stderr
        assert done.returncode == pytest.ExitCode.USAGE_ERROR, screen
        lines = [line for line in screen.splitlines() if line.startswith("ERROR:")]
        assert len(lines) == 1, screen
        assert "Traceback" not in screen, screen
        imported = (self.place / "imported").read_text().split()
        assert torch or "torch" not in imported, "torch is imported"
        models = [name for name in imported if name.startswith("transformers.models.") and _is_model(name)]
        assert not models, models
        left = set(self._files()).difference(before)
        assert not left, left
        return lines[0]

    def _places(self, arguments: tuple[str, ...]) -> list[str]:
        given = {argument.partition("=")[0] for argument in arguments}
        places = {"--store": self.place / "store.sqlite3", "--output": self.place / "output"}
        return [f"{option}={path}" for option, path in places.items() if option not in given]

    def _files(self) -> list[Path]:
        """All files but locks: a lock that is removed would no longer lock."""
        own = {self.place / "imported"}
        return [
            path
            for path in sorted(self.place.rglob("*"))
            if path.is_file() and path.suffix != ".lock" and path not in own
        ]


def _is_model(module: str) -> bool:
    return ".modeling_" in module and ".auto." not in module
