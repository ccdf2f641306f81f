"""``application/msrtc-category-publish+xml``: what a client publishes, in a SERVICE to itself.

Publishing over another version than the server has is answered by 409 with
``application/msrtc-fault+xml``, and published again: a 409 here is routine.

References
----------
[MS-PRES].
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import Malformed
from dissectors.markup import decode_xml
from dissectors.presence.category import Category, categories_of


@dataclass(frozen=True, slots=True)
class Publications:
    """Publications of one user (``publications``)."""

    uri: str | None
    """``uri`` of the user."""
    publications: tuple[Category, ...]
    """``publication``, in order; a fault counts them from 1."""


@dataclass(frozen=True, slots=True)
class CategoryPublish:
    """A command to publish presence."""

    publications: tuple[Publications, ...]
    """``publications``: one, as a rule."""
    problems: tuple[str, ...]
    """What was wrong although the value could be made; empty as a rule."""


@bodies.register("application/msrtc-category-publish+xml")
def decode_category_publish(part: MediaPart) -> CategoryPublish:
    """Return what is to be published.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``publish``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "publish":
        raise Malformed(f"root is {root.name[:40]!r}, not publish", layer="presence")
    problems = list(document.problems)
    found = [
        Publications(child.get("uri"), categories_of(child.all("publication"), document, problems))
        for child in root.all("publications")
    ]
    return CategoryPublish(tuple(found), tuple(problems))
