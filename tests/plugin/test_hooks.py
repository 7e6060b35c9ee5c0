"""Beside other plugins of pytest: what it counts, what is blocked with -p no:, and tests that are run again."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.suite import options, run

FEW = ("--n-problems=24", "--undecided=pass")
AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, nextitem=nextitem, log=False)
    item._initrequest()
    runtestprotocol(item, nextitem=nextitem)
    return True
"""
"""Runs each test twice, as pytest-rerunfailures does, and reports it once."""


def test_counts_are_true(tmp_path: Path) -> None:
    """Behaviors that no checkpoint is asked are deselected, as those that -k leaves out."""
    done = run(tmp_path, options(tmp_path, "obedient", *FEW, "--collect-only", "-k", "test_rho"))
    collected, deselected, selected = map(
        int, re.findall(r"collected (\d+) items / (\d+) deselected / (\d+) selected", done.printed)[0]
    )
    listed = re.findall(r"<Function ", done.printed)
    assert selected == collected - deselected == len(listed) > 0
    assert "no --base: " in done.printed


@pytest.mark.parametrize(
    ("blocked", "missing"),
    [(("html",), ("report.html",)), (("html", "junitxml"), ("report.html", "junit.xml"))],
)
def test_a_plugin_that_writes_is_blocked(
    blocked: tuple[str, ...], missing: tuple[str, ...], tmp_path: Path
) -> None:
    without = [part for name in blocked for part in ("-p", f"no:{name}")]
    done = run(tmp_path, options(tmp_path, "obedient", *FEW, "-k", "bias", *without))
    assert done.exit_code == 0, done.printed
    assert not {*missing} & done.files.keys()
    assert {"profile.json", "summary.md", "report.html", "junit.xml"} - {*missing} <= done.files.keys()
    said = ", ".join(f"no {file} (-p no:{plugin})" for plugin, file in zip(blocked, missing, strict=True))
    assert f"reports: {said}\n" in done.printed
    wrote = " ".join(done.printed.split()).partition(" wrote ")[2].partition(" ---")[0].partition(" ===")[0]
    assert "profile.json" in wrote
    assert not any(file in wrote for file in missing)


def test_a_test_that_runs_again_has_its_properties_once(tmp_path: Path) -> None:
    (tmp_path / "again.py").write_text(AGAIN)
    arguments = options(tmp_path, "obedient", *FEW, "-k", "bias", "-p", "again")
    done = run(tmp_path, arguments, PYTHONPATH=str(tmp_path))
    assert done.exit_code == 0, done.printed
    for case in ElementTree.fromstring(done.files["junit.xml"]).iter("testcase"):
        names = Counter(known.get("name") for known in case.iter("property"))
        assert names["verdict"] == 1
        assert set(names.values()) == {1}
