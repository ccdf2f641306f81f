"""WebSockets that wsproto speaks, whole, byte by byte, cut, lost in part, and hostile."""

from __future__ import annotations

import struct
import zlib
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Truncated
from dissectors.sip.framing import looks_like_sip
from dissectors.transport.stream import StreamChunk
from dissectors.transport.unit import Unit
from dissectors.websocket import (
    MAX_HEAD,
    MAX_MESSAGE,
    WebSocketSession,
    looks_like_frame,
    looks_like_upgrade,
)
from fixtures.links.websocket import WebSocketTalk

SIP = b"OPTIONS sip:bob@contoso.com SIP/2.0\r\nCall-ID: %d\r\nContent-Length: 0\r\n\r\n"
MESSAGES = [SIP % number for number in range(6)]


def chunk(data: bytes, direction: int = 0, *, first: int = 1, gap: int = 0) -> StreamChunk:
    """A chunk in pieces of up to 50 bytes, each in a frame of its own."""
    sizes = [len(data[at : at + 50]) for at in range(0, len(data), 50)]
    frames = range(first, first + len(sizes))
    times = [frame * 1000 for frame in frames]
    return StreamChunk(
        direction, data, list(accumulate(sizes)), [(n,) for n in frames], times, times, gap
    )


def talk(deflate: bool, fragments: int = 1) -> tuple[bytes, bytes, list[bytes]]:
    """What the client sends before, what the server answers, and the client's messages."""
    both = WebSocketTalk(deflate=deflate)
    (_, request), (_, response) = both.handshake()
    return request, response, [b"".join(both.message(0, sip, fragments)) for sip in MESSAGES]


def read(session: WebSocketSession, *chunks: StreamChunk) -> list[Unit | DissectError]:
    found: list[Unit | DissectError] = []
    for one in chunks:
        found += session.push(one)
    return [*found, *session.finish()]


def payloads(values: list[Unit | DissectError]) -> list[bytes]:
    return [value.data if isinstance(value, Unit) else value for value in values]  # type: ignore[misc]


def session(opened: bool = False) -> WebSocketSession:
    return WebSocketSession(looks_like_sip, opened=opened)


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_however_it_is_cut(deflate: bool, fragments: int, size: int) -> None:
    request, response, sent = talk(deflate, fragments)
    stream = request + b"".join(sent)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    chunks = [chunk(piece, first=10 + n) for n, piece in enumerate(pieces)]
    answered = next(n for n in range(len(pieces) + 1) if n * size >= len(request))
    chunks.insert(min(answered, len(chunks) - 1), chunk(response, 1))
    assert payloads(read(session(), *chunks)) == MESSAGES


def test_frames_and_times() -> None:
    request, response, sent = talk(False)
    client = session()
    list(client.push(chunk(request)))
    list(client.push(chunk(response, 1)))
    (unit,) = client.push(chunk(sent[0], first=20))
    assert isinstance(unit, Unit)
    assert (unit.frames, unit.first_time_ns, unit.time_ns) == ((20, 21), 20_000, 21_000)


@pytest.mark.parametrize("deflate", [False, True])
def test_cut_anywhere_at_the_end(deflate: bool) -> None:
    request, response, sent = talk(deflate)
    stream = b"".join(sent[:2])
    for cut in range(len(stream) + 1):
        found = read(session(), chunk(request), chunk(response, 1), chunk(stream[:cut] or b"\x89"))
        whole = [value for value in found if isinstance(value, Unit)]
        assert [unit.data for unit in whole] == MESSAGES[: len(whole)]
        assert len(found) - len(whole) == (cut not in (len(sent[0]), len(stream)))
        assert all(isinstance(value, Truncated) for value in found[len(whole) :])


def test_a_lost_message_does_not_take_the_next_with_it() -> None:
    """The header tells where the frame ends, so the bytes behind the gap are still in step."""
    request, response, sent = talk(False)
    stream = b"".join(sent)
    at, gap = len(sent[0]) + 20, 30
    first, rest = stream[:at], stream[at + gap :]
    found = read(
        session(), chunk(request), chunk(response, 1), chunk(first), chunk(rest, first=90, gap=gap)
    )
    assert payloads(found[:1] + found[2:]) == [MESSAGES[0], *MESSAGES[2:]]
    assert isinstance(found[1], Lost)


def test_after_a_gap_of_unknown_size_the_next_frame_is_looked_for() -> None:
    request, response, sent = talk(False)
    chunks = [chunk(request), chunk(response, 1), chunk(sent[0][:40])]
    behind = [chunk(sent[2], first=80, gap=-1), chunk(sent[3], first=90)]
    found = read(session(), *chunks, *behind)
    assert payloads(found[1:]) == MESSAGES[2:4]
    assert isinstance(found[0], Lost)


