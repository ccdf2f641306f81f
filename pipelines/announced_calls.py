"""Which call a push notification announces.

The notification is a MESSAGE with a Call-ID of its own. Where it has the Ms-Conversation-ID of an
INVITE, that is the one. Else its From names the user: ``sip:McxUser``, an identifier of 32
hexadecimal digits, then the user's own name, ``@`` and domain; it goes with the INVITE to that user
that is nearest in time, at most :data:`WINDOW_NS` away. Microsoft describes neither; both are read
off traffic.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from pipelines.grouping import NEVER, nanoseconds, plain

WINDOW_NS = 30_000_000_000
"""How far a notification and the INVITE that it announces may be apart."""

CALL_COLUMNS = (
    "call_key",
    "call_id",
    "from_tag",
    "to_uri",
    "conversation_id",
    "start_time",
    "answer_time",
    "end_time",
    "outcome",
    "status_code",
)
"""Columns of `calls` that :meth:`AnnouncedCalls.of` reads."""

_LONGEST_URI = 512
_MISSED = (408, 480)
_MOBILE = re.compile(r"sips?:mcxuser([0-9a-f]{32})?([^@;>]*)@([^;:>?]+)", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[0-9a-f]{0,64}", re.IGNORECASE)
_ADDRESS = re.compile(r"sips?:([^;>?]+@[^;:>?]+)", re.IGNORECASE)


class AnnouncedCall(NamedTuple):
    """An INVITE that a notification may announce."""

    call_key: str
    """message_id of the INVITE, as in `calls`."""
    start_ns: int
    """When it came, nanoseconds since 1970 UTC."""
    answer_ns: int
    """When its 2xx came; :data:`pipelines.grouping.NEVER` without one."""
    end_ns: int
    """When it ended; :data:`pipelines.grouping.NEVER` while open."""
    status_code: int | None
    """Final status."""
    fate: str
    """answered, answered_elsewhere, missed, cancelled, failed or open."""


@dataclass(slots=True)
class AnnouncedCalls:
    """The calls of a run, by what a notification tells of them."""

    _by_conversation: dict[str, list[AnnouncedCall]] = field(default_factory=dict)
    _by_user: dict[str, list[AnnouncedCall]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, calls: pd.DataFrame, answered_by: dict[tuple[str, str], str | None]
    ) -> AnnouncedCalls:
        """Return the calls, ready to be looked up.

        Parameters
        ----------
        calls : DataFrame
            Rows of the table `calls`, :data:`CALL_COLUMNS` of them.
        answered_by : dict
            Call-ID and tag of From → User-Agent or Server of the first 2xx.
        """
        by_conversation, by_user = defaultdict(list), defaultdict(list)
        for conversation, user, one in _calls(calls, answered_by):
            if conversation is not None:
                by_conversation[conversation].append(one)
            if user is not None and one.start_ns != NEVER:
                by_user[user].append(one)
        for found in (*by_conversation.values(), *by_user.values()):
            found.sort(key=lambda one: one.start_ns)
        return cls(dict(by_conversation), dict(by_user))

    def find(
        self, from_uri: str | None, conversation: str | None, time_ns: int
    ) -> tuple[AnnouncedCall, str] | None:
        """Return the call that a notification announces and what told it; None without one."""
        of_conversation = self._by_conversation.get(conversation or "", [])
        if of_conversation and time_ns != NEVER:
            return _nearest(of_conversation, time_ns), "conversation"
        for user in _users(from_uri):
            near = _within(self._by_user.get(user, []), time_ns)
            if near:
                return _nearest(near, time_ns), "user and time"
        return None

    def user(self, from_uri: str | None) -> str | None:
        """Return the URI of the user that a notification's From names; None when it names none.

        Where the identifier has not 32 digits, only a call to the user tells where it ends.
        """
        names = list(_users(from_uri))
        known = next((name for name in names if name in self._by_user), None)
        exact = _MOBILE.match(from_uri or "")
        if known is None and names and exact is not None and exact[1] and exact[2]:
            known = names[0]
        return None if known is None else f"sip:{known}"


def announceable(calls: pd.DataFrame, pushes: pd.DataFrame) -> pd.DataFrame:
    """Return the calls that any of some notifications may announce: as a rule, few of many.

    Parameters
    ----------
    calls : DataFrame
        Rows of the table `calls`.
    pushes : DataFrame
        ``from_uri`` and ``conversation_id`` of the notifications.
    """
    users = {name for uri in pushes["from_uri"].dropna().unique() for name in _users(uri)}
    targets = [uri for uri in calls["to_uri"].dropna().unique() if _address(uri) in users]
    conversations = pushes["conversation_id"].dropna().unique()
    named = calls["to_uri"].isin(targets) | calls["conversation_id"].isin(conversations)
    found: pd.DataFrame = calls[named.to_numpy(dtype=bool)]
    return found


def _calls(
    calls: pd.DataFrame, answered_by: dict[tuple[str, str], str | None]
) -> Iterator[tuple[str | None, str | None, AnnouncedCall]]:
    names = ("call_id", "from_tag", "conversation_id", "to_uri", "outcome")
    texts = zip(*(plain(calls[name]) for name in names), strict=True)
    columns = [
        plain(calls["call_key"]),
        *(nanoseconds(calls[name]).tolist() for name in ("start_time", "answer_time", "end_time")),
        plain(calls["status_code"]),
    ]
    for told, place in zip(texts, zip(*columns, strict=True), strict=True):
        call_id, from_tag, conversation, to_uri, outcome = told
        fate = _fate(outcome, place[-1], answered_by.get((call_id, from_tag)))
        yield conversation, _address(to_uri), AnnouncedCall._make((*place, fate))


def _fate(outcome: str, status: int | None, agent: str | None) -> str:
    if outcome == "answered":
        # The Mobility Service answers for the phone; any other endpoint says who it is.
        return "answered" if agent is None or "mcx" in agent.lower() else "answered_elsewhere"
    if status in _MISSED:
        return "missed"
    if outcome in ("cancelled", "unanswered"):
        return "cancelled" if outcome == "cancelled" else "open"
    return "failed"


def _address(uri: str | None) -> str | None:
    match = _ADDRESS.match(uri or "")
    return match[1].lower() if match else None


def _users(from_uri: str | None) -> Iterator[str]:
    """Yield who a From may name, ``user@domain``: the 32 digits first, then any other number."""
    match = _MOBILE.match(from_uri or "")
    if match is None or match.end() > _LONGEST_URI:
        return
    identifier, rest, domain = (part or "" for part in match.groups())
    if rest:
        yield f"{rest}@{domain}".lower()
    name = identifier + rest
    digits = _IDENTIFIER.match(name)
    for length in range(len(digits[0]) if digits else 0, -1, -1):
        if name[length:] and length != len(identifier):
            yield f"{name[length:]}@{domain}".lower()


def _within(calls: list[AnnouncedCall], time_ns: int) -> list[AnnouncedCall]:
    if time_ns == NEVER:
        return []
    low = bisect_left(calls, time_ns - WINDOW_NS, key=lambda one: one.start_ns)
    high = bisect_right(calls, time_ns + WINDOW_NS, key=lambda one: one.start_ns)
    return calls[low:high]


def _nearest(calls: list[AnnouncedCall], time_ns: int) -> AnnouncedCall:
    at = bisect_left(calls, time_ns, key=lambda one: one.start_ns)
    return min(calls[max(0, at - 1) : at + 1], key=lambda one: abs(one.start_ns - time_ns))
