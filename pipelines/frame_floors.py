"""A frame from link to body, as floors; and what is said of it as a whole."""

from __future__ import annotations

from datetime import datetime, timezone

from dissectors.link.names import link_type_name
from dissectors.transport.flow import Flow
from dissectors.transport.layers import SCTP, TCP, UDP
from pipelines.carrier_floors import exported_pdu_floor, hep_floors, is_exported
from pipelines.floor import Field, Floor
from pipelines.frame_watch import FrameView, RecordView, SeenMessage
from pipelines.header_floors import header_floors
from pipelines.record_floors import record_floors
from pipelines.sip_floors import sip_floors
from pipelines.tls_floors import tls_floors

_PROTOCOLS = {TCP: "TCP", UDP: "UDP", SCTP: "SCTP"}
_PENDING = "fragment; its datagram is not complete yet"


def frame_floors(view: FrameView | RecordView, ordinal: int | None = None) -> list[Floor]:
    """Return the floors of a frame, or of a trace log's record, from the outside in.

    Parameters
    ----------
    view : FrameView or RecordView
        The frame, or the record.
    ordinal : int, optional
        Of the messages that the frame completes, show only the one of this number, from 1.
    """
    floors = record_floors(view) if isinstance(view, RecordView) else _floors_below_sip(view)
    for seen in view.messages:
        if ordinal is None or is_named(seen, view.frame_number, ordinal):
            floors += sip_floors(seen, view.frame_number)
    problems = _problems(view)
    return [*floors, problems] if problems.fields else floors


def _floors_below_sip(view: FrameView) -> list[Floor]:
    floors, trail = [_frame_floor(view)], view.trail
    if is_exported(trail):
        return [*floors, exported_pdu_floor(trail)]
    floors += header_floors(trail)
    _tell_payload(floors[-1], view)
    return [*floors, *hep_floors(trail), *tls_floors(view.records, view.frame_number)]


def is_named(seen: SeenMessage, frame_number: int, ordinal: int) -> bool:
    """Tell whether a message is the one of that number which the frame completes."""
    _, frame, number = seen.message_id.split("-")
    return (int(frame), int(number)) == (frame_number, ordinal)


def why_no_sip(view: FrameView | RecordView) -> str:
    """Say why no SIP message is seen in a frame or record; empty when one is."""
    if view.messages:
        return ""
    if isinstance(view, RecordView):
        return "the record holds no SIP message"
    reasons = {one.session.info.reason for one in view.records if one.content is None}
    told = sorted(reason for reason in reasons if reason)
    if told:
        return f"its TLS is not opened: {'; '.join(told)}"
    if view.records:
        return "it carries TLS, but no part of a SIP message"
    if view.trail.fragment is not None and view.completes_datagram is None:
        return "it carries a fragment, whose datagram it does not complete"
    if view.flow is None or view.trail.payload is None:
        return "it carries neither TCP nor UDP nor SCTP"
    _, length, _ = view.trail.payload
    return "it carries no part of a SIP message" if length else "it carries no payload"


def _frame_floor(view: FrameView) -> Floor:
    packet = view.trail.packet
    captured, sent = len(packet.data), int(packet.wire_length[0])
    link_type = int(packet.link_type[0])
    seconds, nanoseconds = divmod(int(packet.time_ns[0]), 1_000_000_000)
    floor = Floor("Frame", offset=0, length=captured)
    floor.fields = [
        Field("capture", view.capture),
        Field("frame_number", str(view.frame_number)),
        Field("time", _clock(seconds, nanoseconds)),
        Field("wire_length", f"{sent} bytes"),
        Field("captured_length", f"{captured} bytes"),
        Field("interface", str(int(packet.interface[0]))),
        Field("link_type", str(link_type), link_type_name(link_type)),
    ]
    if captured < sent:
        floor.notes.append(f"{sent - captured} bytes of it were not captured")
    return floor


def _clock(seconds: int, nanoseconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return f"{seconds}.{nanoseconds:09} s since 1970 UTC"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds:09} UTC"


def _tell_payload(floor: Floor, view: FrameView) -> None:
    """Say on the last header's floor what its payload is part of."""
    trail = view.trail
    if trail.fragment is not None:
        _tell_fragment(floor, view)
    if view.flow is not None:
        floor.notes.append(_flow_line(view.flow, view.direction))
    if trail.payload is None:
        return
    _, length, sent = trail.payload
    floor.notes.append(f"payload: {length} bytes" + (f" of {sent} sent" if sent > length else ""))
    if view.flow is not None and view.flow.protocol == TCP and length:
        _tell_pieces(floor, view, length)


def _tell_fragment(floor: Floor, view: FrameView) -> None:
    if view.completes_datagram is None:
        floor.notes.append("a fragment: its datagram is completed in another frame, or never")
        return
    length, protocol = view.completes_datagram
    name = _PROTOCOLS.get(protocol, f"protocol {protocol}")
    floor.notes.append(f"the fragment that completes a datagram: {name} with {length} bytes")


def _flow_line(flow: Flow, direction: int) -> str:
    sender = "client" if direction == flow.client else "server"
    ends = [f"{_host(flow.address(side))}:{flow.port(side)}" for side in (0, 1)]
    source, target = ends[direction], ends[1 - direction]
    what = f", {flow.application}" if flow.application else ""
    told = f"the {sender}'s, told by: {flow.initiator}"
    return f"flow 1-{flow.number}: {source} to {target} ({told}){what}"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _tell_pieces(floor: Floor, view: FrameView, length: int) -> None:
    """Say what a segment brought to its stream."""
    if not view.pieces:
        if view.flow is not None and not view.flow.ignored:
            floor.notes.append("brings nothing new: a retransmission or a keep-alive")
        return
    for piece in view.pieces:
        if piece.gap_before:
            lost = "bytes" if piece.gap_before < 0 else f"{piece.gap_before} bytes"
            floor.notes.append(f"{lost} of the stream are lost before this segment")
        if piece.available_in != view.frame_number:
            told = f"out of order: frame {piece.available_in} brings what was missing before it"
            floor.notes.append(told)
    brought = sum(piece.length for piece in view.pieces)
    if brought < length:
        floor.notes.append(f"brings {brought} new bytes; the others were there before")


def _problems(view: FrameView | RecordView) -> Floor:
    floor = Floor("Expert")
    whole = isinstance(view, FrameView) and view.completes_datagram is not None
    for fault in view.problems:
        if whole and fault.summary == _PENDING:
            continue
        where = f"{fault.layer or 'frame'}, {fault.severity}"
        floor.fields.append(Field(where, fault.summary, fault.spec))
    return floor
