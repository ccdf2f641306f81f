"""Packets in clients' logs: the messages in them are what was on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.sip.message import SipRequest
from dissectors.tracelog.record import LoggedMessage
from tests.tracelog.texts import SIP_HEADERS, call_ids, only_message, read

STAMP = "01/15/2012|11:30:10.163 1B4C:1B50 INFO  :: "
OTHER = "01/15/2012|11:30:10.170 1B4C:0A20 INFO  :: CTimer::Fire\n"


def sip(call_id: str = "c1", body: str = "") -> str:
    """Return a message with the line ends of the wire."""
    headers = SIP_HEADERS.format(cseq=1, method="MESSAGE", call_id=call_id)
    text = f"MESSAGE sip:bob@fabrikam.com SIP/2.0\n{headers}Content-Length: {len(body)}\n\n"
    return text.replace("\n", "\r\n") + body


def packet(
    content: str, *, line_end: str = "\n", received: bool = True, stamped: str = "first"
) -> str:
    """Return a packet as a client logs it; `stamped`: its first line, each line, or none."""
    what, side = ("Data Received", "To") if received else ("Sending Packet", "From")
    place = f"{what} - 10.0.0.1:5061 ({side} Local Address: 10.0.0.2:50123) {len(content)} bytes"
    lines = content.split("\r\n")
    marks = {"first": [STAMP], "none": [""], "each": [STAMP] * len(lines)}[stamped]
    marks += [""] * (len(lines) - len(marks))
    shown = [mark + line for mark, line in zip(marks, lines, strict=True)]
    return line_end.join([f"{STAMP}{place}:", *shown, f"{STAMP}End of {place}", ""])


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("stamped", ["first", "none", "each"])
@pytest.mark.parametrize("body", ["", "hello", "two\r\nlines\r\n", "\r\n\r\n"])
def test_a_message_is_what_was_on_the_wire(line_end: str, stamped: str, body: str) -> None:
    found = only_message(OTHER + packet(sip("c1", body), line_end=line_end, stamped=stamped))
    assert isinstance(found.message, SipRequest)
    assert found.message.body.decode() == body
    assert found.body_state == ("whole" if body else "absent")
    assert found.faults == []


def test_what_the_head_says() -> None:
    for received, direction in ((True, "incoming"), (False, "outgoing")):
        context = only_message(OTHER + packet(sip(), received=received)).context
        assert context.direction == direction
        assert (context.peer, context.local) == ("10.0.0.1:5061", "10.0.0.2:50123")
        assert (context.process, context.thread, context.level) == ("1B4C", "1B50", "INFO")
        assert context.local_time_ns == 1_326_627_010_163_000_000
        assert context.line_number == 2


def test_several_messages_share_a_packet() -> None:
    reader = read(packet(sip("a", "x") + sip("b") + "\r\n\r\n" + sip("c")))
    assert call_ids(reader.logged) == ["a", "b", "c"]
    assert reader.format == "uccapilog"
    assert reader.records == 1


def test_a_keep_alive_is_no_message() -> None:
    reader = read(packet("\r\n\r\n") + packet(sip()))
    assert call_ids(reader.logged) == ["c1"]
    assert reader.problems == []


def test_lines_of_other_threads_are_left_out() -> None:
    text = packet(sip(body="hello"), stamped="each").replace("\nTo:", f"\n{OTHER}To:")
    assert only_message(text.replace(f"{STAMP}To:", f"{OTHER}{STAMP}To:")).message.body == b"hello"


def test_a_packet_without_its_end_ends_at_the_next() -> None:
    first = packet(sip("a")).rpartition(STAMP)[0]
    reader = read(first + packet(sip("b")))
    assert call_ids(reader.logged) == ["a", "b"]
    assert [problem.severity for problem in reader.problems] == ["warning"]


def test_a_cut_body_is_told() -> None:
    text = packet(sip("a", "x" * 50))
    found = only_message(text.replace("x" * 50, "x" * 20))
    assert found.body_state == "truncated"
    assert any("20 of 50" in fault.summary or "of 50" in fault.summary for fault in found.faults)


def test_phones_write_it_a_little_differently() -> None:
    content = sip()
    text = f"Sending Packet :to dest=10.0.0.1:5061 {len(content)} bytes\n{content}\n"
    found = only_message(text + "End of Sending Packet\n")
    assert (found.context.direction, found.context.peer) == ("outgoing", "10.0.0.1:5061")


def test_an_ipv6_peer() -> None:
    text = packet(sip()).replace("10.0.0.1:5061", "[2001:db8::1]:5061")
    assert only_message(text).context.peer == "[2001:db8::1]:5061"


LOG = (OTHER + packet(sip("a", "one")) + OTHER + packet(sip("b"), received=False)).encode()


def test_cut_off_anywhere_every_whole_packet_comes_once() -> None:
    ends = [LOG.index(b"End of Data"), LOG.index(b"End of Sending")]
    for cut in range(len(LOG)):
        found = call_ids(read(LOG[:cut]).logged)
        assert (
            found[: sum(cut > end + 18 for end in ends)]
            == ["a", "b"][: sum(cut > end + 18 for end in ends)]
        )
        assert len(found) <= 2


@settings(max_examples=100)
@given(st.data())
def test_damage_does_not_crash(data: st.DataObject) -> None:
    text = bytearray(LOG)
    for _ in range(data.draw(st.integers(1, 8))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    assert all(isinstance(one, LoggedMessage) for one in read(bytes(text)).logged)
