"""The columns of `messages`: what is read off the headers of many messages at once.

A message has some fifty columns, most of them the value of one header or a part of it. Filling one
column after the other costs half of what filling row after row does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import pyarrow as pa

from dissectors.errors import DissectError
from dissectors.sip.headers import (
    decode_cseq,
    decode_media_type,
    decode_name_addr,
    decode_parameters,
    decode_uri,
    decode_via,
    split_values,
)
from dissectors.sip.message import SipMessage, SipRequest, SipResponse
from dissectors.tracelog.record import shown_body
from pipelines.arrow_rows import arrow_columns
from pipelines.header_columns import header_columns
from pipelines.register_headers import register_columns
from pipelines.schema import MESSAGES


class Found(NamedTuple):
    """A message, and what only who found it knows."""

    message: SipMessage
    """The message."""
    message_id: str
    """Its id."""
    capture: str
    """Name of the capture."""
    frame_number: int
    """Frame of the capture that completed it."""
    hop: tuple[Any, ...]
    """Flow id, sender's address and port, receiver's address and port."""
    transport: str
    """How it travelled: udp, tcp, tls, …"""
    diagnostics_code: int | None
    """First error id of its diagnostics."""
    retransmission_of: str | None
    """Id of the message that it repeats on its hop."""
    recording: str
    """First of the captures that continue each other."""
    logged: LogColumns | None
    """What a trace log says of it; None for a message of a capture."""


class LogColumns(NamedTuple):
    """What a trace log says of a message beside the message."""

    time_ns: int | None
    """Its time, nanoseconds since 1970 UTC; None when the log does not show it."""
    columns: tuple[str | None, ...]
    """The columns of `messages` from `body_state` on."""


_OF_LOGS = MESSAGES.names[MESSAGES.names.index("body_state") :]


def messages_table(found: list[Found]) -> pa.Table:
    """Return the rows of `messages` for what was found, at least one message, as an Arrow table."""
    messages = [one.message for one in found]
    columns = {
        **_place_columns(found),
        **_start_line_columns(messages),
        **_header_columns(messages),
    }
    columns |= _derived_columns(messages, columns["method"])
    if "REGISTER" in columns["method"]:
        names = ("auth_schemes", "bindings")
        columns |= _columns(names, map(register_columns, messages, columns["method"]))
    parties = (columns[name] for name in ("from_uri", "to_uri", "request_uri"))
    columns |= header_columns(columns["user_agent"], *parties)
    columns |= _log_columns(found)
    return arrow_columns(MESSAGES, columns, len(found))


def _columns(names: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Return rows, at least one, as lists by the names of their columns."""
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _place_columns(found: list[Found]) -> dict[str, list[Any]]:
    """Return where and when each message was found."""
    hop = ("flow_id", "src_ip", "src_port", "dst_ip", "dst_port")
    told = _columns(Found._fields, found)
    return {
        **{name: told[name] for name in _KNOWN},
        "time": [one.logged.time_ns if one.logged else one.message.time_ns for one in found],
        "first_time": [
            one.logged.time_ns if one.logged else one.message.first_time_ns for one in found
        ],
        **_columns(hop, told["hop"]),
    }


_KNOWN = (
    "message_id",
    "capture",
    "frame_number",
    "transport",
    "diagnostics_code",
    "retransmission_of",
    "recording",
)


def method_of(message: SipMessage) -> str | None:
    """Return the method of a request, or that of a response's CSeq; a log may leave either out."""
    told = message.method if isinstance(message, SipRequest) else ""
    return told or cseq_of(message.first_values.get("cseq"))[1]


def _start_line_columns(messages: list[SipMessage]) -> dict[str, list[Any]]:
    """Return what start lines and CSeq say; a log may leave the start line out."""
    names = ("is_request", "method", "request_uri", "status_code", "reason_phrase", "cseq")
    return _columns(names, map(_start_line, messages))


def _start_line(message: SipMessage) -> tuple[Any, ...]:
    cseq, method = cseq_of(message.first_values.get("cseq"))
    if isinstance(message, SipRequest):
        return True, message.method or method, message.request_uri or None, None, None, cseq
    if isinstance(message, SipResponse):
        return False, method, None, message.status_code or None, message.reason_phrase or None, cseq
    return False, method, None, None, None, cseq


def _header_columns(messages: list[SipMessage]) -> dict[str, list[Any]]:
    """Return what stands in one header each."""
    values = [message.first_values for message in messages]

    def first(name: str) -> list[str | None]:
        return [one.get(name) or None for one in values]

    products = zip(first("user-agent"), first("server"), strict=True)
    return {
        "call_id": first("call-id"),
        **_columns(("from_uri", "from_tag", "from_epid"), map(party, first("from"))),
        **_columns(("to_uri", "to_tag", "to_epid"), map(party, first("to"))),
        "via_branch": list(map(_branch, first("via"))),
        "user_agent": [agent or server for agent, server in products],
        "contact_uri": list(map(_contact_uri, first("contact"))),
        "event": list(map(_token, first("event"))),
        "subscription_state": list(map(_subscription_state, first("subscription-state"))),
        "conversation_id": first("ms-conversation-id"),
        "expires_s": list(map(_seconds, first("expires"))),
        "session_expires_s": list(map(_seconds, first("session-expires"))),
        "content_type": list(map(_media_type, first("content-type"))),
        "content_length": list(map(_integer, first("content-length"))),
    }


