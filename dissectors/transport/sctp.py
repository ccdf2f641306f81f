"""SCTP: the common header in columns, the chunks behind it one by one.

References
----------
RFC 9260 §3 (RFC 4960 before it); RFC 8260 §2.1 (I-DATA); RFC 6951 (in UDP).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import BE16, ColumnLog, Mask, gather
from dissectors.errors import DissectError, Malformed, Truncated
from dissectors.net.datagram import Datagrams
from dissectors.transport.segment import Rows, Segments, with_header

PROTOCOL = 132
"""Its IP protocol number."""

UDP_PORT = 9899
"""Port of SCTP inside UDP (RFC 6951 §5.2)."""

HEADER = np.dtype(
    [
        ("source_port", ">u2"),
        ("destination_port", ">u2"),
        ("verification_tag", ">u4"),
        ("checksum", ">u4"),
    ]
)
"""The common header of 12 bytes (RFC 9260 §3.1)."""

_DATA, _INIT, _INIT_ACK, _I_DATA = 0, 1, 2, 64
_CHUNK_TYPES = [*range(15), _I_DATA, 0x80, 0x81, 0x82, 0x84, 0xC0, 0xC1, 0xC2]
_END, _BEGIN = 1, 2


def decode_sctp(
    data: Bytes, datagrams: Datagrams, rows: Rows, segments: Segments, log: ColumnLog
) -> None:
    """Read the common headers of `rows` of the datagrams into the same rows of `segments`.

    The verification tag stands where TCP has its sequence number; the payload is the chunks. The
    checksum is not verified, as network cards compute it after the capture was made.
    """
    rows = with_header(datagrams, rows, 12, log)
    start = datagrams.start[rows]
    header = gather(data, start, HEADER)
    segments.src_port[rows] = header["source_port"]
    segments.dst_port[rows] = header["destination_port"]
    segments.seq[rows] = header["verification_tag"]
    segments.payload_start[rows] = start + 12
    segments.payload_length[rows] = datagrams.end[rows] - start - 12
    segments.segment_length[rows] = datagrams.wire_end[rows] - start - 12
    segments.good[rows] = True


def find_in_udp(data: Bytes, datagrams: Datagrams, mask: Mask) -> Mask:
    """Tell which UDP packets of those in `mask` hold SCTP: its first chunk must be as it should.

    Parameters
    ----------
    data : (B,) uint8
    datagrams : Datagrams
        N packets, `start` at the UDP header.
    mask : (N,) bool
    """
    rows = np.flatnonzero(mask & (datagrams.end - datagrams.start >= 8 + 12 + 4))
    at = datagrams.start[rows] + 8
    length = gather(data, at + 14, BE16).astype(np.int64)
    known = np.isin(data[at + 12], _CHUNK_TYPES)
    fits = (length >= 4) & (at + 12 + length <= datagrams.wire_end[rows])
    found = np.zeros(len(datagrams), np.bool_)
    found[rows] = known & fits & (gather(data, at + 2, BE16) != 0)
    return found


@dataclass(frozen=True, slots=True)
class DataChunk:
    """A piece of a user message (RFC 9260 §3.3.1)."""

    tsn: int
    """Transmission sequence number."""
    stream: int
    """Stream identifier."""
    begin: bool
    """Whether it is the first piece of its message."""
    end: bool
    """Whether it is the last one."""
    number: int
    """Stream sequence number; in an I-DATA chunk the message identifier."""
    order: int
    """Which piece of its message it is: the TSN, or an I-DATA chunk's fragment number."""
    data: bytes
    """The piece."""
    missing: int
    """Bytes of it that were sent, but not captured."""
    interleaved: bool = False
    """Whether it is an I-DATA chunk."""


def decode_chunks(payload: bytes, missing: int) -> Iterator[DataChunk | DissectError | None]:
    """Yield the data chunks of one packet; None for an INIT or INIT ACK, which begins anew.

    Parameters
    ----------
    payload : bytes
        What follows the common header, as far as it was captured.
    missing : int
        Bytes behind it that were sent, but not captured.
    """
    at = 0
    while at + 4 <= len(payload):
        kind, flags, length = struct.unpack_from(">BBH", payload, at)
        if length < 4:
            yield _fault(Malformed, f"SCTP chunk with length {length}: what follows is lost")
            return
        body = payload[at + 4 : at + length]
        lost = max(at + length - len(payload), 0)
        if lost > missing:
            yield _fault(Malformed, "SCTP chunk is longer than its packet")
        elif kind in (_INIT, _INIT_ACK):
            yield None
        elif kind in (_DATA, _I_DATA):
            yield _data_chunk(kind, flags, body, lost)
        at += (length + 3) & ~3


def _data_chunk(kind: int, flags: int, body: bytes, lost: int) -> DataChunk | DissectError:
    head = 12 if kind == _DATA else 16
    if len(body) < head:
        return _fault(Truncated if lost else Malformed, "SCTP data chunk ends inside its header")
    begin, end = bool(flags & _BEGIN), bool(flags & _END)
    if kind == _DATA:
        tsn, stream, number, _ = struct.unpack_from(">IHHI", body)
        return DataChunk(tsn, stream, begin, end, number, tsn, body[head:], lost)
    tsn, stream, number, fragment = struct.unpack_from(">IHxxII", body)
    order = 0 if begin else fragment  # where a message begins, the field names its protocol
    return DataChunk(tsn, stream, begin, end, number, order, body[head:], lost, interleaved=True)


def _fault(kind: type[DissectError], summary: str) -> DissectError:
    return kind(summary, layer="sctp", spec="RFC 9260 §3.2")
