"""pcapng blocks as bytes: sections, interfaces, secrets, packets.

References
----------
draft-ietf-opsawg-pcapng §4.1 (section header), §4.2 (interface description), §4.3 (enhanced
packet), §4.7 (decryption secrets).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import numpy as np

from dissectors.capture.batch import Int64, PacketBatch
from dissectors.capture.blocks import (
    DECRYPTION_SECRETS,
    ENHANCED_PACKET,
    INTERFACE_DESCRIPTION,
    SECTION_HEADER,
)
from dissectors.capture.pcapng import TLS_KEY_LOG

APPLICATION = "lyncshark"

SECRETS_AT_ONCE = 4 << 20
"""Bytes of key log in one block; Wireshark refuses blocks of more than 16 MiB."""

_SHB_USERAPPL, _IF_NAME, _IF_TSRESOL = 4, 2, 9
_NANOSECONDS = b"\x09"
_EPB = np.dtype(
    [
        ("kind", "<u4"),
        ("length", "<u4"),
        ("interface", "<u4"),
        ("high", "<u4"),
        ("low", "<u4"),
        ("captured", "<u4"),
        ("original", "<u4"),
    ]
)


def section_header() -> bytes:
    """Return the header of a little-endian section of unknown length."""
    options = _option(_SHB_USERAPPL, APPLICATION.encode()) + _option(0, b"")
    return _block(SECTION_HEADER, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options)


def interface_description(link_type: int, snaplen: int, name: str) -> bytes:
    """Return the description of an interface whose times are nanoseconds.

    Parameters
    ----------
    link_type : int
        LINKTYPE_ number.
    snaplen : int
        Most bytes captured of a packet; 0: no limit.
    name : str
        Its name, or an empty string.
    """
    options = _option(_IF_NAME, name.encode()[:255]) if name else b""
    options += _option(_IF_TSRESOL, _NANOSECONDS) + _option(0, b"")
    return _block(INTERFACE_DESCRIPTION, struct.pack("<HHI", link_type, 0, snaplen) + options)


def secrets_blocks(key_log: Iterable[bytes], order: str = "<") -> Iterator[bytes]:
    """Yield the blocks that hold a TLS key log.

    Parameters
    ----------
    key_log : iterable of bytes
        Its lines, with their line ends.
    order : {'<', '>'}
        Byte order of the section.
    """
    lines: list[bytes] = []
    size = 0
    for line in key_log:
        lines.append(line)
        size += len(line)
        if size >= SECRETS_AT_ONCE:
            yield _secrets_block(b"".join(lines), order)
            lines, size = [], 0
    if lines:
        yield _secrets_block(b"".join(lines), order)


def _secrets_block(data: bytes, order: str) -> bytes:
    head = struct.pack(f"{order}II", TLS_KEY_LOG, len(data))
    return _block(DECRYPTION_SECRETS, head + _padded(data), order)


def packet_blocks(batch: PacketBatch, interface: Int64) -> bytes:
    """Return N packets as enhanced packet blocks.

    Parameters
    ----------
    batch : PacketBatch
        The packets; their times lie after 1970.
    interface : (N,) int64
        Number of each packet's interface in the section.
    """
    padding = -batch.captured_length & 3
    length = 32 + batch.captured_length + padding
    head = np.zeros(len(batch), _EPB)
    head["kind"], head["length"], head["interface"] = ENHANCED_PACKET, length, interface
    head["high"], head["low"] = batch.time_ns >> 32, batch.time_ns & 0xFFFFFFFF
    head["captured"], head["original"] = batch.captured_length, batch.wire_length
    heads, view = head.tobytes(), batch.data.data
    parts: list[bytes | memoryview] = []
    columns = (batch.start, batch.captured_length, padding, length)
    at = 0
    for start, captured, pad, total in zip(*(c.tolist() for c in columns), strict=True):
        parts += (
            heads[at : at + 28],
            view[start : start + captured],
            bytes(pad) + total.to_bytes(4, "little"),
        )
        at += 28
    return b"".join(parts)


def _block(kind: int, body: bytes, order: str = "<") -> bytes:
    length = len(body) + 12
    return struct.pack(f"{order}II", kind, length) + body + struct.pack(f"{order}I", length)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) & 3)
