"""Calls: one row per attempt to set up a session with media or IM.

**What an attempt is.** The INVITEs without a To tag that have one Call-ID and one From tag, on
however many hops and branches they were seen. An INVITE sent again after a challenge (401, 407), a
422 or a redirection keeps both and counts CSeq up (RFC 3261 §8.1.3.5, §22.2): it is the same
attempt. INVITEs that carry a conference invitation or talk to a conference's focus set up no
session with media and are no calls.

**Where times are taken.** RFC 6076 defines its delays at the caller's user agent. The nearest that
a capture has is the transaction of the earliest copy of the INVITE: its responses count. When its
hop shows no response at all (a capture of one direction), those of the other hops stand in. Delays
run from the first INVITE of the attempt, so the round trips of challenges are inside, as they are
in what the caller waits for; 401, 402 and 407 themselves end no delay (RFC 6076 §4.3). Nor do 100
and 101, Lync's Progress Report, although 101 is formally a status. A provisional response after the
final one is ignored (RFC 3261 §17.1.1.2).

**Which response decides.** A 2xx of any of the INVITEs; else the final response to the last INVITE
(the highest CSeq). When the nearest hop does not show one, the other hops tell: a 2xx or a 6xx at
once, others only when every other branch is finished, because until then a forking proxy goes on
waiting; of several the one that the proxy has to choose (RFC 3261 §16.7 step 6): 2xx, 6xx, else the
lowest class, and in it 401, 407, 415, 420 and 484 first.

Outcomes:

============ ====================================================================================
answered     2xx, also when it crossed a CANCEL (RFC 3261 §9.1); or no final response was captured,
             but a BYE of the callee, or an ACK and a BYE after it, which there are only in a
             session (§15)
busy         486 Busy Here, 600 Busy Everywhere (§21.4.24, §21.6.1)
declined     603 Decline (§21.6.2), 607 Unwanted (RFC 8197)
cancelled    487 Request Terminated (§21.4.25); or no final response, and CANCEL on the nearest hop
no_answer    480 Temporarily Unavailable (§21.4.18); 408 Request Timeout after 180 or 183: it rang,
             and nobody took the call
timed_out    408 without ringing, 504 Server Time-out; or no response at all to INVITEs that were
             repeated until Timer B (§17.1.1.2)
redirected   3xx that was not followed inside the attempt
challenged   401 or 407 that was not answered inside the attempt
failed       any other final response
unanswered   nothing final in the capture: not a failure
============ ====================================================================================

480, 486, 600 and 603 are effective in the sense of RFC 6076 §4.7: the network did its part.

References
----------
RFC 3261 §9, §13, §15, §16.7, §17, §21; RFC 6076 §4; RFC 3264 §5; RFC 8197; [MS-CONFBAS].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.analysis import analysis
from pipelines.grouping import (
    NEVER,
    Booleans,
    Groups,
    Integers,
    codes,
    in_order,
    is_one_of,
    nanoseconds,
    seconds_between,
    shared_codes,
    table_frame,
    take,
    times_of,
    truth,
    words,
)
from pipelines.matching import MATCHING_COLUMNS, MessageKeys, first_bits, vantages
from pipelines.needs import only
from pipelines.routes import routes
from pipelines.schema import CALLS

CONFERENCE_CONTROL = ("application/ms-conf-invite+xml", "application/cccp+xml")
"""Media types of INVITEs that invite to a conference or talk to its focus."""

TIMER_B_LAST_COPY_NS = 31_000_000_000
"""Without a response the last INVITE leaves 63·T1 = 31.5 s after the first one, and Timer B fires
half a second later (RFC 3261 §17.1.1.2, T1 = 0.5 s); half a second is left for jitter."""

_METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "UPDATE")
_REDIRECTING_FIRST = (401, 407, 415, 420, 484)


@analysis(
    "calls",
    effort=2,
    messages=only(
        (
            *MATCHING_COLUMNS,
            "message_id",
            "first_time",
            "capture",
            "recording",
            "machine",
            "frame_number",
            "flow_id",
            "reason_phrase",
            "from_uri",
            "to_uri",
            "user_agent",
            "conversation_id",
            "route_marks",
            "content_type",
            "diagnostics_code",
        ),
        method=_METHODS,
    ),
    bodies=only(
        ("message_id", "call_id", "media_type", "media"),
        media_type=("application/sdp", *CONFERENCE_CONTROL),
    ),
)
def calls(messages: pd.DataFrame, bodies: pd.DataFrame) -> pd.DataFrame:
    """Return the calls in `messages`.

    Parameters
    ----------
    messages : DataFrame
        Rows of the table `messages`.
    bodies : DataFrame
        Rows of the table `bodies`; those of other messages do no harm, missing ones cost the
        modality.

    Returns
    -------
    DataFrame
        Rows of the table `calls`, in order of their first INVITEs.
    """
    messages = in_order(messages)
    messages = messages[is_one_of(messages["method"], *_METHODS)].reset_index(drop=True)
    trace = _Trace.of(messages, bodies)
    setup = _Setup.of(trace, bodies)
    release = _Release.of(trace, setup)
    outcome = _outcomes(trace, setup, release)
    return table_frame(
        CALLS,
        {
            **_identity(trace),
            **_times(trace, setup, release),
            **_verdict(trace, setup, release, outcome),
            **_counts(trace),
            "modality": _modalities(trace, bodies),
        },
    )


# --- whose message is whose ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Trace:
    """N messages of methods that make, change or end sessions, and the attempts they belong to."""

    messages: pd.DataFrame
    """(N rows) in order of time."""
    keys: MessageKeys
    """(N,) what matching looks at."""
    time_ns: Integers
    """(N,) nanoseconds since 1970 UTC."""
    opening: Booleans
    """(N,) INVITEs of attempts."""
    attempts: Groups
    """Messages with the Call-ID of an attempt and its tag on either side."""
    by_caller: Booleans
    """(N,) whether the From tag is the caller's."""
    tries: Groups
    """INVITEs of one CSeq number, their responses, CANCEL and ACK, on every hop."""
    near: Booleans
    """(N,) in the transaction of the try's earliest INVITE."""
    here: Booleans
    """(N,) near, and in the same capture."""
    start: Integers
    """(attempts,) row of the first INVITE."""

    @classmethod
    def of(cls, messages: pd.DataFrame, bodies: pd.DataFrame) -> _Trace:
        keys = MessageKeys.of(messages)
        invite = is_one_of(messages["method"], "INVITE")
        opening = keys.is_request & invite & (keys.to_tag < 0)
        attempts, _ = _attempts(keys, opening)
        control = attempts.any(opening & _is_conference_control(messages, bodies))
        opening &= ~attempts.spread(control, True)
        attempts, by_caller = _attempts(keys, opening)
        setting_up = opening | (invite & ~keys.is_request) | _asks(messages, "CANCEL", "ACK")
        tries = Groups.by(
            np.where(by_caller & setting_up, attempts.of_row, -1), keys.cseq, where=opening
        )
        first = tries.first(opening)
        transaction = Groups.by(tries.of_row, keys.hop, keys.branch).of_row
        near = transaction == tries.spread(transaction[first], -1)
        capture = vantages(messages)
        here = near & (capture == tries.spread(capture[first], -1))
        return cls(
            messages=messages,
            keys=keys,
            time_ns=nanoseconds(messages["time"]),
            opening=opening,
            attempts=attempts,
            by_caller=by_caller,
            tries=tries,
            near=near,
            here=here,
            start=attempts.first(opening),
        )

    def requests(self, *methods: str) -> Booleans:
        """Return which messages are requests of one of `methods`."""
        return _asks(self.messages, *methods)

    def nearest(self, where: Booleans) -> Integers:
        """Return each attempt's first row that meets `where`, as near to the caller as there is."""
        return self.attempts.first(where & self.here, where & self.near)

    def on_nearest_hop(self, where: Booleans) -> Integers:
        """Return each attempt's first row that meets `where`, on the hop of its first INVITE."""
        near = self.keys.hop == self.attempts.spread(self.keys.hop[self.start], -1)
        return self.attempts.first(where & near, where)


