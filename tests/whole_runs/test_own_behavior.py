"""Own behavior tests: what goes wrong in a behavior that a user adds is its test's, and takes no other's verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.suite import Run, options, run

FEW = ("--n-problems=24", "-k", "pull or own")
MARK = "@pytest.mark.measures('direct_hint', role='instruct')"
OTHER = "behaviors/test_signal_has_effect.py::test_pull[tuned]"


def judged(place: Path, text: str) -> Run:
    """A run of a behavior of one's own beside one of the suite's."""
    own = place / "test_own.py"
    own.write_text(f"import pytest\n\n{text}\n")
    return run(place, [*options(place, "obedient", *FEW), "behaviors/test_signal_has_effect.py", str(own)])


@pytest.mark.parametrize(
    ("body", "said", "exit_code"),
    [
        ("def test_own(checkpoint, bound):\n    pytest.skip('not today')", "1 skipped", 0),
        ("def test_own(checkpoint, bound):\n    pytest.fail('not ever')", "not ever", 1),
        (
            "def test_own(checkpoint, bound):\n    assert checkpoint['direct_hnt'].rho >= bound(0.5)",
            "direct_hnt",
            1,
        ),
        ("def test_own(checkpoint, bound):\n    assert checkpoint.rho >= bound(0.5)", "AttributeError", 1),
    ],
    ids=["skips", "fails", "mistyped", "no-such"],
)
def test_what_it_raises_is_left_to_its_test(tmp_path: Path, body: str, said: str, exit_code: int) -> None:
    finished = judged(tmp_path, f"{MARK}\n{body}")
    assert finished.exit_code == exit_code, finished.printed
    assert said in finished.printed
    assert [*finished.verdicts] == [OTHER]


def test_in_a_class(tmp_path: Path) -> None:
    text = f"class TestOwn:\n    {MARK}\n    def test_own(self, cell, bound):\n        assert cell.rho >= bound(0.1)"
    finished = judged(tmp_path, text)
    assert len(finished.verdicts) == 2, finished.printed


def test_one_that_cannot_be_imported_costs_nothing(tmp_path: Path) -> None:
    finished = judged(tmp_path, f"import nowhere\n\n{MARK}\ndef test_own(cell, bound): ...")
    assert finished.exit_code == pytest.ExitCode.INTERRUPTED, finished.printed
    assert finished.made == ()
