"""Chunks of a text file → the same text in UTF-8.

Microsoft's tools write UTF-8 and UTF-16, with and without a byte-order mark, and older ones the
machine's code page. UTF-16 shows itself by its NULs; between UTF-8 and a code page each record
decides alone (:func:`to_utf8`), since a merged log can hold both.
"""

from __future__ import annotations

import codecs
from typing import Literal

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be"]

_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_LOOKED_AT = 4096
"""Bytes that tell the encoding."""

_CONTROL = bytes(byte for byte in range(32) if byte not in b"\t\n\r\x0c\x1b") + b"\x7f"


def detect_encoding(head: bytes) -> Encoding:
    """Tell the encoding of text by its first bytes.

    A file that was cut at an odd byte has lost its mark, and its UTF-16 reads in the other byte
    order, which the position of the NULs tells as well.

    Examples
    --------
    >>> detect_encoding("TL_INFO".encode("utf-16-le"))
    'utf-16-le'
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    head = head[:_LOOKED_AT]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if 3 * max(even, odd) < len(head) // 2 or len(head) < 4:
        return "utf-8"
    return "utf-16-le" if odd >= even else "utf-16-be"


def looks_like_text(head: bytes) -> bool:
    r"""Tell whether a file that begins with `head` may be text, in whatever encoding.

    Examples
    --------
    >>> looks_like_text(b"Hallo, Gr\xfc\xdfe"), looks_like_text(bytes(range(64)))
    (True, False)
    """
    if not head:
        return False
    encoding = detect_encoding(head)
    if encoding != "utf-8":
        head = head[: len(head) & ~1].decode(encoding, "replace").encode("utf-8")
    return not any(byte in head for byte in _CONTROL)


class TextDecoder:
    """Stream decoder: bytes of a text file → UTF-8, without a byte-order mark.

    What is neither UTF-16 nor marked passes as it is; see :func:`to_utf8`.
    """

    def __init__(self) -> None:
        self.encoding: Encoding | None = None
        """Encoding, once the first bytes have told it."""
        self._first = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def push(self, chunk: bytes, *, final: bool = False) -> bytes:
        """Return the text that `chunk` completes."""
        if self.encoding is None:
            self._first += chunk
            if len(self._first) < _LOOKED_AT and not final:
                return b""
            chunk, self._first = self._begin(self._first), b""
        if self._decoder is None:
            return chunk
        return self._decoder.decode(chunk, final).encode("utf-8", "replace")

    def _begin(self, first: bytes) -> bytes:
        self.encoding = detect_encoding(first)
        if self.encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        mark = next((mark for mark, _ in _MARKS if first.startswith(mark)), b"")
        return first[len(mark) :]


def to_utf8(record: bytes) -> bytes:
    r"""Return a record in UTF-8; one that is not is taken for the code page 1252.

    The five bytes that this code page leaves open stand as U+FFFD.

    Examples
    --------
    >>> to_utf8(b"M\xfcller").decode()
    'Müller'
    """
    if record.isascii():
        return record
    try:
        record.decode("utf-8")
    except UnicodeDecodeError:
        return record.decode("cp1252", "replace").encode("utf-8")
    return record
