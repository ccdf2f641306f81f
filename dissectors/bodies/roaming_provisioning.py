"""``application/vnd-microsoft-roaming-provisioning-v2+xml``: what a server tells its clients to do.

A SUBSCRIBE names groups of settings (``provisioningGroupList``); the notification holds them, and
its elements are called otherwise (``provisionGroupList``, ``provisionGroup``). They tell where to
find the focus factory, the media relay and the address book, which ports media may use, and whether
it must be encrypted.

References
----------
[MS-SIPREGE] §2.2.2.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values, redact_value
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml


@dataclass(frozen=True, slots=True)
class ProvisioningGroup:
    """A group of settings (``provisionGroup``; ``provisioningGroup`` in a request)."""

    name: str | None
    """``name``: ServerConfiguration, meetingPolicy, ucPolicy, …"""
    attributes: dict[str, str]
    """Further attributes."""
    settings: dict[str, str]
    """Path below the group → value: ``focusFactoryUri``; a ``property`` under its name:
    ``instance/AllowIPAudio``."""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Groups of settings, or a request for them."""

    kind: str
    """Name of the root: provisionGroupList, or provisioningGroupList of a request."""
    groups: tuple[ProvisioningGroup, ...]
    """Groups, in order; without settings in a request."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


_GROUPS = frozenset(("provisionGroup", "provisioningGroup"))


@bodies.register("application/vnd-microsoft-roaming-provisioning-v2+xml")
def decode_roaming_provisioning(part: MediaPart) -> Provisioning:
    """Return groups of settings, or a request for them.

    Raises
    ------
    DissectError
        When it is no XML, or its root is neither ``provisionGroupList`` nor
        ``provisioningGroupList``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() not in ("provisiongrouplist", "provisioninggrouplist"):
        raise Malformed(f"root is {root.name[:40]!r}, not provisionGroupList", layer="presence")
    groups = [child for child in root.children if child.name in _GROUPS]
    return Provisioning(root.name, tuple([_group(child) for child in groups]), document.problems)


def _group(element: Element) -> ProvisioningGroup:
    attributes = {
        name: redact_value(name, value)
        for name, value in element.attributes.items()
        if name.lower() != "name"
    }
    settings = Element("", {}, [_named(child) for child in element.children], "")
    below = flat_values(settings) if settings.children else {}
    return ProvisioningGroup(
        element.get("name"), attributes, {path[1:]: value for path, value in below.items()}
    )


_NAME = re.compile(r"[A-Za-z_][\w.-]{0,100}", re.ASCII)


def _named(element: Element) -> Element:
    """Return a child of a group, it and its properties called by their names."""
    children = [_property(child) for child in element.children]
    return _property(Element(element.name, element.attributes, children, element.text))


def _property(element: Element) -> Element:
    name = (element.get("name") or "").strip() if element.name == "property" else ""
    if not _NAME.fullmatch(name):
        return element
    attributes = {key: value for key, value in element.attributes.items() if key != "name"}
    return Element(name, attributes, element.children, element.text)