def _asks(messages: pd.DataFrame, *methods: str) -> Booleans:
    return truth(messages["is_request"]) & is_one_of(messages["method"], *methods)


def _attempts(keys: MessageKeys, opening: Booleans) -> tuple[Groups, Booleans]:
    """Return the attempts, and which messages have the caller's tag in From.

    In a request of the callee the caller's tag stands in To.
    """
    sent, received = Groups.joined(
        (keys.call, keys.from_tag), (keys.call, keys.to_tag), where=opening
    )
    by_caller = sent.of_row >= 0
    of_row = np.where(by_caller, sent.of_row, received.of_row)
    return Groups(of_row, sent.count), by_caller


def _is_conference_control(messages: pd.DataFrame, bodies: pd.DataFrame) -> Booleans:
    """Return which messages invite to a conference or talk to its focus.

    The body tells, or the Content-Type where a trace log left the body out; a focus is known by its
    URI too.
    """
    parts = bodies["message_id"][is_one_of(bodies["media_type"], *CONFERENCE_CONTROL)]
    focus = messages["to_uri"].astype("string").str.contains("opaque=app:conf:focus:", regex=False)
    control: Booleans = (
        is_one_of(messages["content_type"], *CONFERENCE_CONTROL)
        | messages["message_id"].isin(parts).to_numpy(dtype=np.bool_)
        | focus.to_numpy(dtype=np.bool_, na_value=False)
    )
    return control


