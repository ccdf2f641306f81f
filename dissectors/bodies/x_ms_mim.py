"""``application/x-ms-mim``: multiparty IM of Live Communications Server 2005.

Each participant keeps a dialog with every other one; the roster manager tells them by an ``action``
what to do (namespace ``http://schemas.microsoft.com/sip/multiparty/``). Lync has an IM MCU instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values
from dissectors.errors import Malformed
from dissectors.markup import decode_xml


@dataclass(frozen=True, slots=True)
class MultipartyAction:
    """What a roster manager wants done, or what a participant answers."""

    commands: tuple[str, ...]
    """Names of the children: RequestRM, SetRM, ChangeRoster, AddUser …"""
    attributes: dict[str, str]
    """Attributes of ``action``."""
    values: dict[str, str]
    """All of it: path → text or attribute, as :func:`dissectors.markup.flatten` writes them."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/x-ms-mim", "text/x-ms-mim")
def decode_x_ms_mim(part: MediaPart) -> MultipartyAction:
    """Return an action of a multiparty IM session.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``action``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "action":
        raise Malformed(f"root is {root.name[:40]!r}, not action", layer="xml")
    return MultipartyAction(
        tuple([child.name for child in root.children]),
        dict(root.attributes),
        flat_values(root),
        document.problems,
    )
