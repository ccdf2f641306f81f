"""Push notifications: one row per MESSAGE that a Mobility Service sends to the clearing house.

Its 200 with error id 30000 says that the clearing house took the notification, not that a telephone
showed it; whether the person came is told by the call or the IM that it announced (see
:mod:`pipelines.announced_calls`). A test (``Test-CsMcxPushNotification``) is told by error id
30007, and before that by its From, which is not that of a mobile user (``sip:McxUser…``).

A notification that the Edge passes on is one row: the copies have one Call-ID, tag and CSeq. Its
answer is that of the first hop that shows one; ``peer_answer_s`` is what passed on the hop nearest
to the clearing house. Without an answer it counts as unanswered only where an answer would have
been seen (:mod:`pipelines.coverage`).

The element tree of the body is not published: ``values`` holds what stands in it, path by path.

References
----------
RFC 3261 §17.1.2; RFC 3428; [MS-OCER] §2.2.1.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from pipelines.analysis import analysis
from pipelines.announced_calls import CALL_COLUMNS, AnnouncedCalls, announceable
from pipelines.coverage import (
    CAPTURE_COLUMNS,
    FLOW_COLUMNS,
    MESSAGE_COLUMNS,
    TIMER_F_NS,
    TLS_COLUMNS,
    Coverage,
    with_names,
)
from pipelines.grouping import (
    NEVER,
    Booleans,
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
from pipelines.schema import PUSH_NOTIFICATIONS

_MEDIA_TYPE = "application/vnd.microsoft.lync.pushnotification+xml"
_ACCEPTED, _TEST_SUCCEEDED = 30000, 30007
_ANSWERING = ("call_id", "from_tag", "method", "status_code", "user_agent")


@analysis(
    "push_notifications",
    whole=True,
    messages=only(
        (
            *MESSAGE_COLUMNS,
            "message_id",
            "capture",
            "frame_number",
            "call_id",
            "cseq",
            "is_request",
            "method",
            "status_code",
            "from_uri",
            "from_tag",
            "to_uri",
            "via_count",
            "user_agent",
            "conversation_id",
            "content_type",
            "content_length",
        ),
        method=("MESSAGE",),
    ),
    traffic=only(MESSAGE_COLUMNS, table="messages"),
    invites=only(_ANSWERING, table="messages", method=("INVITE",)),
    bodies=only(("message_id", "media_type", "value"), media_type=(_MEDIA_TYPE,)),
    transactions=only(
        (
            "request_message_id",
            "call_id",
            "from_tag",
            "method",
            "cseq",
            "status_code",
            "diagnostics_code",
            "response_s",
        ),
        method=("MESSAGE",),
    ),
    calls=CALL_COLUMNS,
    captures=CAPTURE_COLUMNS,
    flows=FLOW_COLUMNS,
    tls_sessions=TLS_COLUMNS,
)
def push_notifications(
    messages: pd.DataFrame,
    traffic: pd.DataFrame,
    invites: pd.DataFrame,
    bodies: pd.DataFrame,
    transactions: pd.DataFrame,
    calls: pd.DataFrame,
    captures: pd.DataFrame,
    flows: pd.DataFrame,
    tls_sessions: pd.DataFrame,
) -> pd.DataFrame:
    """Return the push notifications in `messages`.

    Parameters
    ----------
    messages : DataFrame
        Rows of the table `messages`: at least MESSAGE requests. A notification whose body is
        missing, as trace logs may leave it out, has a row all the same.
    traffic : DataFrame
        All rows of `messages`.
    invites : DataFrame
        Rows of `messages`: at least INVITE and its responses.
    bodies, transactions, calls, captures, flows, tls_sessions : DataFrame
        Rows of these tables.

    Returns
    -------
    DataFrame
        Rows of the table `push_notifications`, in order of time.
    """
    bodies = bodies[is_one_of(bodies["media_type"], _MEDIA_TYPE)].reset_index(drop=True)
    pushes = with_names(_pushes(in_order(messages), bodies))
    groups = Groups.by(
        codes(pushes["call_id"]), codes(pushes["from_tag"]), integers(pushes["cseq"])
    )
    first = groups.first()
    answer, answers = _answers(pushes, transactions)
    from_message = ("message_id", "capture", "frame_number", "call_id", "from_uri", "to_uri")
    diagnostics = take(answers["diagnostics_code"], answer)
    synthetic = _synthetic(take(pushes["from_uri"], first), diagnostics)
    status = take(answers["status_code"], answer)
    coverage = Coverage.of(traffic, captures, flows, tls_sessions, pushes)
    near = announceable(calls, pushes)
    announced = AnnouncedCalls.of(near, _answered_by(invites, near["call_id"]))
    return table_frame(
        PUSH_NOTIFICATIONS,
        {
            **{name: take(pushes[name], first) for name in (*from_message, "content_length")},
            "time": times_of(nanoseconds(pushes["time"]), first),
            "synthetic": synthetic,
            "status_code": status,
            "diagnostics_code": diagnostics,
            "answer_s": take(answers["response_s"], answer),
            **_outcomes(pushes, groups, status, diagnostics, coverage),
            **_peers(pushes, groups, answers),
            **_calls(pushes, first, synthetic, announced),
            "values": _values(pushes, groups, bodies),
        },
    )


# --- the answer ---------------------------------------------------------------------------------


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


def _outcomes(
    pushes: pd.DataFrame, groups: Groups, status: Any, diagnostics: Any, coverage: Coverage
) -> dict[str, Any]:
    """Return what the clearing house said to each notification, and why nothing can be told."""
    codes_of = (integers(pd.Series(one)).tolist() for one in (status, diagnostics))
    silences: dict[int, str | None] = {}
    for group, row in zip(groups.of_row.tolist(), _plain(pushes), strict=True):
        due = NEVER if row.time_ns == NEVER else row.time_ns + TIMER_F_NS
        why = coverage.silence(row.flow_id, row.src_ip, row.recording, due)
        silences[group] = None if why is None else silences.get(group, why)
    outcomes: list[str | None] = []
    reasons: list[str | None] = []
    for group, (code, error_id) in enumerate(zip(*codes_of, strict=True)):
        outcome = _outcome(code, error_id)
        unknown = silences[group] if outcome == "unanswered" else None
        outcomes.append("unknown" if unknown else outcome)
        reasons.append(unknown)
    return {"outcome": _texts(outcomes), "outcome_reason": _texts(reasons)}


def _outcome(status: int, error_id: int) -> str:
    if status < 200:
        return "unanswered"
    # A 2xx without diagnostics (ms-diagnostics-public may be cut off) is an acceptance still.
    fine = status < 300 and error_id in (-1, _ACCEPTED, _TEST_SUCCEEDED)
    return "accepted" if fine else "refused"


def _plain(pushes: pd.DataFrame) -> Any:
    """Return rows of plain values, None where missing, times as nanoseconds."""
    names = ["flow_id", "src_ip", "recording", "from_uri", "conversation_id"]
    texts = pushes[names].astype(object).where(pushes[names].notna(), None)
    return texts.assign(time_ns=nanoseconds(pushes["time"])).itertuples(index=False)


def _peers(pushes: pd.DataFrame, groups: Groups, answers: pd.DataFrame) -> dict[str, Any]:
    """Return where the copy with the most Vias went, and how long its answer took there."""
    everything = np.ones(len(pushes), dtype=np.bool_)
    farthest = groups.best(everything, -integers(pushes["via_count"]))
    sent, asked = shared_codes(pushes["message_id"], answers["request_message_id"])
    of_copy = Groups.joined((sent,), (asked,), where=everything)
    transaction = np.append(of_copy[1].first(), -1)[of_copy[0].of_row[farthest]]
    return {
        "peer": take(pushes["dst_ip"], farthest),
        "peer_answer_s": take(answers["response_s"], transaction),
    }


# --- the call -----------------------------------------------------------------------------------


def _answered_by(
    invites: pd.DataFrame, call_ids: pd.Series[str]
) -> dict[tuple[str, str], str | None]:
    """Return who sent the first 2xx to each INVITE of some Call-IDs: its User-Agent or Server."""
    status = integers(invites["status_code"])
    success = (status >= 200) & (status < 300) & is_one_of(invites["method"], "INVITE")
    rows = invites.loc[success, ["call_id", "from_tag", "user_agent"]]
    rows = rows[rows["call_id"].isin(call_ids)]
    found: dict[tuple[str, str], str | None] = {}
    for call_id, from_tag, agent in rows.itertuples(index=False):
        found.setdefault((call_id, from_tag), None if pd.isna(agent) else str(agent))
    return found


def _calls(
    pushes: pd.DataFrame, first: Integers, synthetic: Any, calls: AnnouncedCalls
) -> dict[str, Any]:
    """Return the call that each notification was sent for; nothing for tests."""
    tests = truth(pd.Series(synthetic))
    rows: list[tuple[Any, ...]] = []
    times = []
    for row, test in zip(_plain(pushes.iloc[first]), tests.tolist(), strict=True):
        user = None if test else calls.user(row.from_uri)
        found = None if test else calls.find(row.from_uri, row.conversation_id, row.time_ns)
        rows.append((user, *_told(*found)) if found else (user, None, None, None, None))
        call = found[0] if found else None
        times.append((row.time_ns, *(_moments(call) if call else (NEVER,) * 3)))
    columns = list(zip(*rows, strict=True)) or [()] * 5
    sent, answered, started, missed = np.array(times, dtype=np.int64).reshape(-1, 4).T
    return {
        **{
            name: _texts(list(values))
            for name, values in zip(
                ("user_uri", "call_key", "joined_by", "call_fate"), columns[:4], strict=True
            )
        },
        "call_status_code": pd.array(list(columns[4]), dtype="Int64"),
        "wake_s": seconds_between(sent, answered),
        "waited_s": seconds_between(started, missed),
    }


def _told(call: Any, joined_by: str) -> tuple[Any, ...]:
    return call.call_key, joined_by, call.fate, call.status_code


def _moments(call: Any) -> tuple[int, int, int]:
    """Return when the app woke, and begin and end of the wait that it missed."""
    woke = call.answer_ns if call.fate == "answered" else NEVER
    missed = call.end_ns if call.fate in ("missed", "cancelled") else NEVER
    return woke, call.start_ns, missed


def _texts(values: list[str | None]) -> Any:
    return pd.array(values, dtype=pd.StringDtype("pyarrow"))


# --- what it says -------------------------------------------------------------------------------


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
