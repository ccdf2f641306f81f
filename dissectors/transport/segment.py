"""What the transport layer says of N packets, be it TCP or UDP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dissectors.capture.batch import Int64
from dissectors.columns import ColumnLog, Mask
from dissectors.errors import Fault
from dissectors.net.datagram import Datagrams


@dataclass(slots=True)
class Segments:
    """N TCP segments or UDP datagrams; fields as in ``Layers``."""

    src_port: npt.NDArray[np.uint16]
    """(N,) uint16."""
    dst_port: npt.NDArray[np.uint16]
    """(N,) uint16."""
    seq: npt.NDArray[np.uint32]
    """(N,) uint32; 0 for UDP."""
    ack: npt.NDArray[np.uint32]
    """(N,) uint32; 0 for UDP."""
    flags: npt.NDArray[np.uint8]
    """(N,) uint8: TCP control bits; 0 for UDP."""
    window: npt.NDArray[np.uint16]
    """(N,) uint16: TCP window as sent, not scaled; 0 for UDP."""
    payload_start: Int64
    """(N,) int64: where the payload begins in the buffer."""
    payload_length: Int64
    """(N,) int64: payload bytes that the capture holds."""
    segment_length: Int64
    """(N,) int64: payload bytes that were sent."""

    good: Mask
    """(N,) bool: whether the packet has a header that could be read; the other rows are 0."""

    def __len__(self) -> int:
        return len(self.good)

    @classmethod
    def blank(cls, number: int) -> Segments:
        """Return `number` rows of zeros, to be filled by the decoders of each protocol."""
        return cls(*(np.zeros(number, dtype) for dtype in _DTYPES))


_DTYPES = (*("u2",) * 2, *("u4",) * 2, "u1", "u2", *("i8",) * 3, "?")

Rows = Int64 | slice
"""Which rows a decoder is to read and to fill; a slice where it is all of them."""


def with_header(datagrams: Datagrams, rows: Rows, length: int, log: ColumnLog) -> Rows:
    """Return those of `rows` in which a header of `length` bytes fits, noting the others.

    ``TRANSPORT_TRUNCATED`` where the capture is to blame, ``TRANSPORT_MALFORMED`` where the sender
    is.
    """
    start = datagrams.start[rows]
    fits = datagrams.end[rows] - start >= length
    if fits.all():
        return rows
    sent = datagrams.wire_end[rows] - start >= length
    log.fault(datagrams.row[rows][~sent], Fault.TRANSPORT_MALFORMED)
    log.fault(datagrams.row[rows][sent & ~fits], Fault.TRANSPORT_TRUNCATED)
    return np.arange(len(datagrams))[rows][fits]
