"""SIP in exported PDUs: each message once, however often it was exported."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError
from dissectors.sip.exported import REMEMBERED, PduReader
from dissectors.sip.message import SipMessage


def message(number: int, body: bytes = b"", body_length: int | None = None) -> bytes:
    length = len(body) if body_length is None else body_length
    head = (
        f"MESSAGE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n"
        f"Call-ID: {number}\r\nCSeq: {number} MESSAGE\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + body


def read(*pdus: tuple[bytes, int, bool], is_tcp: bool = True) -> list[tuple[str, int]]:
    """Return Call-ID and frame of each message; PDUs are (bytes, time, whole)."""
    reader, found = PduReader(is_tcp), []
    for frame, (payload, time_ns, whole) in enumerate(pdus, 1):
        found += list(reader.push(payload, frame, time_ns, 0, whole))
    found += list(reader.finish())
    return [(one.get("call-id") or "", one.frames[-1]) for one in found if _is_message(one)]


def _is_message(value: SipMessage | DissectError) -> bool:
    return isinstance(value, SipMessage)


def test_each_pdu_is_a_message() -> None:
    for is_tcp in (True, False):
        pdus = [(message(n, b"hello"), n, True) for n in (1, 2, 3)]
        assert read(*pdus, is_tcp=is_tcp) == [("1", 1), ("2", 2), ("3", 3)]


def test_tls_exports_the_stream_and_sip_the_messages() -> None:
    one, two = message(1, b"x" * 50), message(2)
    half = len(one) // 2
    assert read(
        (one[:half], 1, False), (one[half:], 2, False), (one, 2, True),
        (two, 3, False), (two, 3, True),
    ) == [("1", 2), ("2", 4)]  # fmt: skip


def test_a_segment_with_two_messages_is_exported_twice() -> None:
    both = message(1) + message(2)
    assert read((both, 1, True), (both, 1, True)) == [("1", 1), ("2", 1)]
    assert read((both, 1, False), (both, 1, True), (both, 1, True)) == [("1", 1), ("2", 1)]


def test_a_message_that_was_sent_again_counts_again() -> None:
    one = message(1)
    assert read((one, 1, True), (one, 2, True)) == [("1", 1), ("1", 2)]
    assert read((one, 1, False), (one, 1, True), (one, 2, False), (one, 2, True)) == [
        ("1", 1), ("1", 3),
    ]  # fmt: skip
    assert read((one, 1, True), (one, 1, True), is_tcp=False) == [("1", 1), ("1", 2)]


def test_a_stream_goes_on_behind_a_hole() -> None:
    cut = message(1, b"x" * 50)[:-20]
    assert read((cut, 1, False), (message(2), 2, False)) == [("1", 1), ("2", 2)]


def test_a_piece_that_comes_again_with_its_rest() -> None:
    """As Wireshark exports a message that two TLS records hold."""
    one = message(1, b"x" * 50)
    for cut in range(40, len(one)):
        assert read((one[:cut], 1, False), (one, 2, False), (one, 2, True)) == [("1", 2)]


def test_what_is_remembered_is_bounded() -> None:
    reader = PduReader(True)
    for number in range(3 * REMEMBERED):
        list(reader.push(message(number), number + 1, number, 0, False))
    assert len(reader._seen[0]) == REMEMBERED


def test_faults_of_a_repeated_message_are_told_once() -> None:
    odd = message(1).replace(b"Max-Forwards: 70\r\n", b"Max-Forwards 70\r\n")
    reader = PduReader(True)
    first = list(reader.push(odd, 1, 1, 0, False))
    assert sum(not _is_message(value) for value in first) >= 1
    assert list(reader.push(odd, 2, 1, 0, True)) == []


@pytest.mark.parametrize("whole", [True, False])
@settings(max_examples=100)
@given(st.lists(st.one_of(st.binary(max_size=80), st.just(message(1)))), st.booleans())
def test_any_bytes(whole: bool, pdus: list[bytes], is_tcp: bool) -> None:
    reader = PduReader(is_tcp)
    found = [
        value
        for frame, payload in enumerate(pdus, 1)
        for value in reader.push(payload, frame, frame, 0, whole)
    ]
    found += list(reader.finish())
    assert all(isinstance(value, (SipMessage, DissectError)) for value in found)
