"""Values → rows: what the dissectors found in one capture, as rows of the tables.

Rows are tuples in the order of the columns in :mod:`pipelines.schema`; :class:`Tabulator` collects
them and hands them over as Arrow tables, a batch at a time.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

import pyarrow as pa

from dissectors.body import (
    Container,
    MediaPart,
    bodies,
    decode_part,
    readable_text,
    to_plain,
    top_part,
    walk_parts,
)
from dissectors.errors import DissectError, LimitExceeded
from dissectors.sip.diagnostics import Diagnostics, component_of, decode_diagnostics
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
from dissectors.tls.certificates import decode_x509
from dissectors.tls.decrypt import TlsInfo
from dissectors.transport.flow import Flow
from dissectors.transport.layers import SCTP, TCP, UDP
from pipelines.presence_rows import MAX_ROWS as MAX_PRESENCE_ROWS
from pipelines.presence_rows import PRESENCE_VALUES, presence_rows
from pipelines.repeated_text import short
from pipelines.schema import TABLES, Table

Row = tuple[Any, ...]

EXPERT_ROWS_PER_KIND = 1000
"""Rows of `expert` for one kind of fault in one capture; further ones are counted in one row."""


_SHOWN_AS_TEXT = (*PRESENCE_VALUES, DissectError)
"""What a body's text shows as well: presence has rows of its own, and errors have no value."""

_PROTOCOLS = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}

COPIES_KEPT = 65_536
"""Messages that are remembered to recognise later copies: far more than come within Timer B."""


class Origin(NamedTuple):
    """A capture whose frames are numbered through with those of others."""

    before: int
    """Frames of the captures before it."""
    ordinal: int
    """Its number in this run, from 1."""
    capture: str
    """Its name."""


_before = itemgetter(0)


