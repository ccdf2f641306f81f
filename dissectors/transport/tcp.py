"""TCP, in columns.

References
----------
RFC 9293 §3.1.
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes, Int64
from dissectors.columns import ColumnLog, Mask, gather
from dissectors.errors import Fault
from dissectors.net.datagram import Datagrams
from dissectors.transport.segment import Rows, Segments, with_header

PROTOCOL = 6
"""Its IP protocol number."""

HEADER = np.dtype(
    [
        ("source_port", ">u2"),
        ("destination_port", ">u2"),
        ("sequence_number", ">u4"),
        ("acknowledgment_number", ">u4"),
        ("data_offset", "u1"),
        ("control_bits", "u1"),
        ("window", ">u2"),
        ("checksum", ">u2"),
        ("urgent_pointer", ">u2"),
    ]
)
"""The 20 bytes that every header has (RFC 9293 §3.1)."""


def decode_tcp(
    data: Bytes, datagrams: Datagrams, rows: Rows, segments: Segments, log: ColumnLog
) -> None:
    """Read the TCP headers of `rows` of the datagrams into the same rows of `segments`.

    The checksum is not verified, as network cards compute it after the capture was made.
    """
    rows = with_header(datagrams, rows, 20, log)
    start = datagrams.start[rows]
    header = gather(data, start, HEADER)
    payload_start = start + (header["data_offset"] >> 4).astype(np.int64) * 4
    segments.src_port[rows] = header["source_port"]
    segments.dst_port[rows] = header["destination_port"]
    segments.seq[rows] = header["sequence_number"]
    segments.ack[rows] = header["acknowledgment_number"]
    segments.flags[rows] = header["control_bits"]
    segments.window[rows] = header["window"]
    segments.payload_start[rows] = payload_start
    segments.payload_length[rows] = datagrams.end[rows] - payload_start
    segments.segment_length[rows] = datagrams.wire_end[rows] - payload_start
    segments.good[rows] = _good_offset(datagrams, rows, payload_start, log)


def _good_offset(datagrams: Datagrams, rows: Rows, payload_start: Int64, log: ColumnLog) -> Mask:
    """Tell which data offsets lie behind the header and inside the packet, noting the others."""
    short = payload_start < datagrams.start[rows] + 20
    bad = short | (payload_start > datagrams.wire_end[rows])
    cut = ~bad & (payload_start > datagrams.end[rows])
    if bad.any() or cut.any():
        log.fault(datagrams.row[rows][bad], Fault.TRANSPORT_MALFORMED)
        log.fault(datagrams.row[rows][cut], Fault.TRANSPORT_TRUNCATED)
    return ~(bad | cut)
