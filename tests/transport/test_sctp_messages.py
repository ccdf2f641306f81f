"""Pieces in any order, once or more often: each message comes out once."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Lost
from dissectors.transport.sctp_messages import MAX_MESSAGE, SctpReassembler
from dissectors.transport.unit import Unit


def data(tsn: int, payload: bytes, *, begin: int = 1, end: int = 1) -> bytes:
    """A data chunk; scapy, which judges these elsewhere, would need half a minute for all."""
    head = struct.pack(">BBHIHHI", 0, begin << 1 | end, 16 + len(payload), tsn, 3, 4, 0)
    return head + payload + bytes(-len(payload) % 4)


def cut(tsn: int, message: bytes, size: int) -> list[bytes]:
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    last = len(parts) - 1
    return [
        data((tsn + n) % 2**32, part, begin=int(n == 0), end=int(n == last))
        for n, part in enumerate(parts)
    ]


def pushed(reassembler: SctpReassembler, chunks: list[bytes]) -> list[Unit | DissectError]:
    found: list[Unit | DissectError] = []
    for frame, chunk in enumerate(chunks, 1):
        found += reassembler.push(1, 0, 7, chunk, 0, frame, frame * 1000)
    return found


def messages(values: list[Unit | DissectError]) -> list[bytes]:
    return [value.data for value in values if isinstance(value, Unit)]


def test_frames_and_times_are_those_of_the_pieces() -> None:
    chunks = cut(5, b"abcdef", 2)
    (unit,) = pushed(SctpReassembler(), [chunks[2], chunks[0], chunks[1]])
    assert unit == Unit(0, b"abcdef", (1, 2, 3), 3000, 2000)


@settings(max_examples=60)
@given(
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
    st.sampled_from([0, 2**32 - 4]),
)
def test_any_order_and_any_number_of_copies(
    sent: list[bytes], size: int, chance: random.Random, tsn: int
) -> None:
    chunks: list[bytes] = []
    for message in sent:
        pieces = cut(tsn, message, size)
        tsn = (tsn + len(pieces)) % 2**32
        chunks += pieces
    chunks += chance.choices(chunks, k=len(chunks) // 2)
    chance.shuffle(chunks)
    reassembler = SctpReassembler()
    assert sorted(messages(pushed(reassembler, chunks))) == sorted(sent)
    assert not list(reassembler.finish(1))


def test_what_is_missing_is_told() -> None:
    reassembler = SctpReassembler()
    chunks = cut(5, b"abcdef", 2)
    assert not pushed(reassembler, [chunks[0], chunks[2]])
    faults = list(reassembler.finish(1))
    assert [type(fault) for fault in faults] == [Lost, Lost]
    assert "2 bytes of it were captured, without its end" in faults[0].summary
    assert faults[1].frame_number == 2


def test_another_tag_is_another_association() -> None:
    reassembler = SctpReassembler()
    first, second = cut(5, b"abcd", 2)
    assert not list(reassembler.push(1, 0, 7, first, 0, 1, 1))
    assert not list(reassembler.push(1, 0, 8, second, 0, 2, 2))
    assert messages(list(reassembler.push(1, 0, 7, second, 0, 3, 3))) == [b"abcd"]


def test_copies_are_known_within_a_window_and_across_the_wrap() -> None:
    reassembler = SctpReassembler()
    order = [2**32 - 2, 1, 2**32 - 1, 0, 1, 2**32 - 2, 500, 0, 499]
    chunks = [data(tsn, b"%d" % tsn) for tsn in order]
    found = messages(pushed(reassembler, chunks))
    assert found == [b"4294967294", b"1", b"4294967295", b"0", b"500", b"499"]


def test_tags_that_change_with_every_packet_leave_nothing() -> None:
    reassembler = SctpReassembler()
    faults = []
    for tag in range(100):
        faults += list(reassembler.push(1, 0, tag, data(1, b"ab", end=0), 0, tag, tag))
    faults += list(reassembler.finish(1))
    assert len(faults) == 100
    assert reassembler._cost == 0


def test_memory_is_bounded() -> None:
    reassembler = SctpReassembler(max_bytes=50_000)
    faults = []
    for tsn in range(0, 40_000, 2):
        chunk = data(tsn, b"x", begin=0, end=0)
        faults += list(reassembler.push(1, 0, 7, chunk, 0, 1, 1))
    assert {type(fault) for fault in faults} == {LimitExceeded}
    assert len(list(reassembler.finish(1))) <= 50_000 // 200


def test_a_message_is_bounded() -> None:
    pieces = [data(tsn, bytes(60_000), begin=int(tsn == 0), end=0) for tsn in range(40)]
    faults = pushed(SctpReassembler(), pieces)
    assert MAX_MESSAGE < 40 * 60_000
    assert isinstance(faults[0], LimitExceeded)


@pytest.mark.parametrize("backwards", [False, True])
def test_many_small_pieces_take_linear_time(backwards: bool) -> None:
    """With a step for each piece that is there already it would take minutes."""
    chunks = cut(0, bytes(60_000), 1)
    ordered = chunks[::-1] if backwards else chunks[::2] + chunks[1::2]
    assert messages(pushed(SctpReassembler(), ordered)) == [bytes(60_000)]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), max_size=30))
def test_contradictions_do_no_harm(pieces: list[tuple[int, bool, bool]]) -> None:
    reassembler = SctpReassembler()
    for number, (tsn, begin, end) in enumerate(pieces):
        chunk = data(tsn, b"ab", begin=int(begin), end=int(end))
        list(reassembler.push(1, 0, number % 3, chunk, 0, number, number))
    list(reassembler.finish(1))
    assert reassembler._cost == 0
    assert not reassembler._runs
