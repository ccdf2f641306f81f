"""pcapng files copied: byte by byte as they were, but for what must not or cannot be kept."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.capture.pcapng import PcapngReader
from dissectors.capture.pcapng_copy import PcapngCopier, is_section_header
from tests.capture.files import block, interface, option, section

COMMENT = option(1, b"a comment") + option(0, b"")


def packet(data: bytes, order: str = "<", number: int = 0, captured: int | None = None) -> bytes:
    captured = len(data) if captured is None else captured
    head = struct.pack(f"{order}IIIII", number, 5, 6, captured, len(data) + 9)
    return block(6, head + data + b"\0" * (-len(data) % 4) + COMMENT * (order == "<"), order)


def secrets(data: bytes, order: str = "<", kind: int = 0x544C534B) -> bytes:
    return block(10, struct.pack(f"{order}II", kind, len(data)) + data, order)


def whole(order: str = "<") -> list[bytes]:
    return [
        section(order),
        interface(order=order),
        packet(b"first", order),
        block(5, bytes(12), order),
        packet(b"second!", order),
        block(0xBAD, b"\0\0\0\1custom..", order),
    ]


def copied(data: bytes, window: int = 0) -> tuple[bytes, PcapngCopier]:
    copier, at, out = PcapngCopier(), 0, b""
    size = window or len(data)
    while at < len(data):
        final = at + size >= len(data)
        _, used = copier.read(data[at : at + size], final=final)
        out += b"".join(bytes(one) for one in copier.blocks)
        copier.blocks.clear()
        at += used
        size = max(window or len(data), copier.needs)
        if final:
            break
    return out, copier


@pytest.mark.parametrize("order", ["<", ">"])
def test_blocks_stay_as_they_are(order: str) -> None:
    data = b"".join(whole(order))
    for window in (0, 1, 40, 77):
        assert copied(data, window)[0] == data


def test_secrets_are_left_out_and_given_to_the_caller() -> None:
    first, *rest = whole()
    data = first + secrets(b"log") + b"".join(rest) + secrets(b"shh", kind=0x57474B4C) + rest[-1]
    out, copier = copied(data)
    assert out == b"".join([*whole(), rest[-1]])
    assert (copier.secrets, copier.secrets_blocks) == ([b"log"], 2)


def test_a_sections_length_is_not_told() -> None:
    told = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, 1234))
    out, copier = copied(told + interface() + told)
    assert out == section() + interface() + section()
    copier = PcapngCopier()
    copier.read(told + interface(), final=True)
    assert [is_section_header(one) for one in copier.blocks] == [True, False]


def test_packets_that_nobody_can_read_are_left_out() -> None:
    good, lost, short = packet(b"good"), packet(b"lost", number=7), block(6, bytes(8))
    out, copier = copied(section() + interface() + good + lost + short + good)
    assert out == section() + interface() + good + good
    assert copier.left_out == 2


def test_lengths_that_contradict_each_other_are_put_right() -> None:
    long = packet(b"abcd", captured=100)
    head = struct.pack("<IIIII", 0, 5, 6, 4, 13)
    twice = block(6, head + b"efgh" + COMMENT, again=999)
    out, _ = copied(section() + interface() + long + twice + packet(b"last"))
    reader = PcapngReader()
    found, _ = reader.read(out, final=True)
    assert len(found) == 3
    assert reader.problems == []
    assert found.captured_length[1:].tolist() == [4, 4]


def test_the_end_of_a_cut_file_is_left_out() -> None:
    blocks = whole()
    data = b"".join(blocks)
    ends = np.cumsum([len(one) for one in blocks]).tolist()
    for length in range(len(data) + 1):
        kept = sum(end for end in ends if end <= length) and max(
            [end for end in ends if end <= length]
        )
        assert copied(data[:length])[0] == data[:kept]


@settings(max_examples=150)
@given(st.data())
def test_a_copy_of_a_broken_file_is_whole(data: st.DataObject) -> None:
    raw = bytearray(b"".join([*whole(), secrets(b"log"), *whole(">"), packet(b"last", ">")]))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    original, again = PcapngReader(), PcapngReader()
    packets, _ = original.read(bytes(raw), final=True)
    out, _ = copied(bytes(raw))
    if not out:
        assert len(packets) == 0
        return
    found, used = again.read(out, final=True)
    assert used == len(out)
    assert found.time_ns.tolist() == packets.time_ns.tolist()
    assert found.captured_length.tolist() == packets.captured_length.tolist()
    assert again.secrets == []
