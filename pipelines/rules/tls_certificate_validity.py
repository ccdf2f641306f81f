"""Certificates outside their validity: by the time of the connection in the capture, not today's.

References
----------
RFC 5280 §4.1.2.5 (validity).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, flow, rule

_SIDES = ("server", "client")
_FACTS = ("certificate", "issuer", "not_before_time", "not_after_time", "fingerprint")


@rule(
    "tls_certificate_validity",
    "error",
    whole=True,
    tls_sessions=("flow_id", "time", *(f"{side}_{fact}" for side in _SIDES for fact in _FACTS)),
)
def tls_certificate_validity(tls_sessions: pd.DataFrame) -> Iterator[Finding]:
    """Find certificates that were used after they expired, or before they were valid."""
    for side in _SIDES:
        facts = tls_sessions.rename(columns={f"{side}_{fact}": fact for fact in _FACTS})
        for row in facts[facts["not_after_time"] < facts["time"]].itertuples():
            yield _expired(row, side)
        for row in facts[facts["not_before_time"] > facts["time"]].itertuples():
            yield _not_yet_valid(row, side)


def _expired(row: Any, side: str) -> Finding:
    return Finding(
        title=f"The {side}'s certificate has expired",
        subject=_subject(row),
        start_time=row.time,
        evidence=(flow(row.flow_id),),
        explanation=f"It was valid until {_clock(row.not_after_time)} and used on "
        f"{_clock(row.time)}: whoever checks it refuses the connection.",
        advice=f"Renew it, assign it to the service on the {side}, and restart that service. If it "
        "was valid, the clock of the capturing host is wrong.",
        reference="RFC 5280 §4.1.2.5",
    )


def _not_yet_valid(row: Any, side: str) -> Finding:
    return Finding(
        title=f"The {side}'s certificate is not valid yet",
        subject=_subject(row),
        start_time=row.time,
        evidence=(flow(row.flow_id),),
        explanation=f"It is valid from {_clock(row.not_before_time)} and was used on "
        f"{_clock(row.time)}: whoever checks it refuses the connection.",
        advice="Compare the clocks of issuer, server and client (and of the capturing host): one "
        "of them is wrong, or the certificate was made for later.",
        reference="RFC 5280 §4.1.2.5",
    )


def _subject(row: Any) -> str:
    """Name a certificate; two of one subject are told apart by issuer and fingerprint."""
    name = "certificate" if pd.isna(row.certificate) else row.certificate
    issuer = "" if pd.isna(row.issuer) else f", issued by {row.issuer}"
    fingerprint = "" if pd.isna(row.fingerprint) else f" (SHA-256 {row.fingerprint[:16]}…)"
    return f"{name}{issuer}{fingerprint}"


def _clock(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
