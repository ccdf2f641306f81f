"""Framing: however the bytes were cut, the same messages; whatever is wrong, told."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import LimitExceeded, Lost, Malformed, Truncated
from dissectors.sip import framing
from dissectors.sip.framing import SipFramer, decode_datagram, looks_like_sip
from dissectors.sip.message import SipMessage, SipRequest, SipResponse
from dissectors.transport.stream import StreamChunk
from tests.sip.samples import (
    Event,
    chunk,
    errors_of,
    lync_request,
    lync_response,
    messages_of,
    told,
)

SDP = b"v=0\r\n\r\no=- 0 0 IN IP4 10.0.0.5\r\n"
MESSAGES = [
    lync_request(call_id="one", body=SDP),
    lync_response(100, call_id="two"),
    lync_request("BENOTIFY", call_id="three", body=b"\r\n\r\n<x/>\r\n"),
    lync_response(200, call_id="four", body=b"x" * 3000),
]
HEAD = b"INVITE sip:a SIP/2.0\r\nv:x\r\nf:<sip:a>\r\nt:<sip:b>\r\ni:1\r\nCSeq:1 INVITE\r\n"


def _frame(*chunks: StreamChunk) -> list[Event]:
    framer = SipFramer()
    events = [event for one in chunks for event in framer.push(one)]
    return [*events, *framer.finish()]


def _cut(data: bytes, cuts: list[int], together: int = 1) -> list[StreamChunk]:
    """Cut `data` into pieces, `together` of them in a chunk; the n-th piece comes in frame n."""
    bounds = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    pieces = list(pairwise(bounds))
    chunks = []
    for number in range(0, len(pieces), together):
        group = pieces[number : number + together]
        low = group[0][0]
        ends = [end - low for _, end in group[:-1]]
        chunks.append(chunk(data[low : group[-1][1]], *ends, first_frame=number + 1))
    return chunks


def _essence(events: list[Event]) -> list[object]:
    """Return what must not depend on how the bytes were cut."""
    return [
        (event.headers, event.body, event.truncated)
        if isinstance(event, SipMessage)
        else (type(event), event.summary)
        for event in events
    ]


def _call_ids(events: list[Event]) -> list[str | None]:
    return [message.get("call-id") for message in messages_of(events)]


# --- segmentation -------------------------------------------------------------------------------


def test_whole_messages_in_one_chunk() -> None:
    events = _frame(chunk(b"".join(MESSAGES)))
    assert not errors_of(events)
    assert _call_ids(events) == ["one", "two", "three", "four"]
    first, second, third, fourth = messages_of(events)
    assert isinstance(first, SipRequest)
    assert isinstance(second, SipResponse)
    assert [first.body, third.body] == [SDP, b"\r\n\r\n<x/>\r\n"]
    assert (second.body, len(fourth.body)) == (b"", 3000)
    assert not any(message.truncated for message in messages_of(events))


def test_byte_by_byte() -> None:
    data = b"\r\n\r\n".join(MESSAGES)
    whole = _frame(chunk(data))
    single = _frame(*(chunk(bytes([byte]), first_frame=n) for n, byte in enumerate(data, 1)))
    assert _essence(single) == _essence(whole)
    message = messages_of(single)[0]
    assert message.frames == tuple(range(1, len(MESSAGES[0]) + 1))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=6),
    st.lists(st.integers(0, 1 << 20), max_size=25),
    st.integers(1, 8),
)
@settings(max_examples=60)
def test_any_segmentation_gives_the_same_messages(
    order: list[tuple[int, int]], cuts: list[int], together: int
) -> None:
    data, spans = b"", []
    for number, blank_lines in order:
        data += b"\r\n" * blank_lines
        spans.append((len(data), len(data) + len(MESSAGES[number])))
        data += MESSAGES[number]
    chunks = _cut(data, cuts, together)
    events = _frame(*chunks)
    assert _essence(events) == _essence(_frame(chunk(data)))
    assert _essence(events) == [_essence(_frame(chunk(MESSAGES[n])))[0] for n, _ in order]
    bounds = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    pieces = list(enumerate(pairwise(bounds), 1))
    for (begin, end), message in zip(spans, messages_of(events), strict=True):
        frames = tuple(n for n, (low, high) in pieces if low < end and begin < high)
        assert message.frames == frames
        assert message.time_ns == frames[-1] * 1000
        assert message.first_time_ns == frames[0] * 1000 - 1


PARTS = [
    b"INVITE sip:a SIP/2.0\r\n", b"SIP/2.0 200 OK\r\n", b"SIP/2.0 200 OK\n", b"\r\n", b"\n", b"\r",
    b"Content-Length: 5\r\n", b"l:0\r\n", b"l:-1\r\n", b"l:99\r\n", b"x", b"hello", b"\x16\x03\x01",
    b"\r\n\r\n", b" folded\r\n", b"nocolon\r\n", b" SIP/2.0\r\n", HEAD, b"y" * 150, MESSAGES[1],
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=14), st.lists(st.integers(0, 4096), max_size=12))
@settings(max_examples=150)
def test_broken_streams_too_read_the_same_however_cut(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    if data:
        whole = _essence(_frame(chunk(data)))
        assert _essence(_frame(*_cut(data, cuts))) == whole
        assert _essence(_frame(*_cut(data, list(range(len(data)))))) == whole


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=12), st.integers(20, 200))
@settings(max_examples=80)
def test_the_bounds_do_not_depend_on_the_cuts(parts: list[bytes], bound: int) -> None:
    data = b"".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "MAX_START_LINE", bound // 2)
        patch.setattr(framing, "MAX_HEAD", bound)
        patch.setattr(framing, "MAX_BODY", 60)
        whole = _essence(_frame(chunk(data)))
        assert _essence(_frame(*_cut(data, list(range(len(data)))))) == whole


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_give_messages_or_errors(data: bytes, cuts: list[int]) -> None:
    for stream in (data, HEAD + data, HEAD + b"\r\n" + data):
        assert _frame(*_cut(stream, cuts)) or not stream.strip(b"\r\n")


def test_every_length_of_a_cut_stream_is_accounted_for() -> None:
    data, ends = b"".join(MESSAGES[:3]), []
    for message in MESSAGES[:3]:
        ends.append((ends[-1] if ends else 0) + len(message))
    for length in range(1, len(data) + 1):
        events = _frame(chunk(data[:length]))
        whole = sum(end <= length for end in ends)
        messages = messages_of(events)
        assert [message.truncated for message in messages[:whole]] == [False] * whole
        if length in ends:
            assert not errors_of(events)
            continue
        [error] = errors_of(events)
        assert isinstance(error, Truncated), length
        assert error.frame_number == 1
        for cut in messages[whole:]:
            assert cut.truncated


# --- frames and times ---------------------------------------------------------------------------


def test_frames_of_shared_pieces() -> None:
    one, two = MESSAGES[1], MESSAGES[1]
    data = one + two
    events = _frame(StreamChunk(1, data, [10, len(data)], [(3, 7), (5, 9)], [700, 900], [300, 500]))
    first, second = messages_of(events)
    assert (first.frames, first.first_time_ns, first.time_ns) == ((3, 5, 7, 9), 300, 900)
    assert (second.frames, second.first_time_ns, second.time_ns) == ((5, 9), 500, 900)
    assert (first.direction, second.direction) == (1, 1)


def test_errors_carry_the_frame_of_their_bytes() -> None:
    garbage, message = b"\x00\x01garbage\r\n", MESSAGES[0].replace(b"To:", b"To ")
    data = garbage + message
    events = _frame(chunk(data, len(garbage), len(garbage) + 20))
    by_text = {error.summary.split(":")[0]: error.frame_number for error in errors_of(events)}
    assert (
        by_text
        == {
            "bytes that begin no SIP message": 1,
            "1 header line(s) without a name and colon": 3,
            "mandatory headers are missing": 3,
        }
        or by_text["bytes that begin no SIP message"] == 1
    )


# --- keep-alives --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "between", "after", "count"),
    [
        (b"", b"", b"", 0),
        (b"\r\n\r\n", b"", b"", 1),
        (b"", b"\r\n", b"", 1),
        (b"\r\n\r\n" * 3, b"\r\n\r\n", b"\r\n\r\n", 5),
        (b"", b"", b"\r\n\r\n\r\n", 2),
    ],
)
def test_keep_alives_are_no_messages_but_counted(
    before: bytes, between: bytes, after: bytes, count: int
) -> None:
    data = before + MESSAGES[1] + between + MESSAGES[2] + after
    for chunks in ([chunk(data)], _cut(data, list(range(len(data))))):
        framer = SipFramer()
        events = [event for one in chunks for event in framer.push(one)]
        assert framer.keepalives == count
        assert not errors_of([*events, *framer.finish()])
        assert _call_ids(events) == ["two", "three"]
        assert framer.keepalives == count


# --- Content-Length -----------------------------------------------------------------------------


def test_without_content_length_there_is_no_body_before_a_start_line() -> None:
    events = _frame(chunk(HEAD + b"\r\n" + b"\r\n\r\n" + MESSAGES[1]))
    assert [message.body for message in messages_of(events)] == [b"", b""]
    assert "no usable Content-Length" in told(events)


def test_without_content_length_a_body_reaches_to_the_next_start_line() -> None:
    events = _frame(chunk(HEAD + b"\r\n" + SDP + MESSAGES[1]))
    assert [message.body for message in messages_of(events)] == [SDP, b""]
    [error] = errors_of(events)
    assert error.severity == "warning"
    assert "§18.3" in error.spec


def test_without_content_length_a_body_reaches_to_the_end() -> None:
    [message] = messages_of(_frame(chunk(HEAD + b"\r\n" + SDP)))
    assert message.body == SDP
    assert not message.truncated


@pytest.mark.parametrize("value", [b"-999", b"many", b"", b"1" * 40])
def test_an_unusable_content_length_is_none(value: bytes) -> None:
    events = _frame(chunk(HEAD + b"l: " + value + b"\r\n\r\n" + SDP + MESSAGES[1]))
    assert [message.body for message in messages_of(events)] == [SDP, b""]
    assert "Content-Length is" in told(events)


def test_a_contradiction_is_told_and_the_first_stands() -> None:
    data = HEAD + b"l: 4\r\nContent-Length: 5\r\n\r\nbody" + MESSAGES[1]
    events = _frame(chunk(data))
    assert [message.body for message in messages_of(events)] == [b"body", b""]
    assert "different values: 4, 5" in told(events)


def test_a_content_length_too_small_costs_only_the_rest_of_its_body() -> None:
    events = _frame(chunk(HEAD + b"l: 2\r\n\r\n" + SDP + MESSAGES[1] + MESSAGES[2]))
    assert messages_of(events)[0].body == SDP[:2]
    assert _call_ids(events) == ["1", "two", "three"]
    assert f"{len(SDP) - 2} bytes skipped" in told(events)


def test_a_body_above_the_limit_is_skipped_and_its_head_delivered() -> None:
    data = HEAD + b"l: 99999999999\r\n\r\n" + b"junk\r\n" * 5 + MESSAGES[1]
    events = _frame(*_cut(data, list(range(0, len(data), 7))))
    assert [message.truncated for message in messages_of(events)] == [True, False]
    [error] = errors_of(events)
    assert isinstance(error, LimitExceeded)
    assert "30 bytes skipped" in error.summary


def test_a_body_without_length_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_BODY", 1000)
    framer = SipFramer()
    events: list[Event] = list(framer.push(chunk(HEAD + b"\r\n")))
    for number in range(100):
        events += framer.push(chunk(b"x" * 99 + b"\n", first_frame=number + 2))
        assert len(framer._buffer) < 1300
    events += framer.push(chunk(MESSAGES[1], first_frame=200))
    assert [message.truncated for message in messages_of(events)] == [True, False]
    assert any(isinstance(error, LimitExceeded) for error in errors_of(events))


# --- what is no message -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x00\x05hello\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"the end of a body\r\n\r\n",
        b"Via: SIP/2.0/TLS 10.0.0.5\r\nCall-ID: SIP/2.0\r\n\r\n",
        b"SIP/2.0 4294967301 better not break the receiver\r\n\r\n",
        b"z" * 40000 + b"\n",
        b"\r\r\r\n",
    ],
)
def test_garbage_is_told_with_its_length_and_skipped(garbage: bytes) -> None:
    for before in (b"", MESSAGES[2]):
        for step in (1 << 20, 1000):
            data = before + garbage + MESSAGES[0]
            events = _frame(*_cut(data, list(range(0, len(data), step))))
            assert _call_ids(events)[-1] == "one"
            assert len(messages_of(events)) == 1 + bool(before)
            [error] = errors_of(events)
            assert isinstance(error, Malformed)
            assert error.summary.endswith(f": {len(garbage)} bytes skipped")


def test_garbage_to_the_end_is_told_once() -> None:
    for step in (1 << 20, 1000, 1 << 13):
        data = b"\x17\x03\x03 no line end" * 5000
        [error] = _frame(*_cut(data, list(range(0, len(data), step))))
        assert isinstance(error, Malformed)
        assert f"{len(data)} bytes skipped" in error.summary


def test_garbage_is_not_kept() -> None:
    framer = SipFramer()
    for number in range(300):
        assert not list(framer.push(chunk(b"\x00" * 10000, first_frame=number + 1)))
        assert len(framer._buffer) <= framing.MAX_START_LINE
        assert len(framer._pieces._ends) <= 3
    [error] = framer.finish()
    assert "3000000 bytes" in error.summary  # type: ignore[union-attr]


def test_a_head_above_the_limit_is_skipped() -> None:
    long = HEAD + b"Subject: " + b"x" * framing.MAX_HEAD + b"\r\n\r\n"
    events = _frame(*_cut(long + MESSAGES[1], list(range(0, 1 << 17, 1400))))
    assert _call_ids(events) == ["two"]
    [error] = errors_of(events)
    assert isinstance(error, LimitExceeded)
    assert f"{len(long)} bytes skipped" in error.summary


@pytest.mark.parametrize("following", [MESSAGES[0], MESSAGES[1]], ids=["request", "response"])
def test_a_head_that_runs_into_the_next_message_is_not_mixed_with_it(following: bytes) -> None:
    events = _frame(chunk(HEAD + following))
    assert len(messages_of(events)) == 2
    first, second = messages_of(events)
    assert first.truncated
    assert first.get("call-id") == "1"
    assert len(first.headers) == 5
    assert second.get("call-id") in ("one", "two")
    assert "no empty line" in told(events)


def test_bare_line_feeds_frame_too() -> None:
    data = (HEAD + b"l: 3\r\n\r\n").replace(b"\r\n", b"\n") + b"a\nb"
    events = _frame(chunk(data + data + MESSAGES[0]))
    assert [message.body for message in messages_of(events)] == [b"a\nb", b"a\nb", SDP]


# --- gaps ---------------------------------------------------------------------------------------


def _with_gap(data: bytes, low: int, high: int, known: bool) -> list[Event]:
    after = chunk(data[high:], first_frame=2, gap=high - low if known else -1)
    before = [chunk(data[:low])] if low else []
    return _frame(*before, after)


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("width", [1, 40, 900, 1400])
def test_a_gap_anywhere_hurts_only_what_it_touches(known: bool, width: int) -> None:
    parts = [MESSAGES[0], MESSAGES[1], MESSAGES[2]]
    data = b"".join(parts)
    starts = [0, len(parts[0]), len(parts[0]) + len(parts[1]), len(data)]
    for low in range(0, len(data) - width, 7):
        high = low + width
        events = _with_gap(data, low, high, known)
        whole = [
            name
            for name, (begin, end) in zip(("one", "two", "three"), pairwise(starts), strict=True)
            if end <= low or high <= begin
        ]
        intact = [m.get("call-id") for m in messages_of(events) if not m.truncated]
        assert intact == whole, low
        assert any(isinstance(error, Lost) for error in errors_of(events))
        for message in messages_of(events):
            if message.truncated:
                begin = starts[("one", "two", "three").index(message.get("call-id") or "")]
                head_end = data.index(b"\r\n\r\n", begin) + 4
                assert begin < low
                assert head_end <= low
                assert message.body == data[head_end:low]
                assert message.frames == (1,)


def test_a_gap_within_a_body_is_told_with_what_is_missing() -> None:
    data = MESSAGES[3] + MESSAGES[1]
    body = data.index(b"\r\n\r\n") + 4
    message, error, second = _with_gap(data, body + 100, body + 500, known=True)
    assert isinstance(message, SipResponse)
    assert (message.truncated, message.body) == (True, b"x" * 100)
    assert isinstance(error, Lost)
    assert "400 bytes are missing (never captured) after 100 of 3000 bytes" in error.summary
    assert error.frame_number == 1
    assert isinstance(second, SipResponse)
    assert second.get("call-id") == "two"


@pytest.mark.parametrize(
    ("before", "hurt"),
    [
        (HEAD + b"\r\n", False),
        (HEAD + b"\r\n\r\n\r\n", False),
        (HEAD + b"\r\n" + SDP, True),
        (HEAD + b"Content-Type: a/b\r\n\r\n", True),
    ],
)
def test_a_gap_after_a_message_without_length(before: bytes, hurt: bool) -> None:
    events = _with_gap(before + b"lost" + MESSAGES[1], len(before), len(before) + 4, known=True)
    assert [message.truncated for message in messages_of(events)] == [hurt, False]
    [lost] = [error for error in errors_of(events) if isinstance(error, Lost)]
    assert ("between messages" in lost.summary) != hurt


def test_two_gaps_within_a_body() -> None:
    data = MESSAGES[3] + MESSAGES[1]
    body = data.index(b"\r\n\r\n") + 4
    events = _frame(
        chunk(data[: body + 100]),
        chunk(data[body + 500 : body + 1000], first_frame=2, gap=400),
        chunk(data[body + 1500 :], first_frame=3, gap=500),
    )
    assert _call_ids(events) == ["four", "two"]
    assert [message.truncated for message in messages_of(events)] == [True, False]
    assert len(errors_of(events)) == 2


def test_start_lines_in_the_rest_of_a_body_are_no_messages() -> None:
    fragment = b"SIP/2.0 486 Busy Here\r\n\r\n"
    long = lync_request("NOTIFY", "sipfrag", body=b"x" * 50 + fragment)
    data = long + MESSAGES[1]
    low = data.index(b"\r\n\r\n") + 10
    assert _call_ids(_with_gap(data, low, low + 20, known=True)) == ["sipfrag", "two"]


def test_behind_a_gap_the_end_of_a_method_is_no_method() -> None:
    data = MESSAGES[1] + MESSAGES[0] + MESSAGES[2]
    low = len(MESSAGES[1])
    events = _with_gap(data, low, low + 2, known=True)
    assert _call_ids(events) == ["two", "three"]
    assert "after a gap, the rest of a message" in told(events)


def test_a_gap_between_messages_is_told() -> None:
    framer = SipFramer()
    events = [
        *framer.push(chunk(MESSAGES[0])),
        *framer.push(chunk(MESSAGES[1], first_frame=9, gap=-1)),
    ]
    [error] = errors_of(events)
    assert isinstance(error, Lost)
    assert error.frame_number == 9
    assert "unknown number of bytes" in error.summary
    assert _call_ids(events) == ["one", "two"]
    assert not list(framer.finish())


@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4), st.integers(-1, 200))
    )
)
@settings(max_examples=150)
def test_gaps_in_broken_streams(pieces: list[tuple[list[bytes], int]]) -> None:
    """Every event has a frame that was there, and every gap is told."""
    chunks = [
        chunk(b"".join(parts), first_frame=number, gap=gap)
        for number, (parts, gap) in enumerate(pieces, 1)
    ]
    events = _frame(*chunks)
    assert sum(isinstance(e, Lost) for e in events) >= sum(gap != 0 for _, gap in pieces)
    for event in events:
        frames = event.frames if isinstance(event, SipMessage) else (event.frame_number,)
        assert set(frames) <= set(range(1, len(pieces) + 1))


def test_a_gap_first_of_all() -> None:
    for rest in (b"rest of a body", b"rest of a body\r\n", b"<rest>of a body</rest>"):
        events = _frame(chunk(rest + MESSAGES[0], gap=-1))
        assert _call_ids(events) == ["one"]
        assert f"{len(rest)} bytes skipped" in told(events)
    # The rest of another method is no method.
    events = _frame(chunk(b"E" + MESSAGES[0].replace(b"INVITE", b"NOTIFY"), gap=-1))
    assert _call_ids(events) == []


def test_a_framer_can_go_on_after_finish() -> None:
    framer = SipFramer()
    list(framer.push(chunk(MESSAGES[0][:-5])))
    assert len(list(framer.finish())) == 2
    assert _call_ids(list(framer.push(chunk(MESSAGES[1], first_frame=2)))) == ["two"]
    assert not list(framer.finish())


# --- time and memory ----------------------------------------------------------------------------

MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    "data",
    [
        b"\r" * MEGABYTE,
        b"\n" * MEGABYTE,
        b"\r\n" * MEGABYTE,
        b"\0" * MEGABYTE,
        b"A " * MEGABYTE,
        b"SIP/2.0" * (MEGABYTE // 7),
        b"SIP/2.0\n" * (MEGABYTE // 8),
        b"A SIP/2.0 " * (MEGABYTE // 10),
        b"SIP/2.0 200 OK\r\n" * (MEGABYTE // 64),
        b"A b SIP/2.0\n\n" * (MEGABYTE // 64),
        HEAD + b"a:\n" * MEGABYTE,
        HEAD + b" x\r\n" * (MEGABYTE // 4),
        HEAD + b"l: 16000000\r\n\r\n" + b"x" * MEGABYTE,
        HEAD + b"\r\n" + b"SIP/2.0 \n" * (MEGABYTE // 9),
    ],
    ids=lambda data: repr(data[-12:]),
)
def test_hostile_megabytes_take_linear_time(data: bytes) -> None:
    start = time.process_time()
    _frame(chunk(data))
    _frame(*(chunk(data[at : at + 500], first_frame=at + 1) for at in range(0, len(data), 500)))
    assert time.process_time() - start < 10


def test_a_large_body_in_small_pieces_is_not_copied_again_and_again() -> None:
    body = b"x" * (8 * MEGABYTE)
    data = lync_request(body=body)
    start = time.process_time()
    [message] = _frame(
        *(chunk(data[at : at + 1400], first_frame=at + 1) for at in range(0, len(data), 1400))
    )
    assert isinstance(message, SipRequest)
    assert message.body == body
    assert time.process_time() - start < 5


# --- datagrams ----------------------------------------------------------------------------------


def _datagram(data: bytes) -> list[Event]:
    return decode_datagram(data, 7, 7000, 1)


def test_a_datagram_is_one_message() -> None:
    [message] = _datagram(MESSAGES[0])
    assert isinstance(message, SipRequest)
    assert (message.frames, message.time_ns, message.first_time_ns) == ((7,), 7000, 7000)
    assert (message.direction, message.body, message.truncated) == (1, SDP, False)


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\r\n", b"\0" * 4, b"\0"])
def test_a_keep_alive_datagram_is_nothing(data: bytes) -> None:
    assert _datagram(data) == []


def test_a_datagram_without_content_length_ends_with_its_body() -> None:
    [message] = _datagram(HEAD + b"\r\n" + SDP)
    assert isinstance(message, SipRequest)
    assert message.body == SDP


@pytest.mark.parametrize("padding", [b"\0" * 9, b"\r\n\r\n"])
def test_padding_of_a_datagram_is_not_worth_telling(padding: bytes) -> None:
    [message] = _datagram(b"\r\n" + MESSAGES[0] + padding)
    assert isinstance(message, SipRequest)
    assert message.body == SDP


def test_bytes_beyond_content_length_are_discarded_and_told() -> None:
    message, error = _datagram(MESSAGES[0] + MESSAGES[1])
    assert isinstance(message, SipRequest)
    assert message.body == SDP
    assert isinstance(error, Malformed)
    assert f"{len(MESSAGES[1])} bytes beyond" in error.summary


def test_a_datagram_cut_anywhere_is_told() -> None:
    whole = messages_of(_datagram(MESSAGES[0]))[0]
    for length in range(30, len(MESSAGES[0])):
        events = _datagram(MESSAGES[0][:length])
        assert errors_of(events)
        assert all(error.frame_number == 7 for error in errors_of(events))
        for message in messages_of(events):
            assert message.truncated
            # A line that the end cut is not taken for a header.
            assert message.headers == whole.headers[: len(message.headers)]
            assert message.body == whole.body[: len(message.body)]


@given(st.binary(max_size=300))
def test_any_datagram_gives_messages_or_errors(data: bytes) -> None:
    for datagram in (data, HEAD + data):
        events = _datagram(datagram)
        assert events or not datagram.strip(b"\r\n\0")


# --- detection ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        *MESSAGES,
        b"\r\n\r\n" + MESSAGES[0],
        b"SIP/2.0 200 OK\r\n",
        b"NEGOTIATE sip:127.0.0.1:5061 SIP/2.0\r\n",
        b"newmethod tel:+1425 SIP/2.0\r\n",
        b"INVITE <sip: a.test> SIP/2.0\r\n",
        b"INVITE sip:" + b"a" * 5000 + b" SIP/2.0\r\n",
    ],
)
def test_sip_looks_like_sip(data: bytes) -> None:
    assert looks_like_sip(data)
    for length in range(20, 60):
        assert looks_like_sip(data[:length]), data[:length]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: sip.contoso.test\r\n\r\n",
        b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
        b"SUBSCRIBE /upnp/event HTTP/1.1\r\n\r\n",
        b"CONNECT sip.contoso.test:443 HTTP/1.1\r\n\r\n",
        b"OPTIONS rtsp://a/b RTSP/1.0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"DESCRIBE rtsp://a/b RTSP/1.0\r\n\r\n",
        b"MSRP a786hjs2 SEND\r\nTo-Path: msrp://a\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\x01\x00\x00!\x12\xa4B",
        b"EHLO sip.contoso.test\r\n",
        b"220 sip.contoso.test SMTP\r\n",
    ],
)
def test_other_protocols_do_not(data: bytes) -> None:
    for length in range(len(data) + 1):
        assert not looks_like_sip(data[:length]), length


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"<a/>" + MESSAGES[0], True),
        (b"rest\r\n" + MESSAGES[0], True),
        (b"rest of SIP/2.0 talk", False),
        (b"Via: SIP/2.0/TLS 10.0.0.1\r\n\r\n", False),
        (b"body" + b"SIP/2.0 200 OK\r\n", True),
        (b"SIP/2.0" * 100_000, False),
        (b"INVITE sip:a " * 100_000, False),
        (MESSAGES[0][:20], False),
    ],
)
def test_a_start_line_is_found_anywhere(data: bytes, found: bool) -> None:
    assert framing.contains_start_line(data) is found
