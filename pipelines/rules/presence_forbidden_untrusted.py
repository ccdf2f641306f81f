"""A trusted application that asks for the presence of people whose servers do not trust it.

An application that Lync Server trusts on premises is nobody to Office 365. Where both serve one
organisation (hybrid), its subscriptions to the people who moved are refused; the refusal stands
inside a 200 OK, so that the application sees no error: its subscription stays in "subscribing".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, message, rule
from pipelines.presence_claims import of_application, plain_rows, same, spelled, who

_NO_SOURCE_NETWORK = 2157
_FORBIDDEN = 403
_ELSEWHERE = ("hybrid", "federated")


@rule(
    "presence_forbidden_untrusted",
    "error",
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
        "status_code",
        "diagnostics_code",
        "answer_message_id",
        "answer_s",
        "response_s",
        "notifications",
    ),
)
def presence_forbidden_untrusted(subscriptions: pd.DataFrame) -> Iterator[Finding]:
    """Find applications that may not see the people homed in Office 365 or another tenant."""
    by_subscriber: dict[str | None, list[Any]] = {}
    for row in plain_rows(subscriptions):
        by_subscriber.setdefault(same(row.subscriber_uri), []).append(row)
    for rows in by_subscriber.values():
        refused = [row for row in rows if _is_refused(row)]
        proven = [row for row in refused if _is_proven(row)]
        if refused:
            yield _finding(proven or refused, len(rows), proven=bool(proven))


def _is_refused(row: Any) -> bool:
    if row.answer not in ("terminated", "refused"):
        return False
    if _is_proven(row):
        return True
    forbidden = row.status_code == _FORBIDDEN and row.route in _ELSEWHERE
    return forbidden and of_application(row.subscriber_kind)


def _is_proven(row: Any) -> bool:
    return bool(row.diagnostics_code == _NO_SOURCE_NETWORK)


def _finding(refused: list[Any], asked: int, *, proven: bool) -> Finding:
    first = refused[0]
    evidence = [one for row in refused for one in (row.message_id, row.answer_message_id)]
    return Finding(
        title="An application is not trusted where these contacts are homed"
        if proven
        else "An application may not see contacts of another tenant",
        subject=first.subscriber_uri,
        start_time=first.time,
        evidence=tuple(message(one) for one in evidence if one is not None),
        explanation=f"{_application(first)} asked for the presence of {_contacts(asked)}, as far "
        f"as the capture shows, and was refused {spelled(row.contact_uri for row in refused)}"
        f"{_how(proven)}.{_inside(first)}",
        advice="Subscribe to these contacts with a user endpoint: an account that is provisioned "
        "like a person, preferably in their tenant. It has not all that an application endpoint "
        "can do. Or keep those whom the application must see on premises.",
        reference="[MS-OCER] 2157; [MS-PRES]",
        severity="error" if proven else "warning",
        count=len(refused),
    )


def _application(row: Any) -> str:
    kind = f" ({row.subscriber_kind})" if row.subscriber_kind else ""
    return f"{who(row.subscriber_uri)}{kind}"


def _contacts(count: int) -> str:
    return "one contact" if count == 1 else f"{count:,} contacts"


def _how(proven: bool) -> str:
    if proven:
        return (
            " with error id 2157, which says that tenants differ and that nothing vouches for the "
            "subscriber's network: the servers of these contacts do not trust the application, as "
            "those of Office 365 do not in a hybrid deployment"
        )
    return " with 403, and they are outside the application's own deployment"


def _inside(row: Any) -> str:
    if row.answer == "refused":
        return (
            " The whole SUBSCRIBE was refused: so it looks between servers, where a batch has come "
            "apart; the application itself finds it inside a 200 OK."
        )
    if row.answer_s is None:
        return " The request itself was not captured."
    return (
        f" The refusal stands inside {_carrier(row)} after {row.answer_s:.2f} s: the application "
        'gets no error, and its subscription stays in "subscribing".'
    )


def _carrier(row: Any) -> str:
    if row.response_s is not None and row.answer_s == row.response_s:
        return f"the {row.response_status}"
    return "a notification" if row.notifications else "the answer"
