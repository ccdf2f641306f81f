"""``application/msrtc-media-relay-auth+xml``: credentials for the media relay.

The request goes to the Media Relay Authentication Service (MRAS) on the Edge in a SERVICE; the
answer names the relays and carries a user name and a password for TURN. Both are credentials, valid
for hours (the user name is a sealed token, not a person's name): neither enters the value. Without
an answer to this request a client has no relay candidates, and calls across NATs fail.

References
----------
[MS-AVEDGEA] §2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import REDACTED, MediaPart, bodies, flat_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class MediaRelay:
    """One relay of the answer."""

    location: str | None
    """``location``: internet or intranet."""
    host_name: str | None
    """``hostName``."""
    direct_ip_address: str | None
    """``directIPAddress``, where it is told."""
    udp_port: int | None
    """``udpPort``."""
    tcp_port: int | None
    """``tcpPort``."""


@dataclass(frozen=True, slots=True)
class MediaRelayAuth:
    """A request for credentials of the media relay, or the answer."""

    kind: str
    """Name of the root: request or response."""
    request_id: str | None
    """``requestID``: the same in request and answer."""
    from_uri: str | None
    """``from``."""
    to_uri: str | None
    """``to``: the relay authentication service."""
    version: str | None
    """``version``."""
    reason_phrase: str | None
    """``reasonPhrase`` of the answer: OK, Request Malformed, Forbidden …"""
    identity: str | None
    """``identity``: who asks."""
    location: str | None
    """``location`` of who asks: internet or intranet."""
    duration_minutes: int | None
    """``duration`` that is asked for, or granted, minutes."""
    granted: bool
    """Whether credentials were handed out."""
    relays: tuple[MediaRelay, ...]
    """The relays."""
    values: dict[str, str]
    """All of it: path → text or attribute; user name and password replaced."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/msrtc-media-relay-auth+xml")
def decode_media_relay_auth(part: MediaPart) -> MediaRelayAuth:
    """Return a request for credentials of the media relay, or the answer, without them.

    Raises
    ------
    DissectError
        When it is no XML, or its root is neither ``request`` nor ``response``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    kind = root.name.lower()
    if kind not in ("request", "response"):
        raise Malformed(f"root is {root.name[:40]!r}, not request, response", layer="xml")
    below = list(root.walk())
    return MediaRelayAuth(
        kind,
        root.get("requestID"),
        root.get("from"),
        root.get("to"),
        root.get("version"),
        root.get("reasonPhrase"),
        _text(below, "identity"),
        None if kind == "response" else _text(below, "location"),
        integer_of(_text(below, "duration")),
        _text(below, "password") is not None,
        tuple([_relay(one) for one in below if one.name == "mediaRelay"]),
        _values(root),
        document.problems,
    )


def _text(elements: list[Element], name: str) -> str | None:
    return next((one.text.strip() for one in elements if one.name == name and one.text), None)


def _relay(element: Element) -> MediaRelay:
    return MediaRelay(
        element.child_text("location"),
        element.child_text("hostName"),
        element.child_text("directIPAddress"),
        integer_of(element.child_text("udpPort")),
        integer_of(element.child_text("tcpPort")),
    )


def _values(root: Element) -> dict[str, str]:
    return {
        path: REDACTED if "username" in path.rpartition("/")[2].lower() else value
        for path, value in flat_values(root).items()
    }
