"""``message/sipfrag``: part of a SIP message, as a rule the status line that a transfer reached.

NOTIFY of an implicit subscription (REFER) tells with it how the referred request fares: first
``SIP/2.0 100 Trying``, at last its final response.

References
----------
RFC 3420; RFC 3515 §2.4.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, redact_value
from dissectors.errors import DissectError, LimitExceeded, Malformed
from dissectors.sip.abnf import REQUEST_LINE, STATUS_LINE
from dissectors.sip.message import SipRequest, SipResponse, decode_head

MAX_SIZE = 256 << 10
"""Longest fragment that is read, bytes."""


@dataclass(frozen=True, slots=True)
class SipFragment:
    """Part of a SIP message."""

    method: str | None
    """Method, where the fragment begins with a request line."""
    request_uri: str | None
    """Request-URI, where the fragment begins with a request line."""
    status_code: int | None
    """Status code, where the fragment begins with a status line."""
    reason_phrase: str | None
    """Reason phrase, where there is one."""
    headers: tuple[tuple[str, str], ...]
    """(name, value) as sent and in order, without credentials."""
    body_length: int
    """Bytes behind the empty line."""
    problems: tuple[str, ...]
    """What was wrong although the fragment could be read; empty as a rule."""


_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STAND_IN = b"SIP/2.0 100 Trying\r\n"
_CREDENTIALS = frozenset(("authorization", "proxy-authorization"))


@bodies.register("message/sipfrag")
def decode_sipfrag(part: MediaPart) -> SipFragment:
    """Return what a fragment of a SIP message says.

    Raises
    ------
    Malformed
        When it holds neither a start line nor a header.
    LimitExceeded
        Beyond :data:`MAX_SIZE`.
    """
    if len(part.data) > MAX_SIZE:
        raise LimitExceeded(f"fragment of {len(part.data)} bytes is not read", layer="sip")
    data = part.data.strip(b"\0")
    end = _END_OF_HEAD.search(data)
    head = data[: end.start()] if end else data.rstrip(b"\r\n")
    faults: list[DissectError] = []
    has_start = _has_start_line(head)
    # The start line may be missing (RFC 3420 §2.1), which no other SIP message knows.
    message = decode_head(head if has_start else _STAND_IN + head, faults)
    if not (has_start or message.headers):
        raise Malformed("neither a start line nor a header", layer="sip", spec="RFC 3420 §2.1")
    request = message if has_start and isinstance(message, SipRequest) else None
    response = message if has_start and isinstance(message, SipResponse) else None
    return SipFragment(
        request.method if request else None,
        request.request_uri if request else None,
        response.status_code if response else None,
        response.reason_phrase or None if response else None,
        tuple([(name, _redacted(name, value)) for name, value in message.headers]),
        len(data) - end.end() if end else 0,
        tuple([fault.summary for fault in faults]),
    )


def _has_start_line(head: bytes) -> bool:
    first = head.partition(b"\n")[0].rstrip(b"\r").decode("utf-8", "replace")
    return bool(STATUS_LINE.match(first) or REQUEST_LINE.match(first))


def _redacted(name: str, value: str) -> str:
    if name.lower() in _CREDENTIALS:
        return value.partition(" ")[0]  # the scheme alone
    return redact_value(name, value)
