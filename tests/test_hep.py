"""HEP: all versions, whole and cut; what it says of lengths is believed only where it fits."""

from __future__ import annotations

import struct
import zlib
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed
from dissectors.hep import HepStream, decode_hep, looks_like_hep
from dissectors.transport.stream import StreamChunk
from dissectors.transport.unit import Unit
from fixtures.links import hep

SIP = b"OPTIONS sip:bob@contoso.com SIP/2.0\r\n\r\n"
SEEN = 1_700_000_000_123_456_000
V4 = (4, 0, 0xC000020A, 5070), (4, 0, 0xC0000214, 5060)
V6 = (6, 0x20010DB8 << 32, 0x10, 5070), (6, 0x20010DB8 << 32, 0x20, 5060)


@pytest.mark.parametrize(
    ("write", "ends", "time_ns"),
    [
        (hep.version_1, V4, None),
        (hep.version_2, V6, SEEN),
        (hep.version_3, V4, SEEN),
        (hep.version_3_compressed, V6, SEEN),
    ],
)
def test_every_version(write: object, ends: tuple[object, object], time_ns: int | None) -> None:
    data = write(SIP, SEEN)  # type: ignore[operator]
    assert looks_like_hep(data)
    packet = decode_hep(data, SEEN + 10**12)
    assert (packet.source, packet.target) == ends
    assert (packet.protocol, packet.protocol_type, packet.payload) == (17, 1, SIP)
    assert packet.time_ns == time_ns


def test_the_byte_order_of_version_2_is_that_which_fits_the_capture() -> None:
    little = hep.version_2(SIP, SEEN)
    big = little[:40] + struct.pack(">II", *struct.unpack("<II", little[40:48])) + little[48:]
    assert decode_hep(big, SEEN).time_ns == decode_hep(little, SEEN).time_ns == SEEN


def test_a_compressed_payload_is_bounded() -> None:
    bomb = hep._chunked([(0, 16, zlib.compress(bytes(10 << 20)))], SEEN, 2)
    with pytest.raises(LimitExceeded):
        decode_hep(bomb, SEEN)


@pytest.mark.parametrize("number", range(10))
def test_a_chunk_that_is_missing_or_too_long(number: int) -> None:
    """Each but address family and agent is needed; the addresses tell the family."""
    whole = hep.version_3(SIP, SEEN)
    chunks, at = [], 6
    while at < len(whole):
        length = struct.unpack_from(">H", whole, at + 4)[0]
        chunks.append(whole[at : at + length])
        at += length
    if number in (0, 9):
        return
    for changed in (b"", chunks[number][:4] + b"\0\x16" + chunks[number][6:] + bytes(16)):
        body = b"".join([*chunks[:number], changed, *chunks[number + 1 :]])
        with pytest.raises(DissectError):
            decode_hep(b"HEP3" + struct.pack(">H", 6 + len(body)) + body, SEEN)


@pytest.mark.parametrize(
    "data", [b"", b"HEP3", b"HEP3\0\x07", b"\x01\x10\x02\x11", SIP, b"\x01\x10\x02\x63" + bytes(40)]
)
def test_what_is_no_hep(data: bytes) -> None:
    assert not looks_like_hep(data)
    with pytest.raises(DissectError):
        decode_hep(data, SEEN)


@settings(max_examples=150)
@given(
    st.sampled_from(hep.WRITERS),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=5),
    st.integers(0, 200),
)
def test_any_change_gives_a_packet_or_a_fault(
    write: object, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(write(SIP, SEEN))  # type: ignore[operator]
    for place, value in changes:
        data[place % len(data)] = value
    try:
        packet = decode_hep(bytes(data[: len(data) - cut]), SEEN)
    except DissectError:
        return
    assert len(packet.payload) <= 256 << 10


# --- over TCP


def chunk(data: bytes, first: int = 1, gap: int = 0) -> StreamChunk:
    sizes = [len(data[at : at + 50]) for at in range(0, len(data), 50)]
    frames = range(first, first + len(sizes))
    times = [frame * 1000 for frame in frames]
    return StreamChunk(0, data, list(accumulate(sizes)), [(n,) for n in frames], times, times, gap)


PACKETS = [hep.version_3(SIP + bytes([n]) * n, SEEN) for n in range(40)]
STREAM = b"".join(PACKETS)


def found(stream: HepStream, *chunks: StreamChunk) -> list[Unit | DissectError]:
    values: list[Unit | DissectError] = []
    for one in chunks:
        values += stream.push(one)
    return [*values, *stream.finish()]


@pytest.mark.parametrize("size", [1, 13, 10**6])
def test_however_a_stream_is_cut(size: int) -> None:
    chunks = [chunk(STREAM[at : at + size], at + 1) for at in range(0, len(STREAM), size)]
    assert [unit.data for unit in found(HepStream(), *chunks)] == PACKETS  # type: ignore[union-attr]


def test_frames_and_times_of_a_packet() -> None:
    (unit,) = found(HepStream(), chunk(PACKETS[0], 7))
    assert isinstance(unit, Unit)
    last = 7 + (len(PACKETS[0]) - 1) // 50
    assert (unit.frames, unit.first_time_ns, unit.time_ns) == ((last,), 7000, last * 1000)


def test_a_gap_and_rubbish_cost_only_what_they_hit() -> None:
    values = found(
        HepStream(),
        chunk(PACKETS[0] + PACKETS[1][:30]),
        chunk(b"rubbish HEP3\0\0" + PACKETS[2], 50, gap=9),
        chunk(PACKETS[3][:-1], 60),
    )
    assert [v.data for v in values if isinstance(v, Unit)] == [PACKETS[0], PACKETS[2]]
    kinds = [type(v) for v in values if isinstance(v, DissectError)]
    assert kinds[:2] == [Lost, Malformed]
    assert len(kinds) == 3


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(-1, 5)), max_size=8),
    st.booleans(),
)
def test_any_bytes(parts: list[tuple[bytes, int]], begins: bool) -> None:
    chunks = [chunk(b"HEP3" * begins + data, 1, gap) for data, gap in parts]
    for value in found(HepStream(), *chunks):
        assert isinstance(value, Unit | DissectError)