class Tabulator:
    """Collects the rows of one capture.

    Parameters
    ----------
    ordinal : int
        Number of the capture in this run, from 1: it makes ids unique.
    capture : str
        Name of the capture.

    Notes
    -----
    Captures that continue each other are told one after another by :meth:`begin_capture`; their
    frames are then numbered through on the way here, and each row gets back the number that its
    frame has in its own file.
    """

    def __init__(self, ordinal: int, capture: str) -> None:
        self._origins = [Origin(0, ordinal, capture)]
        self._rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self._last_frame: dict[int, tuple[int, int, int]] = {}
        self._hops: dict[tuple[int, int, int], Row] = {}
        self._copies: dict[Row, str] = {}
        self._told: Counter[tuple[str, str, str]] = Counter()

    def begin_capture(self, ordinal: int, capture: str, first_frame: int) -> None:
        """Say which capture holds the frames from `first_frame` on; the first one begins at 1."""
        if first_frame == 1:
            self._origins.clear()
        self._origins.append(Origin(first_frame - 1, ordinal, capture))

    @property
    def recording(self) -> str:
        """Name of the first of the captures that continue each other."""
        return self._origins[0].capture

    @property
    def ordinals(self) -> list[int]:
        """Numbers of the captures that continue each other, so far."""
        return [one.ordinal for one in self._origins]

    def origin(self, frame: int) -> Origin:
        """Return the capture that holds a frame."""
        last = self._origins[-1]
        if frame > last.before or len(self._origins) == 1:
            return last
        return self._origins[max(0, bisect_left(self._origins, frame, key=_before) - 1)]

    def flow_id(self, flow: Flow) -> str:
        """Return the id of a flow: capture and first frame."""
        before, ordinal, _ = self.origin(flow.number)
        part = f".{flow.part}" if flow.part else ""
        return f"{ordinal}-{flow.number - before}{part}"

    def drain(self) -> dict[str, pa.Table]:
        """Return the rows collected since the last call, by table; only tables that have any."""
        tables = {
            name: arrow_table(TABLES[name], rows) for name, rows in self._rows.items() if rows
        }
        for rows in self._rows.values():
            rows.clear()
        return tables

    # --- messages and what is in them -----------------------------------------------------------

    def add_message(self, flow: Flow, transport: str, message: SipMessage) -> None:
        """Add a SIP message: its row, and those of its bodies and diagnostics."""
        origin = self.origin(message.frames[-1])
        frame = message.frames[-1] - origin.before
        message_id = self._message_id(flow, frame, origin.ordinal)
        faults: list[DissectError] = []
        diagnostics = decode_diagnostics(message, faults)
        for fault in faults:
            self.add_fault(fault, flow)
        place = (origin.capture, frame)
        row = self._message_row(flow, transport, message, message_id, place, diagnostics)
        self._rows["messages"].append(row)
        context = (message_id, message.time_ns, *place, message.get("call-id"))
        if diagnostics:
            self._add_diagnostics(context, message, diagnostics)
        if message.body:
            self._add_bodies(context, message, flow)

    def _hop(self, flow: Flow, direction: int) -> Row:
        """Return flow id, sender's address and port, receiver's address and port."""
        hop = self._hops.get((flow.number, flow.part, direction))
        if hop is None:
            hop = (
                self.flow_id(flow),
                flow.address(direction),
                flow.port(direction),
                flow.address(1 - direction),
                flow.port(1 - direction),
            )
            self._hops[flow.number, flow.part, direction] = hop
        return hop

    def _message_id(self, flow: Flow, frame: int, capture: int) -> str:
        # A frame belongs to one flow, so counting within the flow makes the id unique, and the
        # same however the work was divided.
        *last, ordinal = self._last_frame.get(flow.number, (0, 0, 0))
        ordinal = ordinal + 1 if last == [capture, frame] else 1
        self._last_frame[flow.number] = (capture, frame, ordinal)
        return f"{capture}-{frame}-{ordinal}"

    def _message_row(
        self,
        flow: Flow,
        transport: str,
        message: SipMessage,
        message_id: str,
        place: tuple[str, int],
        diagnostics: list[Diagnostics],
    ) -> Row:
        get = message.first_values.get
        from_uri, from_tag, from_epid = party(get("from"))
        to_uri, to_tag, to_epid = party(get("to"))
        cseq, cseq_method = _cseq(get("cseq"))
        method: str | None = cseq_method
        request_uri = status_code = reason_phrase = None
        is_request = isinstance(message, SipRequest)
        if isinstance(message, SipRequest):
            method, request_uri = message.method, message.request_uri
        elif isinstance(message, SipResponse):
            status_code, reason_phrase = message.status_code, message.reason_phrase or None
        flow_id, *endpoints = self._hop(flow, message.direction)
        return (
            message_id,
            message.time_ns,
            message.first_time_ns,
            *place,
            flow_id,
            transport,
            *endpoints,
            is_request,
            method,
            request_uri,
            status_code,
            reason_phrase,
            get("call-id") or None,
            cseq,
            from_uri,
            from_tag,
            from_epid,
            to_uri,
            to_tag,
            to_epid,
            _branch(get("via")),
            *_via_chain(message),
            get("user-agent") or get("server") or None,
            _contact_uri(get("contact")),
            _token(get("event")),
            get("ms-conversation-id") or None,
            route_marks(message),
            _seconds(get("expires")),
            _seconds(get("session-expires")),
            *_session_timer(message, method),
            _media_type(get("content-type")),
            _integer(get("content-length")),
            len(message.body),
            diagnostics[0].code if diagnostics else None,
            self._first_copy(flow, message, method, message_id),
            self.recording,
            None,  # hop_of: only all messages together can tell
        )

    def _first_copy(
        self, flow: Flow, message: SipMessage, method: str | None, message_id: str
    ) -> str | None:
        """Return the id of the message that this one repeats on the same hop, or None."""
        get = message.first_values.get
        status_code = message.status_code if isinstance(message, SipResponse) else None
        key = (
            flow.number,
            flow.part,
            message.direction,
            status_code,
            method,
            get("call-id"),
            get("cseq"),
            get("via"),
            get("to"),
            get("rseq"),
            message.body,
        )
        first = self._copies.setdefault((hash(key), method, get("call-id")), message_id)
        if first != message_id:
            return first
        if len(self._copies) > COPIES_KEPT:
            del self._copies[next(iter(self._copies))]
        return None

    def _add_diagnostics(self, context: Row, message: SipMessage, found: list[Diagnostics]) -> None:
        status_code = message.status_code if isinstance(message, SipResponse) else None
        method = _cseq(message.get("cseq"))[1]
        for position, one in enumerate(found, 1):
            self._rows["diagnostics"].append(
                (
                    *context,
                    method,
                    status_code,
                    one.header,
                    position,
                    one.code,
                    one.subcode,
                    one.reason,
                    one.source,
                    component_of(one.code),
                    _json(dict(one.parameters)) if one.parameters else None,
                    one.value,
                )
            )

    def _add_bodies(self, context: Row, message: SipMessage, flow: Flow) -> None:
        parts = list(walk_parts(top_part(message), bodies.tabulated.__contains__))
        for part, decoded in parts:
            told_elsewhere = decoded is None or isinstance(decoded, _SHOWN_AS_TEXT)
            text = readable_text(part) if told_elsewhere else None
            value = _decoded(part) if decoded is None and text is None else decoded
            self._rows["bodies"].append(
                (
                    *context,
                    part.path,
                    part.media_type,
                    part.content_id,
                    part.disposition,
                    len(part.data),
                    _media(part),
                    *_body_columns(value, text),
                )
            )
        self._add_presence(context, parts, flow)

    def _add_presence(self, context: Row, parts: list[tuple[MediaPart, Any]], flow: Flow) -> None:
        rows = list(islice(presence_rows(parts), MAX_PRESENCE_ROWS + 1))
        if not rows:
            return
        *head, call_id = context
        told = rows[:MAX_PRESENCE_ROWS]
        self._rows["presence"].extend((*head, short(call_id), *row) for row in told)
        if len(rows) > MAX_PRESENCE_ROWS:
            _, time_ns, _, frame, _ = context
            summary = f"presence after the {MAX_PRESENCE_ROWS}th row of a message is left out"
            fault = LimitExceeded(summary, layer="presence", frame_number=frame, time_ns=time_ns)
            self.add_fault(fault, flow)

    # --- flows, TLS, faults ---------------------------------------------------------------------

    def add_flow(self, flow: Flow) -> None:
        """Add a flow that is over."""
        if not flow.part:
            self._last_frame.pop(flow.number, None)
        for direction in (0, 1):
            self._hops.pop((flow.number, flow.part, direction), None)
        # What an agent told of (HEP) are messages, not segments; an exported PDU says which
        # protocol carried it, and nothing of its segments.
        segments = flow.protocol == TCP and not flow.part and flow.tunnel != "exported pdu"
        self._rows["flows"].append(
            (
                self.flow_id(flow),
                self.origin(flow.number).capture,
                _PROTOCOLS.get(flow.protocol),
                flow.application,
                flow.client_ip,
                flow.client_port,
                flow.server_ip,
                flow.server_port,
                flow.initiator,
                flow.tunnel or None,
                flow.compression,
                *(flow.outside or (None, None)),
                flow.start_time_ns,
                flow.end_time_ns,
                flow.packets[flow.client],
                flow.packets[1 - flow.client],
                flow.payload_bytes[flow.client],
                flow.payload_bytes[1 - flow.client],
                flow.lost_bytes if segments else None,
                flow.retransmitted_segments if segments else None,
                flow.out_of_order_segments if segments else None,
                flow.zero_windows if segments else None,
                flow.end if segments else None,
                _side(flow, flow.ended_by) if segments else None,
            )
        )

    def add_tls_session(self, flow: Flow, info: TlsInfo) -> None:
        """Add a TLS connection that is over."""
        fatal = next((alert for alert in info.alerts if alert.fatal), None)
        self._rows["tls_sessions"].append(
            (
                self.flow_id(flow),
                self.origin(flow.number).capture,
                info.first_time_ns,
                info.opened,
                info.opened_by,
                info.reason,
                info.version,
                info.cipher_suite,
                info.server_name,
                info.alpn,
                info.resumed,
                info.extended_master_secret,
                info.encrypt_then_mac,
                *self._certificate(info.server_certificate_der),
                *self._certificate(info.client_certificate_der),
                info.handshake_ns / 1e9 if info.handshake_ns is not None else None,
                info.handshake_complete,
                info.alert,
                fatal.time_ns if fatal else None,
                fatal.frame_number if fatal else None,
                flow.payload_bytes[flow.client],
                flow.payload_bytes[1 - flow.client],
                info.records,
                info.decrypted_records,
            )
        )

    def _certificate(self, der: bytes | None) -> Row:
        """Return subject, issuer, validity, names, key and fingerprint; what is not known, None."""
        if der is None:
            return (None,) * 8
        try:
            one = decode_x509(der)
        except DissectError:
            return (*(None,) * 7, sha256(der).hexdigest())
        return (
            one.subject,
            one.issuer,
            one.not_before_ns,
            one.not_after_ns,
            one.names,
            one.key_type,
            one.key_bits,
            one.sha256,
        )

    def add_fault(self, fault: DissectError, flow: Flow | None = None) -> None:
        """Add a fault; of a kind that floods a capture only the first thousand stand singly."""
        kind = (fault.layer, fault.severity, fault.summary)
        self._told[kind] += 1
        if self._told[kind] > EXPERT_ROWS_PER_KIND:
            return
        capture, frame = self._place(fault.frame_number)
        self._rows["expert"].append(
            (
                capture,
                frame,
                fault.time_ns,
                self.flow_id(flow) if flow else None,
                fault.layer,
                fault.severity,
                fault.summary,
                fault.spec or None,
                fault.offset,
                1,
            )
        )

    def _place(self, frame: int | None) -> tuple[str, int | None]:
        """Return the capture of a frame, and its number there."""
        if frame is None:
            return self._origins[-1].capture, None
        origin = self.origin(frame)
        return origin.capture, frame - origin.before

    def add_counted_fault(
        self,
        layer: str,
        severity: str,
        summary: str,
        spec: str,
        first_frame: int | None,
        count: int,
    ) -> None:
        """Add one row for `count` equal faults, the first of them in `first_frame`."""
        capture, frame = self._place(first_frame)
        row = (
            capture,
            frame,
            None,
            None,
            layer,
            severity,
            summary,
            spec or None,
            None,
            count,
        )
        self._rows["expert"].append(row)

    def add_capture(self, row: Row) -> None:
        """Add the row of a capture itself."""
        self._rows["captures"].append(row)

    def add_untold(self) -> None:
        """Add what was counted instead of told singly."""
        for (layer, severity, summary), count in self._told.items():
            if count > EXPERT_ROWS_PER_KIND:
                more = count - EXPERT_ROWS_PER_KIND
                self.add_counted_fault(layer, severity, f"{summary} (further ones)", "", None, more)


