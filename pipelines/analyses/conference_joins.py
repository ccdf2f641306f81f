"""Conference joins: the dialogs of each participant put together, and what each step took.

The steps are: a person accepts the invitation (which is not counted), the client's INVITE to the
focus with addUser, the focus's answer, the client's INVITE to each MCU, the MCU's 2xx, and ICE's
conclusion in a second INVITE. A join without invitation begins with the INVITE to the focus. A wait
in the lobby is a person's, and is not counted either.

Where a join stopped is told only as far as the capture shows who had to go on: that the capture of
an inviter shows no INVITE to the focus means nothing, as it does not come by there.

References
----------
[MS-CONFBAS] §3.1, §3.2, §2.2.3.4; [MS-CONFAV] §3.2; RFC 4575 §5.7 (status).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.analysis import analysis
from pipelines.conference_evidence import Evidence, dialogs_in, invitations_in
from pipelines.conference_stops import Values, between, is_settled, not_seen_in, ready_time, stop_of
from pipelines.conferences import (
    ADDED,
    LATER,
    Dialog,
    Invitation,
    Join,
    address_of,
    counting_try,
    joins_of,
)
from pipelines.grouping import rows_frame
from pipelines.needs import only
from pipelines.schema import CONFERENCE_JOINS


@analysis(
    "conference_joins",
    whole=True,
    conference_invites=(
        "message_id", "time", "capture", "call_id", "to_uri", "focus_uri", "conference_id",
        "status_code", "answer_s",
    ),
    conference_commands=(
        "time", "call_id", "kind", "verb", "mcu_uri", "code", "reason", "answer_message_id",
        "answer_s",
    ),
    conference_participants=(
        "time", "conference_uri", "conference_id", "level", "change", "user_uri", "session_type",
        "status",
    ),
    invites=only(
        (
            "capture", "flow_id", "method", "call_id", "from_uri", "from_tag", "to_uri", "to_tag",
            "start_time", "final_time", "status_code", "outcome", "request_message_id",
            "final_message_id",
        ),
        table="transactions",
        method=("INVITE",),
    ),
    messages=only(
        ("message_id", "is_request", "from_epid", "to_epid", "user_agent"), method=("INVITE",)
    ),
    transactions=("from_uri", "to_uri", "start_time", "final_time"),
    requests=only(
        (
            "time", "capture", "flow_id", "is_request", "from_uri", "from_epid", "to_uri",
            "via_count",
        ),
        table="messages",
        is_request=(True,),
    ),
    dialogs=("call_id", "end_time", "ended_by"),
    media_streams=("call_id", "answer_time", "ice_concluded"),
    diagnostics=("message_id", "time", "call_id", "method", "status_code", "code", "reason"),
    captures=("capture", "recording", "end_time"),
    flows=("flow_id", "lost_bytes"),
)  # fmt: skip
def conference_joins(
    conference_invites: pd.DataFrame,
    conference_commands: pd.DataFrame,
    invites: pd.DataFrame,
    messages: pd.DataFrame,
    dialogs: pd.DataFrame,
    **known: pd.DataFrame,
) -> pd.DataFrame:
    """Return the conference joins that the tables hold.

    Parameters
    ----------
    conference_invites, conference_commands, dialogs : DataFrame
        Rows of these tables.
    invites, messages : DataFrame
        Rows of `transactions` and `messages`: at least INVITE and its responses.
    **known : DataFrame
        Rows of `transactions`, `conference_participants`, `media_streams`, `diagnostics`,
        `captures`, `flows`; and as `requests` all requests of `messages`.

    Returns
    -------
    DataFrame
        Rows of the table `conference_joins`, in order of their beginnings. A dialog whose opening
        was not captured, neither INVITE nor answer, makes none.
    """
    invitations = invitations_in(conference_invites, invites, messages)
    joins = joins_of(invitations, dialogs_in(invites, messages, dialogs))
    evidence = Evidence()
    if joins:
        evidence.add_commands(conference_commands)
        evidence.add_media(known["media_streams"])
        evidence.add_diagnostics(known["diagnostics"])
        evidence.add_traces(known["transactions"])
        evidence.add_roster(known["conference_participants"])
        evidence.add_places(known["captures"], known["flows"])
        evidence.add_clients(known["requests"], {address_of(one.user_uri) for one in invitations})
    rows = [row for join in joins for row in _rows(join, evidence)]
    return rows_frame(CONFERENCE_JOINS, rows)


# --- one join -----------------------------------------------------------------------------------


def _rows(join: Join, evidence: Evidence) -> Iterator[Values]:
    """Yield a row for each modality of a join, or the one row of a join without any."""
    shared = _beginning(join, evidence)
    for number, run in enumerate(join.modalities() or [[]]):
        row = shared | _media(join, run, shared, evidence, within=ADDED if number else LATER)
        row |= stop_of(join, run, row, evidence)
        if row["outcome"] != "joined":
            row |= {"joined_time": None, "join_s": None}
        row["not_seen"] = ", ".join(not_seen_in(join, run, row, evidence)) or None
        yield row


def _beginning(join: Join, evidence: Evidence) -> Values:
    """Return what all modalities of a join share."""
    first: Any = join.invitation or join.dialogs[0]
    organiser, conference_id = join.conference
    return {
        "join_id": _first_message(join),
        "capture": first.capture,
        "conference_id": conference_id or None,
        "organiser": organiser or None,
        "user_uri": join.user_uri or None,
        "epid": next((one.epid for one in join.dialogs if one.epid), None),
        "user_agent": next((one.product for one in join.dialogs if one.product), None),
        "entry": _entry(join),
        "client_seen": _sees_client(join, evidence),
        "lost_bytes": evidence.lost_by(one.flow_id for one in _parts(join)),
        **_invitation(join),
        **_focus(join, evidence),
    }


def _parts(join: Join) -> list[Dialog | Invitation]:
    return [*([join.invitation] if join.invitation else []), *join.dialogs]


def _sees_client(join: Join, evidence: Evidence) -> bool:
    one = join.invitation
    return True if one is None or join.dialogs else evidence.sees_client(one)


def _first_message(join: Join) -> str | None:
    if join.invitation:
        return join.invitation.message_id
    ids = (one.request_id or one.final_id for one in join.dialogs)
    return next((one for one in ids if one), None)


def _entry(join: Join) -> str | None:
    if join.called:
        return "called"
    if join.invitation:
        return "invited"
    lower = join.user_uri.lower()
    if lower.startswith("tel:") or "user=phone" in lower:
        return "telephone"
    return "direct" if join.tries else None


def _invitation(join: Join) -> Values:
    one = join.invitation
    if one is None:
        return {}
    return {
        "invite_time": one.time,
        "accept_time": one.accept_time,
        "accept_s": one.answer_s,
        "invitation_call_id": one.call_id,
        "invitation_message_id": one.message_id,
    }


def _focus(join: Join, evidence: Evidence) -> Values:
    """Return the steps with the focus, from the first try to the answer of the last."""
    focus = join.focus
    if focus is None:
        return {}
    begin, answer = join.tries[0].time, focus.answer_time
    command = evidence.commands.get(focus.call_id)
    added = _after(command.time, command.answer_s) if command and is_settled(command) else None
    made = {
        "focus_time": begin,
        "focus_answer_time": answer,
        "add_user_time": added,
        "begin_s": between(_accepted(join, evidence), begin),
        "focus_s": between(begin, answer) if focus.accepted else None,
        "add_user_s": command.answer_s if command else None,
        "focus_call_id": focus.call_id,
        "focus_message_id": focus.request_id,
    }
    return made | _lobby(join, focus, evidence)


def _lobby(join: Join, focus: Dialog, evidence: Evidence) -> Values:
    """Return the wait in the lobby, which only a roster tells: pending may be any slow answer."""
    who = join.conference, address_of(join.user_uri)
    held, admitted, _ = evidence.lobby_of(who, focus.begin)
    return {
        "lobby_time": held,
        "admitted_time": admitted,
        "lobby_s": between(held, admitted),
    }


def _media(join: Join, run: list[Dialog], row: Values, evidence: Evidence, within: int) -> Values:
    """Return the steps with an MCU, and what the whole join took."""
    if not run:
        return {"tries": len(join.tries)}
    first, last = run[0], counting_try(run)
    ready = ready_time(row)
    later = first.time is not None and ready is not None and first.time - ready > within
    ice = evidence.ice_of(last) if last.accepted else None
    who = join.conference, address_of(join.user_uri)
    connected = evidence.connected_of(who, first.part.kind, first.begin)
    joined = (ice or last.answer_time) if last.accepted else None
    made = {
        "modality": first.part.kind,
        "media_time": first.time,
        "media_answer_time": last.answer_time,
        "ice_time": ice,
        "connected_time": connected,
        "joined_time": joined,
        "client_s": None if later else between(ready, first.time),
        "media_s": between(first.time, last.answer_time) if last.accepted else None,
        "ice_s": between(last.answer_time, ice),
        "connected_s": between(first.time, connected),
        "later": later,
        "tries": len(run),
        "media_call_id": last.call_id,
        "media_message_id": first.request_id,
    }
    return made | {"join_s": _whole(join, row | made, evidence)}


def _whole(join: Join, row: Values, evidence: Evidence) -> float | None:
    """Return what the join took, without what people took."""
    if join.called or (join.focus is None and join.invitation is not None):
        return None
    if row["later"] or join.focus is None:
        return between(row["media_time"], row["joined_time"])
    took = between(_accepted(join, evidence) or row["focus_time"], row["joined_time"])
    if took is None or row["lobby_time"] is None:
        return took
    return None if row["lobby_s"] is None else max(took - row["lobby_s"], 0.0)


def _accepted(join: Join, evidence: Evidence) -> int | None:
    """Return when the invitation was accepted, if the clock of what followed tells it."""
    if join.invitation is None or not join.tries:
        return None
    clocks = {evidence.recording_of(one.capture) for one in (join.invitation, join.tries[0])}
    return join.invitation.accept_time if len(clocks) == 1 else None


def _after(start: int, seconds: float | None) -> int | None:
    return None if seconds is None else start + round(seconds * 1e9)
