"""``application/msrtc-adrl-categorylist+xml``: a SUBSCRIBE to categories of many contacts at once.

``application/adrl+xml`` is what Live Communications Server 2005 took: contacts without categories.

UCMA sends the root with ``xmlns=""``: names count, not namespaces. To = From = the subscriber; only
a subscription after ``resubscribe`` goes to the contact itself.

References
----------
[MS-PRES] (``batchSub``), [MS-SIP] (``adhoclist``).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class WatchedResource:
    """A contact that is to be watched (``resource``)."""

    uri: str | None
    """``uri`` of the contact."""
    just_added: bool
    """Whether it has a child ``context``: a contact that was just added."""


@dataclass(frozen=True, slots=True)
class SubscribeAction:
    """One action (``action`` of batchSub, or a child of adhoclist)."""

    name: str | None
    """``name``: subscribe, unsubscribe; for adhoclist the element's: create, add, delete."""
    id: int | None
    """``id`` of the action."""
    resources: tuple[WatchedResource, ...]
    """Contacts, in order."""
    categories: tuple[str, ...]
    """``categoryList/category``: names of the wanted categories."""


@dataclass(frozen=True, slots=True)
class BatchSubscription:
    """A subscription to many contacts."""

    kind: str
    """Name of the root: batchSub, adhoclist."""
    uri: str | None
    """``uri`` of the subscriber."""
    name: str | None
    """``name`` of the subscription; None when it is empty."""
    actions: tuple[SubscribeAction, ...]
    """Actions, in order."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/msrtc-adrl-categorylist+xml", "application/adrl+xml", tabulated=True)
def decode_adrl_categorylist(part: MediaPart) -> BatchSubscription:
    """Return a subscription to many contacts.

    Raises
    ------
    DissectError
        When it is no XML, or its root is neither ``batchSub`` nor ``adhoclist``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() not in ("batchsub", "adhoclist"):
        raise Malformed(f"root is {root.name[:40]!r}, not batchSub or adhoclist", layer="presence")
    is_batch = root.name.lower() == "batchsub"
    actions = root.all("action") if is_batch else root.children
    return BatchSubscription(
        root.name,
        root.get("uri"),
        root.get("name") or None,
        tuple([_action(child, child.get("name") if is_batch else child.name) for child in actions]),
        document.problems,
    )


def _action(element: Element, name: str | None) -> SubscribeAction:
    resources = element.child("adhocList") or element
    categories = element.child("categoryList")
    return SubscribeAction(
        name,
        integer_of(element.get("id")),
        tuple([_resource(child) for child in resources.all("resource")]),
        tuple(_category_names(categories)) if categories else (),
    )


def _resource(element: Element) -> WatchedResource:
    return WatchedResource(element.get("uri"), element.child("context") is not None)


def _category_names(element: Element) -> list[str]:
    return [name for child in element.all("category") if (name := child.get("name"))]
