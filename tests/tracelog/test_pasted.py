"""What web pages do to a record is undone, and nothing else."""

from __future__ import annotations

import doctest

import pytest

from dissectors.errors import DissectError
from dissectors.tracelog import encoding, pasted, record
from dissectors.tracelog.pasted import (
    is_doubled,
    is_typographic,
    is_typographic_body,
    straighten,
    without_blank_lines,
    without_markup,
    without_prefix,
)


@pytest.mark.parametrize("module", [encoding, pasted, record])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "doubled"),
    [
        (b"a\n\nb\n\nc\n\n", True),
        (b"a\r\n\r\nb\r\n\r\nc\r\n\r\n", True),
        (b"a\n  \nb\n\t\nc\n\n", True),
        (b"a\nb\n\nc\n", False),
        (b"a\n\nb\nc\n", False),
        (b"a\n\n", False),
        (b"", False),
    ],
)
def test_doubled_lines_are_told(text: bytes, doubled: bool) -> None:
    assert is_doubled(text) == doubled


def test_an_xml_body_is_no_markup() -> None:
    faults: list[DissectError] = []
    body = b'<list uri="sip:a@a.test"><p>x</p></list>\r\nVia: a'
    assert without_markup(b"To: <sip:a@a.test>\r\n" + body[:30], faults).endswith(body[:30])
    assert faults == []


def test_markup_goes_and_entities_are_read() -> None:
    faults: list[DissectError] = []
    page = b'<span class="x">To</span>: &lt;sip:a@a.test&gt;<br/>From: &#8220;A&#8221;</p>'
    assert without_markup(page, faults).decode() == "To: <sip:a@a.test>\nFrom: \u201cA\u201d\n"
    assert len(faults) == 1


def test_quotes_that_delimit_are_told_from_those_in_a_text() -> None:
    assert is_typographic("From: “A”<sip:a@a.test>".encode())
    assert not is_typographic('From: "“A” B"<sip:a@a.test>'.encode())
    assert not is_typographic(b"From: A")
    assert is_typographic_body("<a b=“c”/>".encode())
    assert not is_typographic_body('<a b="c">“x”</a>'.encode())
    assert not is_typographic_body("he said “x”".encode())


def test_straight_is_straight() -> None:
    assert straighten("“a” ‘b’ c–d e—f".encode()) == b"\"a\" 'b' c-d e--f"
    assert straighten("Müller\u00a0x".encode()).decode() == "Müller\u00a0x"


def test_lines_lose_their_prefix_and_blank_ones_go() -> None:
    assert without_prefix(b"> a\n> b\nc\n", b"> ") == b"a\nb\nc\n"
    assert without_blank_lines(b"a\r\n\r\n \r\nb\r\n") == b"a\r\nb\r\n"
