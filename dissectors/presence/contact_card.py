"""The category ``contactCard``: who somebody is.

References
----------
[MS-PRES] (contactCard).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import other_values
from dissectors.markup import Element
from dissectors.xml_types import boolean_of


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number (``phone``)."""

    type: str | None
    """``type``: work, mobile, home, other, …"""
    uri: str | None
    """``uri``: a tel: or sip: URI."""
    display_string: str | None
    """``displayString``: the number as people write it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address (``address``)."""

    type: str | None
    """``type``: work, home, …"""
    fields: dict[str, str]
    """street, city, state, zipcode, countryCode, …"""


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture (``photo``)."""

    type: str | None
    """``type``: enterprise, default, …"""
    uri: str | None
    """``uri`` that it can be fetched from."""
    hash: str | None
    """``hash`` of the picture."""


@dataclass(frozen=True, slots=True)
class ContactCard:
    """A business card."""

    display_name: str | None
    """``identity/name/displayName``."""
    names: dict[str, str]
    """Further children of ``name``, such as first and last name."""
    emails: tuple[str, ...]
    """``identity/email``."""
    company: str | None
    """``company``."""
    department: str | None
    """``department``."""
    title: str | None
    """``title``: the position in the company."""
    office: str | None
    """``office``: the room."""
    urls: tuple[tuple[str | None, str], ...]
    """``url``: type and text."""
    uc_enabled: bool | None
    """``isUCEnabled``: whether the user is enabled for unified communications."""
    automaton: bool | None
    """``automaton``: whether it is a machine, whose presence is not expected to change."""
    phones: tuple[Phone, ...]
    """``phone``, in order."""
    addresses: tuple[Address, ...]
    """``address``, in order."""
    photos: tuple[Photo, ...]
    """``photo``, in order."""
    other: dict[str, str]
    """Further children: path → value."""


_CHILDREN = frozenset(
    (
        *("identity", "company", "department", "title", "office", "url", "automaton"),
        *("phone", "address", "photo", "delimiter"),
    )
)


def contact_card_of(element: Element) -> ContactCard:
    """Return what a ``contactCard`` element tells."""
    identity = element.child("identity") or element
    name = identity.child("name")
    names = _texts(name) if name else {}
    return ContactCard(
        names.pop("displayName", None),
        names,
        tuple([child.text.strip() for child in identity.all("email")]),
        element.child_text("company"),
        element.child_text("department"),
        element.child_text("title"),
        element.child_text("office"),
        tuple([(child.get("type"), child.text.strip()) for child in element.all("url")]),
        boolean_of(element.get("isUCEnabled")),
        _automaton(element.child("automaton")),
        tuple([_phone(child) for child in element.all("phone")]),
        tuple([Address(child.get("type"), _texts(child)) for child in element.all("address")]),
        tuple([_photo(child) for child in element.all("photo")]),
        other_values(element, _CHILDREN),
    )


def _texts(element: Element) -> dict[str, str]:
    return {child.name: text for child in element.children if (text := child.text.strip())}


def _automaton(element: Element | None) -> bool | None:
    """Return what an ``automaton`` element says; an empty one says so by being there."""
    if element is None:
        return None
    return boolean_of(element.text) if element.text.strip() else True


def _phone(element: Element) -> Phone:
    return Phone(
        element.get("type"), element.child_text("uri"), element.child_text("displayString")
    )


def _photo(element: Element) -> Photo:
    return Photo(element.get("type"), element.child_text("uri"), element.child_text("hash"))
