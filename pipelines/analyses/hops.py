"""Hops: the same message seen at several places, and how long it took from one to the next.

A proxy puts a Via on top of those that a request has, and takes it off its response (RFC 3261
§16.6 step 8, §16.7 step 3). So the last Via stays what the sender of the request made it, and their
number tells the hop: it grows along a request's way and shrinks along a response's. Two rows show
one message when they are alike in Call-ID, CSeq, tags, status and that last Via, and stand on
different hops, or on one hop in different captures.

A proxy answers 100 itself (§8.2.6.1) and makes CANCEL, and ACK to a final response other than 2xx,
anew (§9.2, §17.1.1.3): a 100 is only compared with those of its own hop, which another capture may
show too, and the others have a last Via of their own. An element
that ends a dialog and begins another (a B2BUA, an SBC that hides its inside) writes another Call-ID
or Via: behind it a message counts as another one.

Where one element sends the same status twice with different content, as it may with 183, the first
belongs to the first on the next hop and the second to the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import (
    Booleans,
    Groups,
    Integers,
    codes,
    in_order,
    integers,
    nanoseconds,
    shared_codes,
    table_frame,
    take,
    truth,
)
from pipelines.matching import vantages
from pipelines.schema import HOPS

_COPIED = ("message_id", "capture", "frame_number", "call_id", "method", "cseq", "is_request")


@analysis(
    "hops",
    messages=(
        *_COPIED,
        "machine",
        "time",
        "flow_id",
        "status_code",
        "src_ip",
        "dst_ip",
        "from_tag",
        "to_tag",
        "via_count",
        "via_origin",
        "retransmission_of",
        "recording",
    ),
)
def hops(messages: pd.DataFrame) -> pd.DataFrame:
    """Return the further observations of messages that were seen more than once.

    Parameters
    ----------
    messages : DataFrame
        Rows of the table `messages`.

    Returns
    -------
    DataFrame
        Rows of the table `hops`, in order of their observation.
    """
    messages = in_order(messages)
    messages = messages[_can_travel(messages)].reset_index(drop=True)
    return _table(messages, *_found(messages, _same_messages(messages)).T)


def _can_travel(messages: pd.DataFrame) -> Booleans:
    told = messages["call_id"].notna() & messages["via_origin"].notna()
    able: Booleans = (told & messages["retransmission_of"].isna()).to_numpy(dtype=np.bool_)
    return able


def _same_messages(messages: pd.DataFrame) -> Groups:
    """Return the groups of rows that show one message."""
    status = integers(messages["status_code"])
    alike = Groups.by(
        codes(messages["call_id"]),
        integers(messages["cseq"]),
        codes(messages["method"]),
        np.where(truth(messages["is_request"]), -1, status),
        codes(messages["from_tag"]),
        codes(messages["to_tag"]),
        codes(messages["via_origin"]),
        np.where(status == 100, _hop(messages), -1),
    )
    place = Groups.by(
        alike.of_row,
        codes(messages["recording"]),
        codes(messages["flow_id"]),
        integers(messages["via_count"]),
    )
    return Groups.by(alike.of_row, _occurrence(place))


def _hop(messages: pd.DataFrame) -> Integers:
    """Return a number for each pair of sender and receiver.

    Trace logs name one of them at the most; there the number of Vias tells the hop.
    """
    sender, receiver = _ends(messages)
    known = (sender >= 0) & (receiver >= 0)
    vias = np.where(known, -1, integers(messages["via_count"]))
    return Groups.by(np.where(known, sender, -1), np.where(known, receiver, -1), vias).of_row


def _occurrence(groups: Groups) -> Integers:
    """Return how many rows of its group come before each row."""
    order = np.argsort(groups.of_row, kind="stable")
    return _restored(order, _position(groups.of_row[order]))


def _position(groups: Integers) -> Integers:
    """Return, for rows that are sorted by group, how many of the group come before each."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    sizes = np.diff(np.append(starts, len(groups)))
    return np.arange(len(groups)) - np.repeat(starts, sizes)


def _restored(order: Integers, values: Integers) -> Integers:
    restored = np.empty_like(values)
    restored[order] = values
    return restored


@dataclass(frozen=True, slots=True)
class _Seen:
    """One observation of a message."""

    row: int
    """Row in `messages`."""
    hop: int
    """Which observation it is along the message's way; the first is 1."""
    capture: int
    """Code of its capture."""
    ends: tuple[int, int]
    """Codes of sender and receiver."""


def _found(messages: pd.DataFrame, observations: Groups) -> Integers:
    """Return the later observations of each message, in order of their rows.

    Returns
    -------
    (M, 4) int64
        Row of the observation, of the one before it, of the first one; and its hop.
    """
    rows = observations.rows(
        (observations.tally(observations.of_row >= 0) > 1)[observations.of_row]
    )
    vias = integers(messages["via_count"])
    way = np.where(truth(messages["is_request"]), vias, -vias)
    rows = rows[np.lexsort((rows, way[rows], observations.of_row[rows]))]
    columns = (observations.of_row, way, codes(messages["recording"]), *_ends(messages))
    listed = zip(rows.tolist(), *(column[rows].tolist() for column in columns), strict=True)
    found: list[tuple[int, int, int, int]] = []
    for _, observed in groupby(listed, key=itemgetter(1)):
        found += _chained(observed)
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 4)


def _ends(messages: pd.DataFrame) -> list[Integers]:
    return shared_codes(messages["src_ip"], messages["dst_ip"])


def _chained(observed: Iterable[tuple[int, ...]]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the rows of each later observation of one message, the one before, the first, its hop.

    Before it came the observation with as many Vias that another capture has of the same hop; else
    that on the hop before, or, when a proxy forked there, the one that went to where this comes
    from.
    """
    first, this_way = None, None
    before: list[_Seen] = []
    here: list[_Seen] = []
    for row, _, way, capture, *ends in observed:
        if way != this_way:
            before, here, this_way = here or before, [], way
        sender, receiver = ends
        same_hop = [
            one for one in here if one.ends == (sender, receiver) and one.capture != capture
        ]
        came_here = [one for one in before if one.ends[1] == sender >= 0]
        earlier = (same_hop or came_here or before or here)[-1:]
        hop = earlier[0].hop + 1 if earlier else 1
        here.append(_Seen(row, hop, capture, (sender, receiver)))
        if first is None:
            first = row
        elif earlier:
            yield row, earlier[0].row, first, hop


def _table(
    messages: pd.DataFrame, rows: Integers, previous: Integers, first: Integers, hop: Integers
) -> pd.DataFrame:
    time_ns = nanoseconds(messages["time"])
    capture = vantages(messages)
    delay = (time_ns[rows] - time_ns[previous]) / 1e9
    one_clock = capture[rows] == capture[previous]
    columns: dict[str, Any] = {name: take(messages[name], rows) for name in _COPIED}
    return table_frame(
        HOPS,
        {
            **columns,
            "time": time_ns[rows],
            "status_code": take(messages["status_code"], rows),
            "hop_of": take(messages["message_id"], first),
            "hop": hop,
            "previous_message_id": take(messages["message_id"], previous),
            "previous_capture": take(messages["capture"], previous),
            "src_ip": take(messages["src_ip"], rows),
            "dst_ip": take(messages["dst_ip"], rows),
            "observed_delay_s": delay,
            "delay_s": np.where(one_clock, delay, np.nan),
        },
    )
