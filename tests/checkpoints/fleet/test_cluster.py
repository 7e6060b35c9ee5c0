"""The Ray cluster that a fleet lives on: what a replica gets of it, and one line where it cannot be used."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from fixtures.errors import InputError
from tests.options.test_values import read
from tests.support.refusal import Run

pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")


from fixtures.checkpoints.fleet import cluster
from fixtures.checkpoints.fleet.cluster import Share

SHARES: list[tuple[list[dict[str, int]], int | None, str | None, Share | str]] = [
    ([{"GPU": 8, "CPU": 64}, {"GPU": 8, "CPU": 64}], None, None, Share(16, 1, 1)),
    ([{"GPU": 8, "CPU": 4}, {"GPU": 1, "CPU": 8}], None, None, Share(5, 1, 1)),
    ([{"GPU": 8, "CPU": 4}, {"GPU": 1, "CPU": 8}], 6, None, "--replicas 6: the Ray cluster has accelerators"),
    ([{"GPU": 8}], None, "cuda", "--device cuda: no node of the Ray cluster has an accelerator and a CPU"),
    ([{"CPU": 7}, {"CPU": 3}], 3, None, Share(3, 0, 3)),
    ([{"CPU": 3_000_000}], 3_000_000, None, Share(3_000_000, 0, 1)),
    ([{"CPU": 2}], 3, None, "--replicas 3: the Ray cluster has 2 CPUs"),
    ([{"GPU": 8}], None, None, "--ray: the cluster has no CPUs"),
]


@pytest.mark.parametrize(("nodes", "replicas", "device", "share"), SHARES)
def test_what_a_replica_gets_of_the_nodes(
    monkeypatch: pytest.MonkeyPatch,
    nodes: list[dict[str, int]],
    replicas: int | None,
    device: str | None,
    share: Share | str,
) -> None:
    monkeypatch.setattr("ray.nodes", lambda: [{"Alive": True, "Resources": node} for node in nodes])
    if isinstance(share, Share):
        assert cluster.share(replicas, device) == share
    else:
        with pytest.raises(InputError, match=share):
            cluster.share(replicas, device)


def test_more_replicas_than_this_machine_bears() -> None:
    with pytest.raises(InputError, match="--replicas 1000000: are too many for this machine's"):
        cluster.connect("local", 1_000_000)


REFUSED = {
    "no-cluster": (["--replicas=2"], "--replicas 2: are those of a Ray cluster; give --ray"),
    "none": (["--ray=local", "--replicas=0"], "--replicas 0: is not a whole number of at least 1"),
    "no-address": (["--ray=somewhere"], "--ray somewhere: is no address"),
    "workers": (["--ray=local", "-n2"], "--ray local: works for one process; leave out -n"),
    "device": (["--ray=local", "--device=cuda:1"], "--device cuda:1: Ray chooses which"),
    "auto": (["--ray=local", "--device=auto"], "--device auto: is for engines on this machine"),
    "closed": (["--ray=127.0.0.1:9"], "--ray 127.0.0.1:9: nothing answers there (Connection refused)"),
    "no-host": (["--ray=10..0.1:6379"], "--ray 10..0.1:6379: nothing answers there (encoding with 'idna'"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_bad_options(tmp_path: Path, arguments: list[str], words: str) -> None:
    assert words in Run(tmp_path).refused(*arguments)


def test_a_port_that_is_not_ray_s(tmp_path: Path) -> None:
    impatient = {"RAY_py_gcs_connect_timeout_s": "1", "RAY_gcs_rpc_server_connect_timeout_s": "1"}
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        arguments = (
            "-p",
            "tests.support.scripted",
            "--problems=demo",
            "--checkpoint=scripted:obedient",
            f"--ray={address}",
        )
        assert f"--ray {address}: cannot be used" in Run(tmp_path, impatient).refused(*arguments)


def test_ray_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"--ray local: Ray is not installed; pip install -e '\.\[ray\]'"):
        read(f"--output={tmp_path}", "--ray=local")
