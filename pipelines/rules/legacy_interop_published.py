"""A presence that is published for everybody outside, by way of an old category.

``legacyInterop`` in the containers 0 and 100 makes Lync Server show an application's presence to
Skype and other public providers. It was not meant for that: the server bears so many subscribers
of such an endpoint and no more; no source that we know puts a number to it. So this is a note,
with the count of those who were seen to subscribe.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, message, rule
from pipelines.grouping import is_one_of
from pipelines.presence_claims import plain_rows, same, who

_PUBLISH = "application/msrtc-category-publish+xml"
_OUTSIDE = (0, 100)


@rule(
    "legacy_interop_published",
    "note",
    whole=True,
    presence=(
        "message_id",
        "time",
        "contact_uri",
        "part_media_type",
        "category",
        "container",
        "availability",
    ),
    subscriptions=("subscriber_uri", "contact_uri", "route"),
)
def legacy_interop_published(
    presence: pd.DataFrame, subscriptions: pd.DataFrame
) -> Iterator[Finding]:
    """Find endpoints that show themselves to public providers by publishing legacyInterop."""
    published = presence[
        is_one_of(presence["category"], "legacyInterop")
        & is_one_of(presence["part_media_type"], _PUBLISH)
    ]
    rows = [row for row in plain_rows(published) if row.container in _OUTSIDE]
    if not rows:
        return
    watchers = _watchers(subscriptions)
    for row in rows:
        yield _finding(row, len(watchers.get(same(row.contact_uri), ())))


def _watchers(subscriptions: pd.DataFrame) -> dict[str | None, set[str | None]]:
    """Return by contact who subscribes to it from Skype."""
    found: dict[str | None, set[str | None]] = {}
    for row in plain_rows(subscriptions[is_one_of(subscriptions["route"], "skype")]):
        found.setdefault(same(row.contact_uri), set()).add(same(row.subscriber_uri))
    return found


def _availability(row: Any) -> str:
    return "" if row.availability is None else f" (availability {row.availability})"


def _finding(row: Any, watchers: int) -> Finding:
    seen = f"{watchers:,} subscriber{'' if watchers == 1 else 's'} from Skype"
    return Finding(
        title="Presence published for public providers through legacyInterop",
        subject=row.contact_uri,
        start_time=row.time,
        evidence=(message(row.message_id),),
        explanation=f"{who(row.contact_uri)} publishes legacyInterop{_availability(row)} "
        f"in container {row.container}, so that public providers see it; the capture shows {seen}.",
        advice="Expect the server to limit how many can subscribe to such an endpoint. A server "
        "application that answers the SUBSCRIBE requests of public providers has no such limit.",
        reference="[MS-PRES] (legacyInterop)",
    )
