"""A next hop whose certificate a proxy does not accept: 504 with 1010.

Between Edges of different companies it is the usual reason why federation fails; the HRESULT tells
whether the name, the root or the validity is at fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from dissectors.sip.hresult import describe_hresult
from pipelines.diagnosed import (
    DIAGNOSTICS,
    TRANSACTIONS,
    failed_with,
    or_else,
    parameters_of,
    text_of,
)
from pipelines.finding import Finding, message, rule
from pipelines.grouping import truth

_ADVICE = {
    "SEC_E_WRONG_PRINCIPAL": "Compare the name that was connected to with the subject alternative "
    "names of the peer's certificate, and with what its SRV record names.",
    "SEC_E_UNTRUSTED_ROOT": "Install the root (and the intermediate certificates) of the peer's "
    "authority where the certificate was refused, or give the peer a public certificate.",
    "CERT_E_UNTRUSTEDROOT": "Install the root (and the intermediate certificates) of the peer's "
    "authority where the certificate was refused, or give the peer a public certificate.",
    "SEC_E_CERT_EXPIRED": "Renew the peer's certificate, and see whether the clocks are right.",
    "CERT_E_EXPIRED": "Renew the certificate of the peer's chain, and see whether the clocks are "
    "right.",
    "CRYPT_E_REVOCATION_OFFLINE": "Let the server that refused it reach the revocation lists that "
    "the certificate names (HTTP to the authority).",
}
_GENERAL = (
    "Look at the certificate that the peer shows: its names, its validity, its chain, and whether "
    "the refusing server trusts the root."
)


@rule("federation_certificate", "error", diagnostics=DIAGNOSTICS, transactions=TRANSACTIONS)
def federation_certificate(
    diagnostics: pd.DataFrame, transactions: pd.DataFrame
) -> Iterator[Finding]:
    """Find requests that fail because a server does not accept the next hop's certificate."""
    found = failed_with(diagnostics, transactions, [1010])
    for row in found[truth(found["status_code"] == 504)].itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    told = parameters_of(row)
    peer = text_of(told, "tls-target", "peerserver", "peer")
    sent = text_of(told, "hresult")
    result = (describe_hresult(sent) or sent) if sent else None
    kind = text_of(told, "errortype")
    why = "; ".join(filter(None, (kind, result))) or or_else(row.reason, "it does not say why")
    return Finding(
        title="The certificate of the next hop is not accepted",
        subject=peer or or_else(row.source, "unknown server"),
        start_time=row.time,
        evidence=(message(row.message_id),),
        explanation=f"{or_else(row.method, 'A request')} from {or_else(row.from_uri, 'somebody')} "
        f"to {or_else(row.to_uri, 'somebody')} failed with 504: {or_else(row.source, 'a server')} "
        f"ended TLS with {peer or 'the next hop'} ({why}).",
        advice=next((text for name, text in _ADVICE.items() if name in (result or "")), _GENERAL),
        reference="[MS-OCER] §7.2; Cisco 212383",
    )
