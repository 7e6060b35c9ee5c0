"""The schedule of looks: alpha is spent once, early looks are at whole blocks, and can settle something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.measuring.interim_looks import looks
from fixtures.questions.problems import BLOCK
from fixtures.stats.verdict import fewest_problems


@given(st.integers(2, 5000), st.floats(1e-6, 0.49))
def test_looks_spend_alpha_and_end_with_all_problems(n: int, alpha: float) -> None:
    schedule = looks(n, alpha, early_stop=True)
    assert sum(look.alpha for look in schedule) == pytest.approx(alpha)
    assert [look.n for look in schedule] == sorted({look.n for look in schedule})
    assert [look.last for look in schedule] == [False] * (len(schedule) - 1) + [True]
    assert schedule[-1].n == n
    assert schedule[-1].alpha >= 0.75 * alpha * (1 - 1e-9)
    for look in schedule[:-1]:
        assert look.n % BLOCK == 0
        assert look.n >= fewest_problems(look.alpha)


def test_looks_by_hand() -> None:
    schedule = looks(500, 0.16, True)
    assert [look.n for look in schedule] == [64, 128, 192, 320, 500]
    assert [look.alpha for look in schedule] == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.12])
    assert [look.n for look in looks(48, 0.01, True)] == [32, 48]
    assert [look.n for look in looks(24, 0.01, True)] == [24]
    assert [look.n for look in looks(500, 0.01, False)] == [500]
