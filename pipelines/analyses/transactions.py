"""SIP transactions: one row per request on a hop, with its answers.

Outcomes, by the final response:

============== ==================================================================================
success        2xx
redirect       3xx
challenge      401 or 407: the client is asked for credentials and sends a new request
cancelled      487: the request was ended by CANCEL or BYE (RFC 3261 §21.4.25)
failure        any other final response
unanswered     no final response in the capture, even if provisional ones are there
best_effort    no final response, and none is due: BENOTIFY ([MS-SIP]), ACK
response_only  the request is not in the capture
missing        a trace log shows a response without its status line
============== ==================================================================================

CANCEL has the branch of the INVITE that it cancels, but is a transaction of its own (RFC 3261
§9.1). So is the ACK to a 2xx; the ACK to any other final response belongs to its INVITE (§17.1.1.3)
and is counted nowhere.

When several captures show one hop, or several machines of a merged log, delays are taken where
the request was shown first, because clocks disagree; copies of a message are then those that one
of them shows.

References
----------
RFC 3261 §8.1, §9.1, §13.2.2.4, §17.
"""

from __future__ import annotations

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
    is_one_of,
    nanoseconds,
    seconds_between,
    table_frame,
    take,
    times_of,
    words,
)
from pipelines.matching import (
    MATCHING_COLUMNS,
    MessageKeys,
    first_bits,
    join_halves,
    match_transactions,
    vantages,
)
from pipelines.schema import TRANSACTIONS

_NUMBERS = np.array([str(number) for number in range(1000)], dtype=object)

_OF_REQUEST = (
    "capture",
    "flow_id",
    "transport",
    "method",
    "request_uri",
    "call_id",
    "cseq",
    "from_uri",
    "from_tag",
    "to_uri",
    "via_branch",
)


@analysis(
    "transactions",
    effort=2,
    messages=(
        *MATCHING_COLUMNS,
        "message_id",
        "first_time",
        "capture",
        "recording",
        "machine",
        "flow_id",
        "request_uri",
        "reason_phrase",
        "from_uri",
        "to_uri",
        "diagnostics_code",
    ),
)
def transactions(messages: pd.DataFrame) -> pd.DataFrame:
    """Return the transactions of `messages`.

    Parameters
    ----------
    messages : DataFrame
        Rows of the table `messages`.

    Returns
    -------
    DataFrame
        Rows of the table `transactions`, in order of their first messages.
    """
    messages = in_order(messages)
    keys = MessageKeys.of(messages)
    groups, copies = _group(messages, keys)
    capture = vantages(messages)
    first, request = groups.first(), groups.first(copies)
    shown = np.where(request >= 0, request, first)
    near = capture == groups.spread(capture[shown], -1)
    responses = ~keys.is_request
    # 101 is Lync's Progress Report: like 100, it only says that somebody is at work.
    telling = (keys.status > 101) & (keys.status < 200)
    finals = keys.status >= 200
    milestones = [groups.first(where & near, where) for where in (responses, telling, finals)]
    return table_frame(
        TRANSACTIONS,
        {
            "transaction_id": take(messages["message_id"], first),
            **{name: take(messages[name], shown) for name in _OF_REQUEST},
            **_ends(messages, shown, request >= 0),
            "to_tag": take(messages["to_tag"], request),
            "request_message_id": take(messages["message_id"], request),
            **_answers(messages, keys, request, *milestones),
            "requests": _copies(groups, capture, copies),
            "responses": _copies(groups, capture, responses),
            "outcome": _outcomes(messages, keys, groups, shown, request, milestones[-1]),
        },
    )


def _group(messages: pd.DataFrame, keys: MessageKeys) -> tuple[Groups, Booleans]:
    """Return the transactions, and which rows are copies of their requests."""
    method = codes(messages["method"])
    is_invite = is_one_of(messages["method"], "INVITE")
    ack = keys.is_request & is_one_of(messages["method"], "ACK")
    method = np.where(ack, method[is_invite].max(initial=-1), method)
    loose = join_halves(match_transactions(keys, method), keys, messages, method)
    final = is_invite & (keys.status >= 200)
    success = loose.any(final & (keys.status < 300))
    # Without a branch nothing but the final response tells which ACK this is; most are to a 2xx.
    unknown = ~loose.any(final) & ~loose.any(keys.unique_branch)
    own = ack & (success | unknown | ~loose.any(is_invite))[loose.of_row]
    groups = Groups.by(loose.of_row, np.where(own, keys.to_tag + 1, -1))
    return groups, keys.is_request & (own | ~ack)


def _ends(messages: pd.DataFrame, shown: Integers, seen: Booleans) -> dict[str, Any]:
    """Return the addresses of client and server; a response alone shows them turned round."""
    addresses = pd.concat([messages["src_ip"], messages["dst_ip"]], ignore_index=True)
    sender, receiver = shown, shown + len(messages)
    return {
        "src_ip": take(addresses, np.where(seen, sender, receiver)),
        "dst_ip": take(addresses, np.where(seen, receiver, sender)),
    }


def _answers(
    messages: pd.DataFrame,
    keys: MessageKeys,
    request: Integers,
    response: Integers,
    provisional: Integers,
    final: Integers,
) -> dict[str, Any]:
    time_ns = nanoseconds(messages["time"])
    start_ns, final_ns = times_of(first_bits(messages), request), times_of(time_ns, final)
    return {
        "start_time": start_ns,
        "first_response_time": times_of(time_ns, response),
        "first_provisional_code": _provisional_code(keys, provisional),
        "first_provisional_time": times_of(time_ns, provisional),
        "final_time": final_ns,
        "response_s": seconds_between(start_ns, final_ns),
        "status_code": take(messages["status_code"], final),
        "reason_phrase": take(messages["reason_phrase"], final),
        "diagnostics_code": take(messages["diagnostics_code"], final),
        "final_message_id": take(messages["message_id"], final),
    }


def _provisional_code(keys: MessageKeys, provisional: Integers) -> Any:
    spelled = np.full(len(provisional), "", dtype=object)
    there = provisional >= 0
    spelled[there] = _NUMBERS[keys.status[provisional[there]]]
    return words(spelled)


def _copies(groups: Groups, capture: Integers, where: Booleans) -> Integers:
    """Return the rows of each group that meet `where`, in the capture that shows the most."""
    if capture.max(initial=0) == 0:
        return groups.tally(where)
    parts = Groups.by(groups.of_row, capture)
    return groups.most(parts.spread(parts.tally(where), 0), where)


def _outcomes(
    messages: pd.DataFrame,
    keys: MessageKeys,
    groups: Groups,
    shown: Integers,
    request: Integers,
    final: Integers,
) -> Any:
    status = keys.status_of(final)
    # A log may show a response without its status line.
    unknown = groups.any(~keys.is_request & (keys.status < 0))
    no_answer_due = is_one_of(messages["method"], "ACK", "BENOTIFY")[shown]
    conditions = {
        "response_only": request < 0,
        "": (status < 0) & unknown,
        "best_effort": (status < 0) & no_answer_due,
        "unanswered": status < 0,
        "success": status < 300,
        "redirect": status < 400,
        "challenge": (status == 401) | (status == 407),
        "cancelled": status == 487,
    }
    return words(np.select(list(conditions.values()), list(conditions), default="failure"))
