"""Who may see what of a user's presence: containers with their members, and subscribers.

References
----------
[MS-PRES] (containers, subscribers).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.markup import Element
from dissectors.xml_types import boolean_of, integer_of


@dataclass(frozen=True, slots=True)
class ContainerMember:
    """Somebody who sees what is published into a container (``member``)."""

    action: str | None
    """``action`` of a command: add, remove."""
    type: str | None
    """``type``: user, domain, sameEnterprise, federated, publicCloud, everyone."""
    value: str | None
    """``value``: the user or domain."""


@dataclass(frozen=True, slots=True)
class Container:
    """An access level (``container``)."""

    id: int | None
    """``id``: 0 all, 100 federated, 200 colleagues, 300 team, 400 personal, 32000 blocked."""
    version: int | None
    """``version``, which grows with each change."""
    members: tuple[ContainerMember, ...]
    """``member``, in order."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who watches the user (``subscriber``)."""

    user: str | None
    """``user``: address, without ``sip:``."""
    acknowledged: bool | None
    """``acknowledged``: whether the user was told of the subscriber."""
    display_name: str | None
    """``displayName`` of the subscriber."""
    other_attributes: dict[str, str]
    """Further attributes, such as type, deltaNum."""


_SUBSCRIBER = frozenset(("user", "acknowledged", "displayname"))


def container_of(element: Element) -> Container:
    """Return what a ``container`` element tells."""
    members = [
        ContainerMember(child.get("action"), child.get("type"), child.get("value"))
        for child in element.all("member")
    ]
    return Container(
        integer_of(element.get("id")), integer_of(element.get("version")), tuple(members)
    )


def subscriber_of(element: Element) -> Subscriber:
    """Return what a ``subscriber`` element tells."""
    return Subscriber(
        element.get("user"),
        boolean_of(element.get("acknowledged")),
        element.get("displayName"),
        {name: v for name, v in element.attributes.items() if name.lower() not in _SUBSCRIBER},
    )
