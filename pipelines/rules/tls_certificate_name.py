"""A server whose certificate is not that of the host that the client asked for.

A client that checks names refuses such a server. Lync's do: a certificate of a pool needs the
names of the pool, of each server, and of each SIP domain (``sip.contoso.com``). Nothing is told
where the client names no host, or an address, or where the certificate is not seen.

References
----------
RFC 6066 §3 (server_name), RFC 6125 §6.4 and RFC 9525 §6.3 (the names of a certificate).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

import pandas as pd

from dissectors.tls.certificates import is_named
from pipelines.finding import Finding, flow, rule

_COMMON_NAME = re.compile(r"(?:^|[,+])CN=([^,+\\]+)")


@rule(
    "tls_certificate_name",
    "warning",
    whole=True,
    tls_sessions=("flow_id", "time", "server_name", "server_certificate", "server_names"),
)
def tls_certificate_name(tls_sessions: pd.DataFrame) -> Iterator[Finding]:
    """Find servers whose certificate does not have the name that the client asked for."""
    asked = tls_sessions[["server_name", "server_names", "server_certificate"]].notna().all(axis=1)
    for row in tls_sessions[asked].itertuples():
        names = _names(row.server_names, row.server_certificate)
        if names and not _is_address(row.server_name) and not is_named(row.server_name, names):
            yield _finding(row, names)


def _names(alternative: Sequence[str], subject: str) -> list[str]:
    """Return the names that count: those of subjectAltName; without any, the common name.

    RFC 9525 §6.2 forgets the common name, RFC 6125 §6.4.4, of Lync's time, does not.
    """
    return [str(name) for name in alternative] or _COMMON_NAME.findall(subject)[-1:]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _finding(row: Any, names: list[str]) -> Finding:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return Finding(
        title="The server's certificate has another name",
        subject=f"{row.server_name}: {row.server_certificate}",
        start_time=row.time,
        evidence=(flow(row.flow_id),),
        explanation=f"The client asked for {row.server_name}; the certificate is for "
        f"{', '.join(names[:5])}{more}. A client that checks it refuses the connection.",
        advice="Add the name to the subject alternative names and assign the new certificate, or "
        "correct the DNS record or setting that led the client to this host.",
        reference="RFC 9525 §6.3",
    )
