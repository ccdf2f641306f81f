r"""A record of the servers' text traces → a SIP message, or a diagnostic.

::

    TL_INFO(TF_PROTOCOL) [0]06E4.0EB4::01/18/2012-05:00:43.101.00005386 \
            (SIPStack,Class::Function:File.cpp(125))$$begin_record              (one line)
    Trace-Correlation-Id: 2003888399
    Instance-Id: 0000C23F
    Direction: incoming;source="internal edge";destination="external edge"
    Peer: fe01.contoso.com:61182
    Message-Type: request
    Start-Line: OPTIONS sip:user@fabrikam.com SIP/2.0
    …the headers…
    Message-Body: …
    $$end_record

OCSLogger (OCS 2007 R2, Lync 2010, UCMA) writes the processor's number in brackets, CLSLogger (Lync
2013 and later) ``[pool\machine]``, and the correlation id in brackets behind the component. In
process and thread, and in the record's number behind the milliseconds, digits are hexadecimal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dissectors.errors import DissectError, LimitExceeded, Malformed, Truncated
from dissectors.sip.conformance import check_message
from dissectors.sip.framing import MAX_HEAD
from dissectors.sip.headers import decode_cseq, decode_parameters
from dissectors.sip.message import SipRequest, SipResponse, content_length, decode_head
from dissectors.tracelog.encoding import to_utf8
from dissectors.tracelog.pasted import (
    is_doubled,
    is_typographic,
    is_typographic_body,
    straighten,
    tell_straightened,
    without_blank_lines,
    without_markup,
    without_prefix,
)
from dissectors.tracelog.raw_message import decode_raw_message
from dissectors.tracelog.record import (
    BodyState,
    Direction,
    LogDiagnostic,
    Logged,
    LoggedMessage,
    TraceContext,
    local_time_ns,
)
from dissectors.tracelog.split import RawRecord

# LEVEL "(" FLAG ")" "[" CPU-OR-MACHINE "]" PID "." TID "::" DATE "-" TIME "." NUMBER
_HEAD = re.compile(
    rb"(TL_[A-Z]+)\((TF_[A-Z_0-9]+)\)[ \t]*\[([^\]\r\n]{0,256})\][ \t]*"
    rb"(?:([0-9A-Fa-f]{1,8})\.([0-9A-Fa-f]{1,8}))?(?:::)?[ \t]*"
    rb"(?:(\d\d/\d\d/\d{4})-(\d\d:\d\d:\d\d\.\d{3}))?(?:\.[0-9A-Fa-f]{1,16})?"
)
# "(" COMPONENT "," FUNCTION ":" FILE "(" LINE "))" [ "[" CORRELATION "]" ]
_COMPONENT = re.compile(rb"[ \t]*\(([^,()\r\n]{1,80}),[^\r\n]*?\(\d+\)\)(?:[ \t]*\[(\d{1,20})\])?")

_PROTOCOL_FIELDS = (
    b"trace-correlation-id",
    b"instance-id",
    b"direction",
    b"peer",
    b"message-type",
    b"start-line",
)
_DIAGNOSTIC_FIELDS = (
    b"logtype",
    b"severity",
    b"text",
    b"result-code",
    b"sip-start-line",
    b"sip-call-id",
    b"sip-cseq",
    b"peer",
    b"data",
    b"local-ip",
    b"peer-ip",
    b"peer-fqdn",
    b"connection-id",
    b"transport",
    b"trace-correlation-id",
    b"instance-id",
)
_NAMES = b"|".join(sorted({*_PROTOCOL_FIELDS, *_DIAGNOSTIC_FIELDS}, reverse=True))
# Some records have their fields on one line: then a name that is known begins the next one.
_FIELD_WITHIN = re.compile(rb"[ \t](?=(?:" + _NAMES + rb")[ \t]*:[ \t])", re.IGNORECASE)
_FIELD = re.compile(
    rb"(?:[ \t]*\r?\n)*[ \t]*([A-Za-z][A-Za-z-]{0,40})[ \t]*:[ \t]*([^\r\n]*)\r?\n?"
)
_START_LINE = re.compile(rb"^[ \t]*Start-Line[ \t]*:", re.MULTILINE | re.IGNORECASE)
_BODY = re.compile(rb"^[ \t]*Message-Body[ \t]*:[ \t]*", re.MULTILINE | re.IGNORECASE)
# The first line that is neither a header nor the continuation of one.
_NO_HEADER = re.compile(rb"^(?![!-9;-~]+[ \t]*:|[ \t]|\r?\n)", re.MULTILINE)
_BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n")
_BARE_LF = re.compile(rb"(?<!\r)\n")

_DELETED = b"MESSAGE BODY DELETED"
_NO_BODY = (b"", b"-", b"\xe2\x80\x93", b"\xe2\x80\x94")
_ELLIPSES = (b"\xe2\x80\xa6", b"...")

FIELDS_LOOKED_AT = 64
"""Most fields of one record; no logger writes nearly as many."""


@dataclass(slots=True)
class _Record:
    """A record, taken apart but for its SIP message."""

    context: TraceContext
    rest: bytes  # behind the head line, or the whole record when it has none
    begun: bool = False  # its head says that it begins, so all of it was meant to be read
    own: bool = True  # as its logger wrote it: not pasted without its end
    faults: list[DissectError] = field(default_factory=list)


def decode_trace_record(raw: RawRecord) -> tuple[Logged | None, list[DissectError]]:
    """Decode a record of OCSLogger or CLSLogger, with or without head.

    Parameters
    ----------
    raw : RawRecord
        Of the kind ``trace`` or ``fields``.

    Returns
    -------
    LoggedMessage, LogDiagnostic or None
        None for a record of something else, which is no fault.
    list of DissectError
        What is wrong with the record, when it could not be read; the faults of a message that was
        are its own.
    """
    record = _open_record(raw)
    fields, offset = _protocol_fields(record.rest)
    try:
        if b"start-line" in fields or b"message-type" in fields:
            return _decode_message(record, fields, offset, raw), []
    except DissectError as error:
        error.frame_number = raw.line_number
        return None, [error]
    raw_message = decode_raw_message(record.rest, record.context)
    if raw_message is not None:
        return raw_message, []
    diagnostic = _decode_diagnostic(record)
    if diagnostic is not None or not record.begun:
        return diagnostic, []
    summary = "record holds neither a message nor a diagnostic"
    note = Malformed(summary, layer="log", severity="note", frame_number=raw.line_number)
    return None, [note]


def _open_record(raw: RawRecord) -> _Record:
    faults: list[DissectError] = []
    data = without_markup(to_utf8(without_prefix(raw.data, raw.prefix)), faults)
    head = _HEAD.match(data) if raw.kind == "trace" else None
    if head is None:
        return _Record(TraceContext(raw.line_number), data, own=raw.whole, faults=faults)
    end = data.find(b"\n", head.end()) + 1 or len(data)
    line = data[head.end() : end]
    context = _context(head, line, raw.line_number)
    within = _FIELD_WITHIN.search(line)
    rest = data[end:]
    if within is not None:
        rest = _FIELD_WITHIN.sub(b"\n", line[within.end() :]) + rest
    begun = b"$$begin_record" in line
    return _Record(context, rest, begun, own=raw.whole or begun, faults=faults)


def _context(head: re.Match[bytes], line: bytes, line_number: int) -> TraceContext:
    level, _, bracket, process, thread, date, time = head.groups()
    component = _COMPONENT.match(line)
    return TraceContext(
        line_number=line_number,
        local_time_ns=local_time_ns(date, time) if date else None,
        level=_text(level),
        machine=None if bracket.isdigit() else _text(bracket.strip()),
        process=_text(process),
        thread=_text(thread),
        component=_text(component[1].strip()) if component else None,
        correlation_id=_text(component[2]) if component else None,
    )


def _text(value: bytes | None) -> str | None:
    return value.decode("utf-8", "replace") if value else None


def _protocol_fields(data: bytes) -> tuple[dict[bytes, bytes], int]:
    """Return the fields before the SIP message, and where the message begins."""
    fields: dict[bytes, bytes] = {}
    # With a Start-Line anything before it is a field; without one, only the names that are known.
    last = _START_LINE.search(data, 0, 4096)
    at = 0
    for _ in range(FIELDS_LOOKED_AT):
        found = _FIELD.match(data, at)
        if found is None:
            break
        name = found[1].lower()
        if name not in _PROTOCOL_FIELDS and (last is None or found.start(1) > last.start()):
            break
        fields.setdefault(name, found[2].strip())
        at = found.end()
        if name == b"start-line":
            break
    return fields, at


# --- messages -----------------------------------------------------------------------------------


def _decode_message(
    record: _Record, fields: dict[bytes, bytes], offset: int, raw: RawRecord
) -> LoggedMessage:
    _add_fields(record.context, fields)
    head, body, marked = _split_message(record.rest[offset:], own=record.own)
    faults = record.faults
    if is_typographic(fields.get(b"start-line", b"") + head) or is_typographic(
        fields.get(b"direction", b"")
    ):
        head = straighten(head)
        _add_fields(record.context, {name: straighten(fields[name]) for name in fields})
        tell_straightened(faults)
    message = _message(fields, head, faults)
    check_message(message, faults)
    length = content_length(message, faults)
    message.body, state = _body(body, length)
    message.frames = (raw.line_number,)
    message.direction = 1 if record.context.direction == "incoming" else 0
    if not marked:
        _take_part_header(message, faults)
    cut = raw.kind == "trace" and record.own and not raw.whole
    if state == "truncated" or cut:
        state, message.truncated = "truncated", True
        faults.append(Truncated(_shortage(message, length), layer="log", severity="warning"))
    for fault in faults:
        fault.frame_number = raw.line_number
    return LoggedMessage(record.context, message, state, faults)


def _add_fields(context: TraceContext, fields: dict[bytes, bytes]) -> None:
    get = fields.get
    context.correlation_id = context.correlation_id or _text(get(b"trace-correlation-id"))
    context.instance_id = _text(get(b"instance-id"))
    context.peer = _text(get(b"peer"))
    way, _, parameters = (_text(get(b"direction")) or "").partition(";")
    context.direction = _DIRECTIONS.get(way.strip().lower())
    if parameters:
        named = decode_parameters(parameters)
        context.source = named.get("source") or None
        context.destination = named.get("destination") or None


_DIRECTIONS: dict[str, Direction] = {"incoming": "incoming", "outgoing": "outgoing"}


def _split_message(sip: bytes, *, own: bool) -> tuple[bytes, bytes, bool]:
    """Return headers, body, and whether ``Message-Body:`` stands between them."""
    sip = sip.lstrip(b"\r\n")
    mark = _BODY.search(sip)
    if is_doubled(sip[: mark.start()] if mark else sip):
        sip = _undoubled(sip)
        mark = _BODY.search(sip)
    elif not own:
        blank = _BLANK_LINE.search(sip, mark.end() if mark else 0)
        sip = sip[: blank.start() + 1] if blank else sip
    if mark is not None:
        return without_blank_lines(sip[: mark.start()]), sip[mark.end() :], True
    end = _NO_HEADER.search(sip)
    cut = end.start() if end else len(sip)
    return without_blank_lines(sip[:cut]), sip[cut:], False


def _undoubled(data: bytes) -> bytes:
    return re.sub(rb"(\r?\n)[ \t]*\r?\n", rb"\1", data)


def _message(
    fields: dict[bytes, bytes], head: bytes, faults: list[DissectError]
) -> SipRequest | SipResponse:
    if len(head) > MAX_HEAD:
        summary = f"headers of {len(head)} bytes; more than {MAX_HEAD >> 10} KiB are not read"
        raise LimitExceeded(summary, layer="log")
    if not head.endswith(b"\n"):
        head += b"\r\n"
    if b"\n" in head and head.count(b"\r\n") != head.count(b"\n"):
        head = _BARE_LF.sub(b"\r\n", head)
    start_line = fields.get(b"start-line")
    if start_line:
        return decode_head(b"%b\r\n%b\r\n" % (start_line, head), faults)
    return _without_start_line(fields.get(b"message-type", b""), head, faults)


def _without_start_line(
    kind: bytes, head: bytes, faults: list[DissectError]
) -> SipRequest | SipResponse:
    """Decode headers whose start line was left out: of a request, CSeq still tells the method."""
    summary = "the record shows no start line"
    faults.append(Malformed(summary, layer="log", severity="warning", spec="RFC 3261 §7.1"))
    sip = decode_head(b"SIP/2.0 100\r\n%b\r\n" % head, [])
    common = (sip.headers, b"", (), 0, 0, 0, sip.first_values)
    if kind.lower() == b"response":
        return SipResponse(*common)
    if kind.lower() != b"request":
        raise Malformed(f"Message-Type is {kind[:30]!r}", layer="log")
    return SipRequest(*common, method=_cseq(sip.first_values.get("cseq"))[1] or "")


def _cseq(value: str | None) -> tuple[int | None, str | None]:
    try:
        cseq = decode_cseq(value or "")
    except DissectError:
        return None, None
    return cseq.number, cseq.method


def _body(text: bytes, length: int | None) -> tuple[bytes, BodyState]:
    """Return the body, and whether the log shows it.

    The logger puts a line end behind a body, and copying may have changed its line ends: of what
    the body may have been, that counts which has the length that Content-Length says.
    """
    bare = text.strip()
    if _DELETED in bare[:256]:
        return b"", "deleted"
    if bare in _NO_BODY and not (bare and length == len(bare)):
        return b"", "deleted" if length else "absent"
    candidates = _candidates(text)
    exact = _of_length(candidates, length)
    if exact is None and is_typographic_body(text):
        candidates = _candidates(straighten(text))
        exact = _of_length(candidates, length)
    if exact is not None:
        return exact, "whole"
    body = candidates[0]
    longest = max(map(len, candidates))
    if bare.endswith(_ELLIPSES) or (bare[:1] == b"<" and bare[-1:] != b">"):
        return body, "truncated"
    if length is None or longest > length:
        return (body[:length] if length and not body[length:].strip() else body), "whole"
    return body, "truncated"


def _of_length(candidates: list[bytes], length: int | None) -> bytes | None:
    return next((body for body in candidates if len(body) == length), None)


def _candidates(text: bytes) -> list[bytes]:
    trimmed = text[: -2 if text.endswith(b"\r\n") else -1] if text.endswith(b"\n") else text
    if b"\r\n" in text:
        return [trimmed, text, trimmed.replace(b"\r\n", b"\n"), text.replace(b"\r\n", b"\n")]
    return [trimmed, trimmed.replace(b"\n", b"\r\n"), text.replace(b"\n", b"\r\n"), text]


def _take_part_header(message: SipRequest | SipResponse, faults: list[DissectError]) -> None:
    """Let the last Content-Type describe the body.

    Where somebody edited a multipart body down to one part, the part's Content-Type stands among
    the headers, behind the message's own.
    """
    types = message.get_all("content-type")
    if len(types) > 1 and message.body:
        message.first_values["content-type"] = types[-1]
        summary = f"Content-Type is given {len(types)} times: the last one is the body's"
        faults.append(Malformed(summary, layer="log", severity="warning"))


def _shortage(message: SipRequest | SipResponse, length: int | None) -> str:
    shown = len(message.body)
    return f"the log shows {shown}{'' if length is None else f' of {length}'} bytes of a body"


# --- diagnostics --------------------------------------------------------------------------------


def _decode_diagnostic(record: _Record) -> LogDiagnostic | None:
    """Decode a record that names a severity; None for any other."""
    fields = _diagnostic_fields(record.rest)
    if b"severity" not in fields or not (b"text" in fields or b"result-code" in fields):
        return None
    context = record.context
    context.instance_id = _text(fields.pop(b"instance-id", None))
    correlation = _text(fields.pop(b"trace-correlation-id", None))
    context.correlation_id = context.correlation_id or correlation
    context.peer = _text(fields.pop(b"peer", None) or fields.pop(b"peer-ip", None))
    context.local = _text(fields.pop(b"local-ip", None))
    code, name = _result(fields.pop(b"result-code", b""))
    cseq, method = _cseq(_text(fields.pop(b"sip-cseq", None)))
    take = fields.pop
    severity = _text(take(b"severity", None))
    return LogDiagnostic(
        context,
        log_type=_text(take(b"logtype", None)),
        severity=severity.lower() if severity else None,
        text=_text(take(b"text", None)),
        result_code=code,
        result_name=name,
        start_line=_text(take(b"sip-start-line", None)),
        call_id=_text(take(b"sip-call-id", None)),
        cseq=cseq,
        method=method,
        data=_data(take(b"data", b"")) | _others(fields),
    )


def _diagnostic_fields(data: bytes) -> dict[bytes, bytes]:
    """Return the fields; a line that is none continues the one before it."""
    fields: dict[bytes, bytes] = {}
    name = b""
    lines = _FIELD_WITHIN.sub(b"\n", data[:65536]).split(b"\n", FIELDS_LOOKED_AT)
    for line in lines[:FIELDS_LOOKED_AT]:
        found = _FIELD.match(line)
        if found is not None:
            name = found[1].lower()
            fields.setdefault(name, found[2].strip())
        elif name and line.strip():
            fields[name] += b" " + line.strip()
    return fields


_RESULT = re.compile(rb"(0[xX][0-9A-Fa-f]{1,8})[ \t]*\(?([A-Za-z_0-9]*)")


def _result(value: bytes) -> tuple[int | None, str | None]:
    found = _RESULT.match(value)
    return (int(found[1], 16), _text(found[2])) if found else (None, None)


def _data(value: bytes) -> dict[str, str]:
    return decode_parameters(straighten(value).decode()) if value else {}


def _others(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode("utf-8", "replace") for name, value in fields.items()}
