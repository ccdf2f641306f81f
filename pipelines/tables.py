"""Values → rows: what the dissectors found in one capture, as rows of the tables.

Rows are tuples in the order of the columns in :mod:`pipelines.schema`, but those of `messages`,
which :mod:`pipelines.message_columns` makes column by column. :class:`Tabulator` collects them and
hands them over as Arrow tables, a batch at a time.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from hashlib import sha256
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

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
from dissectors.sip.message import SipMessage, SipResponse
from dissectors.tls.certificates import decode_x509
from dissectors.tls.decrypt import TlsInfo
from dissectors.transport.flow import Flow
from dissectors.transport.layers import SCTP, TCP, UDP
from pipelines.arrow_rows import Row, arrow_table
from pipelines.diagnostic_columns import diagnostic_columns
from pipelines.message_columns import Found, LogColumns, cseq_of, messages_table, method_of
from pipelines.presence_rows import MAX_ROWS as MAX_PRESENCE_ROWS
from pipelines.presence_rows import PRESENCE_VALUES, presence_rows
from pipelines.repeated_text import short
from pipelines.schema import FLOWS, TABLES, Table


class Hop(Protocol):
    """Between whom a message went: a flow of a capture, or what a log tells of one."""

    number: int
    part: int

    def address(self, direction: int) -> str | None:
        """Return the address that sends in `direction`, 0 or 1."""

    def port(self, direction: int) -> int | None:
        """Return the port that sends in `direction`, 0 or 1."""


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
        self._found: list[Found] = []
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
    def capture(self) -> str:
        """Name of the capture that was begun last."""
        return self._origins[-1].capture

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

    def flow_id(self, flow: Hop) -> str:
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
        if self._found:
            tables["messages"] = messages_table(self._found)
            self._found.clear()
        return tables

    # --- messages and what is in them -----------------------------------------------------------

    def add_message(
        self, flow: Hop, transport: str, message: SipMessage, logged: LogColumns | None = None
    ) -> None:
        """Add a SIP message: its row, and those of its bodies and diagnostics."""
        origin = self.origin(message.frames[-1])
        frame = message.frames[-1] - origin.before
        # Several flows of a log can share a line, which a frame is not shared by.
        flow_number = flow.number if logged is None else 0
        message_id = self._message_id(flow_number, frame, origin.ordinal)
        time_ns = message.time_ns if logged is None else logged.time_ns
        faults: list[DissectError] = []
        diagnostics = decode_diagnostics(message, faults)
        for fault in faults:
            self.add_fault(fault, flow)
        place = (origin.capture, frame)
        found = Found(
            message,
            message_id,
            *place,
            self._hop(flow, message.direction),
            transport,
            diagnostics[0].code if diagnostics else None,
            self._first_copy(flow, message, message_id),
            self.recording,
            logged,
        )
        self._found.append(found)
        context = (message_id, time_ns, *place, message.get("call-id"))
        if diagnostics:
            self._add_diagnostics(context, message, diagnostics)
        if message.body:
            self._add_bodies(context, message, flow)

    def _hop(self, flow: Hop, direction: int) -> Row:
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

    def _message_id(self, flow_number: int, frame: int, capture: int) -> str:
        # A frame belongs to one flow, so counting within the flow makes the id unique, and the
        # same however the work was divided.
        *last, ordinal = self._last_frame.get(flow_number, (0, 0, 0))
        ordinal = ordinal + 1 if last == [capture, frame] else 1
        self._last_frame[flow_number] = (capture, frame, ordinal)
        return f"{capture}-{frame}-{ordinal}"

    def _first_copy(self, flow: Hop, message: SipMessage, message_id: str) -> str | None:
        """Return the id of the message that this one repeats on the same hop, or None."""
        first = self._copies.setdefault(copy_key(flow, message), message_id)
        if first != message_id:
            return first
        if len(self._copies) > COPIES_KEPT:
            del self._copies[next(iter(self._copies))]
        return None

    def _add_diagnostics(self, context: Row, message: SipMessage, found: list[Diagnostics]) -> None:
        status_code = message.status_code if isinstance(message, SipResponse) else None
        method = cseq_of(message.get("cseq"))[1]
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
                    *diagnostic_columns(one, status_code),
                    to_json(one.tree) if one.parameters else None,
                    one.value,
                )
            )

    def _add_bodies(self, context: Row, message: SipMessage, flow: Hop) -> None:
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

    def _add_presence(self, context: Row, parts: list[tuple[MediaPart, Any]], flow: Hop) -> None:
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

    def add_log_flow(self, flow: Hop, start_ns: int | None, end_ns: int | None) -> None:
        """Add what one process of a trace log exchanged with one peer; nobody knows the client."""
        values = {"flow_id": self.flow_id(flow), "capture": self.capture, "protocol": "log"}
        times = {"application": "sip", "start_time": start_ns, "end_time": end_ns}
        self.add_row("flows", row_of(FLOWS, {**values, **times}))
        for direction in (0, 1):
            self._hops.pop((flow.number, flow.part, direction), None)

    def add_row(self, table: str, row: Row) -> None:
        """Add a row as it is."""
        self._rows[table].append(row)

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

    def add_fault(self, fault: DissectError, flow: Hop | None = None) -> None:
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


def row_of(table: Table, values: dict[str, Any]) -> Row:
    """Return a row of `table`; columns that `values` does not name are missing."""
    return tuple(map(values.get, table.names))


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


def copy_key(hop: Hop, message: SipMessage) -> tuple[int, str | None, str | None]:
    """Return what the copies of a message on one hop have in common, and no other message has."""
    get, method = message.first_values.get, method_of(message)
    status_code = message.status_code if isinstance(message, SipResponse) else None
    told = (get("call-id"), get("cseq"), get("via"), get("to"), get("rseq"), message.body)
    key = (hop.number, hop.part, message.direction, status_code, method, *told)
    return hash(key), method, get("call-id")


def _body_columns(value: object, text: str | None) -> Row:
    """Return decoder, text, value and problem of a part."""
    if value is None:
        return None, text, None, None
    if isinstance(value, DissectError):
        return None, text, None, value.summary
    problem = "; ".join(getattr(value, "problems", ())) or None
    # The parts of a container have rows of their own, and so has presence.
    told_elsewhere = isinstance(value, Container) or (text is not None)
    plain = None if told_elsewhere else to_json(to_plain(value))
    return type(value).__name__, text, plain, problem


def to_json(value: object) -> str:
    """Return a value as JSON, as it stands in a column."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
