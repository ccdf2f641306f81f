"""``text/plain``, and texts with markup that is not taken apart: instant messages, as a rule.

Lync's clients send an IM as ``text/plain``, ``text/html`` or ``text/rtf``, or as all of them in
``multipart/alternative``. The characters are told as sent, markup included.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, redact_keys
from dissectors.errors import LimitExceeded
from dissectors.markup import decode_characters

MAX_SIZE = 4 << 20
"""Longest text that is read, bytes."""


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text."""

    text: str
    """The text; bytes that are not of its character set are U+FFFD."""
    charset: str | None
    """``charset`` of the Content-Type as sent, or None; UTF-8 is meant then."""
    problems: tuple[str, ...]
    """What was wrong with the character set; empty as a rule."""


@bodies.register("text/plain", "text/html", "text/rtf", "application/rtf")
def decode_text(part: MediaPart) -> PlainText:
    """Return a text.

    RFC 2046 §4.1.2 would read a text without charset as US-ASCII; SIP says UTF-8 (RFC 3428 §8 with
    RFC 3261 §7.4.1), which contains it.

    Raises
    ------
    LimitExceeded
        Beyond :data:`MAX_SIZE`.
    """
    if len(part.data) > MAX_SIZE:
        raise LimitExceeded(f"text of {len(part.data)} bytes is not read", layer="media")
    charset = part.parameters.get("charset")
    text, problems = decode_characters(part.data, charset or "")
    return PlainText(redact_keys(text), charset, problems)
