"""The first instant message of a session, which Lync puts into headers of the INVITE.

``ms-text-format`` and ``ms-im-format`` hold a media type whose parameter ``ms-body`` is the message
in base64; the INVITE's body stays an SDP. When the 200 has ``Supported: ms-text-format``, the
message was delivered with the INVITE; else the client sends it again in a MESSAGE. ``msgr`` is the
font, as MSN Messenger wrote it: base64 of a UTF-16 text ``X-MMS-IM-Format: FN=…; EF=…``.

References
----------
[MS-SIPRE] (ms-text-format); [MS-CONFIM] §2.2.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from dissectors.errors import Malformed
from dissectors.markup import decode_characters
from dissectors.sip.headers import decode_media_type
from dissectors.sip.message import SipMessage

HEADERS = ("ms-text-format", "ms-im-format")
"""Headers that carry a first message, the plain text first."""

MAX_SIZE = 256 << 10
"""Longest base64 that is decoded, characters."""


@dataclass(frozen=True, slots=True)
class FirstMessage:
    """An instant message in a header."""

    header: str
    """Header that carries it, lower case."""
    media_type: str
    """Its media type, such as text/plain or text/rtf."""
    text: str | None
    """The message; None where the header names a format only (it has no ``ms-body``)."""
    font: str | None
    """``msgr`` decoded: what is said of font and colour; None without it."""
    problems: tuple[str, ...]
    """What was wrong although it could be read; empty as a rule."""


def first_messages_of(message: SipMessage) -> tuple[FirstMessage, ...]:
    """Return the instant messages in a message's headers; what cannot be read is left out."""
    found = []
    for name in HEADERS:
        value = message.get(name)
        if value:
            try:
                found.append(decode_first_message(name, value))
            except Malformed:
                continue
    return tuple(found)


def decode_first_message(header: str, value: str) -> FirstMessage:
    """Return the instant message in the value of a header.

    Parameters
    ----------
    header : str
        Name of the header, lower case.
    value : str
        Its value.

    Raises
    ------
    Malformed
        When it does not begin with a media type.

    Examples
    --------
    >>> decode_first_message("ms-text-format", "text/plain; charset=UTF-8;ms-body=SGk=").text
    'Hi'
    """
    decoded = decode_media_type(value)
    parameters = decoded.parameters
    problems: list[str] = []
    text = font = None
    if parameters.get("ms-body"):
        text = _text(parameters["ms-body"], parameters.get("charset", ""), problems)
    if parameters.get("msgr"):
        font = _text(parameters["msgr"], "utf-16-le", problems)
    return FirstMessage(header, decoded.media_type, text, font, tuple(problems))


def _text(digits: str, charset: str, problems: list[str]) -> str | None:
    if len(digits) > MAX_SIZE:
        problems.append(f"base64 of {len(digits)} characters is not decoded")
        return None
    try:
        data = binascii.a2b_base64(digits + "=" * (-len(digits) % 4))
    except ValueError:  # of which binascii.Error is one
        problems.append("broken base64")
        return None
    text, wrong = decode_characters(data, charset)
    problems.extend(wrong)
    return text.rstrip("\0")
