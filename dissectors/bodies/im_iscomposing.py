"""``application/im-iscomposing+xml``: whether somebody is writing.

Communicator 2005 and its successors say the same by ``KeyboardActivity`` in an INFO whose type is
plain ``application/xml``; under this type it is read too.

References
----------
RFC 3994 §3.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class IsComposing:
    """Whether somebody is writing."""

    state: str | None
    """``state``: active or idle; of ``KeyboardActivity`` the status ``type`` is active."""
    last_active: str | None
    """``lastactive``: when the last key was pressed, as sent."""
    content_type: str | None
    """``contenttype``: what is being composed, such as text/plain."""
    refresh_s: int | None
    """``refresh``: how long the state holds unless it is repeated, seconds."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/im-iscomposing+xml")
def decode_im_iscomposing(part: MediaPart) -> IsComposing:
    """Return whether somebody is writing.

    Raises
    ------
    DissectError
        When it is no XML, or its root is neither ``isComposing`` nor ``KeyboardActivity``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    kind = root.name.lower()
    if kind not in ("iscomposing", "keyboardactivity"):
        raise Malformed(f"root is {root.name[:40]!r}, not isComposing", layer="xml")
    return IsComposing(
        root.child_text("state") if kind == "iscomposing" else _keyboard_state(root),
        root.child_text("lastactive"),
        root.child_text("contenttype"),
        integer_of(root.child_text("refresh")),
        document.problems,
    )


def _keyboard_state(root: Element) -> str | None:
    status = root.child("status")
    told = status.get("status") if status else None
    return "active" if told == "type" else told
