"""Our sine, cosine and arc tangent against the C library's."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from node.plant.kernel.angles import arctan2, sincos, wrap


@settings(max_examples=1000)
@given(st.floats(min_value=-1e5, max_value=1e5))
def test_sine_and_cosine(angle: float) -> None:
    sine, cosine = sincos(angle)
    assert abs(sine - math.sin(angle)) <= 3e-16 and abs(cosine - math.cos(angle)) <= 3e-16


@settings(max_examples=1000)
@given(st.floats(min_value=-1e9, max_value=1e9), st.floats(min_value=-1e9, max_value=1e9))
def test_angle_of_two_components(y: float, x: float) -> None:
    angle = arctan2(y, x)
    if (x, y) == (0.0, 0.0):
        assert angle == 0.0
    elif y == 0.0 and x < 0.0:
        assert abs(angle) == math.pi
    else:
        assert abs(angle - math.atan2(y, x)) <= 1e-15


def test_angle_near_the_places_where_it_is_pieced_together() -> None:
    for k in range(-40_000, 40_001):
        angle = k * math.pi / 40_000.0
        y, x = math.sin(angle), math.cos(angle)
        assert abs(arctan2(y, x) - math.atan2(y, x)) <= 1e-15


@settings(max_examples=200)
@given(st.floats(min_value=-1e6, max_value=1e6))
def test_wrap(angle: float) -> None:
    wrapped = wrap(angle)
    assert 0.0 <= wrapped <= 2.0 * math.pi
    assert abs(math.sin(wrapped - angle)) < 1e-9
