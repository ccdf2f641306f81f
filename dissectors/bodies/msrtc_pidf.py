"""``text/xml+msrtc.pidf``: presence as Live Communications Server 2005 tells it.

Availability and activity of all devices together (``aggregate``) are two numbers on a scale of
their own, not Lync's. They are told as sent; no presence is made of them. What single states have
as ``avail`` is read as Lync's availability, as another client (pidgin-sipe) reads it.

References
----------
[MS-SIP] (presence of 2005).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, other_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.presence.availability import presence_word
from dissectors.presence.calendar import FreeBusy, free_busy_of
from dissectors.xml_types import boolean_of, integer_of


@dataclass(frozen=True, slots=True)
class PublishedState:
    """A state that a user or a device set (``state``)."""

    availability: int | None
    """``avail``: as of Lync."""
    presence: str | None
    """What it means, as :func:`~dissectors.presence.availability.presence_word`; None of `nil`."""
    since: str | None
    """``since``, as sent."""
    nil: bool | None
    """``nil``: whether it is no state."""
    attributes: dict[str, str]
    """All attributes, such as manual, set, endTime."""
    text: str | None
    """What stands in it: the name of the state, where the user wrote one."""


@dataclass(frozen=True, slots=True)
class DevicePresence:
    """One device (``devicePresence``)."""

    epid: str | None
    """``epid`` of the device."""
    device_name: str | None
    """``deviceName``: its text, else its ``name``."""
    states: tuple[PublishedState, ...]
    """``states/state``."""
    calendars: tuple[FreeBusy, ...]
    """``calendarInfo``: when the user is free."""
    other: dict[str, str]
    """Further children: path → value."""


@dataclass(frozen=True, slots=True)
class MsrtcPidf:
    """Presence of one presentity."""

    uri: str | None
    """``uri``: address, without ``sip:``."""
    availability: int | None
    """``availability/aggregate``."""
    availability_epid: str | None
    """``epid`` of the device that it comes from."""
    activity: int | None
    """``activity/aggregate``."""
    display_name: str | None
    """``displayName``: its attribute, else its text."""
    email: str | None
    """``email``."""
    phone_number: str | None
    """``phoneNumber``: its attributes ``label`` and ``number``, else its text."""
    states: tuple[PublishedState, ...]
    """``userInfo/states/state``."""
    note: str | None
    """``userInfo/note``."""
    oof: str | None
    """``userInfo/oof``: out of facility."""
    devices: tuple[DevicePresence, ...]
    """``devices/devicePresence``, in order."""
    other: dict[str, str]
    """Further children: path → value."""
    problems: tuple[str, ...]
    """What was wrong although the value could be made; empty as a rule."""


_NOTHING = Element("", {}, [], "")
_PRESENTITY = frozenset(
    (
        *("availability", "activity", "displayName", "email", "phoneNumber"),
        *("userInfo", "devices"),
    )
)
_USER_INFO = frozenset(("states", "note", "oof"))
_DEVICE = frozenset(("deviceName", "states", "calendarInfo"))


@bodies.register("text/xml+msrtc.pidf", tabulated=True)
def decode_msrtc_pidf(part: MediaPart) -> MsrtcPidf:
    """Return the presence of one presentity.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``presentity``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "presentity":
        raise Malformed(f"root is {root.name[:40]!r}, not presentity", layer="presence")
    availability = root.child("availability") or _NOTHING
    user = root.child("userInfo") or _NOTHING
    devices = root.child("devices") or _NOTHING
    problems = list(document.problems)
    return MsrtcPidf(
        root.get("uri"),
        integer_of(availability.get("aggregate")),
        availability.get("epid"),
        integer_of((root.child("activity") or _NOTHING).get("aggregate")),
        _named(root.child("displayName"), "displayName"),
        _named(root.child("email"), "email"),
        _named(root.child("phoneNumber"), "number"),
        _states(user),
        _all_text(user.child("note")),
        _all_text(user.child("oof")),
        tuple([_device(child, problems) for child in devices.all("devicePresence")]),
        other_values(root, _PRESENTITY) | other_values(user, _USER_INFO),
        tuple(problems),
    )


def _named(element: Element | None, attribute: str) -> str | None:
    """Return what an element says in an attribute, or as its text: releases differ."""
    return (element.get(attribute) or element.text).strip() or None if element else None


def _all_text(element: Element | None) -> str | None:
    """Return the text of an element and of all below it."""
    pieces = [below.text.strip() for below in element.walk()] if element else []
    return " ".join(filter(None, pieces)) or None


def _states(element: Element) -> tuple[PublishedState, ...]:
    states = element.child("states") or _NOTHING
    return tuple([_state(child) for child in states.all("state")])


def _state(element: Element) -> PublishedState:
    availability = integer_of(element.get("avail"))
    nil = boolean_of(element.get("nil"))
    return PublishedState(
        availability,
        None if nil else presence_word(availability),
        element.get("since"),
        nil,
        element.attributes,
        element.text.strip() or None,
    )


def _device(element: Element, problems: list[str]) -> DevicePresence:
    return DevicePresence(
        element.get("epid"),
        _named(element.child("deviceName"), "name"),
        _states(element),
        tuple([free_busy_of(child, problems) for child in element.all("calendarInfo")]),
        other_values(element, _DEVICE),
    )
