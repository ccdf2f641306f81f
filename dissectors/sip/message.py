"""One SIP message (RFC 3261 §7), however it travelled.

:func:`decode_head` is the hot path of the whole project: a message costs one UTF-8 decode, one
split into lines and one partition per line. Whatever needs more care (folding, bare line ends,
names without a colon) is noticed by counting and goes a slower road.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dissectors.errors import DissectError, Malformed, Severity
from dissectors.sip.abnf import LWS, REQUEST_LINE, STATUS_LINE
from dissectors.transport.stream import Frames

Header = tuple[str, str]

METHODS = frozenset(
    {
        "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK",
        "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE",
        "BENOTIFY", "NEGOTIATE", "SERVICE",
    }
)  # fmt: skip
"""Methods by name: IANA's registry, then Microsoft's own ([MS-SIP], [MS-CONMGMT], [MS-SIPCOMP])."""

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
    """True when the capture lacks its end: of the body or, in a cut datagram, of the headers."""
    head: bytes | bytearray = field(default=b"", repr=False, compare=False, kw_only=True)
    """Start line and headers as sent, with the empty line behind them where it was seen."""

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
    return _FULL_NAMES.get(name) or _full_name(name)


def _full_name(name: str) -> str:
    lower = name.lower()
    return COMPACT_NAMES.get(lower, lower)


def decode_head(
    head: bytes | bytearray, faults: list[DissectError] | None = None
) -> SipRequest | SipResponse:
    """Decode a start line and the headers after it.

    Parameters
    ----------
    head : bytes
        From the start line to the last header; the empty line may follow.
    faults : list of DissectError, optional
        What was read although it is not as it should be is appended here.

    Returns
    -------
    SipRequest or SipResponse
        Without body, frames and times: who framed it fills them in. Bytes that are no UTF-8 stand
        as U+FFFD.

    Raises
    ------
    Malformed
        When the first line is no start line.

    References
    ----------
    RFC 3261 §7.1 to §7.3.
    """
    told: list[DissectError] = [] if faults is None else faults
    text = head.decode("utf-8", "replace")
    regular = _decode_regular_head(text, told)
    if regular is not None:
        regular.head = head
        return regular
    text = text.rstrip("\r\n")
    lines = _split_lines(text, told)
    if not text.isascii() and "\ufffd" in text:
        told.append(_fault("head is not UTF-8", "RFC 3261 §7", "note"))
    message = decode_start_line(lines[0], told)
    message.head = head
    if not _decode_headers(lines[1:], message, told):
        _decode_headers(_unfold(lines[1:]), message, told)
    return message


_REGULAR_HEADER = re.compile(r"^([!-9;-~]+):[ \t]*([^\r\n]*)\r\n", re.MULTILINE)


def _decode_regular_head(text: str, faults: list[DissectError]) -> SipRequest | SipResponse | None:
    """Decode a head as nearly all are, at the speed of one search; None for any other.

    Each line ends in CRLF, is a name and a colon without space between, is not folded, and has
    nothing behind its value; the empty line is there; no header that stands once is repeated.
    """
    if not text.endswith("\r\n\r\n") or " \r\n" in text or "\t\r\n" in text or "\ufffd" in text:
        return None
    line_end = text.find("\r\n")
    headers = _REGULAR_HEADER.findall(text, line_end + 2)
    lines = text.count("\n")
    if len(headers) != lines - 2 or text.count("\r") != lines:
        return None
    names = [_FULL_NAMES.get(name) or _full_name(name) for name, _ in headers]
    # The first of several values is wanted, so the last to be entered.
    first_values = dict(
        zip(reversed(names), [value for _, value in reversed(headers)], strict=True)
    )
    if len(first_values) < len(names) and any(names.count(name) > 1 for name in _SINGLE):
        return None
    message = decode_start_line(text[:line_end], faults)
    message.headers, message.first_values = headers, first_values
    return message


def _split_lines(text: str, faults: list[DissectError]) -> list[str]:
    """Split a head at CRLF, and at a bare LF where its sender does not know better."""
    lines = text.splitlines()
    # splitlines also breaks at LF, CR, FF, U+2028 and more. Only if each break took two characters,
    # and none but CRLF does, did it break where SIP does. (At the end of the text a break would
    # make no line, so none may stand there.)
    breaks = len(lines) - 1
    if lines and len(text) - len("".join(lines)) == 2 * breaks and lines[-1][-1:] == text[-1]:
        return lines
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if text.count("\r\n") != len(lines) - 1:
        faults.append(_fault("lines end in a bare LF", "RFC 3261 §7", "note"))
    if any("\r" in line for line in lines):
        faults.append(_fault("bare CR inside a line", "RFC 3261 §25.1"))
    return lines


_FOLD = (" ", "\t")


def _unfold(lines: list[str]) -> list[str]:
    """Join each line that begins with white space to the one before it (RFC 3261 §7.3.1)."""
    unfolded: list[list[str]] = []
    for line in lines:
        if line[:1] in _FOLD and unfolded:
            unfolded[-1].append(line.strip(LWS))
        else:
            unfolded.append([line.strip(LWS)])
    return [" ".join(parts) for parts in unfolded]


_FREQUENT = (
    "Accept", "Allow", "Allow-Events", "Authentication-Info", "Authorization", "Call-ID", "Contact",
    "Content-Length", "Content-Type", "CSeq", "Date", "Event", "Expires", "From", "Max-Forwards",
    "Min-SE", "ms-asserted-verification-level", "ms-client-diagnostics", "ms-client-request-id",
    "Ms-Conversation-ID", "ms-diagnostics", "ms-diagnostics-public", "ms-edge-proxy-message-trust",
    "Ms-Forking", "ms-keep-alive", "Ms-Sensitivity", "ms-split-domain-info", "ms-telemetry-id",
    "ms-user-data", "P-Asserted-Identity", "presence-state",
    "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Require", "RAck", "Reason",
    "Record-Route", "Require", "Route", "RSeq", "Server", "Session-Expires", "Subscription-State",
    "Supported", "To", "User-Agent", "Via", "WWW-Authenticate",
)  # fmt: skip
_FULL_NAMES = {form: _full_name(name) for name in (*_FREQUENT, *COMPACT_NAMES)
               for form in (name, name.upper(), name.lower())}  # fmt: skip
"""Spellings that occur all the time (one message mixes ``FROM`` and ``To``): a look-up, no work."""

_SINGLE = frozenset({"call-id", "content-length", "cseq", "from", "max-forwards", "to"})


def _decode_headers(lines: list[str], message: SipMessage, faults: list[DissectError]) -> bool:
    """Fill in headers and first values from `lines`; return False where one of them is folded."""
    message.headers, message.first_values = [], {}
    first_values = message.first_values
    add, known = message.headers.append, _FULL_NAMES.get
    rejected: list[str] = []
    repeated: list[str] = []
    for line in lines:
        name, colon, value = line.partition(":")
        key = known(name)
        if key is None:
            if name[:1] in _FOLD:
                return False
            name = name.rstrip(" \t")  # HCOLON = *( SP / HTAB ) ":" SWS
            key = _full_name(name)
            value = value if name else ""
        value = value.strip(" \t")
        if not value and not (colon and name):
            rejected.append(line)
            continue
        add((name, value))
        if key in first_values:
            if key in _SINGLE:
                repeated.append(key)
        else:
            first_values[key] = value
    if rejected:
        _tell_rejected(rejected, faults)
    if repeated:
        _tell_repeated(repeated, message, faults)
    return True


def _tell_rejected(lines: list[str], faults: list[DissectError]) -> None:
    lines = [line for line in lines if line.strip()]
    if lines:
        summary = f"{len(lines)} header line(s) without a name and colon: {lines[0][:60]!r}"
        faults.append(_fault(summary, "RFC 3261 §7.3.1"))


def _tell_repeated(names: list[str], message: SipMessage, faults: list[DissectError]) -> None:
    for name in dict.fromkeys(names):
        values = list(dict.fromkeys(message.get_all(name)))
        if len(values) == 1:
            summary = f"header {name} is given more than once, with one value"
            faults.append(_fault(summary, "RFC 3261 §7.3.1", "note"))
        else:
            shown = ", ".join(value[:30] for value in values[:4])
            summary = f"header {name} is given with different values: {shown}"
            faults.append(_fault(summary, "RFC 3261 §7.3.1"))


def decode_start_line(line: str, faults: list[DissectError]) -> SipRequest | SipResponse:
    """Decode a request line or a status line, without its line end, to a message without headers.

    Parameters
    ----------
    line : str
        The line.
    faults : list of DissectError
        Oddities that were tolerated are appended here.

    Raises
    ------
    Malformed
        When it is neither.

    References
    ----------
    RFC 3261 §7.1, §7.2.
    """
    status = STATUS_LINE.match(line)
    if status is not None:
        version, code, reason = status.groups()
        if reason is None:
            faults.append(
                _fault("status line without a space after its code", "RFC 3261 §7.2", "note")
            )
        _check_version(version, faults)
        return SipResponse([], b"", (), 0, 0, 0, {}, int(code), (reason or "").strip(LWS))
    request = REQUEST_LINE.match(line)
    if request is None:
        raise Malformed(f"no SIP start line: {line[:60]!r}", layer="sip", spec="RFC 3261 §7.1")
    method, sent_uri, version = request.groups()
    uri = sent_uri.strip(LWS)
    if uri != sent_uri or line[-1] in LWS or " " in uri or uri[:1] in ("<", ""):
        faults.append(_fault("spaces or brackets around or in the Request-URI", "RFC 3261 §7.1"))
    _check_version(version, faults)
    return SipRequest([], b"", (), 0, 0, 0, {}, method, uri)


def _check_version(version: str, faults: list[DissectError]) -> None:
    if version != "SIP/2.0":
        faults.append(_fault(f"version is {version[:20]}, not SIP/2.0", "RFC 3261 §7.1"))


def content_length(message: SipMessage, faults: list[DissectError]) -> int | None:
    """Return what Content-Length says, in bytes, or None where it says nothing that can be used.

    Of several different values the first stands; :func:`decode_head` has told the contradiction.

    Parameters
    ----------
    message : SipMessage
        Its headers are looked at.
    faults : list of DissectError
        What is wrong with the header is appended here.

    References
    ----------
    RFC 3261 §20.14.
    """
    value = message.first_values.get("content-length")
    if value is None:
        return None
    if value.isdecimal() and value.isascii() and len(value) <= 18:
        return int(value)
    faults.append(_fault(f"Content-Length is {value[:30]!r}", "RFC 3261 §20.14"))
    return None


def _fault(summary: str, spec: str, severity: Severity = "warning") -> DissectError:
    return Malformed(summary, layer="sip", spec=spec, severity=severity)
