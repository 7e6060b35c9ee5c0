"""The picture of layers: a curve for each strategy with a signal, pale where numbers are hardly written."""

from __future__ import annotations

from typing import Any, cast

from reports.data.profile import Profile
from reports.views.layers import by_layer

HOSTILE = "<script>alert(1)</script>"


def layers(*masses: float) -> dict[str, Any]:
    slope = {"value": 0.5, "low": 0.25, "high": 0.75}
    return {"layers": [{"layer": n, "mass": mass, "slope": slope} for n, mass in enumerate(masses, start=1)]}


def profile(**expected: Any) -> Profile:
    cells = {strategy: {"expected": own} for strategy, own in expected.items()}
    return cast(Profile, {"checkpoints": {HOSTILE: {"strategies": cells}}})


def test_a_curve_is_pale_where_it_says_little() -> None:
    (picture,) = by_layer(profile(natural_query=layers(0.1, 0.9, 0.9), no_signal=layers(0.9, 0.9, 0.9)))
    assert "natural_query 0.50, 0.50, 0.50." in picture.svg
    assert "no_signal" not in picture.svg
    assert "stroke-opacity: 0.3" in picture.svg
    assert HOSTILE not in picture.svg


def test_there_is_none_where_no_layer_was_read() -> None:
    plain: dict[str, Any] = {"slope": {"value": 0.5, "low": 0.25, "high": 0.75}}
    assert list(by_layer(profile(natural_query=plain, direct_hint=None))) == []


def test_a_slope_that_is_not_known_is_left_out() -> None:
    unknown = layers(0.9, 0.9)
    unknown["layers"][0]["slope"] = {"value": None, "low": None, "high": None}
    (picture,) = by_layer(profile(direct_hint=unknown))
    assert "direct_hint -, 0.50." in picture.svg
