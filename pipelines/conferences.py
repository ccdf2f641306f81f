"""The dialogs of a conference → joins: which invitation, focus dialog and MCU dialogs are one.

Whoever is invited has three dialogs or more, each with a Call-ID of its own: the inviter's, which
ends as soon as it is accepted; one with the focus, which is the roster; one with each MCU, which is
a modality. Their URIs share the organiser and the conference id (``opaque=app:conf:PART:id:ID``),
and From or To is the same person; epid tells several endpoints of a person apart.

References
----------
[MS-CONFBAS] §3.1, §3.2; [MS-CONFPRO] §2.2 (conference id); RFC 4579.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, groupby
from typing import NamedTuple

from dissectors.errors import DissectError
from dissectors.sip.headers import decode_opaque, decode_uri

FOCUS = "focus"

SECOND = 1_000_000_000
RETRY_WITHIN = 32 * SECOND
"""A focus INVITE so soon after a refused one is the client's next try (Timer B, RFC 3261 §17)."""
BEGIN_WITHIN = 120 * SECOND
"""An invitation accepted longer ago does not explain a focus INVITE."""
LATER = 60 * SECOND
"""A first modality so long after the focus's answer is a person's: no client works so long."""
ADDED = 10 * SECOND
"""A further modality so long after it was added by a person: clients begin all within a second."""
_FOREVER = 1 << 63
_SLACK = 1 * SECOND
"""By how much an acceptance may seem to come after what it led to, being seen on another hop."""


class Part(NamedTuple):
    """What a URI of a conference tells."""

    kind: str
    """focus, or the MCU: audio-video, chat, applicationsharing, data-conf …"""
    conference: tuple[str, str]
    """Organiser's address, lower case, and conference id: the same in all URIs of a conference."""

    @property
    def conference_id(self) -> str:
        """Conference id."""
        return self.conference[1]


@lru_cache(maxsize=65536)
def part_of(uri: str | None) -> Part | None:
    """Return which part of which conference a URI names; None for any other URI.

    Examples
    --------
    >>> part_of("sip:Kim@contoso.com;gruu;opaque=app:conf:focus:id:X1Y2Z3W4")
    Part(kind='focus', conference=('kim@contoso.com', 'X1Y2Z3W4'))
    """
    try:
        opaque = decode_uri(uri).opaque if uri and "app:conf:" in uri.lower() else None
    except DissectError:
        return None
    named = decode_opaque(opaque) if opaque else None
    if named is None or named.identifier is None or not named.role.lower().startswith("conf:"):
        return None
    return Part(named.role.lower().removeprefix("conf:"), (address_of(uri), named.identifier))


def address_of(uri: str | None) -> str:
    """Return user and host of a URI in lower case, or a telephone number; empty without any.

    Examples
    --------
    >>> address_of("sip:Carol@contoso.com;opaque=user:epid:x;gruu")
    'carol@contoso.com'
    """
    return (uri or "").strip().lower().partition(":")[2].partition(";")[0]


@dataclass(slots=True)
class Dialog:
    """The opening of a dialog with the focus or with an MCU, its tries on top of each other."""

    call_id: str
    """Call-ID."""
    part: Part
    """Whom it is with."""
    user_uri: str
    """The participant, as From or, where the MCU called, To names it."""
    called: bool
    """Whether the MCU called the participant."""
    capture: str | None
    """Capture that shows it."""
    flow_id: str | None
    """Flow that shows it, nearest to its sender."""
    time: int | None = None
    """First INVITE, nanoseconds since 1970 UTC; None when only answers were seen."""
    answer_time: int | None = None
    """Final response that counts: the 2xx, or the last refusal."""
    status: int | None = None
    """Its status."""
    request_id: str | None = None
    """message_id of the first INVITE."""
    final_id: str | None = None
    """message_id of that response."""
    epid: str | None = None
    """The participant's endpoint."""
    product: str | None = None
    """User-Agent of the participant."""
    end_time: int | None = None
    """BYE."""
    ended_by: str | None = None
    """caller or callee."""

    @property
    def begin(self) -> int:
        """When it is first seen."""
        known = self.time if self.time is not None else self.answer_time
        return known if known is not None else 0

    @property
    def accepted(self) -> bool:
        """Whether a 2xx was seen."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether it ended with another final response."""
        return self.status is not None and self.status >= 300


