"""Packets that another program holds as objects, such as a Scapy PacketList → a capture.

Nothing of that program is imported: a packet is whatever gives its bytes, and has a ``time`` in
seconds since 1970. The outermost layer's class name tells the link type.

References
----------
https://www.tcpdump.org/linktypes.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Protocol, SupportsBytes, SupportsFloat, TypeGuard, runtime_checkable

import numpy as np

from dissectors.capture.batch import PacketBatch
from pipelines.errors import UsageError
from pipelines.pcapng_writer import interface_description, packet_blocks, section_header

LINK_TYPES = {
    "Ether": 1,
    "Dot3": 1,
    "Loopback": 0,
    "LoopbackOpenBSD": 108,
    "PPP": 9,
    "HDLC": 50,
    "IP": 101,
    "IPv6": 101,
    "Dot11": 105,
    "RadioTap": 127,
    "PrismHeader": 119,
    "CookedLinux": 113,
    "CookedLinuxV2": 276,
    "PPI": 192,
    "MPLS": 219,
}
"""Name of a packet's class → LINKTYPE_ number."""

_AT_ONCE = 4096
"""Packets that are written at once."""


@runtime_checkable
class PacketLike(SupportsBytes, Protocol):
    """A packet as an object."""

    time: SupportsFloat
    """When it was captured, seconds since 1970 UTC."""


def is_packet_list(given: object) -> TypeGuard[Iterable[PacketLike]]:
    """Tell whether `given` holds packets, and is no path; it may be an empty list.

    Parameters
    ----------
    given : object
        What a user names as a capture.
    """
    if isinstance(given, (str, bytes)) or not (
        isinstance(given, Iterable) and isinstance(given, Sized)
    ):
        return False
    return not len(given) or isinstance(next(iter(given)), PacketLike)


def write_packets(packets: Iterable[PacketLike], path: Path) -> None:
    """Write packets as a pcapng file, in their order, with times to the nanosecond.

    Parameters
    ----------
    packets : iterable
        As :func:`is_packet_list` knows them.
    path : Path
        File to write; it must not exist.

    Raises
    ------
    UsageError
        When a packet's outermost layer is none that a capture can begin with, or its time is none.
    """
    interfaces: dict[int, int] = {}
    numbered = enumerate(packets, 1)
    with path.open("xb") as file:
        file.write(section_header())
        while portion := [_frame(*one) for one in islice(numbered, _AT_ONCE)]:
            for link_type in dict.fromkeys(frame.link_type for frame in portion):
                if link_type not in interfaces:
                    interfaces[link_type] = len(interfaces)
                    file.write(interface_description(link_type, 0, ""))
            batch = _batch(portion, interfaces)
            file.write(packet_blocks(batch, batch.interface))


@dataclass(frozen=True, slots=True)
class _Frame:
    """One packet, ready to be written."""

    number: int
    data: bytes
    wire_length: int
    time_ns: int
    link_type: int


def _frame(number: int, packet: PacketLike) -> _Frame:
    name = type(packet).__name__
    link_type = LINK_TYPES.get(name)
    if link_type is None:
        raise UsageError(f"packet {number}: is a {name}, which no link type is known for")
    data = bytes(packet)
    wire_length = getattr(packet, "wirelen", None) or 0
    return _Frame(number, data, max(wire_length, len(data)), _time_ns(number, packet), link_type)


def _time_ns(number: int, packet: PacketLike) -> int:
    """Return a packet's time; a decimal one, as Scapy reads from files, without loss."""
    try:
        time_ns = int(Decimal(str(packet.time)) * 1_000_000_000)
    except (ArithmeticError, ValueError):
        time_ns = -1
    if not 0 <= time_ns < 1 << 63:
        raise UsageError(f"packet {number}: its time is {packet.time!r:.40}, no time after 1970")
    return time_ns


def _batch(frames: list[_Frame], interfaces: dict[int, int]) -> PacketBatch:
    def column(values: Iterator[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.fromiter(values, np.int64, len(frames))

    length = column(len(frame.data) for frame in frames)
    return PacketBatch(
        data=np.frombuffer(b"".join(frame.data for frame in frames), np.uint8),
        start=np.cumsum(length) - length,
        captured_length=length,
        wire_length=column(frame.wire_length for frame in frames),
        time_ns=column(frame.time_ns for frame in frames),
        link_type=column(frame.link_type for frame in frames),
        interface=column(interfaces[frame.link_type] for frame in frames),
        frame_number=column(frame.number for frame in frames),
    )
