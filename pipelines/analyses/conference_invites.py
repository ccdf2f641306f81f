"""Conference invitations: one row per INVITE that carries ``application/ms-conf-invite+xml``.

The inviter sends it to a person, who accepts with 200; then the inviter ends the dialog at once,
and the invited client goes to the focus by itself, in another dialog. The delay to the final
response is thus a person's, not the network's. Copies of one invitation on several hops, and
repeats after a challenge, are one row.

References
----------
[MS-CONFBAS].
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import (
    Groups,
    Integers,
    codes,
    in_order,
    integers,
    is_one_of,
    nanoseconds,
    seconds_between,
    shared_codes,
    table_frame,
    take,
    times_of,
    truth,
)
from pipelines.needs import only
from pipelines.schema import CONFERENCE_INVITES

_MEDIA_TYPE = "application/ms-conf-invite+xml"


@analysis(
    "conference_invites",
    messages=only(
        (
            "message_id",
            "time",
            "capture",
            "frame_number",
            "call_id",
            "is_request",
            "method",
            "from_uri",
            "from_tag",
            "to_uri",
            "to_tag",
            "content_type",
        ),
        method=("INVITE",),
    ),
    bodies=only(("message_id", "call_id", "media_type", "value"), media_type=(_MEDIA_TYPE,)),
    transactions=only(
        (
            "call_id",
            "from_tag",
            "to_tag",
            "method",
            "cseq",
            "start_time",
            "final_time",
            "status_code",
        ),
        method=("INVITE",),
    ),
)
def conference_invites(
    messages: pd.DataFrame, bodies: pd.DataFrame, transactions: pd.DataFrame
) -> pd.DataFrame:
    """Return the conference invitations in `messages`.

    Parameters
    ----------
    messages, bodies, transactions : DataFrame
        Rows of these tables. An invitation whose body is missing, as trace logs may leave it out,
        has a row all the same.

    Returns
    -------
    DataFrame
        Rows of the table `conference_invites`, in order of the first INVITEs.
    """
    bodies = bodies[is_one_of(bodies["media_type"], _MEDIA_TYPE)].reset_index(drop=True)
    invites = _invites(in_order(messages), bodies)
    groups = Groups.by(codes(invites["call_id"]), codes(invites["from_tag"]))
    first = groups.first()
    from_invite = ("message_id", "capture", "frame_number", "call_id", "from_uri", "to_uri")
    return table_frame(
        CONFERENCE_INVITES,
        {
            **{name: take(invites[name], first) for name in from_invite},
            "time": times_of(nanoseconds(invites["time"]), first),
            **_contents(invites, groups, bodies),
            **_answers(invites, transactions),
        },
    )


def _invites(messages: pd.DataFrame, bodies: pd.DataFrame) -> pd.DataFrame:
    invites = truth(messages["is_request"]) & is_one_of(messages["method"], "INVITE")
    carries = messages["message_id"].isin(bodies["message_id"]).to_numpy(dtype=np.bool_)
    carries = carries | is_one_of(messages["content_type"], _MEDIA_TYPE)
    outside = messages["to_tag"].isna().to_numpy(dtype=np.bool_)
    found: pd.DataFrame = messages[invites & carries & outside].reset_index(drop=True)
    return found


def _contents(invites: pd.DataFrame, groups: Groups, bodies: pd.DataFrame) -> dict[str, Any]:
    """Return what each invitation says, from the first copy whose body could be read."""
    message, carrier = shared_codes(invites["message_id"], bodies["message_id"])
    _, rows = Groups.joined((message,), (carrier,), where=np.ones(len(message), dtype=np.bool_))
    of_body = Groups(np.append(groups.of_row, -1)[rows.of_row], groups.count)
    readable = of_body.first(bodies["value"].notna().to_numpy(dtype=np.bool_))
    texts = bodies["value"].tolist()
    values = [json.loads(texts[row]) if row >= 0 else {} for row in readable.tolist()]
    return {
        "focus_uri": _texts(values, "focus_uri"),
        "conference_id": _texts(values, "conference_id"),
        "subject": _texts(values, "subject"),
        "modalities": np.array(
            [",".join(value.get("modalities") or ()) or None for value in values], dtype=object
        ),
    }


def _texts(values: list[dict[str, Any]], name: str) -> Any:
    return np.array([value.get(name) for value in values], dtype=object)


def _answers(invites: pd.DataFrame, transactions: pd.DataFrame) -> dict[str, Any]:
    """Return the final response to each invitation: to its last INVITE, on the first hop."""
    outside = transactions["to_tag"].isna().to_numpy(dtype=np.bool_)
    asked = transactions["start_time"].notna().to_numpy(dtype=np.bool_)
    invite = is_one_of(transactions["method"], "INVITE")
    transactions = transactions[outside & asked & invite].reset_index(drop=True)
    groups = _of_invites(invites, transactions)
    start = groups.first()
    final_ns = nanoseconds(transactions["final_time"])
    cseq = integers(transactions["cseq"])
    last = cseq == groups.spread(cseq[groups.best(groups.of_row >= 0, -cseq)], -1)
    final = groups.first(last & transactions["final_time"].notna().to_numpy(dtype=np.bool_))
    start_ns = times_of(nanoseconds(transactions["start_time"]), start)
    return {
        "status_code": take(transactions["status_code"], final),
        "answer_s": seconds_between(start_ns, times_of(final_ns, final)),
    }


def _of_invites(invites: pd.DataFrame, transactions: pd.DataFrame) -> Groups:
    keys: list[tuple[Integers, ...]] = [
        tuple(shared_codes(invites[name], transactions[name])) for name in ("call_id", "from_tag")
    ]
    ours, theirs = zip(*keys, strict=True)
    return Groups.joined(ours, theirs, where=np.ones(len(invites), dtype=np.bool_))[1]
