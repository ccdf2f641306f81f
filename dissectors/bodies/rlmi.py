"""``application/rlmi+xml``: the state of each subscription of a resource list.

The response to a batched SUBSCRIBE, and every NOTIFY after it, is 200 OK even where single contacts
were refused: only the instances here tell. Microsoft added three attributes to an instance,
``statusCode``, ``msDiagCode`` and ``poolFqdn``, and the state ``resubscribe``: the subscriber has
to subscribe to that contact by itself, at ``poolFqdn`` where that is given.

The contact's own state stands in another part of the same multipart body, the one whose Content-ID
is the instance's ``cid``. Terminated instances have a ``cid`` but no part.

References
----------
RFC 4662 §5. [MS-PRES] (``resubscribe``).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bare_id, bodies
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import boolean_of, integer_of

_KNOWN = frozenset(("id", "state", "reason", "statuscode", "msdiagcode", "poolfqdn", "cid"))


@dataclass(frozen=True, slots=True)
class Instance:
    """One state of a resource (RFC 4662 §5.5)."""

    id: str | None
    """``id``: identifies the instance within its resource."""
    state: str | None
    """``state``: active, pending, terminated, or Microsoft's resubscribe."""
    reason: str | None
    """``reason``: why it is terminated, such as forbidden, noresource, timeout."""
    status_code: int | None
    """``statusCode``: what a SIP response would have said, such as 403 (Microsoft)."""
    ms_diag_code: int | None
    """``msDiagCode``: error id, as in ms-diagnostics (Microsoft)."""
    pool_fqdn: str | None
    """``poolFqdn``: where to subscribe again (Microsoft)."""
    cid: str | None
    """``cid``: Content-ID of the part with the resource's state, without angle brackets."""
    other_attributes: dict[str, str]
    """Attributes that neither RFC 4662 nor this list names."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One contact of the list (RFC 4662 §5.4)."""

    uri: str | None
    """``uri`` of the contact."""
    names: tuple[str, ...]
    """``name`` elements: how the contact is called."""
    instances: tuple[Instance, ...]
    """Its states; none when nothing is known yet."""


@dataclass(frozen=True, slots=True)
class ResourceList:
    """State of the subscriptions of a list (RFC 4662 §5.2)."""

    uri: str | None
    """``uri`` of the list: in Lync the subscriber's own."""
    version: int | None
    """``version``: counts the notifications of the subscription, from 0."""
    full_state: bool | None
    """``fullState``: whether every resource of the list is told."""
    cid: str | None
    """``cid`` of the list, without angle brackets."""
    names: tuple[str, ...]
    """``name`` elements: how the list is called."""
    resources: tuple[Resource, ...]
    """The contacts, in order."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/rlmi+xml", tabulated=True)
def decode_rlmi(part: MediaPart) -> ResourceList:
    """Return the state of a resource list.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``list``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name != "list":
        raise Malformed(f"root is {root.name[:40]!r}, not list", layer="rlmi", spec="RFC 4662 §5.2")
    return ResourceList(
        root.get("uri"),
        integer_of(root.get("version")),
        boolean_of(root.get("fullState")),
        bare_id(root.get("cid")),
        _names(root),
        tuple([_resource(element) for element in root.all("resource")]),
        document.problems,
    )


def _resource(element: Element) -> Resource:
    instances = tuple([_instance(child) for child in element.all("instance")])
    return Resource(element.get("uri"), _names(element), instances)


def _instance(element: Element) -> Instance:
    return Instance(
        element.get("id"),
        element.get("state"),
        element.get("reason"),
        integer_of(element.get("statusCode")),
        integer_of(element.get("msDiagCode")),
        element.get("poolFqdn"),
        bare_id(element.get("cid")),
        {name: v for name, v in element.attributes.items() if name.lower() not in _KNOWN},
    )


def _names(element: Element) -> tuple[str, ...]:
    return tuple([child.text.strip() for child in element.all("name")])
