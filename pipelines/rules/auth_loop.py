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
_WHO = ["call_id", "method", "from_uri"]


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
    near = responses[truth(responses["call_id"].isin(often))].astype({"method": "string"})
    for _, rows in near.groupby(_WHO, sort=False, dropna=False, observed=True):
        loop = _since_success(rows)
        if len(loop) > challenges:
            yield _finding(loop)


def _since_success(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the challenges after the last success, each try once however often it was seen.

    A redirection counts as a success: with 301 a client is sent to its home server.
    """
    rows = rows.sort_values("time", kind="stable")
    let_in = rows[truth((rows["status_code"] >= 200) & (rows["status_code"] < 400))]
    asked = rows[truth(rows["status_code"].isin(_CHALLENGES))]
    if not let_in.empty:
        asked = asked[truth(asked["time"] > let_in["time"].iloc[-1])]
    once: pd.DataFrame = asked[truth(asked["cseq"].notna())].drop_duplicates("cseq")
    return once


def _finding(loop: pd.DataFrame) -> Finding:
    first: Any = next(loop.itertuples())
    span = (loop["time"].iloc[-1] - loop["time"].iloc[0]).total_seconds()
    said = Counter(int(code) for code in loop["diagnostics_code"].dropna())
    return Finding(
        title="A client is challenged again and again and never let in",
        subject=or_else(first.from_uri, "unknown client"),
        start_time=first.time,
        evidence=tuple(message(one) for one in loop["message_id"].dropna()),
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
