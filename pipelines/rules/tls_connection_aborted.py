"""TLS connections that worked, and that one side then ended by a fatal alert.

decode_error is left out: OpenSSL 3 sends it when the other side closes TCP without close_notify,
which many do, and nothing is lost by it.

References
----------
RFC 8446 §6.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, flow, frame, rule

_MEANING = {
    "bad_record_mac": "a record arrived that was not as it was sent",
    "decryption_failed": "a record arrived that was not as it was sent",
    "record_overflow": "a record arrived that is longer than records may be",
    "unexpected_message": "a message arrived that does not belong there",
    "internal_error": "that side failed for a reason of its own, such as memory",
    "decompression_failure": "compressed data could not be read",
}


@rule(
    "tls_connection_aborted",
    "warning",
    whole=True,
    tls_sessions=(
        "flow_id",
        "capture",
        "server_name",
        "handshake_complete",
        "alert",
        "alert_time",
        "alert_frame_number",
    ),
    flows=("flow_id", "client_ip", "server_ip", "server_port"),
)
def tls_connection_aborted(tls_sessions: pd.DataFrame, flows: pd.DataFrame) -> Iterator[Finding]:
    """Find TLS connections that worked and were ended by a fatal alert."""
    complete = tls_sessions["handshake_complete"].astype("boolean").fillna(value=False)
    alerted = tls_sessions[complete & tls_sessions["alert"].notna()]
    told = alerted["alert"].str.extract(r"^(client|server): (.+)$")
    both = alerted.assign(sender=told[0], description=told[1]).merge(flows, on="flow_id")
    for row in both[both["description"].isin([*_MEANING])].itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    name = "" if pd.isna(row.server_name) else f" ({row.server_name})"
    return Finding(
        title=f"TLS connection aborted: {row.description}",
        subject=f"{row.client_ip} → {row.server_ip}:{row.server_port}{name}",
        start_time=row.alert_time,
        evidence=(frame(row.capture, row.alert_frame_number), flow(row.flow_id)),
        explanation=f"The {row.sender} ended a connection that had worked: "
        f"{_MEANING[row.description]}.",
        advice="Compare captures of both sides: something between may change what is sent "
        "(inspection, a broken network card), or one side's TLS has an error.",
        reference="RFC 8446 §6.2",
    )
