"""Exported PDUs: what Wireshark writes when it takes a layer out of the packets around it.

The header is a list of tags, each a type and a length of 16 bits and a value, up to a tag of type
0; what follows is the PDU. Integers are big-endian. Lengths are said to be multiples of four, which
nobody has to rely on.

References
----------
https://www.tcpdump.org/linktypes/LINKTYPE_WIRESHARK_UPPER_PDU.html; Wireshark's list of tags
(wsutil/exported_pdu_tlvs.h).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from dissectors.errors import Truncated

LINK_TYPE = 252
"""LINKTYPE_WIRESHARK_UPPER_PDU."""

END_OF_OPTIONS, DISSECTOR_NAME, HEURISTIC_NAME, TABLE_NAME = 0, 12, 13, 14
IPV4_SRC, IPV4_DST, IPV6_SRC, IPV6_DST = 20, 21, 22, 23
PORT_TYPE, SRC_PORT, DST_PORT = 24, 25, 26
ORIGINAL_FRAME = 30
"""Types of tags; all others say nothing that matters here."""

PORT_SCTP, PORT_TCP, PORT_UDP = 1, 2, 3
"""Values of the port type."""

_PROTOCOL_TAGS = (DISSECTOR_NAME, HEURISTIC_NAME, TABLE_NAME)
_HEADER = struct.Struct(">HH")


@dataclass(frozen=True, slots=True)
class ExportedPdu:
    """A PDU and what its exporter tells of it."""

    name: str
    """Wireshark's name of the dissector, heuristic or table to hand it to; empty without one."""
    named_by: int
    """Type of the tag that named it; 0 without one."""
    src: bytes
    """Source address: 4 bytes, 16, or none."""
    dst: bytes
    """Destination address, as long as `src` when both are known."""
    port_type: int
    """Kind of the ports, such as :data:`PORT_TCP`; 0 without one."""
    src_port: int | None
    """Source port, or None."""
    dst_port: int | None
    """Destination port, or None."""
    original_frame: int | None
    """Frame of the capture that it was taken from, or None."""
    payload: bytes
    """The PDU itself."""


def decode_exported_pdu(frame: bytes) -> ExportedPdu:
    """Decode one frame of link type 252.

    Of several tags that name a protocol the first one counts, as in Wireshark; of others, the last.
    A value of the wrong length is taken for absent.

    Raises
    ------
    Truncated
        When the frame ends before the list of tags does.
    """
    names: list[tuple[int, bytes]] = []
    values: dict[int, bytes] = {}
    at = 0
    while True:
        if at + 4 > len(frame):
            raise Truncated("an exported PDU ends inside its tags", layer="exported_pdu")
        tag, length = _HEADER.unpack_from(frame, at)
        at += 4
        if tag == END_OF_OPTIONS:
            break
        value = frame[at : at + length]
        at += length
        if tag in _PROTOCOL_TAGS:
            names.append((tag, value))
        else:
            values[tag] = value
    return _pdu(names, values, frame[at + length :])


def _pdu(names: list[tuple[int, bytes]], values: dict[int, bytes], payload: bytes) -> ExportedPdu:
    named_by, name = names[0] if names else (0, b"")
    src, dst = _addresses(values)
    return ExportedPdu(
        name=name.rstrip(b"\0").decode("ascii", "replace"),
        named_by=named_by,
        src=src,
        dst=dst,
        port_type=_number(values, PORT_TYPE) or 0,
        src_port=_port(values, SRC_PORT),
        dst_port=_port(values, DST_PORT),
        original_frame=_number(values, ORIGINAL_FRAME),
        payload=payload,
    )


def _addresses(values: dict[int, bytes]) -> tuple[bytes, bytes]:
    for source, target, length in ((IPV4_SRC, IPV4_DST, 4), (IPV6_SRC, IPV6_DST, 16)):
        src, dst = values.get(source, b""), values.get(target, b"")
        if len(src) == len(dst) == length:
            return src, dst
    return b"", b""


def _number(values: dict[int, bytes], tag: int) -> int | None:
    value = values.get(tag, b"")
    return int.from_bytes(value, "big") if len(value) == 4 else None


def _port(values: dict[int, bytes], tag: int) -> int | None:
    number = _number(values, tag)
    return number if number is not None and number <= 0xFFFF else None
