"""``application/msrtc-presence-setsubscriber+xml``: a user acknowledges those who watch.

References
----------
[MS-PRES].
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies
from dissectors.errors import Malformed
from dissectors.markup import decode_xml
from dissectors.presence.access import Subscriber, subscriber_of


@dataclass(frozen=True, slots=True)
class SetSubscribers:
    """A command to acknowledge subscribers."""

    subscribers: tuple[Subscriber, ...]
    """``subscriber`` elements, in order."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/msrtc-presence-setsubscriber+xml")
def decode_set_subscribers(part: MediaPart) -> SetSubscribers:
    """Return a command to acknowledge subscribers.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``setSubscribers``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "setsubscribers":
        raise Malformed(f"root is {root.name[:40]!r}, not setSubscribers", layer="presence")
    subscribers = [subscriber_of(child) for child in root.all("subscriber")]
    return SetSubscribers(tuple(subscribers), document.problems)