@dataclass(slots=True)
class Invitation:
    """An invitation to a conference, which a person accepts."""

    call_id: str
    """Call-ID."""
    message_id: str
    """The INVITE."""
    conference: tuple[str, str]
    """As in :class:`Part`."""
    user_uri: str
    """Who is invited."""
    time: int
    """INVITE, nanoseconds since 1970 UTC."""
    capture: str | None
    """Capture that shows it."""
    answer_s: float | None = None
    """INVITE to its final response on the hop nearest to the inviter."""
    status: int | None = None
    """That response's status."""
    accept_time: int | None = None
    """2xx on the hop nearest to the invited client; None without one."""
    flow_id: str | None = None
    """Flow of that hop."""
    final_id: str | None = None
    """message_id of the final response."""
    epid: str | None = None
    """Endpoint that accepted, where To of its 2xx tells it."""


@dataclass(slots=True)
class Join:
    """What one participant's endpoint did to get into a conference."""

    conference: tuple[str, str]
    """As in :class:`Part`."""
    user_uri: str
    """The participant."""
    invitation: Invitation | None = None
    """What it began with; None when none was seen."""
    tries: list[Dialog] = field(default_factory=list)
    """Dialogs with the focus: more than one where the first was refused."""
    media: list[Dialog] = field(default_factory=list)
    """Dialogs with MCUs, in order of time."""
    called: bool = False
    """Whether the MCU called the participant."""
    present: bool = False
    """Whether the participant was in the conference when it accepted the invitation."""

    @property
    def focus(self) -> Dialog | None:
        """The dialog with the focus that counts: the last try."""
        return self.tries[-1] if self.tries else None

    @property
    def dialogs(self) -> list[Dialog]:
        """All dialogs, in order of time."""
        return [*self.tries, *self.media]

    def modalities(self) -> list[list[Dialog]]:
        """Return the tries for each modality; one that was left and joined again is told twice."""
        open_runs: dict[str, list[Dialog]] = {}
        successes: dict[str, int] = {}
        runs: list[list[Dialog]] = []
        for dialog in self.media:
            kind = dialog.part.kind
            if kind not in open_runs or dialog.begin > successes.get(kind, dialog.begin):
                runs.append([])
                open_runs[kind] = runs[-1]
                successes.pop(kind, None)
            open_runs[kind].append(dialog)
            if dialog.accepted:
                successes.setdefault(kind, dialog.answer_time or dialog.begin)
        return runs


def counting_try(run: list[Dialog]) -> Dialog:
    """Return the try for a modality that counts: the first that was accepted, or the last."""
    return next((one for one in run if one.accepted), run[-1])


def joins_of(invitations: Iterable[Invitation], dialogs: Iterable[Dialog]) -> list[Join]:
    """Return the joins that invitations and dialogs belong to, in order of time."""
    events: list[tuple[tuple[tuple[str, str], str], int, int, Invitation | Dialog]] = []
    everything: list[Invitation | Dialog] = [*invitations, *dialogs]
    for number, one in enumerate(everything):
        if isinstance(one, Dialog):
            key, time = (one.part.conference, address_of(one.user_uri)), one.begin
        else:
            key = (one.conference, address_of(one.user_uri))
            time = one.time if one.accept_time is None else one.accept_time - _SLACK
        events.append((key, time, number, one))
    events.sort(key=lambda event: event[:3])
    joins = [
        join
        for _, group in groupby(events, key=lambda event: event[0])
        for join in _Participant().joins(one for *_, one in group)
    ]
    return sorted(joins, key=_first_seen)


