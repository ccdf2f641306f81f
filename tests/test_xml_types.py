from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.xml_types import boolean_of, integer_of, number_of


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), (" 7\n", 7), ("-1", None), ("", None), (None, None), ("1" * 19, None), ("٣", None)],
)
def test_integers(text: str | None, value: int | None) -> None:
    assert integer_of(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.52", 3.52), ("-71", -71.0), (".5", 0.5), ("5.", 5.0), ("1E-2", 0.01), ("+2", 2.0),
        ("3,52", None), ("NaN", None), ("INF", None), ("1e999", None), ("", None), (None, None),
        ("٣.٣", None), ("1" * 30, None),
    ],
)  # fmt: skip
def test_numbers(text: str | None, value: float | None) -> None:
    assert number_of(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("1", True), (" FALSE ", False), ("0", False), ("yes", None), (None, None)],
)
def test_booleans(text: str | None, value: bool | None) -> None:
    assert boolean_of(text) is value


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_what_python_writes_is_read(value: float) -> None:
    read = number_of(f"{value:.6f}")
    assert read is not None and math.isclose(read, value, abs_tol=1e-6)


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_none(text: str) -> None:
    number = number_of(text)
    assert number is None or math.isfinite(number)
    integer_of(text)
    boolean_of(text)
