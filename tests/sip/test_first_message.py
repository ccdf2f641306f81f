from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.errors import DissectError, Malformed
from dissectors.sip.first_message import MAX_SIZE, decode_first_message, first_messages_of
from dissectors.sip.message import decode_head

FONT = "X-MMS-IM-Format: FN=Segoe%20UI; EF=; CO=0; CS=0; PF=0\r\n"


def encoded(text: str, codec: str = "utf-8") -> str:
    return base64.b64encode(text.encode(codec)).decode()


def test_a_plain_text_with_its_font() -> None:
    msgr, body = encoded(FONT, "utf-16-le"), encoded("Grüße, got a minute?")
    value = f"text/plain; charset=UTF-8;msgr={msgr};ms-body={body}"
    found = decode_first_message("ms-text-format", value)
    assert (found.media_type, found.text, found.font) == (
        "text/plain",
        "Grüße, got a minute?",
        FONT,
    )
    assert found.problems == ()


def test_both_headers_of_an_invite_plain_text_first() -> None:
    head = (
        "INVITE sip:b@contoso.com SIP/2.0\r\n"
        f"ms-im-format: text/rtf; charset=UTF-8; ms-body={encoded('{rtf1 hi}')}\r\n"
        f"Ms-Text-Format: text/plain; charset=UTF-8;ms-body={encoded('hi')}\r\n\r\n"
    )
    found = first_messages_of(decode_head(head.encode()))
    assert [(one.header, one.text) for one in found] == [
        ("ms-text-format", "hi"),
        ("ms-im-format", "{rtf1 hi}"),
    ]
    assert first_messages_of(decode_head(b"BYE sip:b@contoso.com SIP/2.0\r\n\r\n")) == ()


def test_a_format_without_a_message() -> None:
    found = decode_first_message("ms-text-format", "text/plain; charset=UTF-8")
    assert (found.text, found.font, found.problems) == (None, None, ())


@pytest.mark.parametrize(
    ("body", "text", "problems"),
    [("SGk", "Hi", 0), ("SGk=", "Hi", 0), ("A", None, 1), ("/w==", "\ufffd", 1)],
)
def test_base64_that_is_cut(body: str, text: str | None, problems: int) -> None:
    found = decode_first_message("ms-text-format", f"text/plain;ms-body={body}")
    assert (found.text, len(found.problems)) == (text, problems)


def test_a_long_message_is_not_decoded() -> None:
    value = "text/plain;ms-body=" + "A" * (MAX_SIZE + 4)
    assert len(decode_first_message("ms-text-format", value).problems) == 1


def test_a_header_that_names_no_type() -> None:
    with pytest.raises(Malformed):
        decode_first_message("ms-text-format", "text")
    head = decode_head(b"INVITE sip:b@contoso.com SIP/2.0\r\nms-text-format: text\r\n\r\n")
    assert first_messages_of(head) == ()


@given(st.text(max_size=80))
def test_any_value_is_read_or_refused(value: str) -> None:
    for one in (value, f"text/plain;ms-body={value};msgr={value}"):
        try:
            decode_first_message("ms-text-format", one)
        except DissectError:
            continue
