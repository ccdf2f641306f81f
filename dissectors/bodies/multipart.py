r"""``multipart/*``: several bodies in one.

What is tolerated, and why:

- LF line ends, in trace logs and after web pages;
- a missing closing delimiter: the last part then reaches to the end, and that is told, since the
  body may be cut;
- a missing ``boundary`` parameter: the first line that begins with ``--`` gives it, and that is
  told;
- Content-ID and ``start`` without angle brackets, as Lync sends them (``start=resourceList``).

A boundary may itself begin with dashes: ``----=_NextPart_…`` gives ``------=_NextPart_…``. A line
that only begins like a delimiter belongs to the part: an inner boundary may continue the outer one.

References
----------
RFC 2046 §5.1 (multipart), RFC 2045 §6 (transfer encodings), RFC 2387 (multipart/related).
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from dissectors.body import MAX_PARTS, Container, MediaPart, bare_id, bodies, part_of
from dissectors.errors import Malformed

_LAYER = "mime_multipart"
_SPEC = "RFC 2046 §5.1.1"
_MAX_HEADER = 16 << 10
"""Bytes in which the header of a part must end."""


@dataclass(frozen=True, slots=True)
class Multipart(Container):
    """A body of several parts."""

    start: str | None
    """Content-ID of the root part, without angle brackets (``start``, RFC 2387 §3.2), or None."""
    root_type: str | None
    """Media type of the root part (``type``, RFC 2387 §3.1), or None."""
    preamble_length: int
    """Bytes before the first delimiter, which belong to no part."""
    epilogue_length: int
    """Bytes after the closing delimiter, its line end included."""
    problems: tuple[str, ...]
    """What was wrong although the parts could be told apart; empty as a rule."""


@bodies.register("multipart/*")
def decode_multipart(part: MediaPart) -> Multipart:
    """Return the parts of a multipart body.

    Raises
    ------
    Malformed
        When no delimiter is found.
    """
    problems: list[str] = []
    boundary = _boundary(part, problems)
    spans, preamble, epilogue = _split(part.data, boundary, problems)
    default = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
    parts = tuple(
        _decode_body_part(part.data[start:end], f"{part.path}.{number}", default, problems)
        for number, (start, end) in enumerate(spans, 1)
    )
    return Multipart(
        parts,
        bare_id(part.parameters.get("start")),
        part.parameters.get("type"),
        preamble,
        epilogue,
        tuple(problems),
    )


def _boundary(part: MediaPart, problems: list[str]) -> bytes:
    named = part.parameters.get("boundary", "").rstrip()
    if named:
        return named.encode("utf-8", "replace")
    guess = re.search(rb"^--([^\r\n]{1,200}?)[ \t]*\r?$", part.data, re.MULTILINE)
    if guess is None:
        raise Malformed("multipart without boundary", layer=_LAYER, spec=_SPEC)
    problems.append("Content-Type names no boundary; the first line with -- was taken")
    return guess[1]


def _split(
    data: bytes, boundary: bytes, problems: list[str]
) -> tuple[list[tuple[int, int]], int, int]:
    """Return where the parts begin and end, and the lengths of preamble and epilogue."""
    spans: list[tuple[int, int]] = []
    first = last = None
    for begin, end, closes in islice(_delimiters(data, b"--" + boundary), MAX_PARTS + 2):
        if last is None:
            first = begin
        else:
            spans.append((last, max(last, begin)))
        last = end
        if closes:
            return spans, first or 0, len(data) - end
    if last is None or first is None:
        raise Malformed("multipart without its boundary", layer=_LAYER, spec=_SPEC)
    if len(spans) > MAX_PARTS:
        problems.append(f"parts after the {len(spans)}th were left out")
    else:
        problems.append("no closing delimiter: the last part may be cut")
        spans.append((last, len(data)))
    return spans, first, 0


_AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*(?=\r?\n|\Z)")


def _delimiters(data: bytes, dashed: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield where each delimiter begins and ends, and whether it closes the body.

    delimiter := CRLF "--" boundary, then padding (RFC 2046 §5.1.1); the CRLF belongs to it.
    """
    at = data.find(dashed)
    while at >= 0:
        after = _AFTER_BOUNDARY.match(data, at + len(dashed))
        if after and (at == 0 or data[at - 1] == 0x0A):
            begin = at - (2 if data[at - 2 : at] == b"\r\n" else 1) if at else 0
            yield begin, after.end(), after[1] is not None
        at = data.find(dashed, at + len(dashed))


def _decode_body_part(data: bytes, path: str, default: str, problems: list[str]) -> MediaPart:
    header, content = _split_header(data)
    headers = _decode_header(header)
    encoding = (headers.get("content-transfer-encoding") or "").strip().lower()
    content, problem = _undo_transfer_encoding(content, encoding)
    if problem:
        problems.append(f"part {path}: {problem}")
    return part_of(headers, content, path, default)


_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_HEADER_LINE = re.compile(rb"\s*[!-9;-~]+[ \t]*:")


def _split_header(data: bytes) -> tuple[bytes, bytes]:
    r"""Split what stands between two delimiters; it begins with the line end of the first.

    A part without header begins with an empty line, so ``\r\n\r\n`` ends every header.
    """
    end = _END_OF_HEADER.search(data, 0, _MAX_HEADER)
    if end is None:  # no empty line: a header alone, or a body whose empty line was lost
        return (data, b"") if _HEADER_LINE.match(data) else (b"", data.lstrip(b"\r\n"))
    return data[: end.start()], data[end.end() :]


_FOLD = re.compile(rb"\r?\n[ \t]+")


def _decode_header(header: bytes) -> dict[str, str | None]:
    """Return the first value of each header by its lower-case name."""
    headers: dict[str, str | None] = {}
    for line in _FOLD.sub(b" ", header).splitlines():
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _undo_transfer_encoding(data: bytes, encoding: str) -> tuple[bytes, str]:
    """Undo a Content-Transfer-Encoding (RFC 2045 §6); return the bytes, and what was wrong."""
    if encoding in ("", "7bit", "8bit", "binary"):
        return data, ""
    if encoding == "base64":
        return _decode_base64(data)
    if encoding == "quoted-printable":
        return quopri.decodestring(data), ""
    return data, f"Content-Transfer-Encoding {encoding[:40]!r} is unknown; left as sent"


_NO_DIGIT = re.compile(rb"[^A-Za-z0-9+/]+")


def _decode_base64(data: bytes) -> tuple[bytes, str]:
    """Decode all digits; what is no digit is passed over (RFC 2045 §6.8)."""
    digits = _NO_DIGIT.sub(b"", data)
    padding = -len(digits) % 4
    in_order = data.count(b"=") == padding and b"=" not in data.rstrip(b"= \t\r\n")
    problem = "" if in_order else "its base64 is cut or broken"
    if padding == 3:  # six bits of a byte
        return binascii.a2b_base64(digits[:-1]), problem
    return binascii.a2b_base64(digits + b"=" * padding), problem
