"""Categories about the user's telephone: ``userProperties`` and ``routing``.

``routing`` is decoded as products send it; no specification of it was read. It is never a reason
for a verdict.

References
----------
[MS-PRES] (userProperties).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import other_values
from dissectors.markup import Element
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class Line:
    """A telephone line (``line``)."""

    uri: str | None
    """Its URI, such as ``tel:+15550100;ext=100``."""
    type: str | None
    """``lineType``: Uc, Rcc (remote call control), Dual."""
    server: str | None
    """``lineServer``: SIP URI of the gateway that controls the line."""


@dataclass(frozen=True, slots=True)
class UserProperties:
    """What the server knows about a user."""

    telephony_mode: str | None
    """``telephonyMode``: Uc, Rcc, None, …"""
    lines: tuple[Line, ...]
    """``lines/line``, in order."""
    other: dict[str, str]
    """Further children, such as facsimile, streetAddress: path → value."""


@dataclass(frozen=True, slots=True)
class RoutingWait:
    """How long it rings (``wait``)."""

    name: str | None
    """``name``: whom it is for, such as user, team1."""
    seconds: int | None
    """``seconds``."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a user's calls go (``routing``)."""

    name: str | None
    """``name`` of the rules."""
    version: str | None
    """``version`` of the rules."""
    flags: tuple[str, ...]
    """Words of ``preamble/flags``, such as forward_immediate, work_hours."""
    waits: tuple[RoutingWait, ...]
    """``preamble/wait``, in order."""
    targets: tuple[tuple[str | None, tuple[str, ...]], ...]
    """``preamble/list``: name of the list, such as forwardto, delegates; URIs of its targets."""
    other: dict[str, str]
    """Further children: path → value."""


_USER_CHILDREN = frozenset(("telephonyMode", "lines"))
_ROUTING_CHILDREN = frozenset(("preamble",))


def user_properties_of(element: Element) -> UserProperties:
    """Return what a ``userProperties`` element tells."""
    lines = element.child("lines")
    return UserProperties(
        element.child_text("telephonyMode"),
        tuple([_line(child) for child in lines.all("line")]) if lines else (),
        other_values(element, _USER_CHILDREN),
    )


def _line(element: Element) -> Line:
    return Line(element.text.strip() or None, element.get("lineType"), element.get("lineServer"))


def routing_of(element: Element) -> Routing:
    """Return what a ``routing`` element tells."""
    preamble = element.child("preamble") or Element("preamble", {}, [], "")
    flags = " ".join(child.get("value") or "" for child in preamble.all("flags"))
    waits = [
        RoutingWait(child.get("name"), integer_of(child.get("seconds")))
        for child in preamble.all("wait")
    ]
    return Routing(
        element.get("name"),
        element.get("version"),
        tuple(flags.split()),
        tuple(waits),
        tuple([(child.get("name"), _targets(child)) for child in preamble.all("list")]),
        other_values(element, _ROUTING_CHILDREN),
    )


def _targets(element: Element) -> tuple[str, ...]:
    return tuple([uri for child in element.all("target") if (uri := child.get("uri"))])
