"""Which SIP messages belong together: the matching rules of RFC 3261 §17, for columns.

A *hop* is an unordered pair of addresses and the transport between them. One request passes many
hops under one Call-ID, with another topmost Via on each; a transaction is a matter of one hop.
Ports are not part of a hop, because a response may come over another connection than its request
(§18.2.2). The records of a trace log name one address or none: there the hop is the log, and the
topmost Via alone tells the message that came in from the one that went out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.grouping import (
    NEVER,
    Booleans,
    Groups,
    Integers,
    codes,
    integers,
    is_one_of,
    nanoseconds,
    shared_codes,
    truth,
)

MATCHING_COLUMNS = (
    "time",
    "transport",
    "src_ip",
    "dst_ip",
    "is_request",
    "method",
    "call_id",
    "cseq",
    "from_tag",
    "to_tag",
    "via_branch",
    "status_code",
)
"""Columns of `messages` that :class:`MessageKeys` reads."""

_MAGIC_COOKIE = "z9hg4bk"


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """The fields of N messages that matching looks at, as integers; -1 where missing."""

    call: Integers
    """(N,) code of Call-ID."""
    cseq: Integers
    """(N,) sequence number of CSeq."""
    from_tag: Integers
    """(N,) code of the tag of From."""
    to_tag: Integers
    """(N,) code of the tag of To; equal to that of From where the tags are equal."""
    branch: Integers
    """(N,) code of the branch of the topmost Via."""
    unique_branch: Booleans
    """(N,) whether the branch has the magic cookie and so identifies its transaction alone."""
    pair: Integers
    """(N,) unordered pair of addresses; one number for all records of trace logs."""
    hop: Integers
    """(N,) pair and transport."""
    is_request: Booleans
    """(N,) request or response."""
    status: Integers
    """(N,) status code of a response; -1 in a request."""

    @classmethod
    def of(cls, messages: pd.DataFrame) -> MessageKeys:
        """Return the keys of messages that have :data:`MATCHING_COLUMNS`."""
        from_tag, to_tag = shared_codes(messages["from_tag"], messages["to_tag"])
        branch, unique_branch = _branches(messages["via_branch"])
        pair = _pairs(messages)
        is_request = truth(messages["is_request"])
        return cls(
            call=codes(messages["call_id"]),
            cseq=integers(messages["cseq"]),
            from_tag=from_tag,
            to_tag=to_tag,
            branch=branch,
            unique_branch=unique_branch,
            pair=pair,
            hop=Groups.by(pair, codes(messages["transport"])).of_row,
            is_request=is_request,
            status=np.where(is_request, -1, integers(messages["status_code"])),
        )

    def status_of(self, rows: Integers) -> Integers:
        """Return the status codes in `rows`; -1 where the row number is -1."""
        return np.append(self.status, -1)[rows]


def first_bits(messages: pd.DataFrame) -> Integers:
    """Return when the first byte of each message came, nanoseconds since 1970 UTC.

    RFC 6076 counts delays from the first bit of the request to the last bit of the response.
    """
    first_ns, time_ns = nanoseconds(messages["first_time"]), nanoseconds(messages["time"])
    return np.where(first_ns == NEVER, time_ns, first_ns)


def _branches(column: pd.Series[str]) -> tuple[Integers, Booleans]:
    numbers = codes(column)
    # A branch of the cookie alone identifies nothing (RFC 4475 §3.2.1 has such a message).
    texts = column.iloc[Groups(numbers, int(numbers.max(initial=-1)) + 1).first()].tolist()
    size = len(_MAGIC_COOKIE)
    # A category without rows has no first row, and what stands at -1 may be missing.
    unique = [
        isinstance(text, str) and len(text) > size and text[:size].lower() == _MAGIC_COOKIE
        for text in texts
    ]
    return numbers, np.array([*unique, False], dtype=np.bool_)[numbers]


def _pairs(messages: pd.DataFrame) -> Integers:
    source, destination = shared_codes(messages["src_ip"], messages["dst_ip"])
    logged = is_one_of(messages["transport"], "log")
    low = np.where(logged, -1, np.minimum(source, destination))
    high = np.where(logged, -1, np.maximum(source, destination))
    return Groups.by(low, high).of_row


def vantages(messages: pd.DataFrame) -> Integers:
    """Return where each message was seen from: a recording, and in a merged log a machine.

    Clocks agree at one vantage only, and each one sees a message's copies for itself.
    """
    return Groups.by(codes(messages["recording"]), codes(messages["machine"])).of_row


def join_halves(
    groups: Groups, keys: MessageKeys, messages: pd.DataFrame, method: Integers
) -> Groups:
    """Return transactions in which halves that a trace log shows on two hops are one.

    An excerpt from a proxy's log may hold the request that went out and the response that was
    passed back, whose topmost Via is another. Where one transaction lacks all responses, and just
    one other of the same Call-ID, CSeq and From tag lacks the request, nothing else is possible.
    """
    logged = is_one_of(messages["transport"], "log")
    if not logged.any():
        return groups
    request = keys.is_request
    asks = logged & (groups.any(request) & ~groups.any(~request))[groups.of_row]
    answers = logged & (groups.any(~request) & ~groups.any(request))[groups.of_row]
    exchange = Groups.by(keys.call, keys.cseq, method, keys.from_tag)
    single = (exchange.distinct(groups.of_row, asks) == 1) & (
        exchange.distinct(groups.of_row, answers) == 1
    )
    asked = exchange.first(asks & (keys.call >= 0))
    joined = answers & (single & (asked >= 0))[exchange.of_row]
    other = groups.of_row[asked[exchange.of_row]]
    return Groups.by(np.where(joined, other, groups.of_row))


def match_transactions(keys: MessageKeys, method: Integers) -> Groups:
    """Return the transactions of messages, each on its hop.

    Parameters
    ----------
    keys : MessageKeys
        The messages, in order of time.
    method : (N,) int64
        Code of the method of each message's transaction; whoever wants an ACK to lie with its
        INVITE gives it the INVITE's.

    Notes
    -----
    A branch with the magic cookie, the CSeq number and the method identify a transaction (RFC 3261
    §17.1.3, §17.2.3). Call-ID is compared too, because some stacks send one constant branch. Lync's
    clients send a Via without branch: then, as between elements of RFC 2543 (§17.2.3), the tag of
    From stands in, and inside a dialog the tag of To: two dialogs of one fork count their
    requests separately (§12.2.1.1).
    """
    from_tag = np.where(keys.unique_branch, -1, keys.from_tag)
    coarse = Groups.by(keys.call, keys.hop, keys.branch, keys.cseq, method, from_tag)
    request = keys.is_request
    outside = coarse.any(request & (keys.to_tag < 0)) | ~coarse.any(request)
    in_dialog = ~keys.unique_branch & ~outside[coarse.of_row]
    return Groups.by(coarse.of_row, np.where(in_dialog, keys.to_tag, -1))
