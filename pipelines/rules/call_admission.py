"""Calls that the bandwidth policy does not let through.

A call that was refused on one path and answered on another did what call admission control is for;
found are only those that nobody answered, and media that could not be added to a running call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.diagnosed import DIAGNOSTICS, TRANSACTIONS, failed_with, or_else
from pipelines.finding import Finding, message, rule
from pipelines.grouping import truth


@rule(
    "call_admission",
    "error",
    diagnostics=DIAGNOSTICS,
    transactions=TRANSACTIONS,
    calls=("call_id", "outcome"),
)
def call_admission(
    diagnostics: pd.DataFrame, transactions: pd.DataFrame, calls: pd.DataFrame
) -> Iterator[Finding]:
    """Find calls that are refused because the bandwidth on their path is used up."""
    found = failed_with(diagnostics, transactions, [4, 13010])
    found = found[truth(found["method"].isin(["INVITE", "UPDATE"]))]
    answered = calls.loc[truth(calls["outcome"] == "answered"), "call_id"].dropna()
    running = truth(found["to_tag"].notna())
    rerouted = truth(found["call_id"].isin(answered)) & ~running
    for row in found[~rerouted].itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    running = not pd.isna(row.to_tag)
    reason = or_else(row.reason, "the bandwidth policy refuses it")
    what = "Media that were to be added to the call" if running else "The call"
    return Finding(
        title="Media refused for lack of bandwidth"
        if running
        else "Call refused for lack of bandwidth",
        subject=or_else(row.to_uri, "unknown callee"),
        start_time=row.time,
        evidence=(message(row.message_id),),
        explanation=f"{what} from {or_else(row.from_uri, 'somebody')} to "
        f"{or_else(row.to_uri, 'somebody')} failed with {row.status_code}: "
        f"{or_else(row.source, 'a server')} says {row.code}, {reason}.",
        advice="See how much bandwidth the policies of the two sites and of the link between them "
        "allow, and how many calls ran at this time; let the users fall back to the PSTN or to the "
        "Internet where that is wanted.",
        reference="[MS-OCER] §9.2.2, §7.13",
        severity="warning" if running else "error",
    )
