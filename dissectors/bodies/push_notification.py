"""``application/vnd.microsoft.lync.pushNotification+xml``: wakes a phone that runs Lync Mobile.

The Front End's mobility service (Mcx) sends it in a MESSAGE, through the Edge, to the Push
Notification Clearing House (``sipfed.online.lync.com``). Microsoft has published no schema, and
traces carry the body deleted: so the tree is told as it is, path → value.

Lync writes .NET's name of the encoding as the charset: ``charset="Unicode (UTF-8)"``.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, flat_values
from dissectors.markup import decode_xml


@dataclass(frozen=True, slots=True)
class PushNotification:
    """A push notification."""

    root: str
    """Local name of the document element."""
    charset: str | None
    """``charset`` of the Content-Type as sent, or None."""
    values: dict[str, str]
    """Path → text or attribute, as :func:`dissectors.markup.flatten` writes them; without keys."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/vnd.microsoft.lync.pushnotification+xml", tabulated=True)
def decode_push_notification(part: MediaPart) -> PushNotification:
    """Return a push notification.

    Raises
    ------
    DissectError
        When it is no XML.
    """
    charset = part.parameters.get("charset")
    document = decode_xml(part.data, charset or "")
    root = document.root
    return PushNotification(root.name, charset, flat_values(root), document.problems)
