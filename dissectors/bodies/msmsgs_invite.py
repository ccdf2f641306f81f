"""``text/x-msmsgsinvite``: an invitation to a file transfer as Communicator sends it.

The format is MSN Messenger's invitation, lines of ``Name: value``. It comes in a
MESSAGE inside the dialog of an IM session; the file itself goes over TCP, opened by a cookie and
encrypted with keys that this body carries. They never enter the value.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, redact_value
from dissectors.errors import LimitExceeded, Malformed
from dissectors.markup import decode_characters
from dissectors.xml_types import integer_of

MAX_SIZE = 64 << 10
"""Longest invitation that is read, bytes."""


@dataclass(frozen=True, slots=True)
class MessengerInvitation:
    """An invitation, its acceptance or its refusal."""

    command: str | None
    """``Invitation-Command``: INVITE, ACCEPT, CANCEL."""
    cookie: str | None
    """``Invitation-Cookie``: number of the invitation, the same in the answer."""
    application_name: str | None
    """``Application-Name``, such as File Transfer."""
    application_file: str | None
    """``Application-File``: name of the file."""
    application_file_size: int | None
    """``Application-FileSize``, bytes."""
    cancel_code: str | None
    """``Cancel-Code`` of a refusal: REJECT, REJECT_NOT_INSTALLED, TIMEOUT, FTTIMEOUT …"""
    fields: tuple[tuple[str, str], ...]
    """All lines, (name, value) in order, keys and cookies of the transfer replaced."""
    problems: tuple[str, ...]
    """Lines that could not be read; empty as a rule."""


@bodies.register("text/x-msmsgsinvite", "application/x-ms-filetransfer")
def decode_msmsgs_invite(part: MediaPart) -> MessengerInvitation:
    """Return an invitation to a file transfer, or an answer to one.

    Raises
    ------
    Malformed
        When no line of it is ``Name: value``.
    LimitExceeded
        Beyond :data:`MAX_SIZE`.
    """
    if len(part.data) > MAX_SIZE:
        raise LimitExceeded(f"invitation of {len(part.data)} bytes is not read", layer="media")
    text, problems = decode_characters(part.data, part.parameters.get("charset") or "")
    fields, odd = _fields(text)
    if not fields:
        raise Malformed("no line of it is Name: value", layer="media")
    first = {name.lower(): value for name, value in reversed(fields)}
    if odd:
        problems += (f"{odd} lines are not Name: value",)
    return MessengerInvitation(
        first.get("invitation-command"),
        first.get("invitation-cookie"),
        first.get("application-name"),
        first.get("application-file"),
        integer_of(first.get("application-filesize")),
        first.get("cancel-code"),
        tuple(fields),
        problems,
    )


def _fields(text: str) -> tuple[list[tuple[str, str]], int]:
    """Return the lines as pairs, and how many are none."""
    fields, odd = [], 0
    for line in text.replace("\r\n", "\n").split("\n"):
        name, colon, value = line.partition(":")
        name = name.strip()
        if colon and name:
            fields.append((name, redact_value(name, value.strip())))
        elif line.strip("\0 \t\r"):
            odd += 1
    return fields, odd
