"""The hub, as a stand-in on this machine answers for it: what is resolved, downloaded, kept and refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.checkpoints.source.directory import CONTENT
from tests.support.hub import COMMIT, Hub, serving
from tests.support.tiny import tiny_checkpoint

ROOT = Path(__file__).parents[3]
OLDER = "89abcdef0123456789abcdef0123456789abcdef"
LOCATE = """
import sys
from fixtures.checkpoints.source.locate import locate
from fixtures.errors import InputError
for spec in sys.argv[1:]:
    try:
        source = locate(spec, "instruct")
        print(source.fingerprint, *sorted(file.name for file in source.directory.iterdir()))
    except InputError as error:
        print(error)
assert "torch" not in sys.modules
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Two commits: `v1` is the older one. Both have the same weights as a pickle too."""
    new, old = (tiny_checkpoint(tmp_path / name, seed=seed) for seed, name in enumerate(("new", "old")))
    for directory in (new, old):
        (directory / "pytorch_model.bin").write_bytes(b"a pickle")
    with serving(Hub({"main": COMMIT, "v1": OLDER}, {COMMIT: new, OLDER: old})) as hub:
        yield hub


def environment(hub: Hub, place: Path, **more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTEST"))}
    return {
        **plain,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(place / "home"),
        "NO_PROXY": "*",
        "PYTHONPATH": str(ROOT),
        **more,
    }


def located(hub: Hub, place: Path, *specs: str, **more: str) -> list[str]:
    """What each SPEC is, or the line that refuses it; in a process of its own, which reads the environment anew."""
    done = subprocess.run(
        [sys.executable, "-c", LOCATE, *specs],
        env=environment(hub, place, **more),
        capture_output=True,
        text=True,
        check=True,
        cwd=place,
    )
    return done.stdout.splitlines()


def test_an_id_is_resolved_to_a_commit_at_the_start(hub: Hub, tmp_path: Path) -> None:
    main, tag, commit, unknown = located(
        hub, tmp_path, "owner/name", "owner/name@v1", f"owner/name@{OLDER}", "owner/name@v9"
    )
    assert main.split()[0] == f"owner/name@{COMMIT}"
    assert tag.split()[0] == commit.split()[0] == f"owner/name@{OLDER}"
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(main.split()[1:])
    assert unknown == "has no revision v9; check the branch, tag or commit"
    assert not any("pytorch_model.bin" in line for line in hub.asked), "no pickle is even downloaded"
    assert "*.bin" not in CONTENT
    hub.revisions["main"] = OLDER
    assert located(hub, tmp_path, "owner/name")[0].split()[0] == f"owner/name@{OLDER}"


def test_offline_asks_nothing_and_takes_what_is_kept(hub: Hub, tmp_path: Path) -> None:
    kept = located(hub, tmp_path, "owner/name")
    hub.asked.clear()
    assert located(hub, tmp_path, "owner/name", HF_HUB_OFFLINE="1") == kept
    (line,) = located(hub, tmp_path, "owner/name@v1", HF_HUB_OFFLINE="1")
    assert line.startswith("is no local path, is not in the hub's cache, and cannot be had from the hub")
    assert hub.asked == []


def test_a_gated_repository_wants_a_token(hub: Hub, tmp_path: Path) -> None:
    hub.token = "hf_secret"
    (line,) = located(hub, tmp_path, "owner/name")
    assert line == "is gated; accept its terms on its page and log in with `hf auth login`"
    (line,) = located(hub, tmp_path, "owner/name", HF_TOKEN="hf_secret")
    assert line.split()[0] == f"owner/name@{COMMIT}"


def test_an_adapter_may_be_on_the_hub(hub: Hub, tmp_path: Path) -> None:
    from tests.checkpoints.source.test_adapter import adapted

    base = tiny_checkpoint(tmp_path / "base")
    hub.files[OLDER] = adapted(base, tmp_path / "adapter")
    one, other = located(hub, tmp_path, f"{base}#owner/name@v1", "owner/name#owner/name@v1")
    assert len({one.split()[0], other.split()[0]}) == 2
    assert {len(line.split()[0]) for line in (one, other)} == {64}


def test_a_run_shows_the_download_and_records_the_commit(hub: Hub, tmp_path: Path) -> None:
    output = tmp_path / "output"
    arguments = ["--checkpoint=owner/name@v1", f"--output={output}", f"--store={tmp_path / 'store'}"]
    small = ["--problems=demo", "--n-problems=8", "--max-answer-tokens=1", "--max-reply-tokens=1"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *small, "-k", "calibration", "-p", "no:cacheprovider"],
        env=environment(hub, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    before, judged, _ = done.stdout.partition("collected ")
    assert judged, done.stdout
    assert "Fetching 6 files" in before
    (checkpoint,) = json.loads((output / "profile.json").read_text())["checkpoints"].values()
    assert checkpoint["spec"] == "owner/name@v1"
    assert checkpoint["fingerprint"] == f"owner/name@{OLDER}"
