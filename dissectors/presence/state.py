"""The categories ``state`` and ``note``: how available somebody is, and what they say about it.

References
----------
[MS-PRES] (state), §3.7.5.5 (ranges of availability).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import other_values
from dissectors.markup import Element
from dissectors.presence.availability import presence_word
from dissectors.xml_types import boolean_of, integer_of


@dataclass(frozen=True, slots=True)
class Activity:
    """What somebody does (``activity``)."""

    token: str | None
    """``token``: a word that clients translate, such as on-the-phone, in-a-meeting."""
    min_availability: int | None
    """``minAvailability``: the activity counts from this availability …"""
    max_availability: int | None
    """``maxAvailability``: … to this one."""
    custom: tuple[tuple[str | None, str], ...]
    """``custom``: LCID of the language and text, where the user or an application wrote it."""


@dataclass(frozen=True, slots=True)
class State:
    """One state; ``aggregateState`` is the one that others see."""

    type: str | None
    """``xsi:type`` without prefix: aggregateState, aggregateMachineState, userState, machineState,
    phoneState, calendarState."""
    manual: bool | None
    """``manual``: whether the user set it."""
    last_active: str | None
    """``lastActive``: when the user was last active, as sent."""
    start_time: str | None
    """``startTime``: since when it holds, as sent."""
    end_time: str | None
    """``endTime``: until when it holds, as sent."""
    uri: str | None
    """``uri``: mailbox or telephone that it comes from."""
    endpoint_id: str | None
    """``endpointId``: GUID of the endpoint that it is about."""
    availability: int | None
    """``availability``: the higher, the less available; see `presence`."""
    presence: str | None
    """What the availability means, as :func:`~dissectors.presence.availability.presence_word`."""
    activity: Activity | None
    """``activity``: what the user does."""
    device: str | None
    """``device``: computer, Mobile, …"""
    endpoint_location: str | None
    """``endpointLocation``: where the user is, in the user's words."""
    meeting_subject: str | None
    """``meetingSubject`` of a calendar state."""
    meeting_location: str | None
    """``meetingLocation`` of a calendar state."""
    time_zone_bias: str | None
    """``timeZoneBias``: minutes to add for UTC, as sent."""
    time_zone_name: str | None
    """``timeZoneName``, as the user's computer calls it."""
    other: dict[str, str]
    """Further children: path → value."""


@dataclass(frozen=True, slots=True)
class NoteText:
    """One note (``body``)."""

    type: str | None
    """``type``: personal, or OOF (out of facility)."""
    uri: str | None
    """``uri``: where it comes from, such as a mailbox."""
    start_time: str | None
    """``startTime``: since when it holds, as sent."""
    end_time: str | None
    """``endTime``: until when it holds, as sent."""
    text: str
    """The note; empty when it was taken back."""


@dataclass(frozen=True, slots=True)
class Note:
    """Notes of one origin."""

    bodies: tuple[NoteText, ...]
    """``body`` elements, in order."""


_STATE_CHILDREN = frozenset(
    (
        *("availability", "activity", "device", "endpointLocation", "meetingSubject"),
        *("meetingLocation", "timeZoneBias", "timeZoneName", "delimiter", "end"),
    )
)


def state_of(element: Element) -> State:
    """Return what a ``state`` element tells."""
    get = element.folded().get
    text = {child.name: child.text.strip() or None for child in reversed(element.children)}.get
    activity = element.child("activity")
    availability = integer_of(text("availability"))
    return State(
        (get("type") or "").rpartition(":")[2] or None,
        boolean_of(get("manual")),
        get("lastactive"),
        get("starttime"),
        get("endtime"),
        get("uri"),
        get("endpointid"),
        availability,
        presence_word(availability),
        _activity(activity) if activity else None,
        text("device"),
        text("endpointLocation"),
        text("meetingSubject"),
        text("meetingLocation"),
        text("timeZoneBias"),
        text("timeZoneName"),
        other_values(element, _STATE_CHILDREN),
    )


def _activity(element: Element) -> Activity:
    get = element.folded().get
    return Activity(
        get("token"),
        integer_of(get("minavailability")),
        integer_of(get("maxavailability")),
        tuple([(child.get("LCID"), child.text.strip()) for child in element.all("custom")]),
    )


def note_of(element: Element) -> Note:
    """Return what a ``note`` element tells."""
    return Note(tuple([_note_text(child) for child in element.all("body")]))


def _note_text(element: Element) -> NoteText:
    return NoteText(
        element.get("type"),
        element.get("uri"),
        element.get("startTime"),
        element.get("endTime"),
        element.text.strip(),
    )
