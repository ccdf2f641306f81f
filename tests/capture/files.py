"""Capture files made byte by byte: the right ones, and every wrong one that a test wants."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from dissectors.capture.batch import PacketBatch
from dissectors.capture.reader import RecordReader
from dissectors.errors import DissectError

SECOND = 1_600_000_000
MICROSECOND = SECOND * 10**6

# --- pcap ---------------------------------------------------------------------------------------


def pcap_header(
    magic: int = 0xA1B2C3D4, order: str = "<", link_type: int = 1, version: tuple[int, int] = (2, 4)
) -> bytes:
    return struct.pack(f"{order}IHHiIII", magic, *version, 0, 0, 65535, link_type)


def record(
    data: bytes,
    *,
    captured: int | None = None,
    original: int | None = None,
    seconds: int = SECOND,
    fraction: int = 0,
    order: str = "<",
    extra: bytes = b"",
) -> bytes:
    captured = len(data) if captured is None else captured
    original = captured if original is None else original
    return struct.pack(f"{order}IIII", seconds, fraction, captured, original) + extra + data


# --- pcapng -------------------------------------------------------------------------------------


def block(kind: int, body: bytes, order: str = "<", again: int | None = None) -> bytes:
    body += b"\0" * (-len(body) % 4)
    length = len(body) + 12
    again = length if again is None else again
    return struct.pack(f"{order}II", kind, length) + body + struct.pack(f"{order}I", again)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order: str = "<", version: int = 1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, version, 0, -1), order)


def interface(
    link_type: int = 1, snaplen: int = 0, options: bytes = b"", order: str = "<"
) -> bytes:
    return block(1, struct.pack(f"{order}HHI", link_type, 0, snaplen) + options, order)


def enhanced(
    data: bytes,
    ticks: int = MICROSECOND,
    number: int = 0,
    *,
    captured: int | None = None,
    original: int | None = None,
    order: str = "<",
    again: int | None = None,
) -> bytes:
    captured = len(data) if captured is None else captured
    original = captured if original is None else original
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, captured, original)
    return block(6, head + data, order, again)


def obsolete(data: bytes, ticks: int = MICROSECOND, number: int = 0, order: str = "<") -> bytes:
    head = struct.pack(
        f"{order}HHIIII", number, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)
    )
    return block(2, head + data, order)


def simple(data: bytes, original: int | None = None, order: str = "<") -> bytes:
    original = len(data) if original is None else original
    return block(3, struct.pack(f"{order}I", original) + data, order)


# --- reading ------------------------------------------------------------------------------------


def packets(batch: PacketBatch) -> list[tuple[int, int, int, int, bytes]]:
    """Return frame number, time, link type, wire length and bytes of each packet."""
    ends = batch.start + batch.captured_length
    return [
        (frame, time_ns, link_type, wire, batch.data[start:end].tobytes())
        for frame, time_ns, link_type, wire, start, end in zip(
            batch.frame_number.tolist(),
            batch.time_ns.tolist(),
            batch.link_type.tolist(),
            batch.wire_length.tolist(),
            batch.start.tolist(),
            ends.tolist(),
            strict=True,
        )
    ]


Read = tuple[list[tuple[int, int, int, int, bytes]], list[DissectError]]


def read_whole(reader: RecordReader, data: bytes) -> Read:
    batch, used = reader.read(data, final=True)
    assert used == len(data)
    return packets(batch), reader.problems


def read_in_windows(reader: RecordReader, data: bytes, sizes: Iterable[int]) -> Read:
    """Read as ingest does, with windows of the given sizes; too small ones grow as asked for."""
    read, at, window = [], 0, 0
    for size in sizes:
        window = max(size, reader.needs)
        final = at + window >= len(data)
        batch, used = reader.read(data[at : at + window], final=final)
        assert used or reader.needs > window or not window or final
        read += packets(batch)
        at += used
        if final:
            break
    else:
        raise AssertionError("too few windows")
    return read, reader.problems


def told(problems: list[DissectError]) -> list[str]:
    return [problem.summary for problem in problems]
