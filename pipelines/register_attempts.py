"""REGISTER requests → attempts to register: what belongs to one, and what came of it.

An *exchange* is one REGISTER and its final response, however many hops show it: Call-ID, tag of
From and CSeq are the same on all. Its answer is that of the hop where it was seen first; where that
hop shows none, the earliest of the others stands in.

An *attempt* is what an endpoint does to register once. A challenge (401, 407), a redirection to the
home server (3xx) and 423 Interval Too Brief are steps of it when another REGISTER follows within
:data:`NEXT_STEP_NS`: the challenge round trips are inside the delay that RFC 6076 §4.1 defines.
The redirected REGISTER may have another Call-ID; the endpoint is told by the epid, and without one
by Contact or Call-ID.

References
----------
RFC 3261 §10, §22; RFC 6076 §4.1; [MS-SIPAE] §3; [MS-SIPREGE].
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from pipelines.grouping import NEVER, nanoseconds, plain

NEXT_STEP_NS = 60_000_000_000
"""How long after a challenge or redirection the next REGISTER still belongs to the attempt."""
UNSEEN_ANSWER_NS = 32_000_000_000
"""The same where no answer was seen, and the next REGISTER has credentials."""
LONGEST_EXPIRY_S = 2**32 - 1
"""Longest expiry (RFC 3261 §20.19); what claims more tells nothing."""

COLUMNS = (
    "message_id",
    "capture",
    "frame_number",
    "recording",
    "flow_id",
    "src_ip",
    "dst_ip",
    "status_code",
    "reason_phrase",
    "call_id",
    "cseq",
    "from_tag",
    "from_epid",
    "to_uri",
    "user_agent",
    "contact_uri",
    "expires_s",
    "auth_schemes",
    "bindings",
    "diagnostics_code",
)
"""Columns of `messages` that :class:`Register` holds, beside its times."""


class Register(NamedTuple):
    """A REGISTER or a response to one: its row in `messages`, None where missing."""

    message_id: str
    """As in `messages`, like all that follow."""
    capture: str | None
    """Capture."""
    frame_number: int | None
    """Frame."""
    recording: str | None
    """Recording."""
    flow_id: str | None
    """Flow."""
    src_ip: str | None
    """Sender."""
    dst_ip: str | None
    """Receiver."""
    status_code: int | None
    """Status; None in a request."""
    reason_phrase: str | None
    """Reason phrase."""
    call_id: str | None
    """Call-ID."""
    cseq: int | None
    """Number of CSeq."""
    from_tag: str | None
    """Tag of From."""
    from_epid: str | None
    """epid of From."""
    to_uri: str | None
    """Address of record."""
    user_agent: str | None
    """User-Agent or Server."""
    contact_uri: str | None
    """First Contact."""
    expires_s: int | None
    """Expires."""
    auth_schemes: str | None
    """Schemes of authentication."""
    bindings: str | None
    """Contacts and their expiries."""
    diagnostics_code: int | None
    """First error id."""
    first_ns: int
    """When its first byte came, nanoseconds since 1970 UTC, or NEVER."""
    time_ns: int
    """When it was complete."""

    @property
    def contacts(self) -> list[tuple[int | None, str]]:
        """Expiry (None: not said) and URI of each Contact."""
        # Only a line feed parts them: a URI from a broken stack may hold what splitlines takes.
        lines = [line.partition(" ") for line in self.bindings.split("\n")] if self.bindings else []
        return [(_seconds(expires), uri) for expires, _, uri in lines if uri]


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None


def registers(messages: pd.DataFrame) -> Iterator[Register]:
    """Yield rows of `messages` as plain values.

    Parameters
    ----------
    messages : DataFrame
        :data:`COLUMNS`, ``first_time`` and ``time`` of REGISTERs and their responses.
    """
    rows = zip(*(plain(messages[name]) for name in COLUMNS), strict=True)
    time_ns = nanoseconds(messages["time"]).tolist()
    first_ns = nanoseconds(messages["first_time"]).tolist()
    for row, first, time in zip(rows, first_ns, time_ns, strict=True):
        yield Register._make((*row, time if first == NEVER else first, time))


@dataclass(slots=True)
class Exchange:
    """One REGISTER and its answers, however many hops they were seen on."""

    requests: list[Register] = field(default_factory=list)
    """Copies of the request, by time."""
    finals: list[Register] = field(default_factory=list)
    """Copies of its final responses, by time."""

    @property
    def asked(self) -> Register:
        """The request, or where it was not captured the response, which repeats its headers."""
        return self.requests[0] if self.requests else self.finals[0]

    @property
    def final(self) -> Register | None:
        """The final response on the hop seen first, or the earliest there is."""
        if not self.requests or not self.finals:
            return self.finals[0] if self.finals else None
        first = self.requests[0]
        hop = (first.recording, frozenset((first.src_ip, first.dst_ip)))
        near = (
            one for one in self.finals
            if (one.recording, frozenset((one.src_ip, one.dst_ip))) == hop
        )  # fmt: skip
        return next(near, self.finals[0])

    @property
    def status(self) -> int:
        """Status of the final response; 0 without one."""
        return (self.final.status_code or 0) if self.final else 0

    @property
    def is_challenge(self) -> bool:
        """Whether the client is asked for credentials, which is no failure."""
        return self.status in (401, 407)

    @property
    def client_ip(self) -> str | None:
        """Address that the REGISTER came from."""
        return self.asked.src_ip if self.requests else self.asked.dst_ip

    @property
    def server_ip(self) -> str | None:
        """Address that it went to."""
        return self.asked.dst_ip if self.requests else self.asked.src_ip

    @property
    def start_ns(self) -> int:
        """When the REGISTER came; NEVER when it was not captured."""
        return self.requests[0].first_ns if self.requests else NEVER

    @property
    def moment_ns(self) -> int:
        """Some moment of it, for putting exchanges in order."""
        return self.asked.time_ns

    @property
    def end_ns(self) -> int:
        """When its final response came; NEVER without one."""
        return self.final.time_ns if self.final else NEVER

    @property
    def removes(self) -> bool:
        """Whether it takes the binding back: Expires 0, or expires=0 of its Contact.

        Where only the 200 was captured: it lists no binding, or one of no more time.
        """
        if not self.requests:
            return 200 <= self.status < 300 and (not self.asked.contacts or self.granted_s == 0)
        contacts = self.asked.contacts
        return bool(contacts) and all(
            (self.asked.expires_s if expires is None else expires) == 0 for expires, _ in contacts
        )

    @property
    def asked_expires_s(self) -> int | None:
        """Expiry that it asks for, seconds."""
        if not self.requests:
            return None
        said = [expires for expires, _ in self.asked.contacts if expires is not None]
        return said[0] if said else self.asked.expires_s

    @property
    def granted_s(self) -> int | None:
        """Expiry that its 200 grants, seconds; None when it grants none that can be told.

        The 200 lists every binding of the user, with its own expiry each (RFC 3261 §10.3 step 8).
        """
        if self.final is None or not 200 <= self.status < 300:
            return None
        contacts = self.final.contacts
        own = (self.asked.contact_uri or "").lower()
        mine = [expires for expires, uri in contacts if uri.lower() == own]
        if not mine and len(contacts) == 1:
            mine = [contacts[0][0]]
        seconds = mine[0] if mine and mine[0] is not None else self.final.expires_s
        return seconds if seconds is not None and seconds <= LONGEST_EXPIRY_S else None


def exchanges(rows: Iterator[Register]) -> list[Exchange]:
    """Return the exchanges in rows that come in order of time, by time."""
    found: dict[tuple[Any, ...], Exchange] = {}
    for row in rows:
        one = found.setdefault((row.call_id, row.from_tag, row.cseq), Exchange())
        if row.status_code is None:
            one.requests.append(row)
        elif row.status_code >= 200:
            one.finals.append(row)
    told = (one for one in found.values() if one.requests or one.finals)
    return sorted(told, key=lambda one: (one.moment_ns == NEVER, one.moment_ns))


# --- endpoints ----------------------------------------------------------------------------------


def by_endpoint(found: list[Exchange]) -> list[list[Exchange]]:
    """Return the exchanges of each endpoint, by time."""
    parents: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    keys = [_keys(one.asked) for one in found]
    for first, *others in keys:
        for other in others:
            parents[_root(parents, other)] = _root(parents, first)
    endpoints: defaultdict[tuple[Any, ...], list[Exchange]] = defaultdict(list)
    for one, (first, *_) in zip(found, keys, strict=True):
        endpoints[_root(parents, first)].append(one)
    return list(endpoints.values())


def _keys(row: Register) -> list[tuple[Any, ...]]:
    user = (row.to_uri or "").lower()
    if row.from_epid:
        return [("epid", user, row.from_epid.lower())]
    keys: list[tuple[Any, ...]] = [("call", user, row.call_id)]
    if row.contact_uri and row.contact_uri != "*" and row.status_code is None:
        keys.append(("contact", user, row.contact_uri.lower()))
    return keys


def _root(parents: dict[tuple[Any, ...], tuple[Any, ...]], key: tuple[Any, ...]) -> tuple[Any, ...]:
    while (above := parents.get(key, key)) != key:
        parents[key] = parents.get(above, above)
        key = above
    return key


# --- attempts -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Attempt:
    """The exchanges by which an endpoint registered once, or tried to."""

    steps: list[Exchange]
    """At least one, by time."""

    @property
    def first(self) -> Exchange:
        """The exchange that began it."""
        return self.steps[0]

    @property
    def last(self) -> Exchange:
        """The exchange that ended it."""
        return self.steps[-1]

    @property
    def succeeded(self) -> bool:
        """Whether it ended in a 2xx."""
        return 200 <= self.last.status < 300

    @property
    def removes(self) -> bool:
        """Whether it takes the binding back."""
        return self.last.removes

    @property
    def is_query(self) -> bool:
        """Whether it only asks for the bindings: a REGISTER without Contact (§10.2.3)."""
        return bool(self.last.requests) and not self.last.asked.bindings

    @property
    def challenges(self) -> int:
        """Rounds of authentication."""
        return sum(one.is_challenge for one in self.steps)

    @property
    def redirection(self) -> Register | None:
        """The last 3xx."""
        found = [one.final for one in self.steps if 300 <= one.status < 400]
        return found[-1] if found else None

    @property
    def redirect_followed(self) -> bool | None:
        """Whether a REGISTER came after the 3xx; None without one."""
        return None if self.redirection is None else not 300 <= self.last.status < 400


def attempts(found: list[Exchange]) -> list[Attempt]:
    """Return the attempts of one endpoint, whose exchanges come by time."""
    made = [Attempt([found[0]])]
    for before, after in pairwise(found):
        if _continues(before, after):
            made[-1].steps.append(after)
        else:
            made.append(Attempt([after]))
    return made


def _continues(before: Exchange, after: Exchange) -> bool:
    ended = before.end_ns if before.end_ns != NEVER else before.moment_ns
    gap = after.moment_ns - ended if NEVER not in (after.moment_ns, ended) else 0
    if before.is_challenge or 300 <= before.status < 400 or before.status == 423:
        return gap <= NEXT_STEP_NS
    if before.status or not after.requests:
        return False
    # The answer was not seen. Credentials that follow at once tell that it was a challenge.
    same = before.asked.call_id == after.asked.call_id
    return same and after.asked.auth_schemes is not None and gap <= UNSEEN_ANSWER_NS