def test_what_is_compressed_needs_what_was_lost() -> None:
    request, response, sent = talk(True)
    first = b"".join(sent[:2])
    gap = chunk(sent[3], first=80, gap=3)
    found = read(session(), chunk(request), chunk(response, 1), chunk(first + sent[2][:-3]), gap)
    assert payloads(found[:2]) == MESSAGES[:2]
    assert [type(value) for value in found[2:]] == [Lost, Lost]


@pytest.mark.parametrize("lost", ["request", "response", "both"])
def test_a_handshake_of_which_something_is_lost(lost: str) -> None:
    request, response, sent = talk(False)
    chunks = [chunk(sent[0], first=70), chunk(sent[1], first=80)]
    if lost == "request":
        chunks = [chunk(response, 1), *chunks]
    elif lost == "response":
        server = chunk(sent[2], 1, first=90, gap=-1)
        chunks = [chunk(request), chunk(response[:20], 1), *chunks, server]
    else:
        gap = chunk(sent[0], first=70, gap=500)
        chunks = [chunk(request[:20]), chunk(response[:20], 1), gap, chunks[1]]
    found = read(session(), *chunks)
    expected = MESSAGES[: 3 if lost == "response" else 2]
    assert [value.data for value in found if isinstance(value, Unit)] == expected


def test_what_is_passed_over_is_told() -> None:
    request, response, sent = talk(True)
    chunks = [chunk(request), chunk(response, 1), chunk(sent[0] + sent[1][:1])]
    found = read(session(), *chunks, chunk(sent[2], first=80, gap=-1), chunk(sent[3], first=90))
    assert [type(value) for value in found] == [Unit, Lost, Lost]
    assert f"{len(sent[2]) + len(sent[3])} bytes" in found[2].summary  # type: ignore[union-attr]
    assert found[2].frame_number == 90  # type: ignore[union-attr]


def test_without_the_handshake() -> None:
    _, _, sent = talk(False)
    assert looks_like_frame(sent[0], looks_like_sip)
    assert payloads(read(session(opened=True), chunk(b"".join(sent)))) == MESSAGES


@pytest.mark.parametrize(
    ("data", "upgrade"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", True),
        (b"HTTP/1.1 101 Switching\r\nUPGRADE:WebSocket\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", False),
        (b"GET /?Upgrade: websocket HTTP/1.1\r\n\r\n", False),
        (b"", False),
    ],
)
def test_what_opens_a_websocket(data: bytes, upgrade: bool) -> None:
    assert looks_like_upgrade(data) is upgrade


@pytest.mark.parametrize("data", [b"", b"\x81", b"\x81\x05hello", b"\x16\x03\x01\0\x05", SIP % 1])
def test_what_is_no_frame_with_sip(data: bytes) -> None:
    assert not looks_like_frame(data, looks_like_sip)


def frame(first: int, payload: bytes) -> bytes:
    return struct.pack(">BBQ", first, 127, len(payload)) + payload


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (struct.pack(">BBQ", 0x81, 127, 2**63), LimitExceeded),
        (
            frame(0x01, bytes(MAX_MESSAGE // 2)) + frame(0x00, bytes(MAX_MESSAGE // 2)),
            LimitExceeded,
        ),
        (frame(0xC1, zlib.compress(bytes(2 * MAX_MESSAGE), wbits=-15)), LimitExceeded),
        (frame(0xC1, b"\xff\xff\xff\xff"), Malformed),
        (frame(0x80, b"a continuation of nothing"), Malformed),
        (frame(0x83, b"an opcode that is not there"), Malformed),
        (frame(0x89, bytes(126)), Malformed),
        (frame(0x91, b"reserved"), DissectError),
        (frame(0x01, b"a") + frame(0x81, b"another begins inside"), Malformed),
    ],
)
def test_what_is_wrong_is_told_once(data: bytes, kind: type[DissectError]) -> None:
    found = read(session(opened=True), chunk(data, first=5))
    assert len(found) == 1
    assert isinstance(found[0], kind)
    assert found[0].frame_number is not None


def test_an_endless_head_is_given_up() -> None:
    session_, found = session(), []
    for _ in range(MAX_HEAD // 1000 + 2):
        found += list(session_.push(chunk(b"X-Header: " + b"a" * 990)))
    assert [type(value) for value in found] == [LimitExceeded]


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=60), st.integers(0, 1), st.integers(-1, 40)),
        max_size=8,
    ),
    st.booleans(),
    st.booleans(),
)
def test_any_bytes(parts: list[tuple[bytes, int, int]], opened: bool, after_head: bool) -> None:
    head = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
    chunks = [chunk(head)] if after_head else []
    chunks += [chunk(data, direction, gap=gap) for data, direction, gap in parts]
    for value in read(session(opened), *chunks):
        assert isinstance(value, Unit | DissectError)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_change_of_what_is_right(changes: list[tuple[int, int]]) -> None:
    request, response, sent = talk(True, fragments=2)
    stream = bytearray(b"".join(sent))
    for place, value in changes:
        stream[place % len(stream)] = value
    found = read(session(), chunk(request), chunk(response, 1), chunk(bytes(stream)))
    assert len(found) <= len(stream)
