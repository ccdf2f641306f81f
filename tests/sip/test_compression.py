"""A direction whose SIP is compressed: every message, its frames, and what could not be read."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError
from dissectors.sip.compression import Negotiation, SipStream
from dissectors.sip.framing import SipFramer
from dissectors.sip.message import SipMessage
from dissectors.transport.stream import StreamChunk
from fixtures.workshop.lync import Sip, response
from fixtures.workshop.plain_sip import message, ok
from fixtures.workshop.sipcomp import AT_FRONT, Header, Sender, usual_header

ALGORITHMS = pytest.mark.parametrize("algorithm", ["LZ77-8K", "LZ77-64K"])
PIECE = 4000

NEGOTIATE = Sip(
    "NEGOTIATE sip:192.0.2.20:5061 SIP/2.0",
    [
        ("Via", "SIP/2.0/TLS 192.0.2.10:2616"),
        ("CSeq", "1 NEGOTIATE"),
        ("Call-ID", "8d8b20f87c9c"),
        ("From", "<sip:192.0.2.20>;tag=98"),
        ("To", "<sip:192.0.2.20>"),
        ("Compression", "LZ77-8K"),
        ("Max-Forwards", "0"),
        ("Content-Length", ""),
    ],
)


def told(count: int, *sizes: int) -> list[bytes]:
    return [message(n, sizes[n % len(sizes)]).to_bytes() for n in range(1, count + 1)]


def packets(sender: Sender, messages: Iterable[bytes]) -> list[bytes]:
    return [
        sender.packet(data[at : at + PIECE])
        for data in messages
        for at in range(0, len(data), PIECE)
    ]


def chunks(
    parts: Sequence[bytes], cut: int | None = None, first_frame: int = 1
) -> list[StreamChunk]:
    if cut is not None:
        data = b"".join(parts)
        parts = [data[at : at + cut] for at in range(0, len(data), cut)]
    return [
        StreamChunk(0, part, [len(part)], [(frame,)], [10 * frame], [10 * frame - 1])
        for frame, part in enumerate(parts, first_frame)
    ]


def read(
    pushed: Iterable[StreamChunk], negotiation: Negotiation | None = None
) -> tuple[list[SipMessage], list[DissectError]]:
    stream = SipStream(negotiation or Negotiation())
    values = [value for chunk in pushed for value in stream.push(chunk)]
    values += stream.finish()
    messages = [value for value in values if not isinstance(value, DissectError)]
    return messages, [value for value in values if isinstance(value, DissectError)]


def bytes_of(messages: Iterable[SipMessage]) -> list[bytes]:
    return [bytes(message.head) + message.body for message in messages]


@ALGORITHMS
@pytest.mark.parametrize("plain", [0, 3])
@pytest.mark.parametrize("cut", [None, 1, 7, 100, 5000])
def test_all_messages_come_however_the_bytes_are_cut(
    algorithm: str, plain: int, cut: int | None
) -> None:
    sent = told(24, 20, 300, 1200)
    negotiation = Negotiation()
    parts = [NEGOTIATE.to_bytes(), *packets(Sender(algorithm, plain=plain), sent)]
    messages, errors = read(chunks(parts, cut), negotiation)
    assert errors == []
    assert bytes_of(messages) == [NEGOTIATE.to_bytes(), *sent]
    assert (negotiation.offered, negotiation.found) == ("LZ77-8K", algorithm)


HEADERS: dict[str, Header] = {
    "usual": usual_header,
    "big32": lambda flags, size, _: bytes([0, flags]) + size.to_bytes(4, "big"),
    "both sizes": lambda flags, size, data: (
        bytes([flags, 1]) + data.to_bytes(2, "big") + size.to_bytes(2, "big")
    ),
    "both sizes, turned": lambda flags, size, data: (
        bytes([flags, 1]) + size.to_bytes(2, "big") + data.to_bytes(2, "big")
    ),
    "size of the data": lambda flags, _, data: (
        bytes([flags << 4 | 1, 0, 0, 0]) + data.to_bytes(2, "big")
    ),
    "size with header": lambda flags, size, _: (
        (size + 6).to_bytes(2, "little") + bytes([0, 0, 0, flags])
    ),
    "three bytes": lambda flags, size, _: bytes([flags]) + size.to_bytes(2, "big"),
    "four bytes": lambda flags, size, _: size.to_bytes(2, "little") + bytes([0, flags << 4]),
    "eight bytes": lambda flags, _, data: flags.to_bytes(4, "little") + data.to_bytes(4, "little"),
}


@ALGORITHMS
@pytest.mark.parametrize("plain", [0, 2])
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_any_header_is_found_out(header: Header, algorithm: str, plain: int) -> None:
    """Messages of several packets too, whose first packets close nothing."""
    sent = told(12, 15, 9000, 200, 700, 5000)
    messages, errors = read(chunks(packets(Sender(algorithm, header, plain), sent)))
    assert errors == []
    assert bytes_of(messages) == sent


def test_frames_and_times_are_those_of_the_packets() -> None:
    sent = told(6, 9000, 50)
    parts = packets(Sender(), sent)
    messages, _ = read(chunks(parts))
    expected, frame = [], 0
    for data in sent:
        count = -(-len(data) // PIECE)
        expected.append(tuple(range(frame + 1, frame + count + 1)))
        frame += count
    assert [m.frames for m in messages] == expected
    assert [m.time_ns for m in messages] == [10 * frames[-1] for frames in expected]
    assert [m.first_time_ns for m in messages] == [10 * frames[0] - 1 for frames in expected]


def test_several_packets_and_messages_of_one_segment_share_its_frame() -> None:
    sender, sent = Sender(), told(5, 30)
    parts = [
        sender.packet(sent[0]),
        b"".join(packets(sender, sent[1:3])),
        sender.packet(b"".join(sent[3:])),
    ]
    messages, errors = read(chunks(parts))
    assert (errors, [m.frames for m in messages]) == ([], [(1,), (2,), (2,), (3,), (3,)])


def test_the_answer_tells_the_other_direction_what_was_agreed() -> None:
    negotiation = Negotiation()
    answer = response(NEGOTIATE, 200, "OK", "d7", [("Compression", "LZ77-64K")])
    read(chunks([answer.to_bytes()]), negotiation)
    assert negotiation.algorithm == "LZ77-64K"
    refusal = response(NEGOTIATE, 200, "OK", "d7", [("Compression", "None")])
    read(chunks([refusal.to_bytes()]), negotiation)
    assert negotiation.algorithm is None


def test_sip_that_stays_clear_after_an_agreement_is_read() -> None:
    sent = told(5, 100)
    messages, errors = read(chunks(sent, 33), Negotiation(agreed="LZ77-8K"))
    assert (bytes_of(messages), errors) == (sent, [])


def test_clear_sip_behind_packets_is_read() -> None:
    sent = told(9, 100)
    parts = [*packets(Sender(), sent[:6]), *sent[6:]]
    for cut in (None, 1, 50):
        messages, errors = read(chunks(parts, cut))
        assert (bytes_of(messages), errors) == (sent, [])


def test_keepalives_between_packets_are_passed_over() -> None:
    sender, sent = Sender(), told(6, 100)
    parts = [part for data in sent for part in (sender.packet(data), b"\r\n\r\n")]
    messages, errors = read(chunks([b"\r\n", *parts]))
    assert (bytes_of(messages), errors) == (sent, [])


# What cannot be read.


def front(parts: Sequence[bytes], behind: int) -> int:
    return next(i for i, part in enumerate(parts) if i > behind and part[0] & AT_FRONT)


def test_a_capture_that_begins_later_is_read_from_a_new_beginning_on() -> None:
    sent = told(60, 300)
    parts = packets(Sender(), sent)
    begin = front(parts, 3)
    messages, errors = read(chunks(parts[3:]))
    assert bytes_of(messages) == sent[begin:]
    assert f"{sum(map(len, parts[3:begin]))} bytes skipped" in errors[0].summary


def test_after_a_gap_reading_goes_on_at_a_new_beginning() -> None:
    sent = told(60, 300)
    parts = packets(Sender(), sent)
    pushed = chunks(parts)
    lost = pushed.pop(5)
    pushed[5].gap_before, pushed[5].gap_reason = len(lost.data), "lost"
    begin = front(parts, 6)
    messages, errors = read(pushed)
    assert bytes_of(messages) == sent[:5] + sent[begin:]
    told_of = [e for e in errors if "could not be unpacked" in e.summary]
    assert len(told_of) == 1
    assert told_of[0].summary.startswith(f"{sum(map(len, parts[6:begin]))} bytes")
    assert told_of[0].frame_number == 7


def test_a_broken_packet_costs_those_that_refer_to_it() -> None:
    sent = told(60, 300)
    parts = packets(Sender(), sent)
    parts[4] = parts[4][:6] + b"\xff" * (len(parts[4]) - 6)
    begin = front(parts, 4)
    messages, errors = read(chunks(parts))
    assert bytes_of(messages) == sent[:4] + sent[begin:]
    assert len(errors) == 1
    assert "length code that does not exist" in errors[0].summary
    assert errors[0].frame_number == 5


def test_a_packet_that_the_end_cuts_is_told() -> None:
    parts = packets(Sender(), told(3, 300))
    messages, errors = read(chunks([*parts[:2], parts[2][:20]]))
    assert len(messages) == 2
    assert "20 bytes of compressed SIP" in errors[0].summary
    assert "the stream ends" in errors[0].summary


def test_what_was_agreed_on_and_cannot_be_read_is_told_and_clear_sip_is_found() -> None:
    rng, clear = random.Random(3), told(1, 50)
    noise = [rng.randbytes(300) for _ in range(40)]
    messages, errors = read(chunks([*noise, *clear]), Negotiation(agreed="LZ77-8K"))
    assert bytes_of(messages) == clear
    assert len(errors) == 1
    assert errors[0].summary.startswith(
        "12000 bytes of compressed SIP (NEGOTIATE agreed on LZ77-8K)"
    )
    assert noise[0][:16].hex(" ") in errors[0].summary


# What is not compressed costs nothing and changes nothing.


@settings(max_examples=30, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from(
            [
                *told(3, 10, 200, 40),
                ok(message(7, 10)).to_bytes(),
                b"\r\n\r\n",
                b"</tail>",
                b"x\r\n",
                b"\x16\x03\x01\x00\x05hello",
                b"REGISTER sip:a\r\n",
                b"\x02\x00\x00\x00\x00\x05SIP/2.0 200",
            ]
        ),
        max_size=8,
    ),
    cut=st.integers(1, 400),
)
def test_without_packets_all_is_as_the_framer_reads_it(parts: list[bytes], cut: int) -> None:
    framer = SipFramer()
    expected = [value for chunk in chunks(parts, cut) for value in framer.push(chunk)]
    expected += framer.finish()
    messages, errors = read(chunks(parts, cut))
    assert messages == [value for value in expected if not isinstance(value, DissectError)]
    assert sorted(str(error) for error in errors) == sorted(
        str(value) for value in expected if isinstance(value, DissectError)
    )


@settings(max_examples=30, deadline=None)
@given(
    pieces=st.lists(
        st.binary(max_size=60) | st.sampled_from([*packets(Sender(), told(4, 20)), *told(2, 20)]),
        max_size=10,
    ),
    agreed=st.sampled_from([None, "LZ77-8K"]),
    gaps=st.sets(st.integers(0, 9)),
)
def test_any_bytes_give_messages_or_errors(
    pieces: list[bytes], agreed: str | None, gaps: set[int]
) -> None:
    pushed = chunks([piece for piece in pieces if piece])
    for index in gaps & set(range(len(pushed))):
        pushed[index].gap_before, pushed[index].gap_reason = -1, "lost"
    messages, errors = read(pushed, Negotiation(agreed=agreed))
    for value in (*messages, *errors):
        assert value.time_ns is not None


def test_starts_of_messages_without_end_are_given_up() -> None:
    """Neither the search for a layout nor a hostile packet may take more than its share."""
    hostile = b"".join(
        b"\x06\x00\x00\x00\xff\xffOPTIONS sip:" + bytes([index % 256]) * 40 for index in range(4000)
    )
    messages, errors = read(chunks([hostile, *told(1, 10)], 1000))
    assert messages or errors
