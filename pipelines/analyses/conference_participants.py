"""A conference's roster: one row per change of a user, an endpoint or a medium.

Made of the documents that the focus sends a subscriber (``application/conference-info+xml`` in
NOTIFY, BENOTIFY and the 200 OK to SUBSCRIBE): whole and partial ones are folded, in the order of
their versions, and what each changed becomes rows. Copies of a document on several hops count once.

References
----------
RFC 4575 §4; [MS-CONFBAS] §2.2.2.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipelines.analysis import analysis
from pipelines.body_values import BODY_COLUMNS, body_values, short
from pipelines.grouping import in_order, is_one_of, nanoseconds, rows_frame
from pipelines.needs import only
from pipelines.rosters import FULL, Change, Roster, in_versions
from pipelines.schema import CONFERENCE_PARTICIPANTS

_MEDIA_TYPE = "application/conference-info+xml"
_PLACE = ("message_id", "capture", "frame_number", "call_id")


@analysis(
    "conference_participants",
    bodies=only(
        ("message_id", "time", "capture", "frame_number", "call_id", *BODY_COLUMNS),
        media_type=(_MEDIA_TYPE,),
    ),
)
def conference_participants(bodies: pd.DataFrame) -> pd.DataFrame:
    """Return the changes of the rosters in `bodies`.

    Parameters
    ----------
    bodies : DataFrame
        Rows of this table.

    Returns
    -------
    DataFrame
        Rows of the table `conference_participants`, in order of time; within one Call-ID and
        conference in order of the documents' versions.
    """
    rows: list[dict[str, Any]] = []
    for documents in _subscriptions(bodies).values():
        roster = Roster()
        for place, document in in_versions(documents):
            changes = roster.push(document)
            rows += [_row(place, document, roster.complete, change) for change in changes]
    rows.sort(key=lambda row: row["time"])
    return rows_frame(CONFERENCE_PARTICIPANTS, rows)


_Documents = list[tuple[dict[str, Any], dict[str, Any]]]


def _subscriptions(bodies: pd.DataFrame) -> dict[tuple[str, str], _Documents]:
    """Return place and value of each document by Call-ID and conference, in order of time."""
    mine = is_one_of(bodies["media_type"], _MEDIA_TYPE)
    bodies = in_order(bodies[mine].reset_index(drop=True))
    places = [bodies[name].astype(object).tolist() for name in _PLACE]
    times = nanoseconds(bodies["time"]).tolist()
    found: dict[tuple[str, str], _Documents] = {}
    copies: set[tuple[str, int]] = set()
    values = body_values(bodies)
    for time_ns, value, *place in zip(times, values, *places, strict=True):
        where = dict(zip(_PLACE, place, strict=True), time=time_ns)
        # Rows of one text share one value, so a copy is the same object.
        if value is None or (where["call_id"], id(value)) in copies:
            continue
        copies.add((where["call_id"], id(value)))
        key = where["call_id"], (value.get("entity") or "").lower()
        found.setdefault(key, []).append((where, value))
    return found


def _row(
    place: dict[str, Any], document: dict[str, Any], complete: bool, change: Change
) -> dict[str, Any]:
    user, endpoint, media = change.user, change.endpoint, change.media
    return {
        **place,
        "conference_uri": short(document.get("entity")),
        "conference_id": short(document.get("conference_id")),
        "version": document.get("version"),
        "document": document.get("state") or FULL,
        "complete": complete,
        "level": change.level,
        "change": change.change,
        "user_uri": short(user.get("entity")),
        "display_text": short(user.get("display_text")),
        "roles": short(",".join(user.get("roles") or ()) or None),
        "endpoint_id": short(endpoint.get("entity")),
        "session_type": short(endpoint.get("session_type")),
        "status": short(endpoint.get("status")),
        "previous_status": short(change.previous_status),
        "joining_method": endpoint.get("joining_method"),
        "disconnection_method": endpoint.get("disconnection_method"),
        "disconnection_reason": short(endpoint.get("disconnection_reason")),
        "media_id": media.get("id"),
        "media_type": media.get("type"),
        "media_label": media.get("label"),
        "media_status": media.get("status"),
        "media_state": media.get("media_state"),
    }
