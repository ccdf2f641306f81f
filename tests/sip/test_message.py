"""Start lines and headers: as sent, in order, nothing lost in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.errors import DissectError, Malformed
from dissectors.sip.abnf import TOKEN
from dissectors.sip.message import (
    COMPACT_NAMES,
    SipRequest,
    SipResponse,
    content_length,
    decode_head,
    full_name,
)
from tests.sip.samples import LYNC_HEADERS, lync_request


def _decode(*lines: str, end: str = "\r\n") -> tuple[SipRequest | SipResponse, str]:
    faults: list[DissectError] = []
    message = decode_head(end.join([*lines, "", ""]).encode(), faults)
    return message, "\n".join(fault.summary for fault in faults)


def test_a_lync_message_keeps_its_headers_as_sent_and_in_order() -> None:
    faults: list[DissectError] = []
    message = decode_head(lync_request(), faults)
    assert isinstance(message, SipRequest)
    assert (message.method, message.request_uri) == ("INVITE", "sip:bob@contoso.test")
    assert [name for name, _ in message.headers] == [name for name, _ in LYNC_HEADERS]
    assert len(message.get_all("via")) == 2
    assert message.get("via") == message.get_all("via")[0]
    assert message.get_all("supported")[1] == "timer"
    assert message.get("call-id") == "55e99a32b7"
    assert message.get("nothing") is None
    assert message.get_all("nothing") == []
    assert faults == []


def test_a_response_is_decoded() -> None:
    message, faults = _decode("SIP/2.0 480 Temporarily Unavailable", "l: 0")
    assert isinstance(message, SipResponse)
    assert (message.status_code, message.reason_phrase) == (480, "Temporarily Unavailable")
    assert not faults


def test_compact_names_are_found_by_their_full_ones() -> None:
    message, _ = _decode("BYE sip:a SIP/2.0", *(f"{name}: {name}" for name in COMPACT_NAMES))
    for name, full in COMPACT_NAMES.items():
        assert message.get(full) == name
    assert [name for name, _ in message.headers] == list(COMPACT_NAMES)
    assert full_name("V") == "via"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("Subject:x", "Subject", "x"),
        ("Subject : x ", "Subject", "x"),
        ("Subject\t:\tx\t", "Subject", "x"),
        ("Subject:", "Subject", ""),
        ("Subject: a: b", "Subject", "a: b"),
        ("SuBjEcT: \u00a0", "SuBjEcT", "\u00a0"),
        ("Subject: \x0ca\x0c", "Subject", "\x0ca\x0c"),
        ("X\u2028Y: a\x0bb\x85c", "X\u2028Y", "a\x0bb\x85c"),
    ],
)
def test_white_space_around_name_and_value_goes(line: str, name: str, value: str) -> None:
    message, faults = _decode("BYE sip:a SIP/2.0", line, "To: b")
    assert message.headers == [(name, value), ("To", "b")]
    assert message.get(name.lower()) == value
    assert not faults


def test_other_line_breaks_of_unicode_are_text() -> None:
    for end in ("", "\r\n", "\r\n\r\n"):
        message = decode_head(f"BYE sip:a SIP/2.0\r\nA: \x0c\r\nB: \x0c{end}".encode())
        assert message.headers == [("A", "\x0c"), ("B", "\x0c")]


def test_folded_lines_are_joined_by_one_space() -> None:
    message, faults = _decode("BYE sip:a SIP/2.0", "Subject: a", "  b", "\tc: d  ", "To: x", " y")
    assert message.headers == [("Subject", "a b c: d"), ("To", "x y")]
    assert not faults


def test_a_fold_onto_the_start_line_is_no_header_lost() -> None:
    message, _ = _decode("BYE sip:a SIP/2.0", " To: b", " c")
    assert message.headers == [("To", "b c")]


def test_bare_line_feeds_are_put_up_with() -> None:
    message, faults = _decode("BYE sip:a SIP/2.0", "Subject: a", " b", "To: c", end="\n")
    assert message.headers == [("Subject", "a b"), ("To", "c")]
    assert "bare LF" in faults


def test_a_bare_carriage_return_stays_and_is_told() -> None:
    message, faults = _decode("BYE sip:a SIP/2.0", "Subject: a\rTo: b")
    assert message.headers == [("Subject", "a\rTo: b")]
    assert "bare CR" in faults


def test_lines_without_a_name_or_colon_are_told() -> None:
    message, faults = _decode("BYE sip:a SIP/2.0", "Subject: a", "no colon", ": no name", "To: b")
    assert message.headers == [("Subject", "a"), ("To", "b")]
    assert "2 header line(s)" in faults
    assert "no colon" in faults


def test_bytes_that_are_no_utf8_become_the_replacement_character() -> None:
    faults: list[DissectError] = []
    message = decode_head(b"BYE sip:a SIP/2.0\r\nSubject: \xff\xfe caf\xc3\xa9\r\n", faults)
    assert message.get("subject") == "\ufffd\ufffd café"
    assert [fault.severity for fault in faults] == ["note"]


@pytest.mark.parametrize(
    ("line", "method", "uri"),
    [
        ("INVITE  sip:a  SIP/2.0", "INVITE", "sip:a"),
        ("INVITE sip:a SIP/2.0  ", "INVITE", "sip:a"),
        ("INVITE <sip: a> SIP/2.0", "INVITE", "<sip: a>"),
        ("INVITE sip:a; b SIP/2.0", "INVITE", "sip:a; b"),
        ("INVITE sip:a SIP/7.0", "INVITE", "sip:a"),
        ("INVITE sip:a sip/2.0", "INVITE", "sip:a"),
    ],
)
def test_an_odd_request_line_is_read_and_told(line: str, method: str, uri: str) -> None:
    message, faults = _decode(line, "To: a")
    assert isinstance(message, SipRequest)
    assert (message.method, message.request_uri) == (method, uri)
    assert faults


@pytest.mark.parametrize(
    "line",
    ["SIP/2.0 4294967301 x", "SIP/2.0 20 x", "SIP/2.0", "INVITE sip:a", "GET / HTTP/1.1", ""],
)
def test_what_is_no_start_line_is_refused(line: str) -> None:
    with pytest.raises(Malformed):
        _decode(line, "To: a")


def test_a_status_line_may_lack_its_last_space() -> None:
    message, faults = _decode("SIP/2.0 100", "To: a")
    assert isinstance(message, SipResponse)
    assert (message.status_code, message.reason_phrase) == (100, "")
    assert "without a space" in faults


@pytest.mark.parametrize(
    ("values", "length", "fault"),
    [
        ([], None, ""),
        (["0"], 0, ""),
        (["007"], 7, ""),
        (["-999"], None, "-999"),
        (["+5"], None, "+5"),
        (["1e3"], None, "1e3"),
        (["٣"], None, "٣"),
        ([""], None, "''"),
        (["9" * 30], None, "999"),
        (["5", "5"], 5, "with one value"),
        (["5", "6"], 5, "different values: 5, 6"),
    ],
)
def test_content_length(values: list[str], length: int | None, fault: str) -> None:
    faults: list[DissectError] = []
    lines = [
        "BYE sip:a SIP/2.0",
        "To: a",
        *(f"Content-Length : {value}" for value in values),
        "l2: x",
    ]
    message = decode_head("\r\n".join(lines).encode(), faults)
    assert content_length(message, faults) == length
    assert len(faults) == bool(fault)
    assert fault in "".join(fault.summary for fault in faults)


def test_a_header_that_must_be_single_is_told_when_repeated() -> None:
    message, faults = _decode("BYE sip:a SIP/2.0", "To: a", "t: b", "From: c", "From: c")
    assert message.get("to") == "a"
    assert "header to is given with different values: a, b" in faults
    assert "header from is given more than once" in faults


names = st.from_regex(TOKEN, fullmatch=True).filter(lambda name: len(name) < 40)
values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40)


@given(st.lists(st.tuples(names, values.map(lambda value: value.strip(" \t"))), max_size=12))
def test_any_headers_come_back(headers: list[tuple[str, str]]) -> None:
    message, _ = _decode("INVITE sip:a SIP/2.0", *(f"{name}: {value}" for name, value in headers))
    assert message.headers == headers
    for name, _ in headers:
        full = full_name(name)
        same = [value for other, value in headers if full_name(other) == full]
        assert message.get_all(full) == same
        assert message.get(full) == same[0]


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_or_an_error(data: bytes) -> None:
    for head in (data, b"INVITE sip:a SIP/2.0\r\n" + data, b"SIP/2.0 200 OK\n" + data):
        try:
            message = decode_head(head)
        except DissectError:
            continue
        assert isinstance(message.first_values, dict)
