"""A contact whose presence is refused, be it with a status of its own or inside a 200 OK.

That a subscription ended because its time was over, or was moved, is no refusal: the reasons
``timeout``, ``deactivated`` and ``probation`` ask the subscriber to come again (RFC 6665 §4.1.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, message, rule
from pipelines.presence_claims import of_application, plain_rows, who

_REASONS = ("forbidden", "rejected", "noresource", "giveup", "invariant")
_NOT_TRUSTED = 2157
_ELSEWHERE = ("hybrid", "federated")
_CHALLENGES = (401, 407)
_NOBODY = (404, 410, 604)


@rule(
    "presence_refused",
    "warning",
    whole=True,
    subscriptions=(
        "message_id",
        "time",
        "subscriber_uri",
        "subscriber_kind",
        "contact_uri",
        "route",
        "response_status",
        "answer",
        "reason",
        "status_code",
        "diagnostics_code",
        "answer_message_id",
    ),
)
def presence_refused(subscriptions: pd.DataFrame) -> Iterator[Finding]:
    """Find contacts whose presence is refused, also where the SUBSCRIBE got 200 OK."""
    answers = subscriptions[subscriptions["answer"].isin(("terminated", "refused"))]
    for row in plain_rows(answers):
        if _is_refusal(row) and not _is_untrusted(row):
            yield _finding(row)


def _is_refusal(row: Any) -> bool:
    if row.answer == "refused":
        return row.status_code >= 400 and row.status_code not in _CHALLENGES
    return (row.status_code or 0) >= 300 or row.reason in _REASONS


def _is_untrusted(row: Any) -> bool:
    """Return whether it is what `presence_forbidden_untrusted` finds."""
    if row.diagnostics_code == _NOT_TRUSTED:
        return True
    forbidden = row.status_code == 403 and row.route in _ELSEWHERE
    return forbidden and of_application(row.subscriber_kind)


def _finding(row: Any) -> Finding:
    inside = row.answer == "terminated"
    what = _told(row)
    return Finding(
        title=f"Presence refused{' inside an accepted subscription' if inside else ''}: {what}",
        subject=row.contact_uri or row.subscriber_uri,
        start_time=row.time,
        evidence=tuple(message(one) for one in (row.message_id, row.answer_message_id) if one),
        explanation=f"{who(row.subscriber_uri)} asked for the presence of "
        f"{row.contact_uri or 'contacts that were not captured'} and was refused: {what}."
        f"{_ACCEPTED if inside else ''}",
        advice=_advice(row),
        reference="RFC 4662 §5.5; RFC 6665 §4.1.3" if inside else "RFC 3856 §6.6; RFC 6665 §4.2.1",
    )


_ACCEPTED = " The SUBSCRIBE itself was accepted, so that no SIP response tells of it."


def _told(row: Any) -> str:
    """Return status, reason and error id, as far as they were told."""
    pieces = (
        row.status_code and f"status {row.status_code}",
        row.reason,
        row.diagnostics_code and f"error id {row.diagnostics_code}",
    )
    return ", ".join(filter(None, pieces))


def _advice(row: Any) -> str:
    if row.status_code in _NOBODY or row.reason == "noresource":
        return "See whether the contact still exists and is enabled; else take it off the list."
    if row.reason in ("forbidden", "rejected") or row.status_code == 403:
        return (
            "See what the contact and the policies on either side allow: whether the contact has "
            "blocked the subscriber, and external access and federation, if it is elsewhere."
        )
    return (
        "Look the error id up in `diagnostics`, and follow the SUBSCRIBE to the server that "
        "answered (`trace.ladder`, table `failures`)."
    )
