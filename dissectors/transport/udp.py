"""UDP, in columns.

References
----------
RFC 768.
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes
from dissectors.columns import ColumnLog, gather
from dissectors.errors import Fault
from dissectors.net.datagram import Datagrams
from dissectors.transport.segment import Rows, Segments, with_header

PROTOCOL = 17
"""Its IP protocol number."""

HEADER = np.dtype(
    [
        ("source_port", ">u2"),
        ("destination_port", ">u2"),
        ("length", ">u2"),
        ("checksum", ">u2"),
    ]
)
"""The header of 8 bytes (RFC 768)."""


def decode_udp(
    data: Bytes, datagrams: Datagrams, rows: Rows, segments: Segments, log: ColumnLog
) -> None:
    """Read the UDP headers of `rows` of the datagrams into the same rows of `segments`.

    A length of 0 (jumbograms of RFC 2675 §4, and offloaded segmentation) means: to the end of the
    IP packet. One that is too long for the IP packet is noted, and the IP packet counts. The
    checksum is not verified, as network cards compute it after the capture was made.
    """
    rows = with_header(datagrams, rows, 8, log)
    start = datagrams.start[rows]
    header = gather(data, start, HEADER)
    length = header["length"].astype(np.int64)
    sent = datagrams.wire_end[rows] - start
    short, long = (length > 0) & (length < 8), length > sent
    log.fault(datagrams.row[rows][short | long], Fault.TRANSPORT_MALFORMED)
    length = np.where((length == 0) | long, sent, length)
    segments.src_port[rows] = header["source_port"]
    segments.dst_port[rows] = header["destination_port"]
    segments.payload_start[rows] = start + 8
    segments.payload_length[rows] = np.minimum(datagrams.end[rows] - start, length) - 8
    segments.segment_length[rows] = length - 8
    segments.good[rows] = ~short
