"""A ClientHello that the server leaves without a word.

Told only where the capture shows that the server is there: it accepted the TCP connection, and no
byte was lost. A server that closes at once is, as a rule, a Windows host whose Schannel found
neither version nor suite in common, or has no certificate: it resets instead of sending an alert.
A client that goes away at once has changed its mind, as browsers do that try two addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, Threshold, flow, rule


@rule(
    "tls_handshake_unanswered",
    "error",
    Threshold(
        "wait_s",
        5.0,
        "Seconds that a connection waits for the ServerHello, unless the server ends it before; a "
        "server answers in milliseconds, over the worst link in one or two seconds.",
    ),
    whole=True,
    tls_sessions=("flow_id", "time", "version", "alert", "server_name"),
    flows=(
        "flow_id",
        "initiator",
        "server_ip",
        "server_port",
        "end_time",
        "server_packets",
        "server_bytes",
        "lost_bytes",
        "end",
        "ended_by",
    ),
)
def tls_handshake_unanswered(
    tls_sessions: pd.DataFrame, flows: pd.DataFrame, *, wait_s: float
) -> Iterator[Finding]:
    """Find servers that accept a connection and do not answer the ClientHello."""
    silent = tls_sessions[tls_sessions["version"].isna() & tls_sessions["alert"].isna()]
    both = silent.merge(flows, on="flow_id")
    there = (both["initiator"] == "syn") & (both["server_packets"] > 0)
    unanswered = there & (both["server_bytes"] == 0) & (both["lost_bytes"] == 0)
    waited = (both["end_time"] - both["time"]).dt.total_seconds()
    refused = both["ended_by"] == "server"
    for row in both[unanswered & (refused | (waited >= wait_s))].itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    name = "" if pd.isna(row.server_name) else f" ({row.server_name})"
    ends = "stayed open"
    if not pd.isna(row.ended_by):
        ends = f"was {'reset' if row.end == 'rst' else 'closed'} by the {row.ended_by}"
    return Finding(
        title="TLS handshake not answered",
        subject=f"{row.server_ip}:{row.server_port}{name}",
        start_time=row.time,
        evidence=(flow(row.flow_id),),
        explanation="The server accepted the TCP connection and sent nothing after the "
        f"ClientHello; the connection {ends}.",
        advice="See whether TLS is what that port speaks, whether the server has a certificate, "
        "which versions and suites it allows (Schannel, event 36874 or 36888), and whether a "
        "firewall between drops the handshake.",
        reference="RFC 5246 §7.3",
    )
