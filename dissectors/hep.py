"""HEP: the packets in which capture agents send what they saw to HOMER and its like.

Versions 1 and 2 put a fixed header before the packet's payload; version 3 is a list of chunks.
Addresses, ports and time are those that the agent saw, by the agent's clock.

References
----------
Homer Encapsulation Protocol, "HEP3 Network Protocol Specification" rev. 36 (sipcapture/HEP), for
versions 1 and 2 its chapter 1; what it leaves open is as Kamailio's sipcapture module writes it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Truncated
from dissectors.transport.stream import StreamChunk
from dissectors.transport.unit import Unit

MAGIC = b"HEP3"
"""First bytes of a packet of version 3."""
SIP = 1
"""Protocol type of SIP."""
PROTOCOL_TYPES = {
    0: "reserved", 1: "SIP", 2: "XMPP", 3: "SDP", 4: "RTP", 5: "RTCP", 6: "MGCP", 7: "MEGACO",
    8: "M2UA", 9: "M3UA", 10: "IAX", 11: "H.322", 12: "H.321", 34: "RTP report", 35: "RTP report",
    100: "log",
}  # fmt: skip
"""Protocol type → name; not complete."""
MAX_PAYLOAD = 256 << 10
"""Bytes that a compressed payload may become."""

Endpoint = tuple[int, int, int, int]  # as in dissectors.transport.flow
_V4, _V6 = 2, 10  # Linux's AF_INET and AF_INET6, whoever sends
_PROTOCOLS = frozenset({6, 17, 22, 50, 132})


@dataclass(frozen=True, slots=True)
class HepPacket:
    """What an agent tells of one packet or message."""

    source: Endpoint
    """Who sent it: IP version, upper and lower 64 bits of the address, port."""
    target: Endpoint
    """Who was to receive it."""
    protocol: int
    """IP protocol number; agents write 22 for TLS and 50 for WebSockets in TLS."""
    time_ns: int | None
    """When the agent saw it, nanoseconds since 1970 UTC; None in version 1, which has no time."""
    protocol_type: int
    """What the payload is, see :data:`PROTOCOL_TYPES`."""
    payload: bytes
    """The payload, decompressed."""


def looks_like_hep(data: bytes) -> bool:
    """Tell whether a UDP payload is one HEP packet: lengths and numbers must all fit."""
    if data[:4] == MAGIC:
        return len(data) >= 6 and int.from_bytes(data[4:6], "big") == len(data)
    if len(data) < 16 or data[0] not in (1, 2):
        return False
    fits = (data[1], data[2]) in ((16, _V4), (40, _V6))
    return fits and data[3] in _PROTOCOLS and len(data) > data[1] + (12 if data[0] == 2 else 0)


def decode_hep(data: bytes, frame_time_ns: int) -> HepPacket:
    """Decode one packet of any version.

    Parameters
    ----------
    data : bytes
        The packet, whole.
    frame_time_ns : int
        When it was captured; it tells the byte order of the time in version 2, which agents write
        in that of their machine.

    Raises
    ------
    Malformed, Truncated, LimitExceeded
        When it is not one that can be read.
    """
    if data[:4] == MAGIC:
        return _decode_chunks(data)
    if not looks_like_hep(data):
        raise Malformed("no HEP packet", layer="hep")
    return _decode_fixed(data, frame_time_ns)


def _decode_fixed(data: bytes, frame_time_ns: int) -> HepPacket:
    """Read versions 1 and 2: struct hep_hdr, hep_iphdr or hep_ip6hdr, and hep_timehdr."""
    version, length, family, protocol, source_port, target_port = struct.unpack_from(">4B2H", data)
    size = 4 if family == _V4 else 16
    source = _endpoint(data[8 : 8 + size], source_port)
    target = _endpoint(data[8 + size : 8 + 2 * size], target_port)
    time_ns = None
    if version == 2:
        times = [_time(*struct.unpack_from(f"{order}II", data, length)) for order in "<>"]
        time_ns = min(times, key=lambda time: abs(time - frame_time_ns))
        length += 12
    return HepPacket(source, target, protocol, time_ns, SIP, data[length:])


def _decode_chunks(data: bytes) -> HepPacket:
    """Read version 3; chunks of vendors, and what is not needed, are passed over."""
    if len(data) < 6 or int.from_bytes(data[4:6], "big") != len(data):
        raise Truncated("HEP packet is not as long as it says", layer="hep")
    chunks = dict(_chunks(data))
    v4 = 3 in chunks
    sizes = {1: 1, 2: 1, 3: 4, 4: 4, 5: 16, 6: 16, 7: 2, 8: 2, 9: 4, 10: 4, 11: 1}
    needed = (2, *((3, 4) if v4 else (5, 6)), 7, 8, 9, 10, 11)
    for kind in needed:
        if len(chunks.get(kind, b"")) != sizes[kind]:
            raise Malformed(f"HEP packet without a chunk of type {kind} that fits", layer="hep")
    number = {kind: int.from_bytes(chunks[kind], "big") for kind in needed}
    return HepPacket(
        _endpoint(chunks[3 if v4 else 5], number[7]),
        _endpoint(chunks[4 if v4 else 6], number[8]),
        number[2],
        _time(number[9], number[10]),
        number[11],
        _payload(chunks),
    )


def _chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 6
    while at < len(data):
        if at + 6 > len(data):
            raise Truncated("HEP packet ends inside a chunk", layer="hep")
        vendor, kind, length = struct.unpack_from(">3H", data, at)
        if not 6 <= length <= len(data) - at:
            raise Malformed(f"HEP chunk with length {length}", layer="hep")
        if vendor == 0:
            yield kind, data[at + 6 : at + length]
        at += length


def _payload(chunks: dict[int, bytes]) -> bytes:
    if 15 in chunks:
        return chunks[15]
    stream = zlib.decompressobj(47)  # zlib or gzip, as its header says
    try:
        opened = stream.decompress(chunks.get(16, b""), MAX_PAYLOAD + 1)
    except zlib.error:
        raise Malformed("HEP payload cannot be decompressed", layer="hep") from None
    if len(opened) > MAX_PAYLOAD:
        raise LimitExceeded(f"HEP payload longer than {MAX_PAYLOAD} bytes", layer="hep")
    return opened


def _endpoint(address: bytes, port: int) -> Endpoint:
    whole = int.from_bytes(address, "big")
    if len(address) == 4:
        return 4, 0, whole, port
    return 6, whole >> 64, whole & 0xFFFFFFFFFFFFFFFF, port


def _time(seconds: int, microseconds: int) -> int:
    return seconds * 10**9 + min(microseconds, 999_999) * 1000


class HepStream:
    """Cuts one direction of a TCP connection into packets of version 3."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._held: list[tuple[int, int, int, int]] = []  # end, last frame, times
        self._last: tuple[int | None, int | None] = None, None

    def push(self, chunk: StreamChunk) -> Iterator[Unit | DissectError]:
        """Take the next bytes; yield each packet, whole but not decoded.

        After a loss, and where no packet begins, reading goes on at the next magic.
        """
        if chunk.gap_before and self._data:
            yield self._fault(Lost, f"HEP packet is lost: {len(self._data)} bytes were captured")
            self._drop(len(self._data))
        base = len(self._data)
        self._data += chunk.data
        rows = zip(chunk.ends, chunk.frames, chunk.first_time_ns, chunk.time_ns, strict=True)
        self._held += [(base + end, frames[-1], first, last) for end, frames, first, last in rows]
        self._last = chunk.frames[-1][-1], chunk.time_ns[-1]
        yield from self._take(chunk.direction)

    def finish(self) -> Iterator[DissectError]:
        """End the connection."""
        if self._data:
            yield self._fault(Truncated, f"HEP packet ends after {len(self._data)} bytes")

    def _take(self, direction: int) -> Iterator[Unit | DissectError]:
        at, row = 0, 0
        skipped = 0
        while len(self._data) - at >= 6:
            length = int.from_bytes(self._data[at + 4 : at + 6], "big")
            if self._data[at : at + 4] != MAGIC or length < 6:
                there = self._data.find(MAGIC, at + 1)
                there = there if there >= 0 else len(self._data) - 3
                skipped, at = skipped + there - at, there
                continue
            if at + length > len(self._data):
                break
            while self._held[row][0] <= at:
                row += 1
            first = self._held[row]
            while self._held[row][0] < at + length:
                row += 1
            last = self._held[row]
            yield Unit(
                direction, bytes(self._data[at : at + length]), (last[1],), last[3], first[2]
            )
            at += length
        self._drop(at)
        if skipped:
            yield self._fault(Malformed, f"{skipped} bytes that are no HEP packet were passed over")

    def _drop(self, number: int) -> None:
        del self._data[:number]
        self._held = [(end - number, *rest) for end, *rest in self._held if end > number]  # type: ignore[misc]

    def _fault(self, kind: type[DissectError], summary: str) -> DissectError:
        frame, time_ns = self._last
        return kind(summary, layer="hep", frame_number=frame, time_ns=time_ns)
