"""What a record of any trace log says beside the SIP message that it holds."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from dissectors.errors import DissectError
from dissectors.sip.message import SipMessage

Direction = Literal["incoming", "outgoing"]
BodyState = Literal["whole", "absent", "deleted", "truncated"]


@dataclass(slots=True)
class TraceContext:
    """Where and when a record was written; None is what it does not say."""

    line_number: int
    """Line of the file on which the record begins, from 1."""
    local_time_ns: int | None = None
    """Its time as written, read as if it were UTC, nanoseconds since 1970: it names no zone."""
    level: str | None = None
    """Trace level: ``TL_INFO``; in a client's log ``INFO``."""
    machine: str | None = None
    r"""Machine or ``pool\machine`` that wrote it; OCSLogger writes a processor's number instead."""
    process: str | None = None
    """Process id, hexadecimal as written."""
    thread: str | None = None
    """Thread id, hexadecimal as written."""
    component: str | None = None
    """Component that wrote it, such as ``SIPStack``."""
    correlation_id: str | None = None
    """Trace-Correlation-Id, decimal as written."""
    instance_id: str | None = None
    """Instance-Id, hexadecimal as written."""
    direction: Direction | None = None
    """Which way the message went, seen from the machine."""
    source: str | None = None
    """On an Edge, the side that it came in by, such as ``internal edge``."""
    destination: str | None = None
    """On an Edge, the side that it leaves by."""
    peer: str | None = None
    """The other end as written: host or address, and port."""
    local: str | None = None
    """The machine's own address and port; only clients' logs tell."""


@dataclass(slots=True)
class LoggedMessage:
    """A SIP message as a trace log shows it."""

    context: TraceContext
    """The record that holds it."""
    message: SipMessage
    """The message; `frames` is the line number, times are 0 until a zone is known."""
    body_state: BodyState
    """Whether the log shows its body."""
    faults: list[DissectError] = field(default_factory=list)
    """What is wrong with it although it was read."""


@dataclass(slots=True)
class LogDiagnostic:
    """What a server noted about its own doings: why it sends a 504, which connection failed."""

    context: TraceContext
    """The record that holds it."""
    log_type: str | None
    """LogType: diagnostic, connection, …; older logs leave it out."""
    severity: str | None
    """Severity: error, warning, information."""
    text: str | None
    """Text: one sentence."""
    result_code: int | None
    """Result-Code: an HRESULT, 32 bits unsigned."""
    result_name: str | None
    """Symbolic name of the result code, such as ``SIPPROXY_E_ROUTING``."""
    start_line: str | None
    """SIP-Start-Line of the message that it is about."""
    call_id: str | None
    """SIP-Call-ID of that message."""
    cseq: int | None
    """Sequence number of SIP-CSeq."""
    method: str | None
    """Method of SIP-CSeq."""
    data: dict[str, str]
    """Data: its ``name="value"`` pairs, and fields that are not named here."""


Logged = LoggedMessage | LogDiagnostic
"""What a record becomes."""


def shown_body(message: SipMessage) -> BodyState:
    """Return the state of the body of a message that was framed as on the wire."""
    if message.truncated:
        return "truncated"
    return "whole" if message.body else "absent"


def split_host_port(text: str) -> tuple[str, int | None]:
    """Split ``host:port``, ``192.0.2.1:5061`` or ``[2001:db8::1]:5061``.

    Examples
    --------
    >>> split_host_port("fe01.contoso.com:5061")
    ('fe01.contoso.com', 5061)
    >>> split_host_port("2001:db8::1")
    ('2001:db8::1', None)
    """
    host, colon, digits = text.rpartition(":")
    bracketed = host[:1] == "[" and host[-1:] == "]"
    is_port = digits.isascii() and digits.isdecimal() and len(digits) <= 5 and int(digits) < 65536
    if not colon or not is_port or (":" in host and not bracketed):
        return text.strip("[]"), None
    return (host[1:-1] if bracketed else host), int(digits)


@lru_cache(maxsize=4096)
def ip_address(host: str) -> str | None:
    """Return `host` in the usual form when it is an IP address, else None.

    Examples
    --------
    >>> ip_address("2001:DB8:0::1"), ip_address("fe01.contoso.com")
    ('2001:db8::1', None)
    """
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


_EPOCH = dt.date(1970, 1, 1).toordinal()
_DAY_NS = 86_400_000_000_000


@lru_cache(maxsize=64)
def _day_ns(month: int, day: int, year: int) -> int | None:
    if not 1677 < year < 2262:
        return None  # beyond what 64 bits of nanoseconds hold
    try:
        return (dt.date(year, month, day).toordinal() - _EPOCH) * _DAY_NS
    except ValueError:
        return None


def local_time_ns(date: bytes, time: bytes) -> int | None:
    """Return a date ``MM/DD/YYYY`` and a time ``HH:MM:SS.mmm`` as nanoseconds since 1970.

    No zone is applied. None where there is no such moment.

    Examples
    --------
    >>> local_time_ns(b"01/02/1970", b"00:00:01.500")
    86401500000000
    """
    day = _day_ns(int(date[:2]), int(date[3:5]), int(date[6:10]))
    hours, minutes = int(time[:2]), int(time[3:5])
    seconds, milliseconds = int(time[6:8]), int(time[9:12])
    if day is None or hours > 23 or minutes > 59 or seconds > 60:
        return None
    return day + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + milliseconds * 1_000_000
