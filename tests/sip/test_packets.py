"""Packets of compressed SIP: no header is known, and the right reading proves itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.sip.packets import (
    MAX_HEADER,
    VISIBLE_LENGTH,
    VISIBLE_START,
    Clear,
    Guesses,
    Layout,
    Packet,
    guess_first,
    layouts,
    read_clear,
)
from fixtures.workshop.plain_sip import message
from fixtures.workshop.sipcomp import Sender, usual_header

WHOLE = message(1, 200).to_bytes()


def guesses(start: int, algorithm: str | None = None) -> Guesses:
    return guess_first(start, exact=True, algorithm=algorithm, known=[])


def test_a_layout_reads_flags_and_size() -> None:
    layout = Layout(6, 0, 0, 4, "big", 0)
    assert layout.read(b"\x06\0\0\0\x01\x02", 0) == Packet(6, 6, 264, None)
    assert layout.read(b"..\x00\0\0\0\x00\x02", 2) == Packet(0, 8, 10, None)
    assert layout._replace(counts=None).read(b"\x02\0\0\0\0\x09", 0) == Packet(2, 6, 0, 9)
    assert layout._replace(counts=6).read(b"\x02\0\0\0\0\x09", 0) == Packet(2, 6, 9, None)


@pytest.mark.parametrize("flags", [0x1, 0x3, 0x4, 0x7, 0xA, 0xC, 0xE, 0xF])
def test_flags_that_contradict_each_other_are_no_header(flags: int) -> None:
    """[MS-SIPCOMP] §3.2.5.1.2: FLUSHED with COMPRESSED, or AT_FRONT without, is undefined."""
    assert Layout(6, 0, 0, 4, "big", 0).read(bytes([flags, 0, 0, 0, 0, 9]), 0) is None


@pytest.mark.parametrize("header", range(3, MAX_HEADER + 1))
def test_layouts_keep_flags_and_size_apart(header: int) -> None:
    ways = layouts(header)
    assert len(set(ways)) == len(ways)
    for way in ways:
        assert way.flags_at < header
        assert way.size_at + 2 <= header
        assert way.flags_at not in (way.size_at, way.size_at + 1)


def test_a_start_line_shows() -> None:
    for text in (b"SIP/2.0 200 OK", b"BENOTIFY sip:a", b"ACK im:", b"SUBSCRIBE sips:a"):
        found = VISIBLE_START.search(b"\x06\0\0\0\x01\x02" + text)
        assert found is not None
        assert found.start() == 6
        assert len(found.group()) <= VISIBLE_LENGTH
    assert not VISIBLE_START.search(b"GET http://a HTTP/1.1")


def test_clear_text_is_told_from_what_is_compressed() -> None:
    assert read_clear(WHOLE, 0) == Clear(True, len(WHOLE), True)
    assert read_clear(WHOLE[:50], 0) == Clear(True, None)
    assert read_clear("é".encode() * 9, 1).text is False
    assert read_clear(WHOLE[:40] + "é".encode()[:1], 0).text is True
    packed = Sender().packet(WHOLE)
    assert read_clear(packed, 6) == Clear(False, None)


@pytest.mark.parametrize("plain", [0, 1])
@pytest.mark.parametrize("algorithm", ["LZ77-8K", "LZ77-64K"])
def test_the_first_packet_proves_its_reading(algorithm: str, plain: int) -> None:
    packet = Sender(algorithm, plain=plain).packet(WHOLE)
    found = guesses(6).grow(packet, read_clear(packet, 6))
    assert found is not None
    assert [said.data for said in found.said] == [WHOLE]
    assert found.at == len(packet)
    assert (found.history is None) == bool(plain)
    assert plain or {name for _, name in found.ways} == {algorithm}


def test_no_reading_of_another_size_is_taken() -> None:
    packet = bytearray(Sender(plain=1).packet(WHOLE))
    packet[5] ^= 0xFF
    candidates = guesses(6)
    assert candidates.grow(packet, read_clear(packet, 6)) is None
    assert candidates.over


@pytest.mark.parametrize("cut", [6, 30, 100, 200])
def test_a_packet_is_waited_for(cut: int) -> None:
    packet = Sender().packet(WHOLE)
    candidates = guesses(6)
    assert candidates.grow(packet[:cut], read_clear(packet[:cut], 6)) is None
    assert not candidates.over
    assert candidates.grow(packet, read_clear(packet, 6)) is not None


def test_nothing_is_tried_again_before_there_is_more() -> None:
    packet = Sender().packet(WHOLE)
    candidates = guesses(6)
    candidates.grow(packet[:100], read_clear(packet[:100], 6))
    assert not candidates.due(100)
    assert candidates.due(len(packet))


@settings(max_examples=60, deadline=None)
@given(head=st.binary(min_size=3, max_size=8), tail=st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(head: bytes, tail: bytes) -> None:
    data = head + b"OPTIONS sip:" + tail
    candidates = guesses(len(head))
    assert candidates.grow(data, read_clear(data, len(head))) is None
    assert candidates.spent < 1 << 20


def test_the_usual_header_has_six_bytes() -> None:
    assert usual_header(6, 0x102, 0) == b"\x06\0\0\0\x01\x02"
