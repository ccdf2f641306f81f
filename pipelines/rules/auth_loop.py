"""A client that is asked for credentials again and again, and never let in.

One to three challenges are the normal way into Lync: the offer of the schemes, the token of NTLM or
the flights of TLS-DSK. A REGISTER keeps its Call-ID from refresh to refresh, so only challenges
after the last success count. An OPTIONS with which somebody sees whether a server is alive is
content with a challenge, and is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipelines.diagnosed import or_else
from pipelines.diagnostic_codes import diagnostic_code
from pipelines.finding import Finding, Threshold, message, rule
from pipelines.grouping import truth
from pipelines.needs import only

_CHALLENGES = (401, 407)


@rule(
    "auth_loop",
    "error",
    Threshold(
        "challenges",
        3.0,
        "Number of challenges (401, 407) after the last success that is still no loop; a normal "
        "sign-in takes up to 3.",
    ),
    messages=only(
        (
            *("call_id", "message_id", "time", "method", "status_code", "cseq", "from_uri"),
            "diagnostics_code",
        ),
        is_request=(False,),
    ),
)
def auth_loop(messages: pd.DataFrame, *, challenges: float) -> Iterator[Finding]:
    """Find clients that are challenged again and again and never let in."""
    responses = messages[truth(messages["status_code"].notna() & messages["call_id"].notna())]
    responses = responses[~truth(responses["method"] == "OPTIONS")]
    asked = truth(responses["status_code"].isin(_CHALLENGES))
    counts = responses.loc[asked, "call_id"].value_counts()
    often = counts.index[counts > challenges]
    near = responses[truth(responses["call_id"].isin(often))].sort_values("time", kind="stable")
    by_client: dict[tuple[Any, ...], list[Any]] = {}
    for row in near.astype({"method": "string"}).itertuples(index=False):
        by_client.setdefault((row.call_id, row.method, row.from_uri), []).append(row)
    for rows in by_client.values():
        loop = _since_success(rows)
        if len(loop) > challenges:
            yield _finding(loop)


def _since_success(rows: list[Any]) -> list[Any]:
    """Return the challenges after the last success, each try once however often it was seen.

    A redirection counts as a success: with 301 a client is sent to its home server.

    Parameters
    ----------
    rows : list of named tuple
        Responses to one client, in order of time.
    """
    let_in = [row.time for row in rows if 200 <= row.status_code < 400]
    once: dict[int, Any] = {}
    for row in rows:
        later = not let_in or row.time > let_in[-1]
        if row.status_code in _CHALLENGES and later and not pd.isna(row.cseq):
            once.setdefault(row.cseq, row)
    return list(once.values())


def _finding(loop: list[Any]) -> Finding:
    first = loop[0]
    span = (loop[-1].time - first.time).total_seconds()
    said = Counter(int(row.diagnostics_code) for row in loop if not pd.isna(row.diagnostics_code))
    return Finding(
        title="A client is challenged again and again and never let in",
        subject=or_else(first.from_uri, "unknown client"),
        start_time=first.time,
        evidence=tuple(message(row.message_id) for row in loop if not pd.isna(row.message_id)),
        explanation=f"{len(loop)} tries of {or_else(first.method, 'a request')} within "
        f"{span:.1f} s were answered with a challenge, and none succeeded after them.{_told(said)}",
        advice="See whether the user's name, password and certificate are right, whether the "
        "clocks of client and server agree (Kerberos, TLS-DSK), and whether both accept one scheme "
        "in common; for a service, whether it is a trusted application of the pool.",
        reference="RFC 3261 §22.2; [MS-SIPAE] §3",
    )


def _told(said: Counter[int]) -> str:
    """Return the error id that the challenges told most often, with its meaning."""
    if not said:
        return ""
    code, _ = said.most_common(1)[0]
    known = diagnostic_code(code)
    return f" The server says {code}: {known.meaning}" if known else f" The server says {code}."
