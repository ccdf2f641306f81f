"""The category ``calendarData``: when somebody is free, and when they work.

``freeBusy`` is base64; each of its bytes holds four slots of two bits: 0 free, 1 tentative, 2 busy,
3 out of facility. The first slot is read from the lowest bits, as pidgin-sipe reads and writes it
among Microsoft's clients. Microsoft's developer documentation shows a stream of bits that has it in
the highest (half an hour free, half an hour busy: ``00001010``, ``Cg==``). Should that be right,
the quarters within an hour run backwards here; hours are right in any case.

References
----------
[MS-PRES] §2.2.2.7.8 (calendarData). [MS-OXWAVLS] (WorkingHours, as Exchange writes it).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import groupby

from dissectors.body import flat_values, other_values
from dissectors.markup import Element
from dissectors.xml_types import integer_of

MAX_SLOTS = 17_856
"""Most slots that are read: half a year of quarters of an hour, where Lync publishes some weeks."""

_STATUS = ("free", "tentative", "busy", "out-of-facility")


@dataclass(frozen=True, slots=True)
class FreeBusySpan:
    """Slots of one status, one after the other."""

    first: int
    """Number of the first slot, from 0; it begins ``first`` × `granularity` after `start_time`."""
    count: int
    """Number of slots."""
    status: str
    """free, tentative, busy, out-of-facility."""


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """When somebody is free (``freeBusy``)."""

    start_time: str | None
    """``startTime`` of the first slot, as sent."""
    end_time: str | None
    """``endTime``, as sent."""
    granularity: str | None
    """``granularity``: length of a slot, such as PT15M."""
    slots: int
    """Number of slots; the last byte fills up with free ones."""
    spans: tuple[FreeBusySpan, ...]
    """The slots, equal neighbours together; none where the base64 cannot be read."""


@dataclass(frozen=True, slots=True)
class WorkingPeriod:
    """When somebody works (``WorkingPeriod``)."""

    days: tuple[str, ...]
    """``DayOfWeek``: names of days."""
    start_minutes: int | None
    """``StartTimeInMinutes`` after midnight, local time."""
    end_minutes: int | None
    """``EndTimeInMinutes`` after midnight, local time."""


@dataclass(frozen=True, slots=True)
class CalendarData:
    """A calendar without its appointments."""

    mailbox_id: str | None
    """``mailboxID``: whose calendar it is."""
    free_busy: tuple[FreeBusy, ...]
    """``freeBusy``."""
    working_periods: tuple[WorkingPeriod, ...]
    """``WorkingHours/WorkingPeriodArray/WorkingPeriod``."""
    time_zone: dict[str, str]
    """``WorkingHours/TimeZone``: path → value; ``TimeZone/Bias`` is minutes to add for UTC."""
    other: dict[str, str]
    """Further children: path → value."""


_CHILDREN = frozenset(("freeBusy", "WorkingHours"))


def calendar_of(element: Element, problems: list[str]) -> CalendarData:
    """Return what a ``calendarData`` element tells, and add to `problems` what cannot be read."""
    hours = element.child("WorkingHours")
    zone = hours.child("TimeZone") if hours else None
    return CalendarData(
        element.get("mailboxID"),
        tuple([free_busy_of(child, problems) for child in element.all("freeBusy")]),
        tuple(_working_periods(hours)) if hours else (),
        flat_values(zone) if zone else {},
        other_values(element, _CHILDREN),
    )


def _working_periods(hours: Element) -> list[WorkingPeriod]:
    periods = hours.child("WorkingPeriodArray") or hours
    return [
        WorkingPeriod(
            tuple((period.child_text("DayOfWeek") or "").split()),
            integer_of(period.child_text("StartTimeInMinutes")),
            integer_of(period.child_text("EndTimeInMinutes")),
        )
        for period in periods.all("WorkingPeriod")
    ]


def free_busy_of(element: Element, problems: list[str]) -> FreeBusy:
    """Return what a ``freeBusy`` element tells, and add to `problems` what cannot be read."""
    packed = _packed_slots(element.text, problems)
    statuses = [(byte >> shift) & 3 for byte in packed for shift in (0, 2, 4, 6)]
    return FreeBusy(
        element.get("startTime"),
        element.get("endTime"),
        element.get("granularity"),
        len(statuses),
        tuple(_spans(statuses)),
    )


def _packed_slots(text: str, problems: list[str]) -> bytes:
    try:
        digits = "".join(text.split())
        # Published samples lack the padding.
        packed = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except ValueError as error:  # binascii.Error is one
        problems.append(f"freeBusy is no base64: {error}")
        return b""
    if len(packed) * 4 > MAX_SLOTS:
        problems.append(f"freeBusy has {len(packed) * 4} slots; the first {MAX_SLOTS} were read")
    return packed[: MAX_SLOTS // 4]


def _spans(statuses: list[int]) -> list[FreeBusySpan]:
    spans = []
    first = 0
    for status, equal in groupby(statuses):
        count = sum(1 for _ in equal)
        spans.append(FreeBusySpan(first, count, _STATUS[status]))
        first += count
    return spans
