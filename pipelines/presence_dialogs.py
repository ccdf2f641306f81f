"""A dialog of the presence package → what it asked for and what it was told, contact by contact.

One dialog may watch one contact (RFC 3856), the contacts of a list that the server keeps (RFC
4662), or the contacts of a list that the SUBSCRIBE carries (``batchSub``), to which further
requests of the dialog add some and from which they take some away. What became of each stands in
the response to SUBSCRIBE itself (Lync lets the first notification ride in its 200), in NOTIFY, or
in BENOTIFY, which nobody answers.

Every message is looked at once, however many hops show it: as the subscriber's hop shows it, if
that was captured.

References
----------
RFC 3856; RFC 4662; RFC 6665. [MS-PRES] (batchSub, resubscribe), [MS-SIP] (BENOTIFY).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

CHALLENGES = (401, 407)
"""Status codes that ask for credentials: no answer yet."""

ACTIVE, PENDING, TERMINATED, RESUBSCRIBE = "active", "pending", "terminated", "resubscribe"
REFUSED, SILENT = "refused", "silent"
BATCH, SINGLE, LIST = "batch", "single", "list"

MAX_KEPT = 16
"""Responses to one SUBSCRIBE, and requests for one list, that are looked at."""

_UNREACHABLE = ("offline", "unknown")
_OPEN = ("open", "inuse", "inactive")
_ENDING = ("unsubscribe", "delete")


class Message(NamedTuple):
    """A SUBSCRIBE, its response, a NOTIFY or a BENOTIFY."""

    message_id: str
    """As in `messages`."""
    time: int
    """When its last byte came, nanoseconds since 1970 UTC; NEVER where a log does not tell."""
    capture: str | None
    """File that it comes from."""
    frame_number: int | None
    """Frame that completed it."""
    flow_id: str | None
    """Flow, as in `flows`."""
    src_ip: str | None
    """Sender's address."""
    dst_ip: str | None
    """Receiver's address."""
    method: str
    """Method; for a response that of its CSeq."""
    is_request: bool
    """Request or response."""
    status_code: int | None
    """Status code of a response; None where a log does not tell it."""
    cseq: int | None
    """Sequence number of CSeq."""
    from_uri: str | None
    """URI of From."""
    from_tag: str | None
    """Tag of From."""
    to_uri: str | None
    """URI of To."""
    to_tag: str | None
    """Tag of To; None outside a dialog."""
    user_agent: str | None
    """User-Agent, or Server."""
    contact_uri: str | None
    """URI of the first Contact: in Lync a GRUU, which tells the kind of endpoint."""
    expires_s: int | None
    """Expires, seconds."""
    content_type: str | None
    """Media type of the body; None without one."""
    subscription_state: str | None
    """Subscription-State: state, and reason where there is one."""
    diagnostics_code: int | None
    """First error id of ms-diagnostics."""
    route_marks: str | None
    """What tells where it goes, as in `messages`."""

    @property
    def identity(self) -> tuple[object, ...]:
        """What all copies of the message have in common."""
        kind = self.method, self.is_request, self.status_code
        return *kind, self.cseq, self.from_tag, self.to_tag

    @property
    def hop(self) -> frozenset[str | None]:
        """Addresses of the two ends."""
        return frozenset((self.src_ip, self.dst_ip))

    @property
    def asks(self) -> bool:
        """Whether it is a SUBSCRIBE."""
        return self.method == "SUBSCRIBE" and self.is_request

    @property
    def final(self) -> int:
        """Status code of a final response to SUBSCRIBE; 0 for any other message."""
        return (self.status_code or 0) if self.method == "SUBSCRIBE" else 0


class Told(NamedTuple):
    """A row of `presence`: what a message says of a contact."""

    message_id: str
    """Message that says it."""
    list_version: int | None
    """version of the resource list; None without a list."""
    contact_uri: str | None
    """Contact, as the list or the document calls it."""
    state: str | None
    """State of the subscription: active, pending, terminated, resubscribe."""
    reason: str | None
    """Why it is so."""
    status_code: int | None
    """statusCode of the instance."""
    diagnostics_code: int | None
    """msDiagCode of the instance."""
    pool_fqdn: str | None
    """poolFqdn of the instance."""
    part: str | None
    """Part that holds the document; None without a document."""
    availability: int | None
    """availability of a state."""
    presence: str | None
    """What it means."""
    basic: str | None
    """basic of PIDF."""
    activity: str | None
    """activity of a state."""

    @property
    def of_list(self) -> bool:
        """Whether a resource list says it."""
        return self.list_version is not None or self.state is not None

    @property
    def is_state(self) -> bool:
        """Whether it says how available the contact is."""
        return not (self.availability is None and self.presence is None and self.basic is None)

    @property
    def reachable(self) -> bool:
        """Whether it shows the contact as one that can be called."""
        if self.basic is not None:
            return self.basic in _OPEN
        return self.presence is not None and self.presence not in _UNREACHABLE


