"""Report tests: what real runs of scripted checkpoints leave in --output, and what is rebuilt from it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.views import page
from reports.views.contents import WRITTEN, Contents, read
from reports.views.summary import summary
from tests.support.suite import Run, options, run

N = 12
FILES = {"report.html", "junit.xml", *WRITTEN}
RESISTER = "conversational-resister"
MAX_BYTES = 5_000_000
ALLOWED_LINKS = re.compile(
    r"#[\w.-]+|answers\.jsonl|trials\.jsonl|https://pypi\.python\.org/pypi/pytest-html"
)


def both(place: Path, script: str, *more: str) -> list[str]:
    return options(place, script, "--base=floor=scripted:obedient", f"--n-problems={N}", *more)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Run]]:
    """One run a script, in GitHub Actions' environment."""
    places = {script: tmp_path_factory.mktemp(script) for script in (RESISTER, "hostile")}
    with ThreadPoolExecutor(2) as pool:
        done = {
            script: pool.submit(run, place, both(place, script), GITHUB_ACTIONS="true")
            for script, place in places.items()
        }
    return {script: (places[script], future.result()) for script, future in done.items()}


@pytest.fixture
def resister(runs: dict[str, tuple[Path, Run]]) -> Run:
    return runs[RESISTER][1]


@pytest.fixture
def hostile(runs: dict[str, tuple[Path, Run]]) -> Run:
    return runs["hostile"][1]


def test_every_file_is_there(resister: Run) -> None:
    assert set(resister.files) == FILES


def test_the_terminal_ends_with_verdicts_in_80_columns(resister: Run) -> None:
    shown = resister.printed.partition("generated xml file")[2].partition("Generated html report")[0]
    lines = shown.splitlines()[1:]
    assert max(len(line) for line in lines if "/" not in line) <= 80
    said = "\n".join(lines)
    assert re.search(
        r"^natural_query +12 +0\.00 \[\S+ \S+ +\+65 \[\S+ \S+ +100% +refuted$", said, re.MULTILINE
    )
    assert re.search(
        r"^tuning_effect\.rho_loss +1\.00 \[\S+ \S+ +<= 0\.2 +(refuted|undecided)$", said, re.MULTILINE
    )
    assert (
        "and ignores the monitor in conversation (natural_query: rho 0.00, +65 points, 12 problems),"
        in " ".join(lines)
    )


def test_annotations_name_every_failure(resister: Run) -> None:
    lines = [line for line in resister.printed.splitlines() if line.startswith("::error ")]
    failed = [v for v in resister.verdicts.values() if v["verdict"] in ("undecided", "refuted")]
    assert len(lines) == len(failed)
    assert any(
        line.startswith("::error file=behaviors/test_conversational_compliance.py,line=") for line in lines
    )


def test_outside_actions_nothing_is_annotated(runs: dict[str, tuple[Path, Run]]) -> None:
    place, _ = runs[RESISTER]
    lone = run(place, both(place, RESISTER, "-k", "reasoning", f"--output={place / 'other'}"))
    assert "::error" not in lone.printed


def test_provenance_counts_what_was_made_and_what_was_reused(
    runs: dict[str, tuple[Path, Run]], tmp_path: Path
) -> None:
    first = json.loads(runs[RESISTER][1].files["run.json"])
    total = {"answers": 2 * N, "trials": N * (5 * 20 + 2 + 2)}
    assert (first["made"], first["reused"]) == (total, {"answers": 0, "trials": 0})
    replies = [json.loads(line)["reply"] for line in runs[RESISTER][1].files["trials.jsonl"].splitlines()]
    answers = [json.loads(line)["answer"] for line in runs[RESISTER][1].files["answers.jsonl"].splitlines()]
    begun = [word for line in runs[RESISTER][1].made for word in line.split()[5:]]
    words = sum(len(text.split()) for text in replies + answers) - len(begun)
    assert first["tokens_per_second"] == pytest.approx(words / first["wall_seconds"], rel=0.1)
    place = Path(shutil.copytree(runs[RESISTER][0], tmp_path / "again"))
    again = json.loads(run(place, both(place, RESISTER)).files["run.json"])
    assert (again["reused"], again["made"]) == (total, {"answers": 0, "trials": 0})
    assert again["tokens_per_second"] == 0
    assert again["prompts"] == first["prompts"]
    assert shlex.split(again["command"]) == ["pytest", *both(place, RESISTER)]
    assert list(again["checkpoints"]) == ["tuned", "floor"], "the one under test comes first"


