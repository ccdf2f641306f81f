"""``application/msrtc-setcontainermembers+xml``: a user changes who may see what.

References
----------
[MS-PRES].
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import Malformed
from dissectors.markup import decode_xml
from dissectors.presence.access import Container, container_of


@dataclass(frozen=True, slots=True)
class SetContainerMembers:
    """A command to change the members of containers."""

    containers: tuple[Container, ...]
    """``container`` elements, in order; their members say whether to add or to remove."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/msrtc-setcontainermembers+xml")
def decode_set_container_members(part: MediaPart) -> SetContainerMembers:
    """Return a command to change the members of containers.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``setContainerMembers``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "setcontainermembers":
        raise Malformed(f"root is {root.name[:40]!r}, not setContainerMembers", layer="presence")
    containers = [container_of(child) for child in root.all("container")]
    return SetContainerMembers(tuple(containers), document.problems)
