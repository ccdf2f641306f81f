"""Times, hosts and ports as logs write them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.tracelog.record import ip_address, local_time_ns, split_host_port

EPOCH = dt.datetime(1970, 1, 1)


@given(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)))
def test_times_are_those_of_the_calendar(moment: dt.datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    date, time = f"{moment:%m/%d/}{moment.year:04}", f"{moment:%H:%M:%S.}{moment:%f}"[:12]
    told = local_time_ns(date.encode(), time.encode())
    assert told == (moment - EPOCH) // dt.timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("date", "time"),
    [
        (b"13/01/2012", b"00:00:00.000"),
        (b"02/30/2012", b"00:00:00.000"),
        (b"01/01/0000", b"00:00:00.000"),
        (b"01/01/9999", b"00:00:00.000"),
        (b"01/01/2012", b"24:00:00.000"),
        (b"01/01/2012", b"00:60:00.000"),
    ],
)
def test_there_is_no_such_moment(date: bytes, time: bytes) -> None:
    assert local_time_ns(date, time) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fe01.contoso.com:5061", ("fe01.contoso.com", 5061)),
        ("192.0.2.1:443", ("192.0.2.1", 443)),
        ("[2001:db8::1]:5061", ("2001:db8::1", 5061)),
        ("2001:db8::1", ("2001:db8::1", None)),
        ("fe01", ("fe01", None)),
        ("fe01:70000", ("fe01:70000", None)),
        ("", ("", None)),
    ],
)
def test_hosts_and_ports(text: str, told: tuple[str, int | None]) -> None:
    assert split_host_port(text) == told


def test_addresses_are_told_from_names() -> None:
    assert ip_address("192.0.2.1") == "192.0.2.1"
    assert ip_address("2001:DB8:0:0::1") == "2001:db8::1"
    assert ip_address("fe01.contoso.com") is None
    assert ip_address("") is None