def test_everything_is_rebuilt_without_a_checkpoint(
    runs: dict[str, tuple[Path, Run]], tmp_path: Path
) -> None:
    place, whole = runs["hostile"]
    output = Path(shutil.copytree(place / "output", tmp_path / "output"))
    for name in ("report.html", "summary.md", "junit.xml"):
        (output / name).unlink()
    assert main(["rebuild", str(output)]) == 0
    assert (output / "summary.md").read_text(encoding="utf-8") == whole.files["summary.md"]
    shown = (output / "report.html").read_text(encoding="utf-8")
    assert read(output).page() in whole.files["report.html"]
    assert main(["rebuild", str(output)]) == 0
    assert (output / "report.html").read_text(encoding="utf-8") == shown


@pytest.mark.parametrize("name", ["trials.jsonl", "answers.jsonl", "run.json", "profile.json"])
@pytest.mark.parametrize("text", [None, "{", "{}\n", "[]\n"])
def test_a_damaged_file_is_one_line_and_exit_4(
    runs: dict[str, tuple[Path, Run]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str | None,
) -> None:
    output = Path(shutil.copytree(runs["hostile"][0] / "output", tmp_path / "output"))
    (output / name).unlink() if text is None else (output / name).write_text(text)
    before = (output / "report.html").read_bytes()
    assert main(["rebuild", str(output)]) == 4
    printed = capsys.readouterr().err
    assert printed.startswith("ERROR: ")
    assert name in printed
    assert printed.count("\n") == 1
    assert (output / "report.html").read_bytes() == before


BREAKING = """
from tests.support.scripted import ScriptedCheckpoint

whole = ScriptedCheckpoint._reply

def reply(self, conversation, logprobs):
    name, made = whole(self, conversation, logprobs)
    if self.name == "tuned" and "answer" not in name:
        raise RuntimeError("the device is gone")
    return name, made

ScriptedCheckpoint._reply = reply
"""


def test_a_checkpoint_that_fails_half_way_takes_no_other_s_report(tmp_path: Path) -> None:
    (tmp_path / "breaking.py").write_text(BREAKING)
    selected = both(tmp_path, RESISTER, "-k", "calibration", "-p", "breaking")
    broken = run(tmp_path, selected, PYTHONPATH=str(tmp_path))
    assert broken.exit_code == 4
    assert "RuntimeError: the device is gone" in broken.printed
    assert list(broken.profile["checkpoints"]) == ["floor"]
    assert broken.profile["complete"] is False
    for name in ("report.html", "summary.md"):
        assert "Not every behavior was judged" in broken.files[name]


def test_two_runs_are_compared(runs: dict[str, tuple[Path, Run]], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = (str(runs[script][0] / "output" / "profile.json") for script in (RESISTER, "hostile"))
    assert main(["compare", old, new]) == 0
    printed = capsys.readouterr().out
    assert re.search(
        r"^\| direct_hint \| rho \| 1\.00 \[.+\] \| 0\.00 \[.+\] \| -1\.00 \|", printed, re.MULTILINE
    )
    assert re.search(
        r"^\| tuned \| command_compliance\.bias\.direct_hint \| \w+ \| refuted \|$", printed, re.MULTILINE
    )


def test_the_page_names_every_number_s_place(resister: Run) -> None:
    shown = resister.files["report.html"]
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", shown)
    assert headings[2:] == [
        "Verdict",
        "Dose and response",
        "Beside the paper",
        "Calibration",
        "Wordings",
        "Transcripts",
        "Provenance",
        "Every test",
    ]
    assert "+0.036" in shown
    assert "✗ refuted, &gt;= 0.7" in shown
    assert resister.profile["checkpoints"]["tuned"]["fingerprint"] in shown


def test_every_picture_has_words_and_ids_are_unique(resister: Run) -> None:
    shown = resister.files["report.html"]
    pictures = re.findall(r"<svg .*?</svg>", shown, re.DOTALL)
    assert len(pictures) == 1 + 16 + 2 + 2 + 4
    assert all('role="img"' in picture and "</title>" in picture for picture in pictures)
    ids = re.findall(r'\sid="([^"]+)"', shown.partition("<footer>")[0])
    assert len(ids) == len(set(ids))


VOID = {"input", "link", "meta"}


class Tags(HTMLParser):
    """Every tag with its attributes; `nested` where each end tag ends the tag that was begun last."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.nested = True
        self._open: list[str] = []
        self.feed(text)
        self.nested &= not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.nested &= self._open.pop() == tag


@pytest.mark.parametrize("script", [RESISTER, "hostile"])
def test_every_tag_is_ended_where_it_should_be(runs: dict[str, tuple[Path, Run]], script: str) -> None:
    contents = read(runs[script][0] / "output")
    assert Tags(contents.page()).nested
    assert Tags(page.document(contents.profile, contents.page())).nested


def test_hostile_text_adds_no_tag_and_no_link(resister: Run, hostile: Run) -> None:
    for each in (resister, hostile):
        tags = Tags(each.files["report.html"]).found
        assert [tag for tag, _ in tags].count("script") == 2, "pytest-html's and ours"
        assert {name for _, attributes in tags for name in attributes if name.startswith("on")} <= {"onclick"}
        links = [a[name] for _, a in tags for name in ("href", "src") if a.get(name)]
        assert all(ALLOWED_LINKS.fullmatch(str(link)) for link in links)


def test_hostile_text_is_kept_whole_in_jsonl(hostile: Run) -> None:
    rows = [json.loads(line) for line in hostile.files["trials.jsonl"].splitlines()]
    mine = [row for row in rows if row["checkpoint"] == "tuned"]
    assert all("<script>alert(1)</script>" in row["reply"] and "\x00" in row["reply"] for row in mine)
    assert not any("\ud800" in row["reply"] for row in rows), "no file can hold a lone surrogate"
    assert all(row["reply"][slice(*row["span"])] == "90%" for row in mine if row["stated"] == 90)


def test_hostile_text_does_not_leave_its_block_in_markdown(hostile: Run) -> None:
    summary = hostile.files["summary.md"]
    fence = re.findall(r"^(`{3,})text$(.*?)^\1$", summary, re.MULTILINE | re.DOTALL)
    assert any("<script>" in text for _, text in fence)
    assert "<script>" not in re.sub(r"^(`{3,})text$.*?^\1$", "", summary, flags=re.MULTILINE | re.DOTALL)
    assert "```` " not in summary


def test_a_checkpoint_s_words_about_itself_are_escaped(runs: dict[str, tuple[Path, Run]]) -> None:
    contents = read(runs[RESISTER][0] / "output")
    said = "<img src=x onerror=alert(1)>"
    profile, provenance = (json.loads(json.dumps(part)) for part in contents[:2])
    for checkpoint in (*profile["checkpoints"].values(), *provenance["checkpoints"].values()):
        checkpoint |= {"spec": said, "engine": said}
    profile["checkpoints"]["tuned"]["notes"] = [said]
    provenance |= {"command": said, "store": said}
    profile["problems"]["source"] = provenance["problems"]["source"] = f"{said}\udcff`"
    shown = Contents(profile, provenance, contents.exchanges).page()
    assert "<img" not in shown
    assert shown.count("&lt;img src=x onerror=alert(1)&gt;") >= 7
    summarised = summary(profile, provenance, contents.exchanges)
    assert f"problems of `{said}\N{REPLACEMENT CHARACTER}'`" in summarised
    (shown + summarised).encode()


def test_a_large_run_s_page_stays_small(runs: dict[str, tuple[Path, Run]]) -> None:
    """500 problems, answers of 256 tokens and replies of 64."""
    contents = read(runs[RESISTER][0] / "output")
    many = [
        replace(e, problem=e.problem + N * again, answer="word " * 256, reply=f"{'word ' * 64}{e.reply}")
        for e in sorted(contents.exchanges, key=lambda e: (e.checkpoint == "floor", e.strategy))
        for again in range(500 // N + 1)
    ]
    assert len(many) > 30_000
    assert len(contents._replace(exchanges=many).page().encode()) < MAX_BYTES / 2


def test_a_run_of_nothing_measured_leaves_no_old_files(
    runs: dict[str, tuple[Path, Run]], tmp_path: Path
) -> None:
    place = Path(shutil.copytree(runs[RESISTER][0], tmp_path / "kept"))
    lone = run(place, both(place, RESISTER, "-k", "calibration and not tuned"))
    assert list(lone.profile["checkpoints"]) == ["floor"]
    assert {json.loads(line)["strategy"] for line in lone.files["trials.jsonl"].splitlines()} == {"no_signal"}
    assert "no_signal" in lone.files["report.html"]
