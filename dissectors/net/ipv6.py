"""IPv6 and its extension headers, in columns.

References
----------
RFC 8200 §3 and §4; RFC 4302 §2 (AH); RFC 6275 §6.1, RFC 7401 §5.1 and RFC 5533 §5.1 (mobility, HIP
and Shim6, which have the shape of RFC 6564 §4).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Bytes, Int64
from dissectors.columns import ColumnLog, Mask, gather, pick
from dissectors.errors import Fault
from dissectors.link.link_layer import Packets, refuse
from dissectors.net.datagram import Datagrams

HEADER = np.dtype(
    [
        ("version_class_label", ">u4"),
        ("payload_length", ">u2"),
        ("next_header", "u1"),
        ("hop_limit", "u1"),
        ("source_high", ">u8"),
        ("source_low", ">u8"),
        ("destination_high", ">u8"),
        ("destination_low", ">u8"),
    ]
)
"""The fixed header of 40 bytes (RFC 8200 §3), addresses in halves."""

EXTENSION = np.dtype(
    [("next_header", "u1"), ("length", "u1"), ("offset_more", ">u2"), ("rest", ">u4")]
)
"""The first 8 bytes of an extension header; `offset_more` and `rest` as in a Fragment header."""

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
MOBILITY, HIP, SHIM6 = 135, 139, 140

MAX_EXTENSIONS = 8
"""More extension headers than these make a packet malformed (RFC 8504 §5.3 lets a host say so)."""

# Length of an extension header = base + unit * its length field (RFC 8200 §4.3, RFC 4302 §2.2).
_UNIT = np.zeros(256, np.int64)
_UNIT[[HOP_BY_HOP, ROUTING, DESTINATION, MOBILITY, HIP, SHIM6]] = 8
_UNIT[AUTHENTICATION] = 4
_BASE = np.where(_UNIT > 0, 8, 0)
_BASE[FRAGMENT] = 8


def decode_ipv6(data: Bytes, packets: Packets, log: ColumnLog) -> tuple[Datagrams, Mask]:
    """Read the IPv6 headers of N packets and skip their extension headers.

    Returns
    -------
    datagrams : Datagrams
        The packets whose headers could be read.
    fragmented : (len(datagrams),) bool
        Which of them are fragments; these have `protocol` 44, and `start` at the Fragment header.
    """
    packets = refuse(packets, packets.end - packets.start < 40, log, Fault.IP_TRUNCATED)
    header = gather(data, packets.start, HEADER)
    bad = header["version_class_label"].astype(np.uint32) >> 28 != 6
    if bad.any():
        log.fault(packets.row[bad], Fault.IP_MALFORMED)
        packets, header = pick(packets, ~bad), header[~bad]
    wire_end = _declared_end(packets, header["payload_length"].astype(np.int64), log)
    datagrams = Datagrams(
        row=packets.row,
        header_start=packets.start,
        ip_version=np.full(len(packets), 6, np.uint8),
        src_high=header["source_high"].astype(np.uint64),
        src_low=header["source_low"].astype(np.uint64),
        dst_high=header["destination_high"].astype(np.uint64),
        dst_low=header["destination_low"].astype(np.uint64),
        protocol=header["next_header"].copy(),
        start=packets.start + 40,
        end=np.minimum(packets.end, wire_end),
        wire_end=wire_end,
        tunnel=packets.tunnel,
    )
    datagrams = skip_extensions(data, datagrams, log)
    return datagrams, datagrams.protocol == FRAGMENT


def _declared_end(packets: Packets, payload_length: Int64, log: ColumnLog) -> Int64:
    """Return where the packets end by their payload length.

    It is 0 in a jumbogram (RFC 2675 §2) and where segmentation is left to the network card: then
    the frame's length counts.
    """
    wire_end = packets.start + 40 + payload_length
    wire_end = np.where(payload_length == 0, packets.wire_end, wire_end)
    long = wire_end > packets.wire_end
    if long.any():
        log.fault(packets.row[long], Fault.IP_MALFORMED)
        wire_end = np.minimum(wire_end, np.maximum(packets.wire_end, packets.start + 40))
    return wire_end


def skip_extensions(data: Bytes, datagrams: Datagrams, log: ColumnLog) -> Datagrams:
    """Move `start` past the extension headers, `protocol` to what follows them.

    Stops at a Fragment header, unless it makes an "atomic" fragment, which is the whole packet (RFC
    6946 §4).
    """
    protocol, start = datagrams.protocol.copy(), datagrams.start.copy()
    fault = np.zeros(len(datagrams), np.int64)
    rows = np.flatnonzero(_BASE[protocol])
    for _ in range(MAX_EXTENSIONS):
        if not len(rows):
            break
        rows = _skip_one(data, rows, protocol, start, datagrams.end, fault)
    fault[rows] = Fault.IP_MALFORMED
    datagrams.protocol, datagrams.start = protocol, start
    return _refuse(datagrams, fault, log)


def _skip_one(
    data: Bytes,
    rows: Int64,
    protocol: npt.NDArray[np.uint8],
    start: Int64,
    end: Int64,
    fault: Int64,
) -> Int64:
    """Skip one extension header in each of `rows`; return the rows that have another one."""
    fits = start[rows] + 8 <= end[rows]
    fault[rows[~fits]] = Fault.IP_TRUNCATED
    rows = rows[fits]
    header = gather(data, start[rows], EXTENSION)
    # Neither an offset nor more fragments: atomic. The two bits between are reserved.
    real = (protocol[rows] == FRAGMENT) & (header["offset_more"].astype(np.uint16) & 0xFFF9 != 0)
    rows, header = rows[~real], header[~real]
    start[rows] += _BASE[protocol[rows]] + _UNIT[protocol[rows]] * header["length"]
    protocol[rows] = header["next_header"]
    return rows[_BASE[protocol[rows]] > 0]


def _refuse(datagrams: Datagrams, fault: Int64, log: ColumnLog) -> Datagrams:
    for kind in (Fault.IP_TRUNCATED, Fault.IP_MALFORMED):
        log.fault(datagrams.row[fault == kind], kind)
    return pick(datagrams, fault == 0) if fault.any() else datagrams