# --- how the attempt went -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Setup:
    """Rows of the milestones of each attempt; -1 where the capture does not show one."""

    response: Integers
    """First response of any kind."""
    provisional: Integers
    """First provisional response other than 100 and 101."""
    ringing: Integers
    """First 180 or 183."""
    early_media: Integers
    """First 180 or 183 with an SDP."""
    final: Integers
    """The response that decides."""
    status: Integers
    """Its status code; -1 without one."""
    answer: Integers
    """The same when it is a 2xx."""
    ack: Integers
    """First ACK to it."""
    deciding: Booleans
    """(N,) messages of the attempt's last INVITE."""

    @classmethod
    def of(cls, trace: _Trace, bodies: pd.DataFrame) -> _Setup:
        keys, attempts = trace.keys, trace.attempts
        responses = ~keys.is_request & (trace.tries.of_row >= 0)
        deciding = _last_tries(trace)
        final = _final(trace, responses, deciding)
        status = keys.status_of(final)
        answer = np.where((status >= 200) & (status < 300), final, -1)
        deaf = attempts.spread(~attempts.any(responses & trace.near), False)
        limit = attempts.spread(np.where(final >= 0, final, len(responses)), 0)
        early = responses & (keys.status < 200) & (np.arange(len(responses)) < limit)

        def first(where: Booleans) -> Integers:
            return attempts.first(where & trace.here, where & trace.near, where & deaf)

        ringing = early & ((keys.status == 180) | (keys.status == 183))
        return cls(
            response=first(responses),
            provisional=first(early & (keys.status > 101)),
            ringing=first(ringing),
            early_media=first(ringing & _with_sdp(trace.messages, bodies)),
            final=final,
            status=status,
            answer=answer,
            ack=_first_ack(trace, answer),
            deciding=deciding,
        )


def _with_sdp(messages: pd.DataFrame, bodies: pd.DataFrame) -> Booleans:
    parts = bodies["message_id"][is_one_of(bodies["media_type"], "application/sdp")]
    found: Booleans = messages["message_id"].isin(parts).to_numpy(dtype=np.bool_)
    return found | is_one_of(messages["content_type"], "application/sdp")


def _last_tries(trace: _Trace) -> Booleans:
    """Return which messages belong to the last INVITE of their attempt: the highest CSeq."""
    last = trace.attempts.best(trace.opening, -trace.keys.cseq)
    deciding = trace.attempts.spread(trace.tries.of_row[last], -2)
    return np.equal(trace.tries.of_row, deciding)


def _final(trace: _Trace, responses: Booleans, deciding: Booleans) -> Integers:
    status = trace.keys.status
    finals = responses & (status >= 200)
    success = finals & (status < 300)
    last = finals & deciding
    near = trace.attempts.first(
        success & trace.here, success & trace.near, last & trace.here, last & trace.near
    )
    settled = success | (status >= 600) | ~_waiting(trace, responses, finals)
    far = trace.attempts.best(last & ~trace.near & settled, _preference(status))
    return np.where(near >= 0, near, far)


def _waiting(trace: _Trace, responses: Booleans, finals: Booleans) -> Booleans:
    """Return the messages of tries of which a branch on a farther hop is not finished."""
    branches = Groups.by(trace.tries.of_row, trace.keys.hop, trace.keys.branch)
    unfinished = ~branches.any(finals)[branches.of_row]
    pending = (trace.opening | responses) & ~trace.near & unfinished
    return trace.tries.spread(trace.tries.any(pending), False)


