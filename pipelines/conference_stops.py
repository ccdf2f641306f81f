"""Where a conference's join stopped, who said what about it, and what the capture does not show.

A row is what :mod:`pipelines.analyses.conference_joins` makes of a join and one of its modalities:
a dict of columns.

References
----------
[MS-CONFBAS] §3.1; RFC 6076 §4.7; RFC 3261 §17.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.conference_evidence import Evidence
from pipelines.conferences import Dialog, Join, address_of, counting_try

Values = dict[str, Any]
"""Columns of a row; times in nanoseconds since 1970 UTC, None or absent where not known."""

_GAVE_UP = 487
_BY_PEOPLE = (480, 486, 487, 600, 603, 607)
"""Final responses that tell what a person did: RFC 6076 §4.7 counts them as effective."""


def between(start: int | None, end: int | None) -> float | None:
    """Return the seconds from one time to another; None where one is missing or comes first."""
    return None if start is None or end is None or end < start else (end - start) / 1e9


def ready_time(row: Values) -> int | None:
    """Return when the client could go on: the focus, addUser and the lobby were done."""
    steps = (row.get(name) for name in ("focus_answer_time", "add_user_time", "admitted_time"))
    return max((step for step in steps if step is not None), default=None)


def is_settled(command: Any) -> bool:
    """Return whether the final answer to a command was seen."""
    return command.code is not None and command.code != "pending"


def stop_of(join: Join, run: list[Dialog], row: Values, evidence: Evidence) -> Values:
    """Return how far it came, and who said what about it."""
    if run:
        return _stop_at_media(join, counting_try(run), evidence)
    if join.focus:
        return _stop_at_focus(join, join.focus, row, evidence)
    return _stop_at_invitation(join, row, evidence)


def _stop_at_media(join: Join, media: Dialog, evidence: Evidence) -> Values:
    failed = evidence.failed_media.get(media.call_id)
    if media.accepted and failed and evidence.ice_of(media) is None:
        said = f"{failed.code} {failed.reason or ''}".strip()
        return _told("incomplete", "ice", said, diagnostics_code=failed.code,
                     stop_message_id=failed.message_id)  # fmt: skip
    if media.accepted:
        return _told("joined", None, None)
    if media.refused:
        person = media.called and media.status in _BY_PEOPLE
        outcome = "declined" if person else _refusal(media)
        return _told(outcome, "media", **_response(media, evidence))
    why = "no final response to the MCU's INVITE" if join.called else _unanswered("an MCU")
    return _told("incomplete", "media", why, waited_s=_waited(media, media.time, evidence))


def _stop_at_focus(join: Join, focus: Dialog, row: Values, evidence: Evidence) -> Values:
    if focus.refused:
        return _told(_refusal(focus), "focus", **_response(focus, evidence))
    if not focus.accepted:
        waited = _waited(focus, focus.time, evidence)
        return _told("incomplete", "focus", _unanswered("the focus"), waited_s=waited)
    command = evidence.commands.get(focus.call_id)
    if command and command.code == "failure":
        said, where = command.reason or "failure", command.answer_message_id
        return _told("refused", "addUser", said, stop_message_id=where)
    if row["lobby_time"] is not None and row["admitted_time"] is None:
        return _stop_in_lobby(join, focus, row["lobby_time"], evidence)
    waited = _waited(focus, ready_time(row), evidence)
    if command and not is_settled(command):
        said = "no answer to addUser" if command.code is None else "addUser stayed pending"
        return _told("incomplete", "addUser", said, waited_s=waited)
    if focus.end_time is not None and focus.ended_by == "caller":
        return _told("left", "media", "ended the dialog with the focus", waited_s=waited)
    if focus.end_time is not None:
        return _told("incomplete", "media", "the focus ended the dialog", waited_s=waited)
    outcome = "unknown" if _has_media(join, row, evidence) else "incomplete"
    return _told(outcome, "media", "no INVITE to an MCU", waited_s=waited)


def _has_media(join: Join, row: Values, evidence: Evidence) -> bool:
    """Return whether a dialog with an MCU was at work, whose INVITE the capture lacks."""
    who = join.conference, address_of(join.user_uri)
    return evidence.left_traces(who, with_focus=False, since=ready_time(row))


def _stop_in_lobby(join: Join, focus: Dialog, since: int, evidence: Evidence) -> Values:
    who = join.conference, address_of(join.user_uri)
    waited = _waited(focus, since, evidence)
    if evidence.lobby_of(who, focus.begin)[2] or focus.ended_by == "callee":
        return _told("refused", "lobby", "not let in from the lobby", waited_s=waited)
    if focus.ended_by == "caller":
        return _told("left", "lobby", "left the lobby", waited_s=waited)
    return _told("lobby", "lobby", "waits in the lobby", waited_s=waited)


def _stop_at_invitation(join: Join, row: Values, evidence: Evidence) -> Values:
    one = join.invitation
    if one is None:
        return _told("unknown", None, None)
    if join.present:
        return _told("present", None, "was in the conference when it accepted")
    if one.accept_time is None:
        outcome = "unanswered" if one.status is None else "declined"
        return _told(outcome, "invitation", None, status_code=one.status,
                     stop_message_id=one.final_id)  # fmt: skip
    missed = row["client_seen"] and join.conference[0] and not _has_focus(join, evidence)
    return _told(
        "incomplete" if missed else "unknown",
        "focus",
        "no INVITE to the focus",
        waited_s=between(one.accept_time, evidence.end_of(one.capture)),
    )


def _has_focus(join: Join, evidence: Evidence) -> bool:
    """Return whether a dialog with the focus was at work, whose INVITE the capture lacks."""
    who = ("", join.conference[1]), address_of(join.user_uri)
    since = join.invitation.accept_time if join.invitation else None
    return evidence.left_traces(who, with_focus=True, since=since)


def _refusal(dialog: Dialog) -> str:
    return "left" if dialog.status == _GAVE_UP else "refused"


def _unanswered(whom: str) -> str:
    return f"no final response to the INVITE to {whom}"


def _response(dialog: Dialog, evidence: Evidence) -> Values:
    code, text = evidence.diagnoses.get(dialog.final_id or "", (None, ""))
    words = [str(word) for word in (dialog.status, code, text) if word]
    return {
        "reason": " ".join(words),
        "status_code": dialog.status,
        "diagnostics_code": code,
        "stop_message_id": dialog.final_id,
    }


def _waited(dialog: Dialog, since: int | None, evidence: Evidence) -> float | None:
    end = evidence.end_of(dialog.capture)
    if dialog.end_time is not None:
        end = dialog.end_time if end is None else min(dialog.end_time, end)
    return between(since, end)


def _told(outcome: str, stopped_at: str | None, reason: str | None, **more: Any) -> Values:
    return {"outcome": outcome, "stopped_at": stopped_at, "reason": reason, **more}


def not_seen_in(join: Join, run: list[Dialog], row: Values, evidence: Evidence) -> Iterator[str]:
    """Yield the names of steps that must have been, or might have been, and are not there."""
    one, focus = join.invitation, join.focus
    if one is not None and not join.conference[0]:
        yield "focus-uri of the invitation"
    if one is not None and one.status is None:
        yield "answer to the invitation"
    if focus is None and not join.called and (run or row["outcome"] == "unknown"):
        yield "dialog with the focus"
    if focus is not None:
        yield from _half_seen(focus, "focus")
        if focus.accepted and row.get("add_user_s") is None:
            yield "answer to addUser"
    if focus is not None and not run and row["outcome"] == "unknown":
        yield "INVITE to an MCU"
    if run:
        yield from _half_seen(counting_try(run), "MCU")
        if row["outcome"] == "joined" and join.conference not in evidence.rosters:
            yield "roster"


def _half_seen(dialog: Dialog, whom: str) -> Iterator[str]:
    if dialog.time is None:
        yield f"INVITE to the {whom}"
    if dialog.status is None:
        yield f"answer of the {whom}"
