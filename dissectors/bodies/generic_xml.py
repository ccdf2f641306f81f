"""Any XML that has no decoder of its own: its tree as path → value.

Registered for ``application/xml``, ``text/xml`` and, as ``*/*+xml``, for whatever ends in ``+xml``.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values
from dissectors.markup import decode_xml


@dataclass(frozen=True, slots=True)
class XmlDocument:
    """An XML document without a decoder of its own."""

    root: str
    """Local name of the document element."""
    namespace: str
    """Its namespace; empty without one."""
    values: dict[str, str]
    """Path → text or attribute, as :func:`dissectors.markup.flatten` writes them; without keys."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/xml", "text/xml", "*/*+xml")
def decode_generic_xml(part: MediaPart) -> XmlDocument:
    """Return the tree of an XML document as path → value.

    Raises
    ------
    DissectError
        When it is no XML.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    return XmlDocument(root.name, document.namespace, flat_values(root), document.problems)
