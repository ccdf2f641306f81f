"""``message/imdn+xml`` and Microsoft's ``application/ms-imdn+xml``: what became of an IM.

RFC 5438 has one recipient per document, whose status is the name of an element. Lync's IM MCU
tells of several recipients at once, each with a status of its own: a number like SIP's, or a word.

References
----------
RFC 5438 §7, §11; [MS-CONFIM].
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml


@dataclass(frozen=True, slots=True)
class ImdnRecipient:
    """What became of the IM for one recipient."""

    uri: str | None
    """``recipient-uri``, or ``uri`` of ``recipient``."""
    kind: str | None
    """delivery, display or processing: which notification it is; None from Microsoft."""
    status: str | None
    """``status``: delivered, failed, displayed, forbidden, error …, or a status code."""


@dataclass(frozen=True, slots=True)
class MessageNotification:
    """A disposition notification of an instant message."""

    message_id: str | None
    """``message-id`` of the IM."""
    datetime: str | None
    """``datetime`` of the IM, as sent."""
    recipients: tuple[ImdnRecipient, ...]
    """Whom it tells about."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("message/imdn+xml", "application/ms-imdn+xml")
def decode_imdn(part: MediaPart) -> MessageNotification:
    """Return a disposition notification.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``imdn``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "imdn":
        raise Malformed(f"root is {root.name[:40]!r}, not imdn", layer="xml")
    recipients = [
        ImdnRecipient(one.get("uri"), None, _status(one)) for one in root.all("recipient")
    ]
    for child in root.children:
        kind, dash, rest = child.name.partition("-")
        if dash and rest == "notification":
            recipients.append(ImdnRecipient(root.child_text("recipient-uri"), kind, _status(child)))
    return MessageNotification(
        root.child_text("message-id"),
        root.child_text("datetime"),
        tuple(recipients),
        document.problems,
    )


def _status(element: Element) -> str | None:
    status = element.child("status")
    if status is None:
        return None
    return status.text.strip() or next((child.name for child in status.children), None)