def _first_seen(join: Join) -> int:
    return join.invitation.time if join.invitation else join.dialogs[0].begin


@dataclass(slots=True)
class _Participant:
    """The joins of one person to one conference, found event by event."""

    made: list[Join] = field(default_factory=list)
    by_endpoint: dict[str | None, Join] = field(default_factory=dict)
    """epid → the last join of that endpoint."""
    accepted: list[Invitation] = field(default_factory=list)
    """Invitations that no focus INVITE followed yet."""

    def joins(self, events: Iterator[Invitation | Dialog]) -> list[Join]:
        """Return the joins of `events`, which come in order of time."""
        for event in events:
            if isinstance(event, Invitation):
                self._push_invitation(event)
            elif event.called:
                self._push_call(event)
            elif event.part.kind == FOCUS:
                self._push_focus(event)
            else:
                self._join_of(event).media.append(event)
        self.made += self._alone(self.accepted)
        return self.made

    def _push_invitation(self, invitation: Invitation) -> None:
        if invitation.accept_time is None:
            self.made.append(Join(invitation.conference, invitation.user_uri, invitation))
        else:
            self.accepted.append(invitation)

    def _push_focus(self, dialog: Dialog) -> None:
        last = self._last(dialog.epid)
        before = last.focus if last else None
        again = before is not None and before.refused
        if last and before and again and dialog.begin - before.begin <= RETRY_WITHIN:
            last.tries.append(dialog)
            return
        join = Join(dialog.part.conference, dialog.user_uri, tries=[dialog])
        if self.accepted and self._explains(self.accepted[-1], dialog):
            join.invitation = self.accepted.pop()
        self._enter(join, dialog.epid)

    @staticmethod
    def _explains(invitation: Invitation, dialog: Dialog) -> bool:
        return dialog.begin - (invitation.accept_time or 0) <= BEGIN_WITHIN

    def _join_of(self, dialog: Dialog) -> Join:
        """Return the join that a dialog with an MCU belongs to; a new one without focus dialog."""
        join = self._last(dialog.epid)
        if join is None:
            join = Join(dialog.part.conference, dialog.user_uri)
            if self.accepted and self._explains(self.accepted[-1], dialog):
                join.invitation = self.accepted.pop()
            self._enter(join, dialog.epid)
        return join

    def _last(self, epid: str | None) -> Join | None:
        """Return the last join of an endpoint; one without epid may be any."""
        if epid is None:
            return next(reversed(self.by_endpoint.values()), None)
        return self.by_endpoint.get(epid) or self.by_endpoint.get(None)

    def _push_call(self, dialog: Dialog) -> None:
        last = self.made[-1] if self.made else None
        if last is not None and last.called:
            last.media.append(dialog)
        else:
            self.made.append(
                Join(dialog.part.conference, dialog.user_uri, media=[dialog], called=True)
            )

    def _alone(self, invitations: list[Invitation]) -> list[Join]:
        """Return the joins of accepted invitations that nothing followed."""
        spans = sorted(
            (one.begin, _FOREVER if one.end_time is None else one.end_time)
            for join in (self.made if invitations else ())
            for one in join.dialogs
            if one.accepted
        )
        # The latest end of all that began no later: who is in until then is in now.
        ends = list(accumulate((end for _, end in spans), max))
        alone = []
        for one in invitations:
            moment = one.accept_time or 0
            begun = bisect_right(spans, (moment, _FOREVER))
            present = begun > 0 and ends[begun - 1] > moment
            alone.append(Join(one.conference, one.user_uri, one, present=present))
        return alone

    def _enter(self, join: Join, epid: str | None) -> None:
        self.made.append(join)
        self.by_endpoint.pop(epid, None)  # a dict keeps the place of a key that it has
        self.by_endpoint[epid] = join
