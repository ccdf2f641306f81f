"""Floors of what other programs wrap messages in: exported PDUs of Wireshark, and HEP of agents.

References
----------
https://www.tcpdump.org/linktypes.html: LINKTYPE_WIRESHARK_UPPER_PDU; HEP3 of Homer, revision 36.
"""

from __future__ import annotations

from ipaddress import ip_address

from dissectors.errors import DissectError
from dissectors.hep import PROTOCOL_TYPES, HepPacket, decode_hep, looks_like_hep
from dissectors.link.exported_pdu import LINK_TYPE, decode_exported_pdu
from dissectors.link.names import IP_PROTOCOLS
from dissectors.transport.flow import Endpoint, format_address
from dissectors.transport.trail import Trail
from pipelines.floor import Field, Floor


def is_exported(trail: Trail) -> bool:
    """Tell whether a frame is an exported PDU: then it has no headers of its own."""
    return int(trail.packet.link_type[0]) == LINK_TYPE


def exported_pdu_floor(trail: Trail) -> Floor:
    """Return the floor of an exported PDU: what its exporter tells of it."""
    frame = trail.packet.data.tobytes()
    floor = Floor("Exported PDU", "LINKTYPE_WIRESHARK_UPPER_PDU", 0)
    try:
        pdu = decode_exported_pdu(frame)
    except DissectError as error:
        floor.notes.append(error.summary)
        return floor
    floor.length = len(frame) - len(pdu.payload)
    floor.data = frame[: floor.length]
    told = {
        "protocol": pdu.name,
        "source_address": str(ip_address(pdu.src)) if pdu.src else "",
        "destination_address": str(ip_address(pdu.dst)) if pdu.dst else "",
        "source_port": pdu.src_port,
        "destination_port": pdu.dst_port,
        "original_frame": pdu.original_frame,
    }
    floor.fields = [
        Field(name, str(value)) for name, value in told.items() if value not in (None, "")
    ]
    floor.notes.append(f"payload: {len(pdu.payload)} bytes; another program took them out")
    return floor


def hep_floors(trail: Trail) -> list[Floor]:
    """Return the floor of the HEP packet that a datagram is, if it is one."""
    if trail.payload is None or trail.payload[1] < trail.payload[2]:
        return []
    start, length, _ = trail.payload
    payload = trail.data[start : start + length].tobytes()
    if not looks_like_hep(payload):
        return []
    try:
        packet = decode_hep(payload, int(trail.packet.time_ns[0]))
    except DissectError as error:
        return [Floor("HEP", notes=[error.summary])]
    version = "3" if payload[:4] == b"HEP3" else str(payload[0])
    floor = Floor(f"HEP {version}", offset=start, length=length - len(packet.payload))
    if start >= len(trail.packet.data) or (floor.length or 0) < 0:
        floor.offset = floor.length = None  # put together, or compressed
    floor.fields = _hep_fields(packet)
    return [floor]


def _hep_fields(packet: HepPacket) -> list[Field]:
    kind = PROTOCOL_TYPES.get(packet.protocol_type, "")
    protocol = {6: "TCP", 17: "UDP", 22: "TLS"}.get(packet.protocol)
    fields = [
        Field("source", _endpoint(packet.source)),
        Field("target", _endpoint(packet.target)),
        Field(
            "protocol",
            str(packet.protocol),
            protocol or IP_PROTOCOLS.get(packet.protocol, ""),
        ),
        Field("protocol_type", str(packet.protocol_type), kind),
    ]
    if packet.time_ns is not None:
        fields.append(Field("time_ns", str(packet.time_ns), "when the agent saw it, since 1970"))
    return [*fields, Field("payload", f"{len(packet.payload)} bytes")]


def _endpoint(one: Endpoint) -> str:
    version, high, low, port = one
    address = format_address(version, high, low)
    return f"[{address}]:{port}" if version == 6 else f"{address}:{port}"
