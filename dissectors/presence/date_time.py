"""Moments as XML documents write them: text → nanoseconds, or None where it is no moment.

References
----------
XML Schema Part 2 (2nd ed.) §3.2.7 (dateTime). RFC 3339 §5.6.
"""

from __future__ import annotations

import re
from datetime import date

_NANOSECONDS = 1_000_000_000
_LARGEST = 2**63 - 1
_EPOCH = date(1970, 1, 1).toordinal()

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-4]):([0-5]\d):([0-5]\d|60)(?:[.,](\d{1,40}))?"
    r"(?:[Zz]|([+-])([01]\d):([0-5]\d))?\Z",
    re.ASCII,
)


def time_ns_of(text: str | None) -> int | None:
    """Return the moment that an xs:dateTime tells, or None.

    Lync writes times of presence with and without ``Z``; both are UTC.

    Parameters
    ----------
    text : str or None

    Returns
    -------
    int or None
        Nanoseconds since 1970, UTC. None for what is no moment, and for those beyond 64 bits:
        .NET writes the year 1 or 9999 for "none".

    Examples
    --------
    >>> time_ns_of("2014-07-16T12:17:57.25+02:00")
    1405505877250000000
    """
    found = _DATE_TIME.match(text.strip()) if text else None
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - _offset_s(found)
    fraction = int(((found[7] or "") + "0" * 9)[:9])
    total = seconds * _NANOSECONDS + fraction
    return total if abs(total) <= _LARGEST else None


def _offset_s(found: re.Match[str]) -> int:
    if not found[8]:
        return 0
    seconds = (int(found[9]) * 60 + int(found[10])) * 60
    return -seconds if found[8] == "-" else seconds