def _side(flow: Flow, direction: int | None) -> str | None:
    if direction is None:
        return None
    return "client" if direction == flow.client else "server"


# media-field = %s"m" "=" media SP port ["/" integer] SP proto 1*(SP fmt) CRLF     (RFC 8866 §9)
_MEDIA_FIELD = re.compile(rb"^m=(\S{1,64})[ \t]+(\d{1,5})\b", re.MULTILINE)


def _media(part: MediaPart) -> str | None:
    if part.media_type != "application/sdp" or part.content_encoding:
        return None
    fields = _MEDIA_FIELD.findall(part.data)
    media = dict.fromkeys(media.decode("utf-8", "replace") for media, port in fields if int(port))
    return ",".join(media) or None


def _decoded(part: MediaPart) -> object:
    try:
        return decode_part(part)
    except DissectError as error:
        return error


def _body_columns(value: object, text: str | None) -> Row:
    """Return decoder, text, value and problem of a part."""
    if value is None:
        return None, text, None, None
    if isinstance(value, DissectError):
        return None, text, None, value.summary
    problem = "; ".join(getattr(value, "problems", ())) or None
    # The parts of a container have rows of their own, and so has presence.
    told_elsewhere = isinstance(value, Container) or (text is not None)
    plain = None if told_elsewhere else _json(to_plain(value))
    return type(value).__name__, text, plain, problem


