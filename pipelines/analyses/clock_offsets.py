"""Clock offsets: by how much the clocks of two captures differ.

A request that passes the places of two captures, and its response that comes back, are what NTP
exchanges: one makes the difference of the two times larger by the delay between the places, the
other smaller, whichever place is nearer to the sender. So the offset is half the sum of the two
differences and cannot be wrong by more than half their distance (RFC 5905 §8, §11.1). Of all
exchanges the one with the smallest distance tells best (§10). The clocks are taken to run equally
fast.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.analysis import analysis

KEYS = ["call_id", "cseq", "method"]


@analysis(
    "clock_offsets",
    whole=True,
    hops=(
        "call_id",
        "cseq",
        "method",
        "is_request",
        "capture",
        "previous_capture",
        "observed_delay_s",
        "delay_s",
    ),
)
def clock_offsets(hops: pd.DataFrame) -> pd.DataFrame:
    """Return the offsets between captures that saw the same messages.

    Parameters
    ----------
    hops : DataFrame
        Rows of the table `hops`.

    Returns
    -------
    DataFrame
        Rows of the table `clock_offsets`.
    """
    hops = hops[hops["delay_s"].isna()]  # seen by two clocks
    here, before = (hops[name].astype(object) for name in ("capture", "previous_capture"))
    swapped = here < before
    seen = hops[[*KEYS, "is_request"]].assign(
        reference=here.where(swapped, before),
        capture=before.where(swapped, here),
        difference=np.where(swapped, -1.0, 1.0) * hops["observed_delay_s"],
    )
    pairs = seen.groupby(["reference", "capture"])
    rows = [(str(two), str(one), *_offset(rows)) for (one, two), rows in pairs]
    names = ["capture", "reference", "offset_s", "error_s", "exchanges", "delay_s"]
    found: pd.DataFrame = pd.DataFrame(rows, columns=names)
    return found


def _offset(seen: pd.DataFrame) -> tuple[float, float, int, float]:
    """Return offset, error, number of exchanges, and the delay between the two places."""
    asks = seen["is_request"].to_numpy(dtype=np.bool_, na_value=False)
    exchanges = seen[asks].merge(seen[~asks], on=KEYS, suffixes=("", "_back"))
    if exchanges.empty:
        return np.nan, np.nan, 0, np.nan
    there, back = exchanges["difference"].to_numpy(), exchanges["difference_back"].to_numpy()
    best = np.abs(there - back).argmin()
    offset = float(there[best] + back[best]) / 2
    error = float(abs(there[best] - back[best])) / 2
    return offset, error, len(exchanges), float((seen["difference"] - offset).abs().median())
