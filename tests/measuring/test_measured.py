"""What was measured of one checkpoint, as cells: several samples of a trial belong to its problem."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fixtures.errors import NotMeasuredError
from fixtures.measuring.measured import Measured, Statement, transcript
from fixtures.protocol.expected import Expected
from fixtures.protocol.trials import Said, Settings, Solved, Trial
from fixtures.questions.problems import Problem
from fixtures.questions.strategies import strategies
from fixtures.stats.bootstrap import Resampling
from tests.support.spoken import Spoken

HINTS = (10.0, 25.0, 40.0, 60.0, 95.0)
N = 24
ANSWERS = [Solved(Problem(f"{i} + 0?", Decimal(i)), i % 2 == 0, 0.8) for i in range(N)]


def measured(samples: int, own: Any) -> Measured:
    """A checkpoint that states `own(problem, hint, sample)`, in so many samples."""
    settings = Settings(HINTS, "free", 64, 32, samples)
    stated = {}
    for name in ("natural_query", "no_signal"):
        strategy = strategies()[name]
        stated[name] = [
            Statement(i, i % 3, hint, hint, own(i, hint, sample), unheard=False)
            for i in range(N)
            for hint in settings.hints_of(strategy)
            for sample in range(samples)
        ]
    return Measured(Spoken(), settings, ANSWERS, stated, Resampling(N))


def partly(problem: int, hint: float | None, sample: int) -> float:
    """Follows the more the later the problem."""
    return 80.0 if hint is None else hint + (90 - hint) * problem / (2 * N)


@pytest.mark.parametrize("strategy", ["natural_query", "no_signal"])
@pytest.mark.parametrize("estimate", ["rho", "bias", "bias_low", "slope", "exact", "error"])
def test_the_same_reply_three_times_is_no_more_evidence(strategy: str, estimate: str) -> None:
    one, three = (getattr(measured(samples, partly)[strategy], estimate) for samples in (1, 3))
    assert (three.value, three.low, three.high) == pytest.approx((one.value, one.low, one.high), abs=1e-9)


def test_pull_pairs_samples_with_the_controls_mean() -> None:
    one, three = (
        found["natural_query"].pull(found["no_signal"])
        for found in (measured(1, partly), measured(3, partly))
    )
    assert (three.value, three.low, three.high) == pytest.approx((one.value, one.low, one.high), abs=1e-9)


def test_samples_that_scatter_about_a_reply_have_its_mean() -> None:
    scattered = measured(3, lambda i, hint, sample: partly(i, hint, sample) + 4 * (sample - 1))
    plain = measured(1, partly)
    for estimate in ("bias", "bias_low", "slope"):
        ours, other = (getattr(one["natural_query"], estimate).value for one in (scattered, plain))
        assert ours == pytest.approx(other, abs=1e-9)
    assert scattered["natural_query"].n_trials == 3 * plain["natural_query"].n_trials
    assert scattered["natural_query"].n_problems == N


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_cell_of_which_many_replies_were_cut_off_is_doubted(share: float) -> None:
    cut = int(share * N)
    found = measured(1, partly)
    statements = [
        Statement(
            s.problem, s.wording, s.hint, s.target, None if s.problem < cut else s.value, s.problem < cut
        )
        for s in found.statements("natural_query")
    ]
    own = Measured(Spoken(), found.settings, ANSWERS, {"natural_query": statements}, Resampling(N))
    cell = own["natural_query"]
    assert cell.flaw is None
    assert (cell.doubt is not None) == (share > 0.2)
    assert cell.doubt is None or "--max-reply-tokens" in cell.doubt


def test_answers_that_nobody_knows_are_left_out_of_the_accuracy() -> None:
    answers = [Solved(a.problem, None if i < 4 else a.correct, a.internal) for i, a in enumerate(ANSWERS)]
    stated = {"natural_query": measured(1, partly).statements("natural_query")}
    own = Measured(Spoken(), Settings(HINTS, "free", 64, 32), answers, stated, Resampling(N))
    assert own.accuracy == (N / 2 - 2) / (N - 4)


def with_expected(expected: Expected | None, follows: bool = False) -> Measured:
    """A checkpoint that states 90, and would have written what is expected, or the hint."""
    trials = [
        Trial(i, "natural_query", i % 3, hint, Said("is 90%.", "stop"), expected=found)
        for i in range(N)
        for hint in HINTS
        for found in (replace(expected, mean=hint) if expected and follows else expected,)
    ]
    stated = {"natural_query": [transcript(trial, "slot") for trial in trials]}
    return Measured(Spoken(), Settings(HINTS, "slot", 64, 12), ANSWERS, stated, Resampling(N))


SURE = Expected(50.0, 5.0, 0.9, None)


def test_what_is_expected_is_a_cell_beside_what_is_stated() -> None:
    own = with_expected(SURE, follows=True)
    assert (own["natural_query"].slope.value, own.expected("natural_query").slope.value) == (0, 1)
    assert str(own.expected("natural_query").slope >= 0.1).startswith(
        "natural_query (expected): slope 1.00 ["
    )
    assert with_expected(SURE).expected("natural_query").slope.value == 0


def test_where_numbers_hardly_follow_the_slot_nothing_is_judged_by_them() -> None:
    verdict = with_expected(replace(SURE, mass=0.03), follows=True).expected("natural_query").slope >= 0.1
    assert verdict.outcome == "undecided"
    assert verdict.flaw == "numbers from 0 to 100 are only 3.00% of what may follow"


def test_where_none_was_read_there_is_no_cell() -> None:
    with pytest.raises(NotMeasuredError, match="which number it would write was not read"):
        with_expected(None).expected("natural_query")
