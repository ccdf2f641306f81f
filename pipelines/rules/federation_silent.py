"""A partner that refuses requests and does not say why.

The Edge tells with 1034 that the partner's proxy gave no diagnosis, and with 1036 the same of the
other half of a shared address space. Only ms-diagnostics-public crosses a federation, so the reason
stands in the partner's own logs. Where the status itself is the reason (nobody has that address)
there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.diagnosed import or_else
from pipelines.finding import Finding, message, rule
from pipelines.grouping import truth

_TELLING = (404, 410, 416, 484, 485, 604)
"""Statuses that say all there is to say: the address does not exist, or is not complete."""

_SILENT = {
    1034: ("partner", "warning"),
    1036: ("other half of the shared address space", "note"),  # its meaning is not documented
}


@rule(
    "federation_silent",
    "warning",
    failures=(
        "call_id",
        "method",
        "from_uri",
        "to_uri",
        "peer_domain",
        "start_time",
        "cause_message_id",
        "cause_status_code",
        "cause_code",
        "cause_source",
    ),
)
def federation_silent(failures: pd.DataFrame) -> Iterator[Finding]:
    """Find partners that refuse requests without saying why."""
    silent = truth(failures["cause_code"].isin(list(_SILENT)))
    telling = truth(failures["cause_status_code"].isin(_TELLING))
    for row in failures[silent & ~telling].itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    who, severity = _SILENT[int(row.cause_code)]
    status = or_else(row.cause_status_code, "a failure")
    return Finding(
        title=f"The {who} refuses requests without a reason",
        subject=or_else(row.peer_domain, "unknown domain"),
        start_time=row.start_time,
        evidence=(message(row.cause_message_id),),
        explanation=f"{or_else(row.method, 'A request')} from {or_else(row.from_uri, 'somebody')} "
        f"to {or_else(row.to_uri, 'somebody')} was answered with {status}; as "
        f"{or_else(row.cause_source, 'the Edge')} tells, the {who} gave no diagnosis.",
        advice="Ask the other side to look for this Call-ID in the log of its Edge at this time. "
        "Reasons that are never told: the domain is not allowed there, or the Edge there cannot "
        "verify this side's SRV record or certificate.",
        reference="[MS-OCER] §7",
        severity="warning" if severity == "warning" else "note",
    )
