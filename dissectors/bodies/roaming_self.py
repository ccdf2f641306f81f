"""``application/vnd-microsoft-roaming-self+xml``: a user's own presence, containers, subscribers.

A SUBSCRIBE names the lists that it wants (``roamingList``); notifications, and the 200 OK to a
publication, hold what has changed of them (``roamingData``).

References
----------
[MS-PRES], [MS-SIP].
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, other_values
from dissectors.errors import Malformed
from dissectors.markup import Document, Element, decode_xml
from dissectors.presence.access import Container, Subscriber, container_of, subscriber_of
from dissectors.presence.category import Category, categories_of


@dataclass(frozen=True, slots=True)
class RoamingSelf:
    """A request for a user's own data, or the data."""

    kind: str
    """Name of the root: roamingList, roamingData."""
    wanted: tuple[str, ...]
    """``type`` of each ``roaming`` and ``roamingEx``: categories, containers, subscribers,
    delegates."""
    uri: str | None
    """``uri`` of ``categories``, else of the root: whose data it is."""
    categories: tuple[Category, ...]
    """``categories/category``, in order."""
    containers: tuple[Container, ...]
    """``containers/container``, in order."""
    subscribers: tuple[Subscriber, ...]
    """``subscribers/subscriber``, in order."""
    other: dict[str, str]
    """Further children of the root, such as delegates: path → value."""
    problems: tuple[str, ...]
    """What was wrong although the value could be made; empty as a rule."""


_CHILDREN = frozenset(("roaming", "roamingEx", "categories", "containers", "subscribers"))


@bodies.register("application/vnd-microsoft-roaming-self+xml")
def decode_roaming_self(part: MediaPart) -> RoamingSelf:
    """Return a request for a user's own data, or the data.

    Raises
    ------
    DissectError
        When it is no XML, or its root is neither ``roamingList`` nor ``roamingData``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() not in ("roaminglist", "roamingdata"):
        wanted = "roamingList or roamingData"
        raise Malformed(f"root is {root.name[:40]!r}, not {wanted}", layer="presence")
    return _roaming_self(document, root)


def _roaming_self(document: Document, root: Element) -> RoamingSelf:
    problems = list(document.problems)
    categories = root.child("categories")
    return RoamingSelf(
        root.name,
        tuple([name for child in root.children if (name := _wanted(child))]),
        (categories.get("uri") if categories else None) or root.get("uri"),
        categories_of(_below(root, "categories", "category"), document, problems),
        tuple([container_of(child) for child in _below(root, "containers", "container")]),
        tuple([subscriber_of(child) for child in _below(root, "subscribers", "subscriber")]),
        other_values(root, _CHILDREN),
        tuple(problems),
    )


def _wanted(element: Element) -> str | None:
    return element.get("type") if element.name in ("roaming", "roamingEx") else None


def _below(root: Element, group: str, name: str) -> list[Element]:
    return [child for parent in root.all(group) for child in parent.all(name)]
