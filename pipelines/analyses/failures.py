"""Failures: what did not work for a user, and where it began to fail.

A request passes several hops and its final response passes them back; servers on the way add what
they know, and some replace the status. So the sender's view tells that it failed, and the response
captured farthest from the sender tells why. Of several diagnoses in one message the topmost comes
from the most recent hop ([MS-OCER] §2.2.1): the last one is nearest to the cause.

No failures of the network are: challenges; what its user ended or declined; 409 to SERVICE, with
which Lync answers a publication on top of an older one ([MS-PRES]) and which the client repeats;
requests inside a dialog other than INFO and REFER; and a request that was sent again and succeeded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import Booleans, truth
from pipelines.schema import FAILURES

RETRY_S = 32
"""Seconds within which a success with the same method and parties mends a failure: Timer F."""

NO_REASON_GIVEN = (1011, 1034, 1036, 1037)
"""Error ids that say only that the next hop did not tell why ([MS-OCER] §7)."""

_METHODS = ("INVITE", "MESSAGE", "SUBSCRIBE", "REGISTER", "SERVICE", "PUBLISH", "INFO", "REFER")
_WITHIN_DIALOGS = ("INFO", "REFER")
_BY_PEOPLE = (480, 486, 487, 600, 603, 607)
"""Final responses to INVITE that tell what a person did: RFC 6076 §4.7 counts them as effective."""
_NETWORK_FAILED = ("failed", "timed_out", "challenged")
"""Outcomes of calls that are failures."""

_KEY = ["call_id", "cseq", "method", "from_tag"]
_PARTIES = ["method", "from_uri", "to_uri"]


_TRANSACTIONS = (
    "transaction_id",
    "capture",
    *_KEY,
    "from_uri",
    "to_uri",
    "to_tag",
    "start_time",
    "response_s",
    "status_code",
    "reason_phrase",
    "outcome",
    "final_message_id",
)
_DIAGNOSTICS = ("message_id", "position", "code", "subcode", "reason", "source", "component")
_CALLS = ("call_id", "from_tag", "route", "outcome")


@analysis(
    "failures", whole=True, transactions=_TRANSACTIONS, diagnostics=_DIAGNOSTICS, calls=_CALLS
)
def failures(
    transactions: pd.DataFrame, diagnostics: pd.DataFrame, calls: pd.DataFrame
) -> pd.DataFrame:
    """Return what failed for users.

    Parameters
    ----------
    transactions, diagnostics, calls : DataFrame
        Rows of the tables of these names.

    Returns
    -------
    DataFrame
        Rows of the table `failures`, in order of time.
    """
    counted = transactions["method"].isin(_METHODS) & transactions["start_time"].notna()
    asked = (
        transactions[truth(counted)]
        .sort_values("start_time", kind="stable")
        .astype({"method": "string"})
    )
    failed = _with_routes(_near(asked), calls[list(_CALLS)])
    failed = failed[~_mended(failed, asked)]
    causes = _causes(asked.merge(failed[_KEY], on=_KEY), diagnostics[list(_DIAGNOSTICS)])
    found = failed.merge(causes, on=_KEY, how="left")
    found["peer_domain"] = _domain(found["to_uri"])
    table: pd.DataFrame = found[list(FAILURES.names)].reset_index(drop=True)
    return table


def _near(asked: pd.DataFrame) -> pd.DataFrame:
    """Return the transactions nearest to their senders that failed, and are counted."""
    near = asked.drop_duplicates(_KEY)
    status = near["status_code"]
    outside = near["to_tag"].isna() | near["method"].isin(_WITHIN_DIALOGS)
    by_people = (near["method"] == "INVITE") & status.isin(_BY_PEOPLE)
    routine = (near["method"] == "SERVICE") & (status == 409)
    counts = (near["outcome"] == "failure") & outside & ~by_people & ~routine
    kept: pd.DataFrame = near[truth(counts)]
    return kept


def _with_routes(failed: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """Add the routes of calls, and drop the tries of calls that did not fail as a whole."""
    known = calls.rename(columns={"outcome": "call_outcome"}).astype({"route": "string"})
    joined = failed.merge(
        known.drop_duplicates(["call_id", "from_tag"]), "left", ["call_id", "from_tag"]
    )
    is_call = (joined["method"] == "INVITE") & joined["call_outcome"].notna()
    kept = joined[~truth(is_call) | truth(joined["call_outcome"].isin(_NETWORK_FAILED))]
    # An attempt that went on after a failed try (a challenge, a 422) fails once: with the last.
    last = ~truth(kept.duplicated(["call_id", "from_tag", "method"], keep="last"))
    ended: pd.DataFrame = kept[truth(kept["method"] != "INVITE") | last]
    return ended


def _mended(failed: pd.DataFrame, asked: pd.DataFrame) -> Booleans:
    """Return which failures were followed by a success of the same method and parties."""
    success = asked.loc[truth(asked["outcome"] == "success"), [*_PARTIES, "start_time"]]
    success = success.rename(columns={"start_time": "mended_time"})
    keys = failed[[*_PARTIES, "start_time"]]
    for name in ("from_uri", "to_uri"):
        success, keys = (one.assign(**{name: one[name].fillna("")}) for one in (success, keys))
    if success.empty or keys.empty:
        return np.zeros(len(failed), dtype=np.bool_)
    found = pd.merge_asof(
        keys,
        success,
        left_on="start_time",
        right_on="mended_time",
        by=_PARTIES,
        direction="forward",
        tolerance=pd.Timedelta(RETRY_S, "s"),
    )
    return truth(found["mended_time"].notna())


def _causes(failed: pd.DataFrame, diagnostics: pd.DataFrame) -> pd.DataFrame:
    """Return for each failure the farthest failed response and the diagnosis nearest to it."""
    failed = failed[truth(failed["outcome"] == "failure")]
    far = failed.iloc[::-1].assign(distance=np.arange(len(failed)))
    causes = far.drop_duplicates(_KEY).rename(
        columns={"final_message_id": "cause_message_id", "status_code": "cause_status_code"}
    )[[*_KEY, "cause_message_id", "cause_status_code"]]
    told = far[[*_KEY, "final_message_id", "distance"]].merge(
        diagnostics, left_on="final_message_id", right_on="message_id"
    )
    told = told.assign(empty=told["code"].isin(NO_REASON_GIVEN), inner=-told["position"])
    told = told.sort_values(["empty", "distance", "inner"], kind="stable").drop_duplicates(_KEY)
    named = {name: f"cause_{name}" for name in ("code", "subcode", "reason", "source", "component")}
    told = told.rename(columns=named)[[*_KEY, *named.values()]]
    counts = failed.groupby(_KEY, dropna=False, observed=True).size().rename("hops").reset_index()
    joined: pd.DataFrame = causes.merge(told, "left", _KEY).merge(counts, "left", _KEY)
    return joined


def _domain(uris: pd.Series[Any]) -> Any:
    return uris.astype("string").str.extract(r"@([^;?>:]+)", expand=False).str.lower()
