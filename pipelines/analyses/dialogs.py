"""SIP dialogs: one row per Call-ID and pair of tags.

A dialog comes into being with a response from 102 to 299 to INVITE, SUBSCRIBE or REFER that has a
To tag; each branch of a fork that answers makes one (RFC 3261 §12.1; 101 is Lync's Progress Report,
which routing applications send with tags of their own). A final response other than 2xx makes none,
whatever tag it has. A request with both tags is proof of a dialog that began before the capture.

It ends with BYE, whatever the answer to it (§15.1.1); a subscription with a SUBSCRIBE of
``Expires: 0`` (RFC 6665 §4.1.2.3); an early dialog with the final response to its INVITE: its own,
or the one that the caller got (RFC 3261 §12.3).

References
----------
RFC 3261 §12, §13.2.2.4, §15; RFC 6665 §4.1, §4.4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import (
    Booleans,
    Groups,
    Integers,
    in_order,
    integers,
    is_one_of,
    nanoseconds,
    table_frame,
    take,
    times_of,
    words,
)
from pipelines.matching import MATCHING_COLUMNS, MessageKeys, first_bits
from pipelines.schema import DIALOGS

_MAKING = ("INVITE", "SUBSCRIBE", "REFER")
_WITHIN = (*_MAKING, "BYE", "NOTIFY", "INFO", "UPDATE", "PRACK")
_OF_SESSIONS = ("INVITE", "ACK", "BYE", "PRACK", "UPDATE", "CANCEL")
_OF_SUBSCRIPTIONS = ("SUBSCRIBE", "NOTIFY", "BENOTIFY")


@analysis(
    "dialogs",
    messages=(
        *MATCHING_COLUMNS,
        "message_id",
        "first_time",
        "capture",
        "from_uri",
        "to_uri",
        "conversation_id",
        "expires_s",
    ),
)
def dialogs(messages: pd.DataFrame) -> pd.DataFrame:
    """Return the dialogs in `messages`.

    Parameters
    ----------
    messages : DataFrame
        Rows of the table `messages`.

    Returns
    -------
    DataFrame
        Rows of the table `dialogs`.
    """
    messages = in_order(messages)
    found = _Dialogs.of(messages)
    established = _established(found)
    end, ender = _ends(found, established)
    time_ns = nanoseconds(messages["time"])
    started = np.where(found.making >= 0, found.making, found.dialogs.first(found.by_initiator))
    conversations = messages["conversation_id"].notna().to_numpy(dtype=np.bool_)
    return table_frame(
        DIALOGS,
        {
            "dialog_id": take(messages["message_id"], found.first),
            "capture": take(messages["capture"], found.first),
            "call_id": take(messages["call_id"], found.first),
            **_sides(found),
            "kind": _kinds(found),
            "method": take(messages["method"], found.making),
            "conversation_id": take(
                messages["conversation_id"], found.dialogs.first(conversations)
            ),
            "start_time": times_of(first_bits(messages), started),
            "established_time": times_of(time_ns, established),
            "end_time": times_of(time_ns, end),
            "ended_by": ender,
            "state": _states(found, established, end),
            "messages": found.dialogs.tally(found.dialogs.of_row >= 0),
        },
    )


@dataclass(frozen=True, slots=True)
class _Dialogs:
    """N messages and the dialogs they belong to."""

    messages: pd.DataFrame
    """(N rows) in order of time."""
    keys: MessageKeys
    """(N,) what matching looks at."""
    dialogs: Groups
    """Messages with both tags of a dialog."""
    first: Integers
    """(dialogs,) row of the first message with both tags."""
    from_initiates: Booleans
    """(dialogs,) whether the From tag of that message is the initiator's."""
    making: Integers
    """(dialogs,) row of the request that made it; -1 when not seen."""
    by_initiator: Booleans
    """(N,) requests of the initiator inside the dialog."""
    opening: Booleans
    """(N,) requests that make dialogs."""
    tries: Groups
    """Copies of one such request, and its responses."""
    near: Booleans
    """(N,) in the transaction of the try's earliest request."""

    @classmethod
    def of(cls, messages: pd.DataFrame) -> _Dialogs:
        keys = MessageKeys.of(messages)
        dialogs = _group(messages, keys)
        making = is_one_of(messages["method"], *_MAKING)
        opening = keys.is_request & making & (keys.to_tag < 0)
        first = dialogs.first()
        opened_by_from, opened_by_to = _openings(keys, opening)
        from_initiates = (opened_by_from[first] >= 0) | (opened_by_to[first] < 0)
        initiator = np.where(from_initiates, keys.from_tag[first], keys.to_tag[first])
        tries = Groups.by(keys.call, keys.from_tag, np.where(making, keys.cseq, -1), where=opening)
        transaction = Groups.by(tries.of_row, keys.hop, keys.branch).of_row
        return cls(
            messages=messages,
            keys=keys,
            dialogs=dialogs,
            first=first,
            from_initiates=from_initiates,
            making=np.where(from_initiates, opened_by_from[first], opened_by_to[first]),
            by_initiator=keys.is_request & (keys.from_tag == dialogs.spread(initiator, -2)),
            opening=opening,
            tries=tries,
            near=transaction == tries.spread(transaction[tries.first(opening)], -1),
        )

    def requests(self, *methods: str) -> Booleans:
        """Return which messages are requests of one of `methods`."""
        return self.keys.is_request & is_one_of(self.messages["method"], *methods)

    def responses(self, lowest: int, highest: int) -> Booleans:
        """Return which messages answer a request that makes dialogs, with a status in the range."""
        status = self.keys.status
        return (self.tries.of_row >= 0) & (status >= lowest) & (status <= highest)