def _derived_columns(messages: list[SipMessage], methods: list[str | None]) -> dict[str, list[Any]]:
    """Return what several headers, or the whole message, tell."""
    timer = ("session_refresher", "min_se_s", "session_headers")
    return {
        **_columns(("via_count", "via_origin"), map(_via_chain, messages)),
        **_columns(timer, map(_session_timer, messages, methods)),
        "route_marks": list(map(route_marks, messages)),
        "body_length": [len(message.body) for message in messages],
    }


def _log_columns(found: list[Found]) -> dict[str, list[Any]]:
    """Return what trace logs say; of messages of a capture only the state of the body."""
    if all(one.logged is None for one in found):
        return {"body_state": [shown_body(one.message) for one in found]}
    nothing = (None,) * (len(_OF_LOGS) - 1)
    return _columns(
        _OF_LOGS,
        (
            (shown_body(one.message), *nothing) if one.logged is None else one.logged.columns
            for one in found
        ),
    )


# --- values of headers --------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def party(value: str | None) -> tuple[str | None, str | None, str | None]:
    """Return URI, tag and epid of a From or To value; each None where it has none."""
    if not value:
        return None, None, None
    try:
        name_addr = decode_name_addr(value)
    except DissectError:
        return None, None, None
    get = name_addr.parameters.get
    return name_addr.uri or None, get("tag") or None, get("epid") or None


