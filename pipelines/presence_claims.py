"""How sure a finding about presence can be, and how it names many contacts.

That something did not come can only be said of a capture that lasted, held what was sent, and shows
the direction in which it would have come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipelines.presence_dialogs import contact_key

NAMED = 5
"""Contacts that one explanation names."""

CLAIM_COLUMNS = (
    *("call_id", "message_id", "time", "capture", "flow_id", "src_ip", "seen", "form"),
    *("subscriber_uri", "subscriber_kind", "contact_uri", "route", "requests"),
    *("response_status", "response_s", "answer", "answer_time", "answer_s", "answer_message_id"),
    *("pool_fqdn", "presence", "basic", "presence_message_id", "presence_s", "reachable_s"),
    *("notifications", "end_time"),
)
"""Columns of `subscriptions` that rules about absence read."""


def plain_rows(table: pd.DataFrame) -> list[Any]:
    """Return the rows of a table as named tuples, None where a value is missing."""
    known = table.notna()
    return list(table.astype(object).where(known, None).itertuples())


def spelled(uris: Iterable[Any]) -> str:
    """Return the first few of `uris`, and how many there are beyond them."""
    known = list(dict.fromkeys(str(uri) for uri in uris if uri is not None))
    more = f" and {len(known) - NAMED:,} more" if len(known) > NAMED else ""
    return ", ".join(known[:NAMED]) + more if known else "contacts that were not captured"


@dataclass(frozen=True)
class Watched:
    """What the run can say about what did not come.

    Parameters
    ----------
    captures, flows : DataFrame
        ``capture`` and ``end_time``; ``flow_id`` and ``lost_bytes``.
    subscriptions : DataFrame
        All rows of the table.
    """

    _ends: dict[str, pd.Timestamp]
    _lost: dict[Any, int]
    _notified: frozenset[Any]

    @classmethod
    def of(
        cls, captures: pd.DataFrame, flows: pd.DataFrame, subscriptions: pd.DataFrame
    ) -> Watched:
        """Read the tables."""
        ends = captures.dropna(subset=["end_time"])
        lossy = flows[(flows["lost_bytes"] > 0).fillna(False).astype(bool)]
        told = subscriptions[(subscriptions["notifications"] > 0).fillna(False).astype(bool)]
        return cls(
            dict(zip(ends["capture"].astype(str), ends["end_time"], strict=True)),
            dict(zip(lossy["flow_id"].astype(str), lossy["lost_bytes"], strict=True)),
            frozenset(told["src_ip"].astype(object).map(str)),
        )

    def lasts(self, row: Any, since: pd.Timestamp | None, wait_s: float) -> bool:
        """Return whether the capture goes on for so long, and the subscription with it."""
        if since is None:
            return False
        until = since + pd.Timedelta(wait_s, "s")
        end = self._ends.get(str(row.capture))
        if end is None or end < until:
            return False
        return bool(row.end_time is None or row.end_time >= until)

    def doubts(self, row: Any, *, told_otherwise: bool = False) -> str:
        """Return why what did not come may have come all the same; empty when it did not.

        Parameters
        ----------
        row : named tuple
            Of `subscriptions`.
        told_otherwise : bool
            Whether the dialog told of other contacts: then its answers are in the capture.
        """
        if lost := self._lost.get(str(row.flow_id)):
            return (
                f" The capture lacks {lost:,} bytes of this connection, and what is missed may have"
                " stood in them."
            )
        # Trace logs need not name addresses: then one notification shows that they log them.
        seen = self._notified if row.src_ip is None else self._notified & {str(row.src_ip)}
        if not told_otherwise and not seen:
            return (
                f" No notification to {row.src_ip or 'anybody'} is in the capture at all: they may "
                "come over a connection that was not captured, or not opened."
            )
        return ""


def who(uri: str | None) -> str:
    """Return a URI, or a word for somebody whose URI is not known."""
    return uri or "somebody"


def same(uri: str | None) -> str | None:
    """Return what is equal for all spellings of one URI; None for a missing one."""
    return contact_key(uri)


def of_application(kind: str | None) -> bool:
    """Return whether an endpoint is an application's, of either kind."""
    return kind is not None and "application" in kind
