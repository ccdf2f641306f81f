"""A Skype user who is shown no presence of a contact, and so cannot call it.

Skype's desktop client calls nobody whose status is unknown or offline. Lync Server shows the
presence of people to public providers, but not that of an application's endpoint, whatever its
external access policy says: the SUBSCRIBE gets 200 OK, and nothing follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, Threshold, message, rule
from pipelines.grouping import is_one_of
from pipelines.presence_claims import CLAIM_COLUMNS, Watched, of_application, plain_rows, same, who
from pipelines.routes import is_skype


@rule(
    "pic_presence_missing",
    "warning",
    Threshold(
        "wait_s",
        30.0,
        "Seconds from the SUBSCRIBE of a Skype user within which the contact must be shown as "
        "reachable; through the public cloud the first state takes its time.",
    ),
    whole=True,
    subscriptions=CLAIM_COLUMNS,
    captures=("capture", "end_time"),
    flows=("flow_id", "lost_bytes"),
    session_timers=("from_uri", "caller_product", "to_uri", "callee_product"),
)
def pic_presence_missing(
    subscriptions: pd.DataFrame,
    captures: pd.DataFrame,
    flows: pd.DataFrame,
    session_timers: pd.DataFrame,
    *,
    wait_s: float,
) -> Iterator[Finding]:
    """Find contacts that Skype users cannot call, because they are shown no presence."""
    asked = subscriptions[
        is_one_of(subscriptions["route"], "skype")
        & subscriptions["response_status"].between(200, 299).fillna(False).astype(bool)
    ]
    if asked.empty:
        return
    watched = Watched.of(captures, flows, subscriptions)
    applications = _applications(subscriptions, session_timers)
    for row in filter(_is_watcher, plain_rows(asked)):
        is_application = same(row.contact_uri) in applications
        missing = _is_missing(row, is_application, wait_s)
        if missing and watched.lasts(row, row.time, wait_s):
            yield _finding(row, is_application, watched.doubts(row), wait_s)


def _applications(subscriptions: pd.DataFrame, calls: pd.DataFrame) -> set[str | None]:
    """Return the URIs that applications use in this run, as subscribers or in calls."""
    rows = plain_rows(subscriptions[["subscriber_uri", "subscriber_kind"]])
    found = {same(row.subscriber_uri) for row in rows if of_application(row.subscriber_kind)}
    for row in plain_rows(calls):
        for uri, product in (row.from_uri, row.caller_product), (row.to_uri, row.callee_product):
            if product and _APPLICATION.match(product):
                found.add(same(uri))
    return found - {None}


_APPLICATION = re.compile(r"RTCC/\S+ (?!.*(?:Mediation|Mcx))|RTCC/\S+$", re.IGNORECASE)
"""Product of an application; Lync's own servers are built upon the same library."""


def _is_watcher(row: Any) -> bool:
    """Return whether the contact is ours: not a Skype user whom one of ours watches."""
    return row.contact_uri is not None and not is_skype(row.contact_uri)


def _is_missing(row: Any, is_application: bool, wait_s: float) -> bool:
    """Return whether the contact was not shown, or an application that is not shown as there.

    A person who is shown as offline is offline.
    """
    if row.reachable_s is not None:
        return bool(row.reachable_s > wait_s)
    return row.presence_message_id is None or is_application


def _finding(row: Any, is_application: bool, doubts: str, wait_s: float) -> Finding:
    certain = is_application and not doubts.startswith(" The capture lacks")
    evidence = (row.message_id, row.presence_message_id)
    return Finding(
        title=f"Skype users are shown no presence of this contact within {wait_s:g} s",
        subject=row.contact_uri,
        start_time=row.time,
        evidence=tuple(message(one) for one in evidence if one),
        explanation=f"{who(row.subscriber_uri)} asked for the presence of {row.contact_uri}, got "
        f"{row.response_status}, and {_came(row)}. Skype's client does not call a contact whose "
        f"status is unknown or offline.{doubts}",
        advice=_OF_APPLICATION if is_application else _OF_ANYONE,
        reference="RFC 3856 §6.7; RFC 3863 (basic)",
        severity="error" if certain else "note" if doubts.startswith(" The capture") else None,
    )


def _came(row: Any) -> str:
    if row.reachable_s is not None:
        return f"was shown that it can be called after {row.reachable_s:.1f} s only"
    if row.presence_message_id is None:
        return "no presence followed"
    return f"was shown {row.presence or row.basic} only"


_OF_APPLICATION = (
    "Lync Server does not show an application's presence to public providers. Either a server "
    "application of your own (MSPL with managed code) takes these SUBSCRIBE requests and answers "
    "them with an open presence; or the endpoint publishes the category legacyInterop into the "
    "containers 0 and 100, which few subscribers stand: watch how many there are."
)
_OF_ANYONE = (
    "If the contact is an application's endpoint, Lync Server shows it to no public provider: "
    "answer these SUBSCRIBE requests by a server application, or publish legacyInterop. If it is a "
    "person, see the external access policy, and whether the public provider is allowed."
)
