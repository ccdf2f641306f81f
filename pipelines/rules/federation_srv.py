"""A domain whose SRV record for federation names a host of another domain.

An Edge that finds its partner by DNS believes a host only where its name lies in the partner's
domain; else anybody who can forge a DNS answer could speak for it. It answers 504 with 1009 to its
own users, and a bare 504 to the other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

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


@rule("federation_srv", "error", diagnostics=DIAGNOSTICS, transactions=TRANSACTIONS)
def federation_srv(diagnostics: pd.DataFrame, transactions: pd.DataFrame) -> Iterator[Finding]:
    """Find domains that cannot federate because their SRV record names a host outside them."""
    found = failed_with(diagnostics, transactions, [1009])
    for row in found[truth(found["status_code"] == 504)].itertuples():
        yield _finding(row)


def _finding(row: Any) -> Finding:
    told = parameters_of(row)
    domain, host = text_of(told, "domain"), text_of(told, "fqdn1", "fqdn")
    record = f"_sipfederationtls._tcp.{domain or 'DOMAIN'}"
    who = or_else(row.source, "A server")
    got = f", which gave {host}: no host of that domain" if host else ", which gave no host of it"
    return Finding(
        title="The SRV record for federation names a host outside the domain",
        subject=domain or or_else(row.source, "unknown domain"),
        start_time=row.time,
        evidence=(message(row.message_id),),
        explanation=f"{or_else(row.method, 'A request')} from {or_else(row.from_uri, 'somebody')} "
        f"to {or_else(row.to_uri, 'somebody')} failed with 504. {who} looked up {record}{got}. So "
        "it believes nobody who speaks for the domain; the other side sees the 504 alone.",
        advice=f"Let {record} name a host within the domain (such as sip."
        f"{domain or 'DOMAIN'}) whose certificate carries that name; or, on the Edge that refuses, "
        "enter the domain together with the FQDN of its Edge as an allowed domain.",
        reference="[MS-OCER] §7.2; Cisco 212383",
    )
