"""The grammar's pieces: what they accept, and that nothing hostile makes them slow."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.errors import DissectError
from dissectors.sip import abnf
from dissectors.sip.diagnostics import decode_diagnostics_value
from dissectors.sip.headers import (
    decode_name_addr,
    decode_parameters,
    decode_uri,
    decode_via,
    name_addr_fault,
    split_values,
)

texts_with_quotes = st.text('"\\,;<>=a \t', max_size=40)


@pytest.mark.parametrize(
    ("line", "groups"),
    [
        ("INVITE sip:a@b SIP/2.0", ("INVITE", "sip:a@b", "SIP/2.0")),
        ("RE%47IST%45R sip:a SIP/2.0", ("RE%47IST%45R", "sip:a", "SIP/2.0")),
        ("MESSAGE <sip: a.test> sip/2.0 ", ("MESSAGE", "<sip: a.test>", "sip/2.0")),
        ("A SIP/2.0 SIP/2.0", ("A", "SIP/2.0", "SIP/2.0")),
        ("INVITE  SIP/7.0", ("INVITE", "", "SIP/7.0")),
    ],
)
def test_a_request_line_is_split(line: str, groups: tuple[str, ...]) -> None:
    match = abnf.REQUEST_LINE.match(line)
    assert match
    assert match.groups() == groups


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.1", "NOTIFY * HTTP/1.1", "INVITE sip:a@b", "INVITE", "", "SIP/2.0 200 OK",
        "Via: SIP/2.0/UDP a", "IN VITE sip:a SIP/2.0x", "INVITE sip:a SIP/2.0/UDP",
        "é sip:a SIP/2.0", "INVITE sip:a ſip/2.0",
    ],
)  # fmt: skip
def test_other_lines_are_no_request_line(line: str) -> None:
    assert not abnf.REQUEST_LINE.match(line)
    assert not abnf.START_LINE.match(line.encode() + b"\r\n") or line == "SIP/2.0 200 OK"


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", [""]),
        ("a;b", ["a", "b"]),
        ('a="x;y";b', ['a="x;y"', "b"]),
        (r'a="x\";y";b', [r'a="x\";y"', "b"]),
        ('a="never;closed', ['a="never;closed']),
        ('a="x\\', ['a="x\\']),
        ('"";;""', ['""', "", '""']),
    ],
)
def test_separators_inside_quotes_do_not_split(text: str, items: list[str]) -> None:
    assert abnf.split_outside_quotes(text, ";") == items


@given(texts_with_quotes, st.sampled_from(";,"))
def test_splitting_loses_no_character(text: str, separator: str) -> None:
    assert separator.join(abnf.split_outside_quotes(text, separator)) == text


@given(texts_with_quotes)
def test_splitting_a_list_loses_no_character(text: str) -> None:
    assert ",".join(abnf.split_list(text)) == text


@given(st.text(max_size=30))
def test_what_was_quoted_is_unquoted(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert abnf.unquote(quoted) == text
    assert abnf.split_outside_quotes(f"{quoted};{quoted}", ";") == [quoted, quoted]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [('"a', "a"), ('"a\\"', 'a"'), ('"a\\\\"', "a\\"), ('"a" rest', "a"), ("a", "a"), ('"', "")],
)
def test_a_quote_may_be_missing(text: str, meaning: str) -> None:
    assert abnf.unquote(text) == meaning


MEGABYTE = 1 << 20
HOSTILE = [
    '"\\' * (MEGABYTE // 2),
    '\\"' * (MEGABYTE // 2),
    '"' * MEGABYTE,
    '"' + '\\"' * (MEGABYTE // 2),
    ";" * MEGABYTE + "=",
    "=" * MEGABYTE,
    "<" * MEGABYTE,
    '"<' * (MEGABYTE // 2),
    "," * MEGABYTE,
    " " * MEGABYTE + "x",
    "a" * MEGABYTE,
    "a " * (MEGABYTE // 2),
    "A " + "SIP/2.0 " * (MEGABYTE // 8) + "x",
    "SIP/2.0 " + " " * MEGABYTE,
    "sip:" + "@" * MEGABYTE,
    "sip:a@" + ":" * MEGABYTE,
    "1;" + '"a;reason=' * (MEGABYTE // 10),
    "1" + ",1;reason=" * (MEGABYTE // 10),
]


def _matches_lines(text: str) -> None:
    abnf.REQUEST_LINE.match(text)
    abnf.STATUS_LINE.match(text)
    abnf.START_LINE.match(text.encode())


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:8]))
@pytest.mark.parametrize(
    "decode",
    [
        _matches_lines, abnf.unquote, split_values, decode_parameters, decode_name_addr,
        name_addr_fault, decode_via, decode_uri,
        lambda text: decode_diagnostics_value("ms-diagnostics", text),
    ],
)  # fmt: skip
def test_a_hostile_megabyte_takes_linear_time(text: str, decode: Callable[[str], object]) -> None:
    start = time.process_time()
    with contextlib.suppress(DissectError):
        decode(text)
    assert time.process_time() - start < 5  # quadratic time would be hours
