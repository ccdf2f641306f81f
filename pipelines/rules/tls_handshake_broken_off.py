"""TLS handshakes that end without an alert: the connection is closed or reset in the middle.

So does Windows' Schannel refuse the other side's certificate. Told only of connections that were
seen from their SYN on, of which no byte is lost, and which were ended: a handshake that the
capture's end cuts off is none of them. TLS 1.3 hides the end of its handshake, so of it nothing is
told while it is closed. Where the client broke off it may have had reasons of its own: a warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, flow, rule


@rule(
    "tls_handshake_broken_off",
    "error",
    whole=True,
    tls_sessions=(
        "flow_id",
        "time",
        "version",
        "server_name",
        "client_certificate",
        "handshake_complete",
        "alert",
    ),
    flows=(
        "flow_id",
        "initiator",
        "client_ip",
        "server_ip",
        "server_port",
        "lost_bytes",
        "end",
        "ended_by",
    ),
)
def tls_handshake_broken_off(tls_sessions: pd.DataFrame, flows: pd.DataFrame) -> Iterator[Finding]:
    """Find TLS handshakes that were broken off without an alert."""
    complete = tls_sessions["handshake_complete"].astype("boolean").fillna(value=True)
    begun = tls_sessions["version"].notna() & tls_sessions["alert"].isna()
    both = tls_sessions[begun & ~complete].merge(flows, on="flow_id")
    seen = (both["initiator"] == "syn") & (both["lost_bytes"] == 0)
    for row in both[seen & both["ended_by"].notna()].itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    name = "" if pd.isna(row.server_name) else f" ({row.server_name})"
    sent = (
        "The client had sent no certificate."
        if pd.isna(row.client_certificate)
        else f"The client had sent the certificate {row.client_certificate}."
    )
    return Finding(
        title="TLS handshake broken off without an alert",
        subject=f"{row.client_ip} → {row.server_ip}:{row.server_port}{name}",
        start_time=row.time,
        evidence=(flow(row.flow_id),),
        explanation=f"After the ServerHello the {row.ended_by} "
        f"{'reset' if row.end == 'rst' else 'closed'} the connection and did not say why. {sent}",
        advice=f"Look into the System log of the {row.ended_by} (Schannel): a certificate that is "
        "not accepted ends so on Windows. Else look for a device between that ends connections.",
        reference="RFC 5246 §7.2.1",
        severity="warning" if row.ended_by == "client" else None,
    )
