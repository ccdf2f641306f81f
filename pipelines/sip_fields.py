"""The headers of a SIP message as fields: each with its value's parts and what they mean.

Of credentials remains what they are for, not what proves who somebody is.

References
----------
RFC 3261 §20 (headers), §22.4 (credentials); RFC 4028 §4; [MS-OCER] §2.2.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from dissectors.body import REDACTED
from dissectors.errors import DissectError
from dissectors.sip import headers as sip
from dissectors.sip.diagnostics import HEADERS as DIAGNOSTICS
from dissectors.sip.diagnostics import decode_diagnostics_value
from dissectors.sip.message import SipMessage, full_name
from pipelines.floor import Field

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

_LINE = re.compile(rb"[^\n]*\n?")


def header_fields(message: SipMessage) -> list[Field]:
    """Return a field for each header, in order, with its place in the head if that is certain."""
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
    if full in DIAGNOSTICS:
        return Field(name, value, "", offset, length, _diagnoses(full, value))
    meaning, decode = _meaning(name, full), _DECODERS.get(full)
    if decode is None:
        return Field(name, value, meaning, offset, length)
    try:
        told = tuple(decode(value))
    except DissectError as error:
        return Field(name, value, f"not read: {error.summary}", offset, length)
    if len(told) == 1 and told[0].value == value:
        told = told[0].fields  # a word without parameters, a URI without anything
    return Field(name, value, meaning, offset, length, told)


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


def uri_field(name: str, uri: str) -> Field:
    """Return the field of a URI and its parts."""
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
        yield uri_field("uri", one.uri)
        yield from _parameters(one.parameters)


def _name_addr(value: str) -> Iterator[Field]:
    one = sip.decode_name_addr(value)
    if one.display_name:
        yield Field("display_name", one.display_name)
    yield uri_field("uri", one.uri)
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


def _word(value: str) -> Iterator[Field]:
    for item in sip.split_values(value):
        word, _, rest = item.partition(";")
        yield Field("value", word.strip())
        yield from _parameters(sip.decode_parameters(f";{rest}" if rest else ""))


_WORDS = (
    "content-disposition",
    "event",
    "history-info",
    "ms-client-diagnostics-info",
    "ms-edge-proxy-message-trust",
    "ms-endpoint-location-data",
    "ms-keep-alive",
    "ms-split-domain-info",
    "ms-user-data",
    "p-charging-vector",
    "reason",
    "retry-after",
    "subscription-state",
)
"""Headers that are a word, or several, with parameters."""

_DECODERS: dict[str, Callable[[str], Iterator[Field]]] = {
    **dict.fromkeys(_WORDS, _word),
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


_MEANINGS = {
    "allow": "methods that the sender takes (RFC 3261 §20.5)",
    "call-id": "with both tags it names the dialog (RFC 3261 §12)",
    "content-length": "bytes of the body (RFC 3261 §20.14)",
    "event": "event package (RFC 6665 §8.2.1)",
    "expires": "seconds (RFC 3261 §20.19)",
    "max-forwards": "hops that are left (RFC 3261 §20.22)",
    "min-expires": "seconds (RFC 3261 §20.23)",
    "min-se": "least session interval, seconds (RFC 4028 §5)",
    "ms-conversation-id": "the same in all dialogs of one conversation",
    "rack": "provisional response that it acknowledges (RFC 3262 §7.2)",
    "reason": "why it was sent (RFC 3326 §2)",
    "require": "extensions that the receiver must know (RFC 3261 §20.32)",
    "rseq": "number of a provisional response (RFC 3262 §7.1)",
    "server": "product that answers (RFC 3261 §20.35)",
    "subscription-state": "state of the subscription (RFC 6665 §8.2.3)",
    "supported": "extensions that the sender knows (RFC 3261 §20.37)",
    "unsupported": "extensions that the sender does not know (RFC 3261 §20.40)",
    "user-agent": "product that asks (RFC 3261 §20.41)",
}
"""Full name, lower case → what the header says."""


def _meaning(name: str, full: str) -> str:
    told = (_EXPANDED.get(name.lower(), ""), _MEANINGS.get(full, ""))
    return ": ".join(filter(None, told))


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


# --- what may be shown as bytes -----------------------------------------------------------------

_CREDENTIAL_LINE = re.compile(
    rb"^((?:(?:proxy-)?authorization|(?:www|proxy)-authenticate"
    rb"|(?:proxy-)?authentication-info)[ \t]*:[ \t]*)([^\r\n]+(?:\r?\n[ \t][^\r\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)


def masked_head(head: bytes) -> bytes:
    """Overwrite credentials in a head; its length stays."""
    return _CREDENTIAL_LINE.sub(lambda match: match[1] + b"X" * len(match[2]), head)
