"""``application/ms-conf-invite+xml``: an invitation to a conference.

It travels in an INVITE that never becomes a call: the invitee answers 200, the inviter ends the
dialog at once, and the invitee then joins by an INVITE of its own to the focus that is named here.

Microsoft's schema is not public beyond what is seen: children with an ``available`` attribute are
modalities, whatever they are called.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, conference_id_of, flat_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml


@dataclass(frozen=True, slots=True)
class ConferenceInvite:
    """An invitation to a conference."""

    version: str | None
    """``version`` of the invitation's format, such as 2.0."""
    focus_uri: str | None
    """``focus-uri``: URI of the conference's focus."""
    conference_id: str | None
    """Conference id: what follows ``:id:`` in the focus URI, else ``conference-id``."""
    subject: str | None
    """``subject`` of the conference; None when it is empty."""
    modalities: tuple[str, ...]
    """Names of the children that are ``available``, such as audio, im; in order."""
    first_im: str | None
    """``first-im``: the first message of the conversation; None when it is empty."""
    conversation_id: str | None
    """``conversation-id``, where there is one."""
    values: dict[str, str]
    """All of it: path → text or attribute, as :func:`dissectors.markup.flatten` writes them."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/ms-conf-invite+xml", tabulated=True)
def decode_ms_conf_invite(part: MediaPart) -> ConferenceInvite:
    """Return an invitation to a conference.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``Conferencing``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "conferencing":
        raise Malformed(f"root is {root.name[:40]!r}, not Conferencing", layer="xml")
    focus_uri = root.child_text("focus-uri")
    return ConferenceInvite(
        root.get("version"),
        focus_uri,
        conference_id_of(focus_uri) or root.child_text("conference-id"),
        root.child_text("subject"),
        tuple([child.name for child in root.children if _is_available(child)]),
        next((text for child in root.children if (text := child.child_text("first-im"))), None),
        root.child_text("conversation-id"),
        flat_values(root),
        document.problems,
    )


def _is_available(child: Element) -> bool:
    return (child.get("available") or "").strip().lower() in ("true", "1")