class Action(NamedTuple):
    """One action of a request's list: contacts to watch, or to watch no longer."""

    name: str
    """subscribe, unsubscribe; of 2005 create, add, delete."""
    contacts: tuple[str, ...]
    """URIs, each once, in order."""
    categories: str | None
    """Wanted categories, comma-separated."""


class Seen(NamedTuple):
    """One message of the dialog, all its copies together."""

    message: Message
    """The copy on the subscriber's hop, or else the first."""
    actions: Sequence[Action]
    """What it asks for."""
    told: Sequence[Told]
    """What it says of contacts."""


@dataclass(slots=True)
class Request:
    """One SUBSCRIBE."""

    message: Message
    """The request."""
    finals: list[Message] = field(default_factory=list)
    """Its final responses."""
    open_ended: bool = False
    """Whether its list was lost, or it names none: what it asks for, only the answers tell."""


@dataclass(slots=True)
class Contact:
    """One contact of the dialog."""

    uri: str | None
    """As it was named first; None when a lost list named it."""
    form: str | None = None
    """batch, single or list; None when no request for it was seen."""
    categories: str | None = None
    """Wanted categories, comma-separated."""
    requests: list[Request] = field(default_factory=list)
    """Those that asked for it, in order of time."""
    unasked: list[Message] = field(default_factory=list)
    """Final responses to requests that were not seen."""
    states: list[tuple[Message, Told | None, str, str | None]] = field(default_factory=list)
    """What was told of its subscription: message, row, state, reason."""
    present: tuple[Message, Told] | None = None
    """Its first presence state."""
    reachable: Message | None = None
    """What first showed it as one that can be called."""
    told: bool = False
    """Whether any answer names it."""
    ended: int | None = None
    """When the subscriber ended it, nanoseconds since 1970 UTC."""

    @property
    def final(self) -> Message | None:
        """The response that counts: the first 2xx, or else refusal, or else the last challenge."""
        finals = [one for request in self.requests for one in request.finals] + self.unasked
        accepted = [one for one in finals if one.final < 300]
        whole = accepted or [one for one in finals if one.final not in CHALLENGES]
        return whole[0] if whole else finals[-1] if finals else None


@lru_cache(maxsize=65536)
def contact_key(uri: str | None) -> str | None:
    """Return what is equal for the spellings of one contact: without scheme and parameters.

    PIDF names a contact ``pres:``, or without any scheme; Lync's GRUUs have parameters.
    """
    if not uri:
        return None
    head = uri.partition(";")[0].strip().lower()
    scheme, colon, rest = head.partition(":")
    return rest if colon and scheme in ("sip", "sips", "pres") else head


