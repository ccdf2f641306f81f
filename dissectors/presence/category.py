"""One category of presence: when it was published, for whom, and what it holds.

A category without anything inside says that what was told before holds no longer.

References
----------
[MS-PRES] (categories, containers).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dissectors.body import flat_values
from dissectors.markup import Document, Element
from dissectors.presence.calendar import CalendarData, calendar_of
from dissectors.presence.contact_card import ContactCard, contact_card_of
from dissectors.presence.endpoint import (
    Device,
    LegacyInterop,
    Services,
    device_of,
    legacy_interop_of,
    services_of,
)
from dissectors.presence.state import Note, State, note_of, state_of
from dissectors.presence.user import Routing, UserProperties, routing_of, user_properties_of
from dissectors.xml_types import integer_of


@dataclass(frozen=True, slots=True)
class OtherContent:
    """What a category holds that has no type of its own, such as rules, userInformation."""

    root: str
    """Name of the element."""
    values: dict[str, str]
    """Path → value."""


CategoryContent = (
    State
    | Note
    | ContactCard
    | CalendarData
    | Device
    | Services
    | LegacyInterop
    | Routing
    | UserProperties
    | OtherContent
)


@dataclass(frozen=True, slots=True)
class Category:
    """A category, as it is told or published."""

    name: str | None
    """``name`` (``categoryName`` of a publication): state, note, contactCard, …"""
    instance: int | None
    """``instance``: tells apart what several endpoints publish."""
    publish_time: str | None
    """``publishTime``, as sent; UTC."""
    container: int | None
    """``container``: who may see it: 0 all, 2 and 3 the user's own, 100 federated, 200 colleagues,
    300 team, 400 personal, 32000 blocked."""
    version: int | None
    """``version``, which grows with each publication."""
    expire_type: str | None
    """``expireType``: endpoint, static, user, time."""
    expires: int | None
    """``expires``: seconds that it lives; 0 in a publication takes it back."""
    endpoint_id: str | None
    """``endpointId``: which endpoint published it."""
    content: CategoryContent | None
    """What it holds; None when nothing."""
    cleared: bool | None
    """Whether it holds nothing and thereby clears what was told before; None where the document
    breaks off in it."""


_CONTENTS: dict[str, Callable[[Element], CategoryContent]] = {
    "state": state_of,
    "note": note_of,
    "contactCard": contact_card_of,
    "device": device_of,
    "services": services_of,
    "legacyInterop": legacy_interop_of,
    "routing": routing_of,
    "userProperties": user_properties_of,
}


def category_of(element: Element, problems: list[str]) -> Category:
    """Return what a ``category`` or ``publication`` tells; add to `problems` what cannot be read.

    The first child decides how it is read, not the category's name, which applications choose.
    """
    get = element.folded().get
    content = element.children[0] if element.children else None
    if len(element.children) > 1:
        problems.append(f"a category holds {len(element.children)} elements; the first was read")
    return Category(
        get("name") or get("categoryname"),
        integer_of(get("instance")),
        get("publishtime"),
        integer_of(get("container")),
        integer_of(get("version")),
        get("expiretype"),
        integer_of(get("expires")),
        get("endpointid"),
        _content(content, problems) if content else None,
        content is None and not element.text,
    )


def _content(element: Element, problems: list[str]) -> CategoryContent:
    if element.name == "calendarData":
        return calendar_of(element, problems)
    decode = _CONTENTS.get(element.name)
    return decode(element) if decode else OtherContent(element.name, flat_values(element))


def categories_of(
    elements: list[Element], document: Document, problems: list[str]
) -> tuple[Category, ...]:
    """Return the categories of a document; of a broken one, the last may not be complete.

    Parameters
    ----------
    elements : list of Element
        ``category`` or ``publication`` elements, in order.
    document : Document
        That holds them.
    problems : list of str
        Grows by what cannot be read.
    """
    found = [category_of(element, problems) for element in elements]
    if found and document.problems and found[-1].cleared:
        found[-1] = replace(found[-1], cleared=None)
    return tuple(found)
