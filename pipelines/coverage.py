"""What a capture could have shown: silence counts only where an answer would have been seen.

That nothing came is a fact about the capture first. It becomes one about the network where the
other direction of the same connection was captured and could be read, nothing of it is missing,
and the capture goes on until the answer was due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.grouping import NEVER, is_one_of, nanoseconds, truth

TIMER_F_NS = 32_000_000_000
"""How long a request other than INVITE waits for its final response: 64·T1 (RFC 3261 §17.1.2.2)."""

MESSAGE_COLUMNS = (
    "time",
    "recording",
    "flow_id",
    "src_ip",
    "dst_ip",
    "log_direction",
    "peer_host",
)
"""Columns of `messages` that :meth:`Coverage.of` reads."""
CAPTURE_COLUMNS = ("recording", "end_time")
"""Columns of `captures` that it reads."""
FLOW_COLUMNS = ("flow_id", "client_ip", "server_ip", "server_port", "lost_bytes", "end_time")
"""Columns of `flows` that it reads."""
TLS_COLUMNS = ("flow_id", "opened", "reason")
"""Columns of `tls_sessions` that it reads."""

_SIPS_PORT = 5061


def with_names(messages: pd.DataFrame) -> pd.DataFrame:
    """Return messages with a host's name for the address of a peer that a trace log only names.

    Parameters
    ----------
    messages : DataFrame
        ``src_ip``, ``dst_ip``, ``log_direction`` and ``peer_host`` of the table `messages`.
    """
    names = messages["peer_host"].astype("object")
    columns = {}
    for column, direction in (("src_ip", "incoming"), ("dst_ip", "outgoing")):
        address = messages[column].astype("object")
        unknown = address.isna() & is_one_of(messages["log_direction"], direction)
        columns[column] = address.mask(unknown, names)
    named: pd.DataFrame = messages.assign(**columns)
    return named


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the captures of a run cover."""

    ends: dict[str, int]
    """Recording → its last moment, nanoseconds since 1970 UTC."""
    holes: dict[str, str]
    """Flow → why not all that went over it could be read."""
    senders: dict[str, frozenset[str | None]]
    """Flow → the addresses that were seen sending on it; None is an address that is not known."""
    closed: dict[str, int]
    """Client's address → end of its last TLS connection with a SIP server that stayed closed."""

    @classmethod
    def of(
        cls,
        messages: pd.DataFrame,
        captures: pd.DataFrame,
        flows: pd.DataFrame,
        tls_sessions: pd.DataFrame,
        asked: pd.DataFrame,
    ) -> Coverage:
        """Return what is covered of the flows of some messages.

        Parameters
        ----------
        messages, captures, flows, tls_sessions : DataFrame
            Rows of these tables, with the columns that are named above.
        asked : DataFrame
            The rows of `messages` that :meth:`silence` will be asked about.
        """
        return cls(
            _ends(messages, captures),
            _holes(flows, tls_sessions),
            _senders(messages, asked),
            _closed(messages, flows, tls_sessions),
        )

    def silence(
        self, flow_id: str | None, sender: str | None, recording: str | None, due_ns: int
    ) -> str | None:
        """Return why silence after a request means nothing; None when the answer is missing.

        Parameters
        ----------
        flow_id, sender, recording : str or None
            Of the request, its sender as :func:`with_names` gives it.
        due_ns : int
            When the answer was due, nanoseconds since 1970 UTC.
        """
        if flow_id is None or not self.senders.get(flow_id, frozenset()) - {sender}:
            return "the other direction of its connection was not captured, or could not be read"
        return self.holes.get(flow_id) or self.end(recording, due_ns)

    def end(self, recording: str | None, due_ns: int) -> str | None:
        """Return why nothing is told of a moment; None when the recording goes on until then."""
        if recording is None or self.ends.get(recording, NEVER) < due_ns:
            return "the capture ends before"
        return None


def _ends(messages: pd.DataFrame, captures: pd.DataFrame) -> dict[str, int]:
    found: dict[str, int] = {}
    for rows, column in ((messages, "time"), (captures, "end_time")):
        last = rows[column].groupby(rows["recording"], observed=True).max().dropna()
        moments = nanoseconds(pd.Series(last.array)).tolist() if len(last) else []
        for name, moment in zip(last.index.tolist(), moments, strict=True):
            found[str(name)] = max(moment, found.get(str(name), NEVER))
    return found


def _holes(flows: pd.DataFrame, tls_sessions: pd.DataFrame) -> dict[str, str]:
    lossy = flows["flow_id"][(flows["lost_bytes"].astype("Int64") > 0).fillna(False)]
    closed = tls_sessions["flow_id"][tls_sessions["reason"].notna()]
    holes = {str(one): "bytes of its connection are missing from the capture" for one in lossy}
    return {str(one): "its TLS connection was not opened in whole" for one in closed} | holes


def _senders(messages: pd.DataFrame, asked: pd.DataFrame) -> dict[str, frozenset[str | None]]:
    wanted = messages["flow_id"].isin(asked["flow_id"].dropna().unique())
    columns = ["flow_id", "src_ip", "dst_ip", "log_direction", "peer_host"]
    named = with_names(messages.loc[wanted, columns].drop_duplicates())
    pairs = named[["flow_id", "src_ip"]].drop_duplicates()
    found: dict[str, set[str | None]] = {}
    for flow_id, sender in pairs.itertuples(index=False):
        found.setdefault(str(flow_id), set()).add(None if pd.isna(sender) else str(sender))
    return {flow_id: frozenset(senders) for flow_id, senders in found.items()}


def _closed(
    messages: pd.DataFrame, flows: pd.DataFrame, tls_sessions: pd.DataFrame
) -> dict[str, int]:
    unread = tls_sessions["flow_id"][~truth(tls_sessions["opened"])]
    hosts = set(messages["src_ip"].dropna().unique()) | set(messages["dst_ip"].dropna().unique())
    port = (flows["server_port"].astype("Int64") == _SIPS_PORT).fillna(False)
    sip = is_one_of(flows["server_ip"], *hosts) | port.to_numpy(dtype=np.bool_)
    rows = flows[flows["flow_id"].isin(unread).to_numpy(dtype=np.bool_) & sip]
    found: dict[str, int] = {}
    for client, end in zip(rows["client_ip"], nanoseconds(rows["end_time"]).tolist(), strict=True):
        if not pd.isna(client):
            found[str(client)] = max(end, found.get(str(client), NEVER))
    return found