class PresenceDialog:
    """Follows one dialog.

    Parameters
    ----------
    messages : iterable of Message
        Messages of one Call-ID, in order of time, with all their copies.
    actions : mapping of str to list of Action
        What the list in a message asks for, by message_id.
    told : mapping of str to list of Told
        What a message says of contacts, by message_id.
    """

    def __init__(
        self,
        messages: Iterable[Message],
        actions: Mapping[str, Sequence[Action]],
        told: Mapping[str, Sequence[Told]],
    ) -> None:
        self.notifications = 0
        self.notified: Message | None = None
        """First notification."""
        self.first: Message | None = None
        """First message."""
        self.marks: set[str] = set()
        """Words of ``route_marks`` of all messages."""
        self._contacts: dict[str | None, Contact] = {}
        self._requests: dict[tuple[object, ...], Request] = {}
        self._open: Request | None = None
        self._sole: Contact | None = None
        self._listing: list[Request] = []
        messages = list(messages)
        for message in messages:
            self.marks.update((message.route_marks or "").split())
        for seen in _once(messages, actions, told):
            self.first = self.first or seen.message
            self._take(seen)

    @property
    def contacts(self) -> Iterator[Contact]:
        """Yield the contacts; a list stands for itself only while none of its contacts is known."""
        for one in self._contacts.values():
            if not (self._listing and one.form == SINGLE and not one.told):
                yield one
        if self._open and not self._contacts:
            yield Contact(None, BATCH, None, [self._open])

    def _take(self, seen: Seen) -> None:
        message = seen.message
        if message.asks:
            self._ask(message, seen.actions)
        elif message.final >= 200:
            self._answered(message)
        elif message.is_request:
            self.notifications += 1
            self.notified = self.notified or message
            if not seen.told:
                self._about_one(message, message.from_uri)
        if not message.asks and (message.status_code or 200) < 300:
            self._state(message, seen.told)
            for row in seen.told:
                self._tell(message, row)

    def _answered(self, message: Message) -> None:
        request = self._requests.get((message.cseq, message.from_tag))
        if request:
            if len(request.finals) < MAX_KEPT:
                request.finals.append(message)
        elif contact := self._about_one(message, message.to_uri):
            contact.unasked.append(message)
        elif message.final >= 300 and not self._contacts:
            self._contact(None, None).unasked.append(message)

    def _about_one(self, message: Message, uri: str | None) -> Contact | None:
        """Enter whom a dialog is about whose requests were not seen, unless that is oneself."""
        if contact_key(message.from_uri) == contact_key(message.to_uri) or self._requests:
            return None
        if not self._contacts:
            self._sole = self._contact(uri, None)
        return self._only()

    # --- what is asked for

    def _ask(self, message: Message, actions: Sequence[Action]) -> None:
        request = Request(message)
        self._requests[message.cseq, message.from_tag] = request
        if actions:
            for action in actions:
                self._act(action, request)
        elif message.expires_s == 0 and message.to_tag:
            self._end(message, self._contacts.values())
        elif message.content_type or self._is_own(message):
            request.open_ended, self._open = True, request
        elif not message.to_tag or not self._contacts:
            self._contact(message.to_uri, SINGLE).requests.append(request)

    def _is_own(self, message: Message) -> bool:
        """Return whether it refreshes a dialog with oneself: a batch, whose list is known."""
        own = contact_key(message.to_uri) == contact_key(message.from_uri)
        return own and bool(message.to_tag)

    def _act(self, action: Action, request: Request) -> None:
        if action.name in _ENDING:
            keys = map(contact_key, action.contacts)
            self._end(request.message, (self._contacts[k] for k in keys if k in self._contacts))
            return
        # After `resubscribe` a list of several goes to the pool, and a list of one to the contact.
        to = contact_key(request.message.to_uri)
        for uri in action.contacts:
            contact = self._contact(uri, SINGLE if contact_key(uri) == to else BATCH)
            contact.categories = contact.categories or action.categories
            if not contact.requests or contact.requests[-1] is not request:
                contact.requests.append(request)

    def _end(self, message: Message, contacts: Iterable[Contact]) -> None:
        for contact in contacts:
            contact.ended = contact.ended or message.time

    def _contact(self, uri: str | None, form: str | None) -> Contact:
        key = contact_key(uri)
        if key not in self._contacts:
            self._contacts[key] = Contact(uri, form)
        return self._contacts[key]

    # --- what is told

    def _state(self, message: Message, told: Sequence[Told]) -> None:
        """Take Subscription-State: in a dialog about one contact it is that contact's."""
        only = self._only()
        if message.subscription_state is None or any(row.of_list for row in told):
            return
        state, _, reason = message.subscription_state.partition(";reason=")
        # A 200 tells of the dialog only; RFC 6665 has Subscription-State in notifications.
        if only and message.is_request:
            only.told = True
            only.states.append((message, None, state, reason or None))

    def _only(self) -> Contact | None:
        """Return the contact of a dialog that is about one."""
        if len(self._contacts) != 1:
            return None
        (contact,) = self._contacts.values()
        return contact if contact.form == SINGLE or contact is self._sole else None

    def _tell(self, message: Message, row: Told) -> None:
        contact = self._about(message, row)
        if contact is None:
            return
        contact.told = True
        if row.state:
            contact.states.append((message, row, row.state.lower(), row.reason))
        if row.is_state and contact.present is None:
            contact.present = (message, row)
        if row.reachable and contact.reachable is None:
            contact.reachable = message
        if row.part and not row.state and not contact.states:
            # A document without a list: the server shows the contact's presence.
            contact.states.append((message, row, ACTIVE, None))

    def _about(self, message: Message, row: Told) -> Contact | None:
        """Return the contact of a row; one that nobody was seen to ask for is new."""
        only = self._only()
        if only and not row.of_list:
            return only  # whatever its document calls it
        key = contact_key(row.contact_uri)
        if key is None or key in self._contacts:
            return self._contacts[key] if key else None
        contact = self._contact(row.contact_uri, None)
        answers = not message.is_request
        asked = self._requests.get((message.cseq, message.from_tag)) if answers else None
        request = asked or self._open
        if request and request.open_ended:
            contact.form = BATCH
            contact.requests.append(request)
        elif only:
            contact.form = LIST
            contact.requests += only.requests[:MAX_KEPT]
            self._listing = only.requests[:MAX_KEPT]
        elif self._listing:
            contact.form = LIST
            contact.requests += self._listing
        return contact


def _once(
    messages: list[Message],
    actions: Mapping[str, Sequence[Action]],
    told: Mapping[str, Sequence[Told]],
) -> list[Seen]:
    """Return each message once, in order of the times at which the subscriber's hop shows it."""
    near = next((one.hop for one in messages if one.asks), None)
    copies: dict[tuple[object, ...], list[Message]] = {}
    for message in messages:
        copies.setdefault(message.identity, []).append(message)
    made = [_joined(several, near, actions, told) for several in copies.values()]
    return sorted(made, key=lambda seen: seen.message.time)


def _joined(
    several: list[Message],
    near: frozenset[str | None] | None,
    actions: Mapping[str, Sequence[Action]],
    told: Mapping[str, Sequence[Told]],
) -> Seen:
    if len(several) == 1:  # nearly always: a capture shows one hop
        (message,) = several
        known = message.message_id
        return Seen(message, actions.get(known, ()), told.get(known, ()))
    several = sorted(several, key=lambda one: one.hop != near)
    by_id = [one.message_id for one in several]
    return Seen(
        several[0],
        next((actions[one] for one in by_id if one in actions), ()),
        next((told[one] for one in by_id if one in told), ()),
    )
