"""What is thought and what is said: one text, split the same whole or in pieces."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.checkpoints.thought import HARMONY, KNOWN, Markers, Split, Stream, markers_of, opened_by, split

THINK = KNOWN[0]
OWN = Markers("<mull>", "</mull>")
MARKERS = [text for marker in KNOWN for text in (marker.opens, marker.closes)]
texts = st.lists(
    st.one_of(st.sampled_from([*MARKERS, " ", "\n", "30%"]), st.text("<>/thinkTHINK[]| a", max_size=6))
)


@pytest.mark.parametrize("marker", KNOWN, ids=lambda marker: marker.opens.strip())
def test_every_family_of_markers(marker: Markers) -> None:
    whole = split(f"{marker.opens}\nIt says 40. I say 95.\n{marker.closes}\n\nI'd say 30%.", KNOWN)
    assert whole == Split("It says 40. I say 95.", "I'd say 30%.")


@pytest.mark.parametrize("marker", KNOWN, ids=lambda marker: marker.opens.strip())
def test_a_thought_that_a_template_has_opened(marker: Markers) -> None:
    said = f"I say 95.\n{marker.closes}\n\n30%"
    assert split(said, KNOWN, marker) == Split("I say 95.", "30%")
    assert split(said, KNOWN) == Split("I say 95.", "30%"), "and one that was opened unseen"


@pytest.mark.parametrize("opened", [None, THINK])
def test_a_thought_without_end_has_no_reply(opened: Markers | None) -> None:
    text = "I say 95%" if opened else "<think>I say 95%"
    assert split(text, KNOWN, opened) == Split("I say 95%", "", THINK)


def test_several_thoughts_and_what_stands_between_them() -> None:
    said = "<think>one</think>First <think> two </think>30%. <think>\n</think>Done."
    assert split(said, KNOWN) == Split("one\ntwo", "First 30%. Done.")


def test_only_a_thoughts_own_end_ends_it() -> None:
    said = "<think>[THINK] </thinking> 95 [/THINK]</think>30%"
    assert split(said, KNOWN) == Split("[THINK] </thinking> 95 [/THINK]", "30%")


def test_a_text_without_thought_stays_as_it_is() -> None:
    assert split(" \n30% <b>sure</b> ", KNOWN) == Split("", " \n30% <b>sure</b> ")
    assert split("<think>95</think>30%", ()) == Split("", "<think>95</think>30%")


def test_harmony() -> None:
    said = (
        "<|channel|>analysis<|message|>It says 40.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>I'd say 30%."
    )
    assert split(said, KNOWN) == Split("It says 40.", "I'd say 30%.")
    closed = split(f"<|channel|>analysis<|message|>It says{HARMONY.closing}30%", KNOWN)
    assert closed == Split("It says", "30%")


@given(texts, st.lists(st.integers(0, 200)))
def test_a_stream_is_split_as_its_whole_text_is(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    stream = Stream(KNOWN)
    ends = [*sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, end in zip([0, *ends], ends, strict=False):
        stream.add(text[start:end])
        assert stream.split == split(text[:end], KNOWN)
        assert stream.open == (stream.split.open is not None)


@pytest.mark.parametrize("piece", ["<think>", "</think>", "<think></think>", "<", "<|channel|>", "a"])
def test_every_piece_is_looked_at_once(piece: str) -> None:
    """Steps of Python, counted: twice the text takes twice as many, whatever it is made of."""

    def steps(pieces: int) -> int:
        stream, made = Stream(KNOWN), 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            for _ in range(pieces):
                stream.add(piece)
        finally:
            sys.setprofile(None)
        longest = max((len(text) for text in (*stream._stretch, stream._tail)), default=0)
        assert longest <= 2 * max(map(len, MARKERS)), "and no text is copied again and again"
        return made

    assert steps(800) <= 2.2 * steps(400)


def test_an_end_that_was_not_begun_here_tells_what_began() -> None:
    stream = Stream(KNOWN)
    stream.add("<think>one</think>30%")
    before = stream.unseen
    assert before is None
    stream.add(" and [/THINK]40%")
    assert stream.unseen == Markers("[THINK]", "[/THINK]")
    assert stream.reply == "40%"


@pytest.mark.parametrize("marker", KNOWN, ids=lambda marker: marker.opens.strip())
@pytest.mark.parametrize("behind", ["", "\n", " \n\n"])
def test_a_prompt_that_opens_a_thought(marker: Markers, behind: str) -> None:
    prompt = f"<|im_start|>assistant\n{marker.opens}"
    assert opened_by(f"{prompt}{behind}", KNOWN) == marker
    assert opened_by(f"{prompt}{behind}{marker.closes}\n\n", KNOWN) is None


TEMPLATES: dict[str, tuple[Any, tuple[Markers, ...]]] = {
    "its-own": ({"fields": {"thinking": {"open": "<mull>\n", "close": "</mull>"}}}, (OWN,)),
    "several": (
        {"fields": {"reasoning": {"open": ["<mull>", "<think>"], "close": ["</mull>"]}}},
        (OWN, Markers("<think>", "</mull>")),
    ),
    "known": ({"fields": {"reasoning_content": {"open": "<think>", "close": "</think>"}}}, ()),
    "expressions": ({"fields": {"thought": {"open_pattern": "(a+)+$", "close": "</mull>"}}}, ()),
    "empty": ({"fields": {"thought": {"open": " ", "close": ""}}}, ()),
    "no-texts": ({"fields": {"thought": {"open": 7, "close": [None]}}}, ()),
    "other-fields": ({"fields": {"content": {"open": "<mull>", "close": "</mull>"}}}, ()),
    "no-fields": ({"fields": ["thinking"]}, ()),
    "text": ("fields", ()),
    "none": (None, ()),
}


@pytest.mark.parametrize(("template", "own"), TEMPLATES.values(), ids=TEMPLATES)
def test_markers_of_a_response_template(template: Any, own: tuple[Markers, ...]) -> None:
    assert markers_of(template) == (*own, *KNOWN)


def test_a_template_s_own_markers_come_first() -> None:
    assert split("<mull>95</mull>30%", markers_of(TEMPLATES["its-own"][0])) == Split("95", "30%")
