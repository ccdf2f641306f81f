"""IPv4, in columns.

The header checksum is not verified: a sender's card computes it after the capture was made, so that
in captures it is often wrong where the packet was right.

References
----------
RFC 791 §3.1.
"""

from __future__ import annotations

import numpy as np

from dissectors.capture.batch import Bytes, Int64
from dissectors.columns import ColumnLog, Mask, gather, pick
from dissectors.errors import Fault
from dissectors.link.link_layer import Packets, refuse
from dissectors.net.datagram import Datagrams

HEADER = np.dtype(
    [
        ("version_ihl", "u1"),
        ("tos", "u1"),
        ("total_length", ">u2"),
        ("identification", ">u2"),
        ("flags_fragment_offset", ">u2"),
        ("time_to_live", "u1"),
        ("protocol", "u1"),
        ("header_checksum", ">u2"),
        ("source_address", ">u4"),
        ("destination_address", ">u4"),
    ]
)
"""The 20 bytes that every header has (RFC 791 §3.1)."""

MORE_FRAGMENTS, FRAGMENT_OFFSET = 0x2000, 0x1FFF
"""Parts of ``flags_fragment_offset``; the offset counts units of 8 bytes."""


def decode_ipv4(data: Bytes, packets: Packets, log: ColumnLog) -> tuple[Datagrams, Mask]:
    """Read the IPv4 headers of N packets.

    Returns
    -------
    datagrams : Datagrams
        The packets whose header could be read.
    fragmented : (len(datagrams),) bool
        Which of them are fragments: their payload is not that of their protocol.
    """
    packets = refuse(packets, packets.end - packets.start < 20, log, Fault.IP_TRUNCATED)
    header = gather(data, packets.start, HEADER)
    length = (header["version_ihl"] & 15).astype(np.int64) * 4
    bad = (header["version_ihl"] >> 4 != 4) | (length < 20)
    cut = ~bad & (packets.start + length > packets.end)
    if bad.any() or cut.any():
        log.fault(packets.row[bad], Fault.IP_MALFORMED)
        log.fault(packets.row[cut], Fault.IP_TRUNCATED)
        good = ~(bad | cut)
        packets, header, length = pick(packets, good), header[good], length[good]
    return _datagrams(packets, header, length, log)


def _datagrams(
    packets: Packets, header: np.ndarray, length: Int64, log: ColumnLog
) -> tuple[Datagrams, Mask]:
    wire_end = _declared_end(packets, header["total_length"].astype(np.int64))
    wire_end = _sane_end(packets, wire_end, length, log)
    none = np.zeros(len(packets), np.uint64)
    datagrams = Datagrams(
        row=packets.row,
        header_start=packets.start,
        ip_version=np.full(len(packets), 4, np.uint8),
        src_high=none,
        src_low=header["source_address"].astype(np.uint64),
        dst_high=none,
        dst_low=header["destination_address"].astype(np.uint64),
        protocol=header["protocol"].copy(),
        start=packets.start + length,
        end=np.minimum(packets.end, wire_end),
        wire_end=wire_end,
        tunnel=packets.tunnel,
    )
    fragment = header["flags_fragment_offset"].astype(np.uint16)
    return datagrams, fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0


def _declared_end(packets: Packets, total_length: Int64) -> Int64:
    """Return where the packets end by their total length.

    A sender that leaves segmentation to its card (TSO) is captured with a total length of 0 in
    packets beyond 64 KiB: there the frame's own length counts.
    """
    wire_end = packets.start + total_length
    offloaded = total_length == 0
    return np.where(offloaded, packets.wire_end, wire_end) if offloaded.any() else wire_end


def _sane_end(packets: Packets, wire_end: Int64, length: Int64, log: ColumnLog) -> Int64:
    """Note total lengths that cannot be, and return ends that can.

    Too long for its frame: the frame's end counts; shorter than the header: there is no payload.
    """
    long = wire_end > packets.wire_end
    short = wire_end < packets.start + length
    if not (long.any() or short.any()):
        return wire_end
    log.fault(packets.row[long | short], Fault.IP_MALFORMED)
    least = packets.start + length
    return np.clip(wire_end, least, np.maximum(packets.wire_end, least))