def _group(messages: pd.DataFrame, keys: MessageKeys) -> Groups:
    has_both = (keys.from_tag >= 0) & (keys.to_tag >= 0)
    made = (keys.status > 101) & (keys.status < 300) & is_one_of(messages["method"], *_WITHIN)
    # ACK carries the tags of any final response, CANCEL those of its INVITE: neither is a proof.
    used = keys.is_request & ~is_one_of(messages["method"], "ACK", "CANCEL")
    low, high = np.minimum(keys.from_tag, keys.to_tag), np.maximum(keys.from_tag, keys.to_tag)
    return Groups.by(keys.call, np.where(has_both, low, -1), high, where=has_both & (made | used))


def _openings(keys: MessageKeys, opening: Booleans) -> tuple[Integers, Integers]:
    """Return for each message the row of the request that its From tag, and its To tag, began with.

    -1 where there is none: the tag is not that of an initiator, or the capture began later.
    """
    senders, receivers = Groups.joined(
        (keys.call, keys.from_tag), (keys.call, keys.to_tag), where=opening
    )
    first = np.append(senders.first(opening), -1)
    return first[senders.of_row], first[receivers.of_row]


def _established(found: _Dialogs) -> Integers:
    success = found.responses(200, 299)
    near = success & found.near
    return found.dialogs.first(near, success)


def _ends(found: _Dialogs, established: Integers) -> tuple[Integers, Any]:
    """Return the row of the message that ended each dialog, and who did."""
    expires = integers(found.messages["expires_s"])
    leaving = found.requests("BYE") | (found.requests("SUBSCRIBE") & (expires == 0))
    left = found.dialogs.first(leaving)
    # A SUBSCRIBE that expires at once asks for the state just once (RFC 6665 §4.4.3).
    fetched = (established >= 0) & (np.append(expires, -1)[found.making] == 0)
    failed = np.where(established < 0, _failures(found), -1)
    by_initiator = fetched & (left < 0) | (left >= 0) & np.append(found.by_initiator, False)[left]
    ender = np.select([by_initiator, left >= 0], ["caller", "callee"], default="")
    return np.select([left >= 0, fetched], [left, established], default=failed), words(ender)


def _failures(found: _Dialogs) -> Integers:
    """Return the row of the final response that ended each dialog while it was early."""
    own = found.dialogs.first(found.responses(300, 699))
    finals, success = found.responses(200, 699), found.responses(200, 299)
    heard = np.append(found.tries.first(finals & found.near, success), -1)
    early = found.dialogs.first(found.responses(102, 199))
    heard = heard[np.append(found.tries.of_row, -1)[early]]
    return np.where((own >= 0) & ((heard < 0) | (own < heard)), own, heard)


def _states(found: _Dialogs, established: Integers, end: Integers) -> Any:
    # Requests in a dialog whose 2xx was not captured show that it was confirmed (RFC 3261 §12.2),
    # except the two that an early dialog knows (RFC 3262 §3, RFC 3311 §5.1).
    used = found.keys.is_request & ~found.requests("PRACK", "UPDATE", "ACK", "CANCEL")
    confirmed = (established >= 0) | found.dialogs.any(used)
    conditions = [end >= 0, found.making < 0, confirmed]
    return words(np.select(conditions, ["terminated", "seen", "confirmed"], default="early"))


def _sides(found: _Dialogs) -> dict[str, Any]:
    """Return tag and URI of the initiator (From) and of the other side (To)."""
    count = len(found.messages)
    straight, crossed = found.first, found.first + count
    sides: dict[str, Any] = {}
    for name in ("tag", "uri"):
        both = pd.concat(
            [found.messages[f"from_{name}"], found.messages[f"to_{name}"]], ignore_index=True
        )
        sides[f"from_{name}"] = take(both, np.where(found.from_initiates, straight, crossed))
        sides[f"to_{name}"] = take(both, np.where(found.from_initiates, crossed, straight))
    return sides


def _kinds(found: _Dialogs) -> Any:
    """Return the kind by the request that made each dialog, or else by what is sent inside it."""
    method, making = found.messages["method"], found.making

    def made_by(*methods: str) -> Booleans:
        return np.append(is_one_of(method, *methods), False)[making]

    within = [found.dialogs.any(is_one_of(method, *_OF_SESSIONS))]
    within.append(found.dialogs.any(is_one_of(method, *_OF_SUBSCRIPTIONS)))
    conditions = [made_by("INVITE"), made_by("SUBSCRIBE"), making >= 0, *within]
    kinds = ["invite", "subscribe", "other", "invite", "subscribe"]
    return words(np.select(conditions, kinds, default="other"))
