"""A registration that expired because the endpoint did not refresh it.

Until the user signs in again calls do not reach that endpoint, and nothing tells so: the client
looks signed in, and the server believes it gone. Signing out takes a registration back and is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, message, rule
from pipelines.grouping import is_one_of


@rule(
    "registration_lapsed",
    "warning",
    registrations=(
        "message_id",
        "call_id",
        "user_uri",
        "epid",
        "client",
        "end_time",
        "expires_s",
        "expiry_time",
        "fate",
        "fate_message_id",
    ),
)
def registration_lapsed(registrations: pd.DataFrame) -> Iterator[Finding]:
    """Find registrations that expired without a refresh, while the capture went on."""
    for row in registrations[is_one_of(registrations["fate"], "lapsed")].itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    place = "" if pd.isna(row.client) else f" at {row.client}"
    told = (row.message_id, row.fate_message_id)
    again = "" if pd.isna(row.fate_message_id) else ", until it registers again, too late"
    device = "" if pd.isna(row.epid) else f" (epid {row.epid})"
    return Finding(
        title="Registration expired without a refresh",
        subject=None if pd.isna(row.user_uri) else str(row.user_uri),
        start_time=row.expiry_time,
        evidence=tuple(message(one) for one in told if not pd.isna(one)),
        explanation=f"The endpoint{place}{device} was registered for {row.expires_s} s at "
        f"{row.end_time:%H:%M:%S} UTC and sent no REGISTER until then, nor signed out. From "
        f"{row.expiry_time:%H:%M:%S} UTC on calls do not reach it{again}.",
        advice="See whether the device was switched off or lost its network; if it runs, whether "
        "its connection was cut in the middle (idle timeout of a firewall shorter than its "
        "keep-alives), and whether it tried another server.",
        reference="RFC 3261 §10.2.4",
    )
