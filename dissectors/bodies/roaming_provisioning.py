"""``application/vnd-microsoft-roaming-provisioning-v2+xml``: what a server tells its clients to do.

A SUBSCRIBE names groups of settings; the answer holds them. Where to find the focus factory, the
media relay, the address book; which ports media may use; whether media must be encrypted.

References
----------
[MS-SIPREGE] (provisioning).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values, redact_value
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml


@dataclass(frozen=True, slots=True)
class ProvisioningGroup:
    """A group of settings (``provisioningGroup``)."""

    name: str | None
    """``name``: ServerConfiguration, meetingPolicy, ucPolicy, …"""
    attributes: dict[str, str]
    """Further attributes."""
    settings: dict[str, str]
    """Path below the group → value, such as ``focusFactoryUri``."""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Groups of settings, or a request for them."""

    groups: tuple[ProvisioningGroup, ...]
    """``provisioningGroup`` elements, in order; without settings in a request."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/vnd-microsoft-roaming-provisioning-v2+xml")
def decode_roaming_provisioning(part: MediaPart) -> Provisioning:
    """Return groups of settings, or a request for them.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``provisioningGroupList``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "provisioninggrouplist":
        raise Malformed(f"root is {root.name[:40]!r}, not provisioningGroupList", layer="presence")
    groups = [_group(child) for child in root.all("provisioningGroup")]
    return Provisioning(tuple(groups), document.problems)


def _group(element: Element) -> ProvisioningGroup:
    attributes = {
        name: redact_value(name, value)
        for name, value in element.attributes.items()
        if name.lower() != "name"
    }
    below = flat_values(Element("", {}, element.children, "")) if element.children else {}
    settings = {path[1:]: value for path, value in below.items()}
    return ProvisioningGroup(element.get("name"), attributes, settings)
