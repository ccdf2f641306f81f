"""What can go wrong with bytes, and how it is told.

::

    DissectError            a value could not be made of these bytes
    ├── Truncated           the bytes end too early
    ├── Malformed           the bytes contradict their specification
    ├── Unsupported         the bytes are (or may be) right, but this decoder cannot read them
    ├── Lost                bytes that the capture does not hold
    └── LimitExceeded       a bound that protects memory or time was reached

Scalar decoders raise these; stream decoders yield them and go on; the columnar decoders, which have
no place to raise for one packet of a million, set the bits of :class:`Fault`. All three end as rows
of the ``expert`` table.
"""

from __future__ import annotations

import enum
from typing import Literal

Severity = Literal["note", "warning", "error"]


class DissectError(ValueError):
    """A value could not be made of these bytes.

    Parameters
    ----------
    summary : str
        One line for a person: what was wrong. It never holds key material.
    layer : str
        The protocol in whose bytes the fault lies, in Wireshark's short name (``tcp``, ``tls``,
        ``sip``, ``pcapng``).
    severity : {'note', 'warning', 'error'}
        ``error``: something could not be read. ``warning``: read, but not as sent. ``note``: odd.
    spec : str
        The section that was violated, such as ``RFC 8446 §5.2``; empty where none applies.
    frame_number : int or None
        Frame that carries the fault, once known; filled in by whoever knows it.
    time_ns : int or None
        That frame's time, nanoseconds since 1970 UTC.
    offset : int or None
        Byte offset of the fault in the file or in the unit being decoded.
    """

    def __init__(
        self,
        summary: str,
        *,
        layer: str = "",
        severity: Severity = "error",
        spec: str = "",
        frame_number: int | None = None,
        time_ns: int | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.layer = layer
        self.severity: Severity = severity
        self.spec = spec
        self.frame_number = frame_number
        self.time_ns = time_ns
        self.offset = offset


class Truncated(DissectError):
    """The bytes end too early."""


class Malformed(DissectError):
    """The bytes contradict their specification."""


class Unsupported(DissectError):
    """The bytes may be right, but the decoder cannot read them."""


class Lost(DissectError):
    """Bytes that were sent, as their neighbours show, are not in the capture."""


class LimitExceeded(DissectError):
    """A bound that protects memory or time was reached."""


class Fault(enum.IntFlag):
    """What a columnar decoder found wrong with one packet; a packet may have several.

    :data:`FAULTS` gives each bit its layer, severity and text.
    """

    NONE = 0
    LINK_TRUNCATED = 1 << 0
    LINK_UNKNOWN = 1 << 1
    NETWORK_UNKNOWN = 1 << 2
    IP_TRUNCATED = 1 << 3
    IP_MALFORMED = 1 << 4
    IP_FRAGMENT_PENDING = 1 << 5
    TRANSPORT_TRUNCATED = 1 << 6
    TRANSPORT_MALFORMED = 1 << 7
    SNAPPED = 1 << 8
    TUNNEL_UNKNOWN = 1 << 9


FAULTS: dict[Fault, tuple[str, Severity, str, str]] = {
    Fault.LINK_TRUNCATED: ("link", "error", "frame ends inside its link header", ""),
    Fault.LINK_UNKNOWN: ("link", "error", "link type is not decoded", ""),
    Fault.NETWORK_UNKNOWN: ("link", "note", "neither IPv4 nor IPv6", ""),
    Fault.IP_TRUNCATED: ("ip", "error", "frame ends inside its IP header", "RFC 791 §3.1"),
    Fault.IP_MALFORMED: ("ip", "error", "IP header contradicts itself", "RFC 791 §3.1"),
    Fault.IP_FRAGMENT_PENDING: (
        "ip",
        "note",
        "fragment; its datagram is not complete yet",
        "RFC 791 §3.2",
    ),
    Fault.TRANSPORT_TRUNCATED: (
        "transport",
        "error",
        "frame ends inside its TCP or UDP header",
        "",
    ),
    Fault.TRANSPORT_MALFORMED: ("transport", "error", "TCP or UDP header contradicts itself", ""),
    Fault.SNAPPED: ("frame", "warning", "captured shorter than it was sent", ""),
    Fault.TUNNEL_UNKNOWN: ("ip", "note", "tunnel or protocol is not decoded", ""),
}
"""For each bit of :class:`Fault`: layer, severity, summary and specification section."""
