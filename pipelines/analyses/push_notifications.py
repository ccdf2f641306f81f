"""Push notifications: one row per MESSAGE that a Mobility Service sends to the clearing house.

Its 200 with error id 30000 says that the clearing house took the notification, not that a telephone
showed it; whether the person came is told by the call or the IM that it announced. A test
(``Test-CsMcxPushNotification``) is told by error id 30007, and before that by its From, which is
not that of a mobile user (``sip:McxUser…``).

The element tree of the body is not published: ``values`` holds what stands in it, path by path.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import (
    Booleans,
    Groups,
    codes,
    in_order,
    integers,
    is_one_of,
    nanoseconds,
    shared_codes,
    table_frame,
    take,
    times_of,
    truth,
)
from pipelines.schema import PUSH_NOTIFICATIONS

_MEDIA_TYPE = "application/vnd.microsoft.lync.pushnotification+xml"
_TEST_SUCCEEDED = 30007


@analysis(
    "push_notifications",
    messages=(
        "message_id",
        "time",
        "capture",
        "frame_number",
        "call_id",
        "cseq",
        "is_request",
        "method",
        "from_uri",
        "from_tag",
        "to_uri",
        "content_type",
        "content_length",
    ),
    bodies=("message_id", "call_id", "media_type", "value"),
    transactions=(
        "call_id",
        "from_tag",
        "method",
        "cseq",
        "request_message_id",
        "status_code",
        "diagnostics_code",
        "response_s",
    ),
)
def push_notifications(
    messages: pd.DataFrame, bodies: pd.DataFrame, transactions: pd.DataFrame
) -> pd.DataFrame:
    """Return the push notifications in `messages`.

    Parameters
    ----------
    messages, bodies, transactions : DataFrame
        Rows of these tables. A notification whose body is missing, as trace logs may leave it out,
        has a row all the same.

    Returns
    -------
    DataFrame
        Rows of the table `push_notifications`, in order of time.
    """
    bodies = bodies[is_one_of(bodies["media_type"], _MEDIA_TYPE)].reset_index(drop=True)
    pushes = _pushes(in_order(messages), bodies)
    groups = Groups.by(
        codes(pushes["call_id"]), codes(pushes["from_tag"]), integers(pushes["cseq"])
    )
    first = groups.first()
    answer, answers = _answers(pushes, transactions)
    from_message = ("message_id", "capture", "frame_number", "call_id", "from_uri", "to_uri")
    diagnostics = take(answers["diagnostics_code"], answer)
    return table_frame(
        PUSH_NOTIFICATIONS,
        {
            **{name: take(pushes[name], first) for name in (*from_message, "content_length")},
            "time": times_of(nanoseconds(pushes["time"]), first),
            "synthetic": _synthetic(take(pushes["from_uri"], first), diagnostics),
            "status_code": take(answers["status_code"], answer),
            "diagnostics_code": diagnostics,
            "answer_s": take(answers["response_s"], answer),
            "values": _values(pushes, groups, bodies),
        },
    )


def _pushes(messages: pd.DataFrame, bodies: pd.DataFrame) -> pd.DataFrame:
    sent = truth(messages["is_request"]) & is_one_of(messages["method"], "MESSAGE")
    carries = messages["message_id"].isin(bodies["message_id"]).to_numpy(dtype=np.bool_)
    carries = carries | is_one_of(messages["content_type"], _MEDIA_TYPE)
    found: pd.DataFrame = messages[sent & carries].reset_index(drop=True)
    return found


def _answers(pushes: pd.DataFrame, transactions: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    """Return the row of each notification's transaction, if possible of one with an answer.

    An answer whose request was seen only on another hop is one too.
    """
    message = is_one_of(transactions["method"], "MESSAGE")
    transactions = transactions[message].reset_index(drop=True)
    call = shared_codes(pushes["call_id"], transactions["call_id"])
    tag = shared_codes(pushes["from_tag"], transactions["from_tag"])
    cseq = integers(pushes["cseq"]), integers(transactions["cseq"])
    ours, theirs = zip(call, tag, cseq, strict=True)
    everything = np.ones(len(pushes), dtype=np.bool_)
    groups = Groups.joined(ours, theirs, where=everything)[1]
    asked = transactions["request_message_id"].notna().to_numpy(dtype=np.bool_)
    answered = transactions["status_code"].notna().to_numpy(dtype=np.bool_)
    return groups.first(asked & answered, answered, asked), transactions


def _synthetic(from_uri: Any, diagnostics: Any) -> Any:
    """Return whether each notification is a test; missing where neither From nor answer tells."""
    uris = pd.Series(from_uri).astype("string")
    mobile = uris.str.contains("mcxuser", case=False, regex=False)
    tested = pd.Series(diagnostics).astype("Int64") == _TEST_SUCCEEDED
    return (tested.fillna(False) | ~mobile).array


def _values(pushes: pd.DataFrame, groups: Groups, bodies: pd.DataFrame) -> Any:
    """Return what each notification says, from the first copy whose body could be read."""
    message, carrier = shared_codes(pushes["message_id"], bodies["message_id"])
    everything: Booleans = np.ones(len(message), dtype=np.bool_)
    _, rows = Groups.joined((message,), (carrier,), where=everything)
    of_body = Groups(np.append(groups.of_row, -1)[rows.of_row], groups.count)
    readable = of_body.first(bodies["value"].notna().to_numpy(dtype=np.bool_))
    texts = bodies["value"].tolist()
    return np.array([_tree(texts[row]) if row >= 0 else None for row in readable], dtype=object)


def _tree(value: str) -> str:
    return json.dumps(json.loads(value).get("values"), ensure_ascii=False, separators=(",", ":"))
