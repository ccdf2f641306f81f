"""What web pages do to a record, undone.

A record that is copied into a page, and from there into a file, may come back quoted or indented,
with every line end doubled, as HTML, and with typographic quotes and dashes. Each of these is
looked for and told; a record as its logger wrote it costs a few searches.
"""

from __future__ import annotations

import html
import re

from dissectors.errors import DissectError, Malformed

_TAG = re.compile(
    r"</?(?:a|b|br|code|div|em|font|i|li|ol|p|pre|s|span|strong|table|tbody|td|tr|u|ul)\b[^<>]*>",
    re.IGNORECASE,
)
_LINE_TAG = re.compile(r"<br\b[^<>]*>|</(?:p|div|li|tr)[ \t]*>", re.IGNORECASE)
_HTML_SIGN = re.compile(rb"&lt;(?:sip|tel)|&quot;|&#8220;|<br[ /]*>|</p>|</div>|</span>", re.I)

_DOUBLE_QUOTES = ("\u201c", "\u201d", "\u201e", "\u201f", "\u2033")
_STRAIGHT = str.maketrans(
    {
        **dict.fromkeys(_DOUBLE_QUOTES, '"'),
        "\u2018": "'",
        "\u2019": "'",
        "\u2013": "-",
        "\u2014": "--",
        "\u200b": "",
    }
)
_TYPOGRAPHIC = re.compile("[" + "".join(_DOUBLE_QUOTES) + "]")
_TYPOGRAPHIC_VALUE = re.compile("=[ \t]*[" + "".join(_DOUBLE_QUOTES) + "]")

_LINES_LOOKED_AT = 16
_BLANK_LINES = re.compile(rb"(?:\r?\n[ \t]*)+(?=\r?\n)")


def without_prefix(data: bytes, prefix: bytes) -> bytes:
    """Return a record without what stands before each of its lines, as in a quotation."""
    if not prefix:
        return data
    return re.sub(rb"(?m)^" + re.escape(prefix), b"", data)


def without_markup(data: bytes, faults: list[DissectError]) -> bytes:
    """Return a record of an HTML page as text; one that is none as it is.

    Only the tags that formatting uses are taken out, so an XML body stays.
    """
    if not _HTML_SIGN.search(data):
        return data
    _tell("HTML was taken out of a record", faults)
    text = _TAG.sub("", _LINE_TAG.sub("\n", data.decode("utf-8", "replace")))
    return html.unescape(text).encode("utf-8", "replace")


def is_doubled(data: bytes) -> bool:
    r"""Tell whether every line end of a record was doubled.

    Examples
    --------
    >>> is_doubled(b"To: a\n\nFrom: b\n\nVia: c\n\n"), is_doubled(b"To: a\n\nfoo\nbar\n")
    (True, False)
    """
    first = data.find(b"\n") + 1
    second = data.find(b"\n", first)
    if not first or second < 0 or data[first:second].strip():
        return False
    lines = data.split(b"\n", 2 * _LINES_LOOKED_AT)[: 2 * _LINES_LOOKED_AT]
    shown, between = lines[0:-1:2], lines[1::2]
    return len(shown) > 1 and all(map(bytes.strip, shown)) and not any(map(bytes.strip, between))


def without_blank_lines(data: bytes) -> bytes:
    """Return text without blank lines."""
    if b"\n\n" not in data and b"\n\r\n" not in data and b"\n " not in data:
        return data
    return _BLANK_LINES.sub(b"", data)


def is_typographic(head: bytes) -> bool:
    """Tell whether a head's quotes were made typographic: it has such, and no straight one.

    A display name may hold typographic quotes of its own, but only inside straight ones.
    """
    return b"\xe2\x80" in head and b'"' not in head and _TYPOGRAPHIC.search(_text(head)) is not None


def is_typographic_body(body: bytes) -> bool:
    """Tell whether the quotes around a body's attribute values were made typographic."""
    return (
        b"\xe2\x80" in body and b'="' not in body and bool(_TYPOGRAPHIC_VALUE.search(_text(body)))
    )


def straighten(data: bytes) -> bytes:
    """Return text with straight quotes and dashes in place of typographic ones.

    Examples
    --------
    >>> straighten('a=\u201cb\u201d'.encode())
    b'a="b"'
    """
    return _text(data).translate(_STRAIGHT).encode("utf-8")


def tell_straightened(faults: list[DissectError]) -> None:
    """Add to `faults` that quotes and dashes were straightened."""
    _tell("typographic quotes and dashes were straightened", faults)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _tell(summary: str, faults: list[DissectError]) -> None:
    faults.append(Malformed(summary, layer="log", severity="note"))