_BRANCH = re.compile(r";[ \t]*branch[ \t]*=[ \t]*([^;\s]+)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def _contact_uri(value: str | None) -> str | None:
    if not value:
        return None
    try:
        return decode_name_addr(value).uri or None
    except DissectError:
        return None


@lru_cache(maxsize=4096)
def cseq_of(value: str | None) -> tuple[int | None, str | None]:
    """Return number and method of a CSeq; each None where it has none."""
    if not value:
        return None, None
    try:
        cseq = decode_cseq(value)
    except DissectError:
        return None, None
    return cseq.number, cseq.method


def _branch(value: str | None) -> str | None:
    if not value or "branch" not in value.lower():
        return None
    if "," not in value and '"' not in value:  # nearly always: one Via, nothing quoted
        found = _BRANCH.search(value)
        return found[1] if found else None
    try:
        return decode_via(value).parameters.get("branch") or None
    except DissectError:
        return None


_VIA_NAMES = frozenset(("Via", "v", "via", "VIA", "V"))


def _via_chain(message: SipMessage) -> tuple[int | None, str | None]:
    """Return how many Via values a message has, and who put the last of them there."""
    values = [value for name, value in message.headers if name in _VIA_NAMES]
    if not values and "via" in message.first_values:
        values = message.get_all("via")
    count, last = len(values), values[-1] if values else None
    for value in values:
        if "," in value:
            pieces = split_values(value)
            count += len(pieces) - 1
            last = pieces[-1] if value is values[-1] and pieces else last
    return count or None, _origin(last)


_LONGEST_VIA = 1024
_REGULAR_VIA = re.compile(r"SIP/2\.0/[A-Za-z]+ ([0-9A-Za-z.:-]+)(?=;|$)")


def _origin(value: str | None) -> str | None:
    """Return sent-by and branch of a Via; the parameters that its receiver adds are left out."""
    if not value or len(value) > _LONGEST_VIA:
        return None
    regular = _REGULAR_VIA.match(value)
    if regular is None or '"' in value:
        return _decoded_origin(value)
    branch = _BRANCH.search(value)
    return f"{regular[1].lower()};{branch[1]}" if branch else regular[1].lower()


def _decoded_origin(value: str) -> str | None:
    try:
        via = decode_via(value)
    except DissectError:
        return None
    return f"{via.sent_by.lower()};{via.branch}" if via.branch else via.sent_by.lower()


@lru_cache(maxsize=4096)
def _media_type(value: str | None) -> str | None:
    if not value:
        return None
    try:
        return decode_media_type(value).media_type
    except DissectError:
        return None


def _token(value: str | None) -> str | None:
    return value.partition(";")[0].strip() or None if value else None


def _subscription_state(value: str | None) -> str | None:
    """Return Subscription-State without what counts down in it (RFC 6665 §8.2.3)."""
    if not value:
        return None
    state = value.partition(";")[0].strip().lower()
    reason = decode_parameters(value).get("reason")
    return f"{state};reason={reason.lower()}" if reason else state or None


_REFRESHER = re.compile(r";[ \t]*refresher[ \t]*=[ \t]*(uac|uas)\b", re.IGNORECASE)
_SESSION_METHODS = frozenset(("INVITE", "UPDATE"))


def _session_timer(
    message: SipMessage, method: str | None
) -> tuple[str | None, int | None, str | None]:
    """Return refresher, Min-SE, and which headers that a session needs a message has."""
    if method not in _SESSION_METHODS:
        return None, None, None
    get = message.first_values.get
    refresher = _REFRESHER.search(get("session-expires", ""))
    found = [name for name in ("contact", "record-route", "session-expires") if get(name)]
    for name in ("require", "supported"):
        if name in message.first_values and "timer" in _tokens(message.get_all(name)):
            found.append(f"{name}:timer")
    return (
        refresher[1].lower() if refresher else None,
        _seconds(get("min-se")),
        " ".join(sorted(found)) or None,
    )


def _tokens(values: list[str]) -> list[str]:
    return [token.strip().lower() for value in values for token in value.split(",")]


def _integer(value: str | None) -> int | None:
    """Return a header's number; None when it is none, or too large for a column."""
    if value is None or not (digits := value.strip()).isdecimal() or len(digits) > 18:
        return None
    return int(digits)


def _seconds(value: str | None) -> int | None:
    return _integer(_token(value)) if value else None


# --- route marks --------------------------------------------------------------------------------

_MARKED_HEADERS = ("ms-edge-proxy-message-trust", "ms-split-domain-info", "ms-user-data")


def route_marks(message: SipMessage) -> str | None:
    """Return what in a message's headers tells where its call goes, as sorted words.

    ===================================  ========================================================
    word                                 from
    ===================================  ========================================================
    ``source:VALUE``                     ms-source-type of ms-edge-proxy-message-trust
    ``network:VALUE``                    ms-source-network of the same header
    ``split:VALUE``                      ms-traffic-type of ms-split-domain-info
    ``user-data:NAME``                   a parameter of ms-user-data that is TRUE
    ``host:federation.messenger.msn.com``  a host of Via, Record-Route or Route: Skype's proxy
    ``host:lync.com``                    such a host in Microsoft's hosted service
    ``mediation``                        User-Agent or Server names a Mediation Server
    ``phone``                            Request-URI or To is a telephone number
    ``conf:MODALITY``, ``conf:focus``    To or Request-URI is a conference's MCU or focus
    ===================================  ========================================================

    Values are lower case. None when no header tells anything.
    """
    first_values = message.first_values
    get = first_values.get
    request_uri = message.request_uri if isinstance(message, SipRequest) else ""
    product = get("user-agent") or get("server") or ""
    to_uri = party(get("to"))[0] or ""
    marks = _uri_marks(request_uri) | _uri_marks(to_uri) | _product_marks(product)
    for name in _MARKED_HEADERS:
        if name in first_values:
            marks |= _header_marks(name, first_values[name])
    for name in ("via", "record-route", "route"):
        # Looked for without regard to case only where it may be: a search costs ten look-ups.
        if name in first_values and _may_name_hosts(first_values[name].lower()):
            marks |= _host_marks(first_values[name])
    return " ".join(sorted(marks)) if marks else None


_HOSTS = re.compile(r"\.lync\.com|federation\.messenger\.msn\.com", re.IGNORECASE)
_NO_MARKS: frozenset[str] = frozenset()


def _may_name_hosts(value: str) -> bool:
    return ".lync.com" in value or "federation.messenger.msn.com" in value


@lru_cache(maxsize=4096)
def _product_marks(product: str) -> frozenset[str]:
    return frozenset({"mediation"}) if "mediation" in product.lower() else _NO_MARKS


@lru_cache(maxsize=4096)
def _header_marks(name: str, value: str) -> frozenset[str]:
    parameters = {key: text.lower() for key, text in decode_parameters(value).items() if text}
    if name == "ms-user-data":
        return frozenset(f"user-data:{key}" for key, text in parameters.items() if text == "true")
    named = {
        "ms-source-type": "source",
        "ms-source-network": "network",
        "ms-traffic-type": "split",
    }
    return frozenset(
        f"{word}:{parameters[key]}" for key, word in named.items() if key in parameters
    )


@lru_cache(maxsize=4096)
def _uri_marks(uri: str) -> frozenset[str]:
    lower = uri.lower()
    if lower.startswith("tel:") or "user=phone" in lower:
        return frozenset({"phone"})
    if "opaque=app:conf:" not in lower:
        return _NO_MARKS
    opaque = decode_uri(lower).parameters.get("opaque") or ""
    pieces = opaque.split(":")
    return frozenset({f"conf:{pieces[2]}"} if len(pieces) > 2 else ())


def _host_marks(value: str) -> frozenset[str]:
    hosts = {host.lower() for host in _HOSTS.findall(value)}
    return frozenset(f"host:{host.removeprefix('.')}" for host in hosts)
