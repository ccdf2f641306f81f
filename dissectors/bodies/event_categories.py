"""``application/msrtc-event-categories+xml``: somebody's presence, as Lync tells it.

It stands alone in a NOTIFY or BENOTIFY, in the 200 OK to a SUBSCRIBE (the first notification rides
on it), or as a part beside a resource list, one for each contact.

References
----------
[MS-PRES], [MS-SIP] (``ms-piggyback-first-notify``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dissectors.body import MediaPart, bodies
from dissectors.errors import Malformed
from dissectors.markup import decode_xml
from dissectors.presence.category import Category, categories_of


@dataclass(frozen=True, slots=True)
class EventCategories:
    """Categories of one presentity."""

    uri: str | None
    """``uri`` of the presentity."""
    categories: tuple[Category, ...]
    """``category`` elements, in order."""
    problems: tuple[str, ...]
    """What was wrong although the value could be made; empty as a rule."""


@bodies.register("application/msrtc-event-categories+xml", tabulated=True)
def decode_event_categories(part: MediaPart) -> EventCategories:
    """Return the categories of one presentity.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``categories``.
    """
    charset = part.parameters.get("charset", "")
    # A server tells each watcher, and again on each subscription, what it told the last one.
    decode = _decode_once if len(part.data) <= _LONGEST_REMEMBERED else _decode
    return decode(part.data, charset)


def _decode(data: bytes, charset: str) -> EventCategories:
    document = decode_xml(data, charset)
    root = document.root
    if root.name.lower() != "categories":
        raise Malformed(f"root is {root.name[:40]!r}, not categories", layer="presence")
    problems = list(document.problems)
    categories = categories_of(root.all("category"), document, problems)
    return EventCategories(root.get("uri"), categories, tuple(problems))


_LONGEST_REMEMBERED = 2048
_decode_once = lru_cache(4096)(_decode)
