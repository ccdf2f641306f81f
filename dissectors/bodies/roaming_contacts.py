"""``application/vnd-microsoft-roaming-contacts+xml``: a user's contact list, or changes of it.

With ``ucsMode="migrated"`` the list is kept by Exchange (the unified contact store), and what comes
here is empty.

References
----------
[MS-SIP] §2.2.4.1, §3.7, §9.1; [MS-PRES] appendix E (``prevDeltaNum``, ``ucsMode``).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, other_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import boolean_of, integer_of


@dataclass(frozen=True, slots=True)
class ContactGroup:
    """A group of contacts (``group``, ``addedGroup``, ``modifiedGroup``, ``deletedGroup``)."""

    change: str | None
    """added, modified, deleted; None in a whole list."""
    id: int | None
    """``id``, which contacts name."""
    name: str | None
    """``name``; ``~`` is "Other Contacts"."""
    external_uri: str | None
    """``externalURI``: what an application keeps with it."""


@dataclass(frozen=True, slots=True)
class RoamingContact:
    """A contact (``contact``, ``addedContact``, ``modifiedContact``, ``deletedContact``)."""

    change: str | None
    """added, modified, deleted; None in a whole list."""
    uri: str | None
    """``uri``: address, without ``sip:``."""
    name: str | None
    """``name`` that the user gave it; None when empty."""
    groups: tuple[int, ...]
    """``groups``: ids of its groups."""
    subscribed: bool | None
    """``subscribed``: whether its presence is wanted."""
    external_uri: str | None
    """``externalURI``: what an application keeps with it."""
    other_attributes: dict[str, str]
    """Further attributes."""
    other: dict[str, str]
    """Children, such as contactExtension: path → value."""


@dataclass(frozen=True, slots=True)
class RoamingContacts:
    """A contact list, or changes of it."""

    kind: str
    """Name of the root: contactList, contactDelta."""
    delta_num: int | None
    """``deltaNum``: grows with each change; a change over another one is refused."""
    prev_delta_num: int | None
    """``prevDeltaNum`` of a change: what it was before."""
    ucs_mode: str | None
    """``ucsMode``: migrated, when Exchange keeps the list."""
    groups: tuple[ContactGroup, ...]
    """Groups, in order."""
    contacts: tuple[RoamingContact, ...]
    """Contacts, in order."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/vnd-microsoft-roaming-contacts+xml")
def decode_roaming_contacts(part: MediaPart) -> RoamingContacts:
    """Return a contact list, or changes of it.

    Raises
    ------
    DissectError
        When it is no XML, or its root is neither ``contactList`` nor ``contactDelta``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() not in ("contactlist", "contactdelta"):
        wanted = "contactList or contactDelta"
        raise Malformed(f"root is {root.name[:40]!r}, not {wanted}", layer="presence")
    changes = [(_change(child.name), child) for child in root.children]
    return RoamingContacts(
        root.name,
        integer_of(root.get("deltaNum")),
        integer_of(root.get("prevDeltaNum")),
        root.get("ucsMode"),
        tuple([_group(child, kind) for kind, child in changes if _is(child, "group")]),
        tuple([_contact(child, kind) for kind, child in changes if _is(child, "contact")]),
        document.problems,
    )


def _is(element: Element, what: str) -> bool:
    return element.name.lower().endswith(what)


def _change(name: str) -> str | None:
    return next((word for word in ("added", "modified", "deleted") if name.startswith(word)), None)


def _group(element: Element, change: str | None) -> ContactGroup:
    return ContactGroup(
        change,
        integer_of(element.get("id")),
        element.get("name"),
        element.get("externalURI") or None,
    )


_CONTACT = frozenset(("uri", "name", "groups", "subscribed", "externaluri"))


def _contact(element: Element, change: str | None) -> RoamingContact:
    groups = [integer_of(word) for word in (element.get("groups") or "").split()]
    return RoamingContact(
        change,
        element.get("uri"),
        element.get("name") or None,
        tuple([group for group in groups if group is not None]),
        boolean_of(element.get("subscribed")),
        element.get("externalURI") or None,
        {name: v for name, v in element.attributes.items() if name.lower() not in _CONTACT},
        other_values(element, frozenset()),
    )