def arrow_table(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Return `rows` as an Arrow table with the columns of `table`; categories stay plain text."""
    columns = zip(*rows, strict=True) if rows else [()] * len(table.columns)
    plain = plain_schema(table)
    arrays = [
        _array(list(values), field.type) for values, field in zip(columns, plain, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=plain)


def plain_schema(table: Table) -> pa.Schema:
    """Return the schema of `table` with text where the finished table has categories.

    While rows are collected from several batches and processes there is no common dictionary.
    """
    return pa.schema(
        [
            pa.field(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type)
            for field in table.arrow
        ]
    )


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


# --- values of headers that stand in `messages` -------------------------------------------------


@lru_cache(maxsize=65536)
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


@lru_cache(maxsize=65536)
def _contact_uri(value: str | None) -> str | None:
    if not value:
        return None
    try:
        return decode_name_addr(value).uri or None
    except DissectError:
        return None


@lru_cache(maxsize=4096)
def _cseq(value: str | None) -> tuple[int | None, str | None]:
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


@lru_cache(maxsize=16384)
def _origin(value: str | None) -> str | None:
    """Return sent-by and branch of a Via; the parameters that its receiver adds are left out."""
    if not value or len(value) > _LONGEST_VIA:
        return None
    try:
        via = decode_via(value)
    except DissectError:
        return None
    return f"{via.sent_by.lower()};{via.branch}" if via.branch else via.sent_by.lower()


_LONGEST_VIA = 1024


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


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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
    uris = message.request_uri if isinstance(message, SipRequest) else "", party(get("to"))[0] or ""
    product = get("user-agent") or get("server") or ""
    marks = _uri_marks(uris[0]) | _uri_marks(uris[1]) | _product_marks(product)
    for name in _MARKED_HEADERS:
        if name in first_values:
            marks |= _header_marks(name, first_values[name])
    for name in ("via", "record-route", "route"):
        if name in first_values and _HOSTS.search(first_values[name]):
            marks |= _host_marks(first_values[name])
    return " ".join(sorted(marks)) if marks else None


_HOSTS = re.compile(r"\.lync\.com|federation\.messenger\.msn\.com", re.IGNORECASE)
_NO_MARKS: frozenset[str] = frozenset()


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


@lru_cache(maxsize=65536)
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


def merge_rows(parts: Iterable[pa.Table], table: Table) -> pa.Table:
    """Return the rows of all `parts` as one Arrow table, empty when there are none."""
    found = list(parts)
    return pa.concat_tables(found) if found else plain_schema(table).empty_table()
