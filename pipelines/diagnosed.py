"""Failed requests with what servers said of them: what the rules on diagnoses share."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pandas as pd

from pipelines.grouping import truth

DIAGNOSTICS = (
    "call_id",
    "message_id",
    "time",
    "code",
    "reason",
    "source",
    "parameters",
)
"""Columns of `diagnostics` that :func:`failed_with` takes."""
TRANSACTIONS = (
    "call_id",
    "cseq",
    "method",
    "from_uri",
    "to_uri",
    "to_tag",
    "status_code",
    "final_message_id",
)
"""Columns of `transactions` that it takes."""

_REQUEST = ["call_id", "cseq", "method", "from_uri"]


def failed_with(
    diagnostics: pd.DataFrame, transactions: pd.DataFrame, codes: Collection[int]
) -> pd.DataFrame:
    """Return the requests that failed with one of some error ids, each once.

    A request that was seen on several hops counts on the first of them that tells such an id.

    Parameters
    ----------
    diagnostics : DataFrame
        With the columns :data:`DIAGNOSTICS`.
    transactions : DataFrame
        With the columns :data:`TRANSACTIONS`.
    codes : collection of int
        Error ids.

    Returns
    -------
    DataFrame
        All these columns, in order of time.
    """
    told = diagnostics[truth(diagnostics["code"].isin(list(codes)))]
    failed = transactions[truth(transactions["status_code"] >= 400)]
    found = told.merge(
        failed.drop(columns="call_id"), left_on="message_id", right_on="final_message_id"
    )
    once: pd.DataFrame = found.sort_values("time", kind="stable").drop_duplicates(_REQUEST)
    return once


def parameters_of(row: Any) -> dict[str, Any]:
    """Return the parameters of a row of `diagnostics`; empty where there are none."""
    if pd.isna(row.parameters):
        return {}
    try:
        parameters = json.loads(row.parameters)
    except ValueError:
        return {}
    return parameters if isinstance(parameters, dict) else {}


def text_of(parameters: dict[str, Any], *names: str) -> str | None:
    """Return the first of some parameters that is a text and not empty."""
    for name in names:
        value = parameters.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def or_else(value: object, other: str) -> str:
    """Return a value of a table as text, or `other` where it is missing."""
    return other if pd.isna(value) else str(value)  # type: ignore[call-overload]
