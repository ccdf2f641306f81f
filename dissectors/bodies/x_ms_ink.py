"""``application/x-ms-ink``: a handwritten message.

Tablet clients send ink serialised format (ISF), behind ``base64:``, where it is a text. The strokes
are not drawn here; that it was ink, in which form, and how long it is, can be told.

References
----------
Ink Serialized Format Specification, Microsoft 2007.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import Malformed


@dataclass(frozen=True, slots=True)
class InkMessage:
    """A handwritten message."""

    encoding: str
    """base64 or binary: how it was sent."""
    format: str
    """gif (whose comment holds the ink) or isf."""
    length: int
    """Bytes of the ink, base64 undone."""
    problems: tuple[str, ...]
    """What was wrong with its base64; empty as a rule."""


_NO_DIGIT = re.compile(rb"[^A-Za-z0-9+/]+")


@bodies.register("application/x-ms-ink")
def decode_x_ms_ink(part: MediaPart) -> InkMessage:
    """Return what can be told of a handwritten message.

    Raises
    ------
    Malformed
        When it is empty.
    """
    data, encoding = part.data, "binary"
    problems: tuple[str, ...] = ()
    if data[:7].lower() == b"base64:":
        encoding = "base64"
        data, problems = _decode_base64(data[7:])
    if not data:
        raise Malformed("no ink", layer="media")
    kind = "gif" if data.startswith((b"GIF87a", b"GIF89a")) else "isf"
    return InkMessage(encoding, kind, len(data), problems)


def _decode_base64(text: bytes) -> tuple[bytes, tuple[str, ...]]:
    digits = _NO_DIGIT.sub(b"", text)
    rest = len(digits) % 4
    complete = digits[: len(digits) - rest] if rest == 1 else digits + b"=" * (-rest % 4)
    problems = ("its base64 is cut",) if rest == 1 else ()
    return binascii.a2b_base64(complete), problems
