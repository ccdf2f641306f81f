"""``application/pidf+xml``: presence as the IETF has it, and as others than Lync send it.

``basic`` says only whether somebody takes messages (open, closed). What they do stands in RPID's
``activities``: inside ``person``, or, from AOL and from older stacks, inside ``tuple`` or
``status``, with words in ``activity`` elements. Capabilities (RFC 5196) are told as a tree.

References
----------
RFC 3863 §4 (PIDF), RFC 4479 §3 (person, device), RFC 4480 §3 (RPID), RFC 5196 (capabilities).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, other_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml


@dataclass(frozen=True, slots=True)
class PidfTuple:
    """One way to reach somebody (``tuple``, RFC 3863 §4.1.2)."""

    id: str | None
    """``id``."""
    basic: str | None
    """``status/basic``: open, closed; lower case."""
    contact: str | None
    """``contact``: URI."""
    priority: str | None
    """``priority`` of the contact, as sent: 0 to 1."""
    activities: tuple[str, ...]
    """Words of ``activities`` in the tuple or its status."""
    notes: tuple[str, ...]
    """``note``, in order."""
    timestamp: str | None
    """``timestamp``, as sent."""
    other: dict[str, str]
    """Further children, those of ``status`` among them: path → value."""


@dataclass(frozen=True, slots=True)
class PidfPerson:
    """What somebody does (``person``, RFC 4479 §3.3), or one of their devices (``device``)."""

    kind: str
    """person or device."""
    id: str | None
    """``id``."""
    activities: tuple[str, ...]
    """Words of ``activities`` (RFC 4480 §3.2): away, busy, on-the-phone, …"""
    notes: tuple[str, ...]
    """``note``, in order, those of ``activities`` among them."""
    timestamp: str | None
    """``timestamp``, as sent."""
    other: dict[str, str]
    """Further children, such as mood, deviceID: path → value."""


@dataclass(frozen=True, slots=True)
class Pidf:
    """Presence of one presentity (RFC 3863 §4.1.1)."""

    entity: str | None
    """``entity``: URI of the presentity; others leave ``sip:`` or ``pres:`` out."""
    display_name: str | None
    """``display-name``, where there is one (not of the RFC)."""
    tuples: tuple[PidfTuple, ...]
    """``tuple``, in order."""
    persons: tuple[PidfPerson, ...]
    """``person`` and ``device``, in order."""
    notes: tuple[str, ...]
    """``note`` of the whole document."""
    other: dict[str, str]
    """Further children: path → value."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


_DOCUMENT = frozenset(("tuple", "person", "device", "note", "display-name"))
_TUPLE = frozenset(("status", "contact", "note", "timestamp", "activities"))
_STATUS = frozenset(("basic", "activities"))
_PERSON = frozenset(("activities", "note", "timestamp"))


@bodies.register("application/pidf+xml", tabulated=True)
def decode_pidf(part: MediaPart) -> Pidf:
    """Return the presence of one presentity.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``presence``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "presence":
        raise Malformed(f"root is {root.name[:40]!r}, not presence", layer="presence")
    persons = [child for child in root.children if child.name in ("person", "device")]
    return Pidf(
        root.get("entity"),
        root.child_text("display-name"),
        tuple([_tuple(child) for child in root.all("tuple")]),
        tuple([_person(child) for child in persons]),
        _notes(root),
        other_values(root, _DOCUMENT),
        document.problems,
    )


def _tuple(element: Element) -> PidfTuple:
    status = element.child("status") or Element("status", {}, [], "")
    contact = element.child("contact")
    return PidfTuple(
        element.get("id"),
        (status.child_text("basic") or "").lower() or None,
        contact.text.strip() or None if contact else None,
        contact.get("priority") if contact else None,
        (*_activities(element), *_activities(status)),
        _notes(element),
        element.child_text("timestamp"),
        other_values(element, _TUPLE) | other_values(status, _STATUS),
    )


def _person(element: Element) -> PidfPerson:
    notes = [note for child in element.all("activities") for note in _notes(child)]
    return PidfPerson(
        element.name,
        element.get("id"),
        _activities(element),
        (*_notes(element), *notes),
        element.child_text("timestamp"),
        other_values(element, _PERSON),
    )


def _activities(element: Element) -> tuple[str, ...]:
    """Return activities: names of elements, or the text of ``activity`` and ``other``."""
    found = []
    for child in (below for group in element.all("activities") for below in group.children):
        word = child.text.strip() if child.name in ("activity", "other") else child.name
        if word and child.name != "note":
            found.append(word)
    return tuple(found)


def _notes(element: Element) -> tuple[str, ...]:
    return tuple([text for child in element.all("note") if (text := child.text.strip())])
