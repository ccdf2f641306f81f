"""A SIP message and its bodies, header by header, each with what it means.

Credentials and keys are taken out: of an Authorization header remains what it is for, of a body
what its decoder or :mod:`pipelines.masking` leaves.

References
----------
RFC 3261 §7 (message), §20 (headers), §22.4 (credentials); RFC 4028 §4; [MS-OCER] §2.2.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from dissectors import bodies as _registered  # noqa: F401  (importing it fills the registry)
from dissectors.body import (
    REDACTED,
    Container,
    MediaPart,
    Plain,
    readable_text,
    to_plain,
    top_part,
    walk_parts,
)
from dissectors.errors import DissectError
from dissectors.sip import headers as sip
from dissectors.sip.diagnostics import HEADERS as DIAGNOSTICS
from dissectors.sip.diagnostics import decode_diagnostics_value
from dissectors.sip.message import SipMessage, SipRequest, SipResponse, full_name
from pipelines.floor import Field, Floor
from pipelines.frame_watch import SeenMessage
from pipelines.masking import masked_body

MOST_FIELDS = 5_000
"""Leaves and branches of one body that are shown."""

_CREDENTIALS = frozenset(
    (
        "authorization",
        "proxy-authorization",
        "www-authenticate",
        "proxy-authenticate",
        "authentication-info",
        "proxy-authentication-info",
    )
)
_SECRET_PARAMETERS = frozenset(("response", "gssapi-data", "rspauth", "cnonce", "password"))
_CLASSES = ("", "provisional", "success", "redirection", "client error", "server error", "global")


def sip_floors(seen: SeenMessage, frame_number: int) -> list[Floor]:
    """Return the floors of a message: itself and each part of its body.

    A frame that only carries a part of the message gets one floor, which says so.
    """
    message = cast(SipRequest | SipResponse, seen.message)
    floor = Floor(f"SIP over {seen.transport}", "RFC 3261 §7")
    floor.fields = [_start_line(message)]
    _tell_frames(floor, seen, frame_number)
    if message.frames[-1] != frame_number:
        return [floor]
    floor.length = len(message.head) or None
    floor.fields += _header_fields(message)
    if message.truncated:
        floor.notes.append("the capture lacks the end of the message")
    floor.data = _masked_head(bytes(message.head))
    return [floor, *_body_floors(message)]


def _start_line(message: SipRequest | SipResponse) -> Field:
    if isinstance(message, SipRequest):
        line = f"{message.method} {message.request_uri} SIP/2.0"
        told = (Field("method", message.method), _uri_field("request_uri", message.request_uri))
        return Field("start_line", line, "request", 0, fields=told)
    code, reason = message.status_code, message.reason_phrase
    kind = _CLASSES[code // 100] if 100 <= code < 700 else "of no known class"
    line = f"SIP/2.0 {code} {reason}"
    return Field("start_line", line, f"response: {kind}", 0)


def _tell_frames(floor: Floor, seen: SeenMessage, frame_number: int) -> None:
    frames = seen.message.frames
    floor.notes.append(f"message {seen.message_id}, {seen.way}")
    if seen.retransmission_of is not None:
        floor.notes.append(f"a retransmission of {seen.retransmission_of}")
    if frames[-1] != frame_number:
        floor.notes.append(f"this frame carries a part of it; frame {frames[-1]} completes it")
    elif seen.transport == "log":
        return
    elif len(frames) > 1:
        others = ", ".join(map(str, frames[:-1]))
        floor.notes.append(f"put together from {len(frames)} frames: {others} and this one")


# --- headers ------------------------------------------------------------------------------------

_LINE = re.compile(rb"[^\n]*\n?")


def _header_fields(message: SipMessage) -> list[Field]:
    places = list(_places(bytes(message.head)))
    known = len(places) == len(message.headers)
    return [
        _header_field(name, value, *(places[index] if known else (None, None)))
        for index, (name, value) in enumerate(message.headers)
    ]


def _places(head: bytes) -> Iterator[tuple[int, int]]:
    """Yield offset and length of each header, folded lines together, without the line end."""
    begin, end = None, 0
    first = head.find(b"\n") + 1
    for match in _LINE.finditer(head, first if first else len(head)):
        line = match[0].rstrip(b"\r\n")
        if not line:
            break
        if line[:1] not in b" \t" or begin is None:
            if begin is not None:
                yield begin, end - begin
            begin = match.start()
        end = match.start() + len(line)
    if begin is not None:
        yield begin, end - begin


def _header_field(name: str, value: str, offset: int | None, length: int | None) -> Field:
    full = full_name(name)
    if full in _CREDENTIALS:
        return Field(name, *_credentials(value), offset, length)
    decode = _DECODERS.get(full)
    if decode is None and full in DIAGNOSTICS:
        return Field(name, value, "", offset, length, _diagnoses(full, value))
    if decode is None:
        return Field(name, value, _EXPANDED.get(name.lower(), ""), offset, length)
    try:
        told = tuple(decode(value))
    except DissectError as error:
        return Field(name, value, f"not read: {error.summary}", offset, length)
    return Field(name, value, _EXPANDED.get(name.lower(), ""), offset, length, told)


def _credentials(value: str) -> tuple[str, str]:
    """Return scheme and parameters without what proves who somebody is."""
    scheme, _, rest = value.partition(" ")
    parameters = sip.decode_parameters(";".join(["", *sip.split_values(rest)]))
    told = [
        f"{name}={REDACTED if name in _SECRET_PARAMETERS and text else text}"
        for name, text in parameters.items()
    ]
    if not told and rest:
        return f"{scheme} {REDACTED}", "credentials are not shown"
    return " ".join([scheme, ", ".join(told)]).strip(), ""


def _parameters(parameters: Mapping[str, str]) -> Iterator[Field]:
    for name, value in parameters.items():
        yield Field(name, value, _PARAMETERS.get(name, ""))


_PARAMETERS = {
    "tag": "one side of the dialog (RFC 3261 §19.3)",
    "epid": "endpoint ([MS-SIPRE] §2.2.1)",
    "branch": "transaction on this hop (RFC 3261 §8.1.1.7)",
    "received": "address that the request came from (RFC 3261 §18.2.1)",
    "rport": "port that the request came from (RFC 3581 §4)",
    "ms-received-port": "port that the request came from",
    "ms-received-cid": "connection that the request came by",
    "lr": "loose routing (RFC 3261 §16.12)",
    "expires": "seconds",
    "q": "preference among contacts (RFC 3261 §20.10)",
    "+sip.instance": "device (RFC 5626 §4.1)",
    "refresher": "who keeps the session alive (RFC 4028 §4)",
}


def _uri_field(name: str, uri: str) -> Field:
    try:
        parts = sip.decode_uri(uri)
    except DissectError as error:
        return Field(name, uri, f"not read: {error.summary}")
    told = [Field("scheme", parts.scheme)]
    if parts.user:
        told.append(Field("user", parts.user, "telephone number" if parts.is_phone else ""))
    if parts.host:
        told.append(Field("host", parts.host))
    if parts.port is not None:
        told.append(Field("port", str(parts.port)))
    told += [Field(key, value, _opaque(key, value)) for key, value in parts.parameters.items()]
    return Field(name, uri, "", fields=tuple(told))


def _opaque(name: str, value: str) -> str:
    if name == "gruu":
        return "names one endpoint (RFC 5627)"
    if name != "opaque":
        return ""
    opaque = sip.decode_opaque(value)
    told = [opaque.kind, opaque.role.replace(":", " ")]
    if opaque.conference_id:
        told.append(f"of conference {opaque.conference_id}")
    return " ".join(filter(None, told))


def _name_addrs(value: str) -> Iterator[Field]:
    for item in sip.split_values(value):
        one = sip.decode_name_addr(item)
        if one.display_name:
            yield Field("display_name", one.display_name)
        yield _uri_field("uri", one.uri)
        yield from _parameters(one.parameters)


def _name_addr(value: str) -> Iterator[Field]:
    one = sip.decode_name_addr(value)
    if one.display_name:
        yield Field("display_name", one.display_name)
    yield _uri_field("uri", one.uri)
    yield from _parameters(one.parameters)


def _via(value: str) -> Iterator[Field]:
    for item in sip.split_values(value):
        via = sip.decode_via(item)
        yield Field("transport", via.transport)
        yield Field("sent_by", via.sent_by)
        yield from _parameters(via.parameters)


def _cseq(value: str) -> Iterator[Field]:
    cseq = sip.decode_cseq(value)
    yield Field("number", str(cseq.number))
    yield Field("method", cseq.method)


def _content_type(value: str) -> Iterator[Field]:
    media = sip.decode_media_type(value)
    yield Field("media_type", media.media_type)
    yield from _parameters(media.parameters)


def _session_expires(value: str) -> Iterator[Field]:
    timer = sip.decode_session_expires(value)
    yield Field("delta_seconds", str(timer.delta_s), "session interval")
    if timer.refresher:
        yield Field("refresher", timer.refresher, _PARAMETERS["refresher"])


_DECODERS: dict[str, Callable[[str], Iterator[Field]]] = {
    **dict.fromkeys(("from", "to", "referred-by", "refer-to"), _name_addr),
    **dict.fromkeys(
        ("contact", "route", "record-route", "p-asserted-identity", "p-preferred-identity"),
        _name_addrs,
    ),
    "via": _via,
    "cseq": _cseq,
    "content-type": _content_type,
    "session-expires": _session_expires,
}
"""Full name, lower case → what reads its value."""

_EXPANDED = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
}


def _diagnoses(header: str, value: str) -> tuple[Field, ...]:
    try:
        found = decode_diagnostics_value(header, value)
    except DissectError as error:
        return (Field("problem", error.summary),)
    fields = []
    for one in found:
        code = f"{one.code}" if one.subcode is None else f"{one.code}.{one.subcode}"
        fields.append(Field("error_id", code, one.component or "of no known range"))
        told = {"reason": one.reason, "source": one.source, **one.parameters}
        fields += [Field(name, text) for name, text in told.items() if text]
    return tuple(fields)


# --- bodies -------------------------------------------------------------------------------------


def _body_floors(message: SipMessage) -> list[Floor]:
    if not message.body:
        return []
    floors = [_part_floor(part, value) for part, value in walk_parts(top_part(message))]
    floors[0].data = masked_body(message)
    return floors


def _part_floor(part: MediaPart, value: object) -> Floor:
    name = "body" if part.path == "1" else f"part {part.path}"
    floor = Floor(f"{name}: {part.media_type}", length=len(part.data))
    told = {"Content-ID": part.content_id, "Content-Disposition": part.disposition}
    floor.fields = [Field(name, text) for name, text in told.items() if text]
    if isinstance(value, DissectError):
        floor.notes.append(f"not decoded: {value.summary}")
    elif isinstance(value, Container):
        floor.notes.append(f"{len(value.parts)} parts")
        return floor
    elif value is not None:
        floor.notes += [f"problem: {text}" for text in getattr(value, "problems", ())]
        floor.fields += _tree(to_plain(value))
        return floor
    else:
        floor.notes.append("nobody decodes this media type")
    text = readable_text(part)
    if text:
        lines = text.splitlines()
        floor.fields += [
            Field(f"line {at}", line) for at, line in enumerate(lines[:MOST_FIELDS], 1)
        ]
        if len(lines) > MOST_FIELDS:
            floor.notes.append(f"{len(lines) - MOST_FIELDS} more lines")
    return floor


class _Budget:
    """How many more fields may be made of one body."""

    def __init__(self) -> None:
        self.left = MOST_FIELDS


def _tree(plain: Plain) -> list[Field]:
    """Return a value as fields; what says nothing (None, empty) is left out."""
    budget = _Budget()
    fields = list(_branches(plain, budget))
    if budget.left <= 0:
        fields.append(Field("…", "", f"more than {MOST_FIELDS} fields"))
    return fields


def _branches(plain: Plain, budget: _Budget) -> Iterator[Field]:
    for name, value in _items(plain):
        if value is None or value in ([], {}, ""):
            continue
        budget.left -= 1
        if budget.left <= 0:
            return
        if isinstance(value, dict) or (isinstance(value, list) and not _is_flat(value)):
            yield Field(name, "", fields=tuple(_branches(value, budget)))
        else:
            yield Field(name, _leaf(value))


def _items(plain: Plain) -> list[tuple[str, Plain]]:
    if isinstance(plain, dict):
        return [(name, value) for name, value in plain.items() if name != "problems"]
    if not isinstance(plain, list):
        return [("value", plain)]
    pairs = [(str(item[0]), item[1]) for item in plain if isinstance(item, list) and _is_pair(item)]
    if len(pairs) == len(plain):
        return pairs
    return [(f"[{at}]", value) for at, value in enumerate(plain)]


def _is_pair(items: list[Plain]) -> bool:
    """Tell whether a list is a name and a value, as of an SDP attribute."""
    return len(items) == 2 and isinstance(items[0], str)


def _is_flat(items: list[Plain]) -> bool:
    return not any(isinstance(item, (dict, list)) for item in items)


def _leaf(value: Plain) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# --- what may be shown as bytes -----------------------------------------------------------------

_CREDENTIAL_LINE = re.compile(
    rb"^((?:(?:proxy-)?authorization|(?:www|proxy)-authenticate"
    rb"|(?:proxy-)?authentication-info)[ \t]*:[ \t]*)([^\r\n]+(?:\r?\n[ \t][^\r\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)


def _masked_head(head: bytes) -> bytes:
    """Overwrite credentials in a head; its length stays."""
    return _CREDENTIAL_LINE.sub(lambda match: match[1] + b"X" * len(match[2]), head)
