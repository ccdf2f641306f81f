"""TLS handshakes that one side ended by an alert, and what the alert means.

Alerts about a certificate are about that of the side that receives them. In TLS 1.3 a server
refuses the client's certificate after the client is through with the handshake, so these count
whenever they come; of other alerts only those that come before its end.

References
----------
RFC 8446 §6.2 (error alerts), §4.4.2.4; RFC 5246 §7.2.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.finding import Finding, flow, frame, rule

_OF_CERTIFICATES = {
    "no_certificate": "none was sent",
    "bad_certificate": "it is damaged, or its signatures are not right",
    "unsupported_certificate": "it is of a kind that is not supported",
    "certificate_revoked": "it was revoked",
    "certificate_expired": "it has expired, or is not valid yet",
    "certificate_unknown": "it is not accepted, for a reason that is not told",
    "unknown_ca": "its issuer is not trusted, or an intermediate certificate is missing",
    "access_denied": "it is in order, but its owner is not let in",
    "certificate_required": "none was sent",
    "bad_certificate_status_response": "its stapled OCSP response is not accepted",
}
_DISAGREEMENTS = {
    "protocol_version": (
        "no TLS version in common",
        "Compare the versions that both sides allow: TLS 1.0 and 1.1 were switched off in many "
        "places, and old clients and gateways speak nothing newer.",
    ),
    "insufficient_security": (
        "no cipher suite that is strong enough in common",
        "Compare the cipher suites that both sides allow.",
    ),
    "inappropriate_fallback": (
        "the client fell back to an older version that the server does not take",
        "Find out why its first attempt failed: the connection before this one.",
    ),
    "unrecognized_name": (
        "the server does not know the name that the client asked for",
        "Compare the client's server name with the names that the server is set up for.",
    ),
    "no_application_protocol": (
        "no application protocol (ALPN) in common",
        "Compare the protocols that both sides offer.",
    ),
}


@rule(
    "tls_handshake_failed",
    "error",
    whole=True,
    tls_sessions=(
        "flow_id",
        "capture",
        "version",
        "server_name",
        "server_certificate",
        "client_certificate",
        "handshake_complete",
        "alert",
        "alert_time",
        "alert_frame_number",
    ),
    flows=("flow_id", "client_ip", "server_ip", "server_port"),
)
def tls_handshake_failed(tls_sessions: pd.DataFrame, flows: pd.DataFrame) -> Iterator[Finding]:
    """Find TLS handshakes that ended with an alert, such as for a certificate that is refused."""
    alerted = tls_sessions[tls_sessions["alert"].notna()]
    told = alerted["alert"].str.extract(r"^(client|server): (.+)$")
    about = told[1].isin([*_OF_CERTIFICATES])
    broken = ~alerted["handshake_complete"].astype("boolean").fillna(value=True)
    failed = about | (broken & told[1].notna())
    both = alerted.assign(sender=told[0], description=told[1])[failed].merge(flows, on="flow_id")
    for row in both.itertuples():
        if row.description in _OF_CERTIFICATES:
            yield _refused_certificate(row)
        else:
            yield _disagreement(row)


def _refused_certificate(row: Any) -> Finding:
    owner = "client" if row.sender == "server" else "server"
    certificate = getattr(row, f"{owner}_certificate")
    shown = "" if pd.isna(certificate) else f" {certificate}"
    sender = row.server_ip if row.sender == "server" else row.client_ip
    # A certificate that nobody accepts is one finding, however many clients refuse it.
    parties = _parties(row) if owner == "client" else _server(row)
    return _finding(
        row,
        title=f"The {owner}'s certificate was refused: {row.description}",
        subject=f"{parties}{',' if shown else ''}{shown}",
        explanation=f"The {row.sender} ({sender}) refused the {owner}'s certificate{shown}: "
        f"{_OF_CERTIFICATES[row.description]}.",
        advice=f"On the {row.sender}, see which authorities it trusts and whether it can reach "
        f"their revocation lists; on the {owner}, which certificate is assigned, until when it is "
        "valid, and whether its intermediate certificates are installed.",
    )


def _disagreement(row: Any) -> Finding:
    what, advice = _DISAGREEMENTS.get(row.description) or _why_refused(row)
    return _finding(
        row,
        title=f"TLS handshake failed: {row.description}",
        subject=_parties(row),
        explanation=f"The {row.sender} ended the handshake: {what}.",
        advice=advice,
    )


def _why_refused(row: Any) -> tuple[str, str]:
    if row.description != "handshake_failure":
        return (
            f"{row.description}, which means an error of one side's TLS, or something between "
            "that changes what they say"
        ), "Compare captures of both sides; look for proxies and inspection on the way."
    if row.sender == "server" and pd.isna(row.version):
        return (
            "no cipher suite, group or signature algorithm in common, or the server has no usable "
            "certificate"
        ), "Compare the cipher suites and curves that both sides allow; see the certificate."
    return (
        "it was not content with what the other side chose or sent; as a rule a client certificate "
        "was asked for and not sent"
    ), "See whether the client has a certificate for mutual TLS, as between servers."


def _finding(row: Any, title: str, subject: str, explanation: str, advice: str) -> Finding:
    return Finding(
        title,
        subject,
        row.alert_time,
        (frame(row.capture, row.alert_frame_number), flow(row.flow_id)),
        explanation,
        advice,
        "RFC 8446 §6.2",
    )


def _parties(row: Any) -> str:
    return f"{row.client_ip} → {_server(row)}"


def _server(row: Any) -> str:
    name = "" if pd.isna(row.server_name) else f" ({row.server_name})"
    return f"{row.server_ip}:{row.server_port}{name}"
