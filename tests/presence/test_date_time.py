"""Moments; pandas is the judge."""

from __future__ import annotations

import doctest
from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.presence import date_time
from dissectors.presence.date_time import time_ns_of


def test_examples() -> None:
    assert doctest.testmod(date_time) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "now", "2015-03-09", "2015-03-09 08:14:02", "2015-13-09T08:14:02"),
        *("2015-02-30T08:14:02Z", "2015-03-09T08:60:02Z", "2015-03-09T25:14:02Z"),
        *("2015-03-09T08:14:61Z", "2015-03-09T08:14:02+20:00", "2015-03-09T08:14:02+02:60"),
        *("0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999Z", "2015-03-09T08:14:02+1:00"),
        *("2015-03-09T08:14:02Z2015", "٢٠١٥-03-09T08:14:02Z"),
    ],
)
def test_what_is_no_moment(text: str | None) -> None:
    assert time_ns_of(text) is None


def test_a_moment_without_zone_is_utc() -> None:
    assert time_ns_of("2015-03-09T08:14:02.250") == time_ns_of("2015-03-09T08:14:02.25Z")
    assert time_ns_of("2015-03-09T08:14:02.123456789999") == 1_425_888_842_123_456_789


@settings(max_examples=60)
@given(
    moment=st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2260, 1, 1)),
    minutes=st.none() | st.integers(-14 * 60, 14 * 60),
)
def test_moments_are_those_of_pandas(moment: datetime, minutes: int | None) -> None:
    zone = timezone.utc if minutes is None else timezone(timedelta(minutes=minutes))
    text = moment.replace(tzinfo=zone).isoformat()
    assert time_ns_of(text) == pd.Timestamp(text).value


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_any_text_gives_a_value_or_none(text: str) -> None:
    moment = time_ns_of(text)
    assert moment is None or isinstance(moment, int)
