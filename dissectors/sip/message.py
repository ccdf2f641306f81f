"""One SIP message (RFC 3261 §7), however it travelled."""

from __future__ import annotations

from dataclasses import dataclass, field

from dissectors.transport.stream import Frames

Header = tuple[str, str]

COMPACT_NAMES = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""Compact header name → full name, lower case (IANA, SIP Parameters, Header Fields)."""


@dataclass(slots=True)
class SipMessage:
    """What requests and responses share."""

    headers: list[Header]
    """(name, value) as sent and in order; folded lines joined by one space, values stripped."""
    body: bytes
    """The bytes after the empty line, as many as Content-Length says."""
    frames: Frames
    """Frame numbers that carried the message, ascending; the last one completed it."""
    time_ns: int
    """Time of the frame that completed the message, nanoseconds since 1970 UTC."""
    first_time_ns: int
    """Time of the frame that brought its first byte."""
    direction: int
    """0: sent by the flow's initiator; 1: by its responder."""
    first_values: dict[str, str] = field(repr=False)
    """First value of each header by its full lower-case name; for look-ups, see :meth:`get`."""
    truncated: bool = field(default=False, kw_only=True)
    """True when the capture lacks the end of the body."""

    def get(self, name: str) -> str | None:
        """Return the first value of the header `name` (full name, lower case), or None."""
        return self.first_values.get(name)

    def get_all(self, name: str) -> list[str]:
        """Return every value of the header `name` (full name, lower case), in order, unsplit."""
        if name not in self.first_values:
            return []
        return [value for key, value in self.headers if full_name(key) == name]


@dataclass(slots=True)
class SipRequest(SipMessage):
    """A request (RFC 3261 §7.1)."""

    method: str = ""
    """Method as sent."""
    request_uri: str = ""
    """Request-URI as sent."""


@dataclass(slots=True)
class SipResponse(SipMessage):
    """A response (RFC 3261 §7.2)."""

    status_code: int = 0
    """Status code, 100–699 as a rule."""
    reason_phrase: str = ""
    """Reason phrase as sent."""


def full_name(name: str) -> str:
    """Return the full lower-case form of a header name, which may be compact or in any case."""
    lower = name.lower()
    return COMPACT_NAMES.get(lower, lower)