def _preference(status: Integers) -> Integers:
    """Return a rank: the lower, the sooner a proxy forwards it (RFC 3261 §16.7 steps 5 and 6)."""
    group = np.select([status < 300, status >= 600], [0, 1], default=status // 100)
    return 2 * group + ~np.isin(status, _REDIRECTING_FIRST)


def _first_ack(trace: _Trace, answer: Integers) -> Integers:
    """Return the first ACK to each answer.

    Proxies send ACKs of their own to the branches that failed, with the same Call-ID, From tag and
    CSeq; the To tag tells them apart.
    """
    attempts, answered = trace.attempts, answer >= 0
    tag = attempts.spread(np.where(answered, trace.keys.to_tag[answer], -2), -2)
    tried = attempts.spread(np.where(answered, trace.tries.of_row[answer], -2), -2)
    acks = trace.requests("ACK") & (trace.tries.of_row == tried) & (trace.keys.to_tag == tag)
    return trace.on_nearest_hop(acks)


@dataclass(frozen=True, slots=True)
class _Release:
    """How each attempt ended."""

    bye: Integers
    """Row of the BYE that ended the session; -1 while it is open."""
    answered: Booleans
    """Whether there was a session."""
    cancelled: Booleans
    """Whether the caller sent CANCEL for the last INVITE on the nearest hop."""
    cancel_seen: Booleans
    """Whether any hop shows a CANCEL."""

    @classmethod
    def of(cls, trace: _Trace, setup: _Setup) -> _Release:
        byes = trace.requests("BYE") & (trace.attempts.of_row >= 0)
        cancels = trace.requests("CANCEL") & (trace.tries.of_row >= 0)
        earliest = trace.on_nearest_hop(byes)
        answered = (setup.answer >= 0) | (setup.final < 0) & _is_session(trace, byes, earliest)
        ends = np.where(setup.answer >= 0, _ends_of_dialogs(trace, byes), earliest)
        return cls(
            bye=ends,
            answered=answered,
            cancelled=trace.attempts.any(cancels & trace.near & setup.deciding),
            cancel_seen=trace.attempts.any(cancels),
        )


def _is_session(trace: _Trace, byes: Booleans, bye: Integers) -> Booleans:
    """Return the attempts whose BYE proves a session although no final response was captured.

    The callee must not send BYE before its 2xx; the caller may end an early dialog with BYE, but
    does not send ACK before (RFC 3261 §15).
    """
    ack = trace.attempts.first(trace.requests("ACK") & (trace.tries.of_row >= 0))
    return trace.attempts.any(byes & ~trace.by_caller) | ((ack >= 0) & (ack < bye))


def _ends_of_dialogs(trace: _Trace, byes: Booleans) -> Integers:
    """Return the row of the BYE that ended the last dialog of each attempt; -1 while one is open.

    Several branches of a fork may answer with a 2xx. The caller keeps one and ends the others at
    once with BYE (RFC 3261 §13.2.2.4), which does not end the call.
    """
    keys, attempts = trace.keys, trace.attempts
    success = (keys.status >= 200) & (keys.status < 300) & (trace.tries.of_row >= 0)
    success &= trace.near | ~attempts.spread(attempts.any(success & trace.near), False)
    callee = np.where(byes & ~trace.by_caller, keys.from_tag, keys.to_tag)
    dialogs = Groups.by(np.where(success | byes, attempts.of_row, -1), callee, where=success)
    near = keys.hop == attempts.spread(keys.hop[trace.start], -1)
    ends = dialogs.first(byes & near, byes)
    attempt = attempts.of_row[dialogs.first(success)]
    of_dialog = Groups(attempt, attempts.count)
    is_open = of_dialog.any(ends < 0)
    return np.where(is_open, -1, of_dialog.most(ends + 1, ends >= 0) - 1)


def _outcomes(trace: _Trace, setup: _Setup, release: _Release) -> npt.NDArray[np.str_]:
    status, rang = setup.status, setup.ringing >= 0
    conditions = {
        "answered": release.answered,
        "cancelled": (status == 487) | ((status < 0) & release.cancelled),
        "timed_out": (status < 0) & _is_silent(trace),
        "unanswered": status < 0,
        "busy": (status == 486) | (status == 600),
        "declined": (status == 603) | (status == 607),
        "no_answer": (status == 480) | ((status == 408) & rang),
    }
    also = {
        "timed_out": (status == 408) | (status == 504),
        "redirected": status < 400,
        "challenged": (status == 401) | (status == 407),
    }
    return np.select([*conditions.values(), *also.values()], [*conditions, *also], default="failed")


def _is_silent(trace: _Trace) -> Booleans:
    """Return the attempts whose last INVITE was repeated until Timer B and got no response."""
    tries, deciding = trace.tries, _last_tries(trace)
    copies = trace.opening & trace.near & deciding
    sent_ns = first_bits(trace.messages)
    first, last = trace.attempts.first(copies), trace.attempts.last(copies)
    heard = trace.attempts.any(~trace.keys.is_request & (tries.of_row >= 0) & deciding)
    return ~heard & (sent_ns[last] - sent_ns[first] >= TIMER_B_LAST_COPY_NS)


# --- the row ------------------------------------------------------------------------------------


def _identity(trace: _Trace) -> dict[str, Any]:
    messages, start = trace.messages, trace.start
    told = trace.messages["conversation_id"].notna().to_numpy(dtype=np.bool_)
    conversation = trace.attempts.first(told & trace.opening, told)
    route, reason = routes(messages, trace.attempts, start)
    copied = ("call_id", "capture", "from_uri", "to_uri", "from_tag", "flow_id", "frame_number")
    return {
        **{name: take(messages[name], start) for name in copied},
        "call_key": take(messages["message_id"], start),
        "conversation_id": take(messages["conversation_id"], conversation),
        "route": words(route),
        "route_reason": words(reason),
    }


def _times(trace: _Trace, setup: _Setup, release: _Release) -> dict[str, Any]:
    def at(rows: Integers) -> Integers:
        return times_of(trace.time_ns, rows)

    start = times_of(first_bits(trace.messages), trace.start)
    bye = np.where(release.answered, release.bye, -1)
    ended = np.where(release.answered, bye, setup.final)
    telling = ~np.isin(setup.status, (401, 402, 407))
    moments = np.stack([at(setup.provisional), at(np.where(telling, setup.final, -1))])
    told = np.where(moments == NEVER, np.iinfo(np.int64).max, moments).min(axis=0)
    told = np.where((moments == NEVER).all(axis=0), NEVER, told)
    return {
        "start_time": start,
        "first_response_time": at(setup.response),
        "first_provisional_time": at(setup.provisional),
        "ringing_time": at(setup.ringing),
        "early_media_time": at(setup.early_media),
        "answer_time": at(setup.answer),
        "ack_time": at(setup.ack),
        "end_time": at(ended),
        "setup_delay_s": seconds_between(start, at(setup.answer)),
        "ringback_delay_s": seconds_between(start, at(setup.ringing)),
        "early_media_delay_s": seconds_between(start, at(setup.early_media)),
        "session_request_delay_s": seconds_between(start, told),
        "duration_s": seconds_between(at(setup.answer), at(bye)),
    }


def _verdict(
    trace: _Trace, setup: _Setup, release: _Release, outcome: npt.NDArray[np.str_]
) -> dict[str, Any]:
    cancelled = outcome == "cancelled"
    # A caller may end an early dialog with BYE instead of CANCEL (RFC 3261 §15).
    bye = (release.answered | (cancelled & ~release.cancel_seen)) & (release.bye >= 0)
    cancel = cancelled & release.cancel_seen
    rejected = (setup.status >= 300) & ~cancelled
    by_caller = cancel | (bye & trace.by_caller[release.bye])
    return {
        "outcome": words(outcome),
        "status_code": take(trace.messages["status_code"], setup.final),
        "reason_phrase": take(trace.messages["reason_phrase"], setup.final),
        "diagnostics_code": take(
            trace.messages["diagnostics_code"], _telling_diagnostics(trace, setup, release)
        ),
        "released_by": words(np.select([by_caller, bye], ["caller", "callee"], default="")),
        "release_method": words(
            np.select([bye, cancel, rejected], ["BYE", "CANCEL", "rejected"], default="")
        ),
    }


def _telling_diagnostics(trace: _Trace, setup: _Setup, release: _Release) -> Integers:
    """Return the row whose diagnostics say why each attempt ended as it did.

    Of a call that was answered it is the BYE, if it has any: those of a 2xx are information. The
    same response may have lost its diagnostics on a farther hop: ms-diagnostics does not cross the
    border of an organisation ([MS-OCER]).
    """
    attempts, keys = trace.attempts, trace.keys
    told = trace.messages["diagnostics_code"].notna().to_numpy(dtype=np.bool_)
    byes = trace.requests("BYE") & attempts.spread(release.answered & (release.bye >= 0), False)
    same = keys.status == attempts.spread(setup.status, -2)
    copies = ~keys.is_request & setup.deciding & same
    return attempts.first(told & byes, told & copies & trace.near, told & copies)


def _counts(trace: _Trace) -> dict[str, Integers]:
    keys, attempts, opening = trace.keys, trace.attempts, trace.opening
    responses = ~keys.is_request & (trace.tries.of_row >= 0) & (keys.to_tag >= 0)
    # A proxy gives a final response of its own a tag of its own; only these are an endpoint's.
    endpoints = responses & (keys.status > 101) & (keys.status < 300)
    of_try = trace.tries.spread(trace.tries.distinct(keys.to_tag, endpoints), 0)
    changing = _asks(trace.messages, "UPDATE") | (
        _asks(trace.messages, "INVITE") & (keys.to_tag >= 0)
    )
    request = Groups.by(keys.from_tag, keys.cseq, codes(trace.messages["method"]))
    return {
        "invites": attempts.tally(opening),
        "hops": attempts.distinct(_hops(trace), opening),
        "branches": np.maximum(
            attempts.most(of_try, endpoints), attempts.any(responses & (keys.status > 101))
        ),
        "reinvites": attempts.distinct(request.of_row, changing),
    }


def _hops(trace: _Trace) -> Integers:
    """Return the pair of hosts; in trace logs, which name one of them, the topmost Via tells."""
    logged = is_one_of(trace.messages["transport"], "log")
    return Groups.by(trace.keys.pair, np.where(logged, trace.keys.branch, -1)).of_row


# --- modality -----------------------------------------------------------------------------------

_MODALITIES = {
    "audio": "audio",
    "video": "video",
    "message": "im",
    "x-ms-message": "im",
    "applicationsharing": "applicationsharing",
    "data": "data",
}
"""Media of an m= line → modality. x-ms-message is what LCS 2005 called IM."""


def _modalities(trace: _Trace, bodies: pd.DataFrame) -> Any:
    """Return what the first SDP of each attempt offers.

    That is the INVITE's, or the answer's where the INVITE has none (RFC 3261 §13.2.1).
    """
    offers = bodies[is_one_of(bodies["media_type"], "application/sdp")]
    rows = _rows_of(trace, offers["message_id"])
    attempts = Groups(np.append(trace.attempts.of_row, -1)[rows], trace.attempts.count)
    first = attempts.best(rows >= 0, rows)
    chosen = attempts.rows(rows == attempts.spread(np.append(rows, -1)[first], -2))
    media: list[set[str]] = [set() for _ in range(attempts.count)]
    offered = offers["media"].iloc[chosen].astype("string").fillna("").tolist()
    for attempt, names in zip(attempts.of_row[chosen].tolist(), offered, strict=True):
        media[attempt].update(names.split(","))
    return words(np.array([_modality(frozenset(one)) for one in media], dtype=object))


def _rows_of(trace: _Trace, message_ids: pd.Series[Any]) -> Integers:
    """Return the row of each message in `trace` if it sets up an attempt; -1 otherwise."""
    setting_up = np.flatnonzero(trace.tries.of_row >= 0)
    ours, wanted = shared_codes(trace.messages["message_id"].iloc[setting_up], message_ids)
    row_of = np.full(max(ours.max(initial=-1), wanted.max(initial=-1)) + 2, -1, dtype=np.int64)
    row_of[ours] = setting_up
    return row_of[wanted]


@lru_cache(maxsize=1024)
def _modality(media: frozenset[str]) -> str:
    found = {_MODALITIES[name] for name in media if name in _MODALITIES}
    if found == {"audio", "video"}:
        return "video"
    return found.pop() if len(found) == 1 else "mixed" if found else ""
