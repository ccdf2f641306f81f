"""Records, cut from streams that are whole, chopped, holed or no TLS at all."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed, Truncated, Unsupported
from dissectors.tls import record as record_module
from dissectors.tls.handshake import decode_client_hello
from dissectors.tls.record import RecordFramer, TlsRecord, looks_like_tls
from dissectors.transport.stream import StreamChunk
from tests.tls.handshakes import joined, segments

SSL2_HELLO = (
    b"\x80\x2b\x01\x03\x01"
    + b"\0\x12"
    + b"\0\0"
    + b"\0\x10"
    + b"\x01\x02\x03" * 6
    + bytes(range(16))
)
"""A ClientHello as Windows XP sends it, made by the rules of RFC 5246 appendix E.2."""


def record(kind: int, fragment: bytes, version: int = 0x0303) -> bytes:
    return bytes([kind]) + version.to_bytes(2, "big") + len(fragment).to_bytes(2, "big") + fragment


def chunk(data: bytes, gap: int = 0, frame: int = 1) -> StreamChunk:
    reason = "segment not captured" if gap else ""
    return StreamChunk(0, data, [len(data)], [(frame,)], [frame], [frame], gap, reason)


def frame_all(*chunks: StreamChunk) -> tuple[list[TlsRecord], list[DissectError]]:
    framer = RecordFramer()
    found = [item for part in chunks for portion in framer.push(part) for item in portion]
    found += framer.finish()
    return (
        [item for item in found if isinstance(item, TlsRecord)],
        [item for item in found if isinstance(item, DissectError)],
    )


fragments = st.lists(
    st.tuples(st.sampled_from([20, 21, 22, 23, 24]), st.binary(max_size=300)),
    min_size=1,
    max_size=12,
)


# Detection


@pytest.mark.parametrize(
    "data",
    [
        record(22, b"\x01", 0x0301),
        record(23, b"x" * 100),
        record(20, b"\x01"),
        record(21, b"\x02\x28", 0x0300),
        b"\x16\x03\x01",
        b"\x17\x03\x03\x48\x00",
        SSL2_HELLO,
    ],
)
def test_looks_like_tls(data: bytes) -> None:
    assert looks_like_tls(data)
    assert looks_like_tls(data[:16])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03",
        b"\x17\x03\x03\x48\x01",
        b"\x16\x03\x05\x00\x10",
        b"\x16\x02\x00\x00\x10",
        b"\x13\x03\x03\x00\x10",
        b"\x18\x03\x03\x00\x10",
        b"\x16\x03\x01\x00\x00",
        b"INVITE sip:a@b SIP/2.0\r\n",
        b"\r\n\r\n",
        b"\x80\x2b\x02\x03\x01\x00\x12\x00\x00\x00\x10",
        bytes(20),
        b"SSH-2.0-OpenSSH",
    ],
)
def test_does_not_look_like_tls(data: bytes) -> None:
    assert not looks_like_tls(data)


# Whole streams


@settings(max_examples=60, deadline=None)
@given(fragments, st.integers(1, 400))
def test_any_segmentation(parts: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(record(kind, fragment) for kind, fragment in parts)
    cut = segments([(0, data)], size)
    ends = []
    for _, fragment in parts:
        ends.append((ends[-1] if ends else 0) + 5 + len(fragment))
    for arranged in (cut, [joined(cut)]):
        records, faults = frame_all(*arranged)
        assert faults == []
        assert [(item.content_type, item.fragment) for item in records] == parts
        for item, end in zip(records, ends, strict=True):
            start = end - 5 - len(item.fragment)
            needed = tuple(range(start // size + 1, (end - 1) // size + 2))
            assert item.frames == needed
            assert item.time_ns == needed[-1] * 1000
            assert item.first_time_ns == needed[0] * 1000
            assert item.gap_before == 0


def test_frames_that_came_out_of_order() -> None:
    data = record(23, b"x" * 20)
    part = StreamChunk(0, data, [10, 25], [(1, 9), (3, 9)], [9, 9], [1, 3])
    ((item,), faults) = frame_all(part)
    assert (item.frames, item.time_ns, item.first_time_ns) == ((1, 3, 9), 9, 1)
    assert faults == []


def test_many_tiny_records_come_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "PORTION", 10)
    data = b"".join(record(23, bytes([n])) for n in range(95))
    portions = list(RecordFramer().push(joined(segments([(0, data)], 7))))
    assert [len(portion) for portion in portions] == [10] * 9 + [5]
    items = [item for portion in portions for item in portion]
    assert b"".join(item.fragment for item in items if isinstance(item, TlsRecord)) == bytes(
        range(95)
    )


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_truncated_at_every_length(size: int) -> None:
    data = record(22, b"abc") + record(23, b"x" * 40)
    for length in range(1, len(data)):
        records, faults = frame_all(*segments([(0, data[:length])], size))
        whole = length >= 8
        assert len(records) == whole
        assert [type(fault) for fault in faults] == ([] if length == 8 else [Truncated])


# Holes


def test_a_gap_between_records() -> None:
    first, second = record(23, b"a" * 50), record(23, b"b" * 60)
    records, faults = frame_all(chunk(first), chunk(second, 105, 2))
    assert [item.fragment[:1] for item in records] == [b"a", b"b"]
    assert (records[1].gap_before, records[1].gap_reason) == (105, "segment not captured")
    assert faults == []


@pytest.mark.parametrize("known", [True, False])
def test_a_gap_at_every_place(known: bool) -> None:
    random = Random(5)
    data = b"".join(record(23, random.randbytes(30)) for _ in range(8))
    for start in range(1, 140):
        for length in (1, 17, 35, 60):
            stop = start + length
            gap = length if known else -1
            records, faults = frame_all(chunk(data[:start]), chunk(data[stop:], gap, 2))
            # Records 0 to 7 have 35 bytes each: those that the hole touches are lost, no others.
            there = [n for n in range(8) if 35 * (n + 1) <= start or 35 * n >= stop]
            assert [data.index(item.fragment) // 35 for item in records] == there
            after = next(item for item in records if data.index(item.fragment) >= stop)
            lost = (35 * (stop // 35 + (stop % 35 > 0))) - 35 * (start // 35)
            assert after.gap_before == (lost if known else -1)
            assert [item.gap_before for item in records if item is not after] == [0] * (
                len(there) - 1
            )
            dropped = lost - length
            assert [type(fault) for fault in faults] == [Lost] * (dropped > 0)
            if dropped:
                assert faults[0].summary.startswith(f"{dropped} bytes")
                assert faults[0].frame_number == 2


def test_a_gap_of_known_length_inside_one_record_trusts_no_lookalike() -> None:
    lookalike = record(23, record(23, record(23, b"no") * 3))
    body = b"x" * 50 + lookalike
    data = record(23, body) + record(23, b"yes")
    records, _ = frame_all(chunk(data[:20]), chunk(data[40:], 20, 2))
    assert [item.fragment for item in records] == [b"yes"]


def test_after_a_gap_a_header_must_lead_to_another() -> None:
    lookalike = b"\x17\x03\x03\x00\x10"
    data = record(23, b"x" * 50 + lookalike + b"y" * 100) + record(23, b"yes")
    records, _ = frame_all(chunk(data[:20]), chunk(data[40:], -1, 2))
    assert [item.fragment for item in records] == [b"yes"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_after_a_gap_it_does_not_matter_how_the_rest_is_cut(data: st.DataObject) -> None:
    random = Random(data.draw(st.integers(0, 1000)))
    stream = b"".join(record(23, random.randbytes(random.randrange(1, 90))) for _ in range(8))
    start = data.draw(st.integers(0, len(stream) - 1))
    rest = segments([(0, stream[start:])], data.draw(st.integers(1, 50)))
    rest[0].gap_before, rest[0].gap_reason = -1, "made"
    whole = chunk(stream[start:], -1)
    assert [item.fragment for item in frame_all(*rest)[0]] == [
        item.fragment for item in frame_all(whole)[0]
    ]


def test_the_session_s_version_is_looked_for() -> None:
    good = record(23, b"a" * 30)
    other = record(23, b"b" * 30, 0x0301)
    records, _ = frame_all(chunk(good), chunk(b"zzz" + other + other + good + good, -1, 2))
    assert [item.version for item in records] == [0x0303] * 3


def test_gaps_one_after_the_other() -> None:
    data = [record(23, bytes([65 + n]) * 100) for n in range(4)]
    records, faults = frame_all(
        chunk(data[0] + data[1][:50]), chunk(b"\x41" * 30, 100, 2), chunk(data[3], 75, 3)
    )
    assert [item.fragment[:1] for item in records] == [b"A", b"D"]
    # 100 and 75 bytes of the gaps, and 50 and 30 that were of no use.
    assert records[1].gap_before == 255
    assert [fault.summary[:8] for fault in faults] == ["80 bytes"]


def test_nothing_is_found_after_a_gap() -> None:
    records, faults = frame_all(chunk(record(23, b"a")), chunk(b"q" * 1000, -1, 2))
    assert len(records) == 1
    assert [type(fault) for fault in faults] == [Truncated]
    assert "no TLS record was found" in faults[0].summary


# What is no TLS


@pytest.mark.parametrize("size", [1, 4, 11, 45, 1000])
def test_ssl2_hello(size: int) -> None:
    data = SSL2_HELLO + record(22, b"abc")
    framer = RecordFramer()
    found = [
        item
        for part in segments([(0, data)], size)
        for portion in framer.push(part)
        for item in portion
    ]
    hello, following = found
    assert isinstance(hello, TlsRecord) and isinstance(following, TlsRecord)
    assert (hello.content_type, following.fragment) == (22, b"abc")
    assert hello.frames == tuple(range(1, -(-len(SSL2_HELLO) // size) + 1))
    decoded = decode_client_hello(hello.fragment[4:])
    assert decoded.random == SSL2_HELLO[-16:].rjust(32, b"\0")
    assert not framer.ssl2_hello


def test_ssl2_hello_that_offers_no_more_is_named() -> None:
    data = SSL2_HELLO[:3] + b"\0\2" + SSL2_HELLO[5:] + record(22, b"abc")
    for size in (1, 4, 11, 45, 1000):
        framer = RecordFramer()
        found = [
            item
            for part in segments([(0, data)], size)
            for portion in framer.push(part)
            for item in portion
        ]
        assert [type(item) for item in found] == [Unsupported, TlsRecord]
        assert "SSL 2.0" in str(found[0])
        assert framer.ssl2_hello


def test_garbage_before_records() -> None:
    records, faults = frame_all(
        chunk(b"HTTP/1.1 200\r\n\r\n" + record(22, b"abc") + record(23, b"d"))
    )
    assert [item.fragment for item in records] == [b"abc", b"d"]
    assert [type(fault) for fault in faults] == [Malformed, Lost]
    assert records[0].gap_before == 16


def test_garbage_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "_BAD_HEADER_LIMIT", 20)
    data = (b"??" + record(23, b"a") * 2) * 100
    records, faults = frame_all(*segments([(0, data)], 10))
    assert isinstance(faults[-1], LimitExceeded)
    assert len(records) == 40
    assert len(faults) == 41


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=60), st.sampled_from([0, 0, 0, -1, 5])), max_size=10))
def test_any_bytes(parts: list[tuple[bytes, int]]) -> None:
    frame_all(*(chunk(data, gap) for data, gap in parts if data))


@pytest.mark.parametrize(
    "data",
    [
        b"\x17\x03\x03\x40\x00" * 60_000,
        b"\x17\x03\x03\x00\x01\x00" * 50_000,
        b"\x17\x03\x03\x00\x00" * 60_000,
        b"\x17\x03\x03\x00\x01\x00\x17" * 50_000,
        bytes(500_000),
    ],
)
@pytest.mark.parametrize("gap", [0, -1])
def test_time_is_linear(data: bytes, gap: int) -> None:
    start = time.process_time()
    cut = segments([(0, data)], 50_000)
    cut[0].gap_before = gap
    frame_all(*cut)
    tiny = segments([(0, data[:5_000])], 1)
    tiny[0].gap_before = gap
    frame_all(*tiny)
    assert time.process_time() - start < 10
