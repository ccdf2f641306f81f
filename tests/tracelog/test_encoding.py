"""Text in whatever encoding becomes the same text."""

from __future__ import annotations

import pytest

from dissectors.tracelog.encoding import TextDecoder, detect_encoding, looks_like_text, to_utf8

TEXT = "TL_INFO(TF_PROTOCOL) [0] Müller “quoted” 日本 \U0001f642\r\n" * 120
MARKED = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}


def decoded(data: bytes, step: int) -> str:
    decoder = TextDecoder()
    parts = [decoder.push(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*parts, decoder.push(b"", final=True)]).decode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("step", [1, 3, 4096, 1 << 20])
def test_any_encoding_in_any_pieces(encoding: str, step: int) -> None:
    data = TEXT.encode(encoding)
    assert decoded(data, step) == TEXT
    assert detect_encoding(data) == MARKED.get(encoding, encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_file_cut_at_an_odd_byte_reads_on(encoding: str) -> None:
    plain = "TL_INFO(TF_PROTOCOL) " * 50
    assert decoded(plain.encode(encoding)[1:], 64).count("TF_PROTOCOL") == 50


def test_a_file_that_ends_in_half_a_character_loses_only_that() -> None:
    assert decoded("abc".encode("utf-16")[:-1], 8) == "ab\ufffd"


def test_what_is_no_utf8_is_a_code_page() -> None:
    assert to_utf8("Müller – “so”".encode("cp1252")).decode() == "Müller – “so”"
    assert to_utf8("Müller".encode()).decode() == "Müller"
    assert to_utf8(b"\x81") == "\ufffd".encode()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", False),
        (b"Dear Sir,\r\n", True),
        ("Grüße".encode("cp1252"), True),
        ("Grüße".encode("utf-16"), True),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(40), False),
        (b"\x1f\x8b\x08\x00" + bytes(60), False),
        (bytes(64), False),
    ],
)
def test_text_is_told_from_bytes(data: bytes, text: bool) -> None:
    assert looks_like_text(data) == text
