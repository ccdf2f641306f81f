"""Documents of a conference's state → the roster as it was at each moment.

A subscription to a conference's state gives one whole document, then changes. :func:`in_versions`
puts documents in the order in which they were made; :class:`Roster` takes one after another and
tells what each changed.

Where Microsoft and RFC 4575 differ: an element without ``state`` is full by the RFC's schema, so
that ``users`` without it, in a partial document, would remove everybody whom it does not name. Lync
means by it no more than it says; so users leave by ``state="deleted"`` or by a whole document only.

References
----------
RFC 4575 §4.4 (versions), §4.6 (how documents are folded), §5.5 to §5.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

Value = dict[str, Any]
"""A decoded document, or a part of one, fields as in `dissectors.bodies.conference_info`."""

Document = TypeVar("Document")

MAX_ENDPOINTS = 64
"""Endpoints of a user that are followed; a person has one for each modality and device."""
MAX_MEDIA = 32
"""Media of an endpoint that are followed."""

FULL, PARTIAL, DELETED = "full", "partial", "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the roster."""

    level: str
    """What changed: user, endpoint or media."""
    change: str
    """added, changed or removed."""
    user: Value
    """The user, as it is now; of one that was removed, as it was."""
    endpoint: Value
    """Its endpoint; empty for a change of the user."""
    media: Value
    """Its media; empty for a change of the user or of the endpoint."""
    previous_status: str | None
    """Status of the endpoint before; None where it is new, or for a change of the user."""


def in_versions(documents: Sequence[tuple[Document, Value]]) -> list[tuple[Document, Value]]:
    """Return documents of one subscription in the order of their versions.

    Packets may come in another order than documents were made in. A whole document whose version
    does not exceed the one before begins anew, as after a focus has moved to another server.

    Parameters
    ----------
    documents : sequence of (anything, document)
        In order of time.
    """
    runs: list[list[tuple[Document, Value]]] = [[]]
    highest: int | None = None
    for one in documents:
        version = one[1].get("version")
        anew = highest is not None and version is not None and version <= highest
        if anew and _state(one[1]) == FULL:
            runs.append([])
            highest = None
        runs[-1].append(one)
        if version is not None:
            highest = version if highest is None else max(highest, version)
    return [one for run in runs for one in _sorted(run)]


def _sorted(run: list[tuple[Document, Value]]) -> list[tuple[Document, Value]]:
    if any(value.get("version") is None for _, value in run):
        return run
    return sorted(run, key=lambda one: int(one[1]["version"]))


class Roster:
    """Who is in a conference, with which endpoints and media.

    Attributes
    ----------
    complete : bool
        False from a document that is missing, was cut, or held more endpoints or media of one user
        than are followed, until the next whole one.
    """

    def __init__(self) -> None:
        self.complete = False
        self._version: int | None = None
        self._users: dict[str, Value] = {}

    def push(self, document: Value) -> list[Change]:
        """Fold a document in, and return what it changed; nothing for a copy or an outdated one."""
        state, version = _state(document), document.get("version")
        outdated = version is not None and self._version is not None and version <= self._version
        if outdated and state != FULL:
            return []
        cut = bool(document.get("problems"))
        follows = version is None or self._version is None or version == self._version + 1
        users = document.get("users")
        all_taken = not cut and not any(map(_is_too_large, users or ()))
        self.complete = all_taken and (state == FULL or (self.complete and follows))
        self._version = version if version is not None else self._version
        if state == DELETED:
            return self._replace({})
        if users is None:
            return []
        if not cut and (document.get("users_state") or state) == FULL and state == FULL:
            return self._replace({_key(user): user for user in users if _state(user) != DELETED})
        return self._update(users, cut)

    def _replace(self, users: dict[str, Value]) -> list[Change]:
        old, self._users = self._users, {key: _whole_user(user) for key, user in users.items()}
        changes: list[Change] = []
        for key in [*old, *(key for key in self._users if key not in old)]:
            changes += _differences(old.get(key), self._users.get(key))
        return changes

    def _update(self, users: Iterable[Value], cut: bool) -> list[Change]:
        changes: list[Change] = []
        for user in users:
            key = _key(user)
            old = self._users.pop(key, None)
            if _state(user) != DELETED:
                merges = old is not None and (cut or _state(user) == PARTIAL)
                self._users[key] = _merged_user(old, user) if old and merges else _whole_user(user)
            changes += _differences(old, self._users.get(key))
            self.complete &= len(self._users.get(key, {}).get("endpoints", ())) < MAX_ENDPOINTS
        return changes


def _state(value: Value) -> str:
    """Return the state of a document or of a part; full is the default of the RFC's schema."""
    return value.get("state") or FULL


def _is_too_large(user: Value) -> bool:
    endpoints = user["endpoints"]
    return len(endpoints) > MAX_ENDPOINTS or any(len(one["media"]) > MAX_MEDIA for one in endpoints)


def _key(value: Value) -> str:
    # URIs of users differ in case between documents that different servers made.
    return (value.get("entity") or "").lower()


def _whole_user(user: Value) -> Value:
    endpoints = {
        _key(one): _whole_endpoint(one)
        for one in user["endpoints"][:MAX_ENDPOINTS]
        if _state(one) != DELETED
    }
    return {**user, "endpoints": endpoints}


def _whole_endpoint(endpoint: Value) -> Value:
    return {
        **endpoint,
        "media": {one.get("id") or "": one for one in endpoint["media"][:MAX_MEDIA]},
    }


def _merged_user(old: Value, user: Value) -> Value:
    endpoints = dict(old["endpoints"])
    for one in user["endpoints"][:MAX_ENDPOINTS]:
        key = _key(one)
        before = endpoints.get(key)
        if _state(one) == DELETED:
            endpoints.pop(key, None)
            continue
        merges = before is not None and _state(one) == PARTIAL
        endpoints[key] = (
            _merged_endpoint(before, one) if before and merges else _whole_endpoint(one)
        )
    return {**_told(old, user), "endpoints": _at_most(MAX_ENDPOINTS, endpoints)}


def _merged_endpoint(old: Value, endpoint: Value) -> Value:
    media = dict(old["media"])
    for one in endpoint["media"][:MAX_MEDIA]:
        key = one.get("id") or ""
        media[key] = _told(media.get(key, {}), one)
    return {**_told(old, endpoint), "media": _at_most(MAX_MEDIA, media)}


def _at_most(count: int, parts: dict[str, Value]) -> dict[str, Value]:
    return parts if len(parts) <= count else dict(islice(parts.items(), count))


def _told(old: Value, new: Value) -> Value:
    """Return `old` with what `new` says; what it leaves out stays."""
    return {**old, **{name: value for name, value in new.items() if value not in (None, [], ())}}


# --- what is different ----------------------------------------------------------------------------

_USER_FIELDS = ("entity", "display_text", "roles")
_ENDPOINT_FIELDS = (
    "entity", "session_type", "status", "joining_method", "disconnection_method",
    "disconnection_reason",
)  # fmt: skip
_MEDIA_FIELDS = ("id", "type", "label", "status", "media_state", "ingress_filter")


def _differences(old: Value | None, new: Value | None) -> list[Change]:
    """Return the changes from one state of a user to the next; None: not in the roster."""
    if old is None and new is None:
        return []
    user = new or old or {}
    changes = []
    change = _change(old, new, _USER_FIELDS)
    if change:
        changes.append(Change("user", change, user, {}, {}, None))
    before, after = (old or {}).get("endpoints", {}), (new or {}).get("endpoints", {})
    for key in [*before, *(key for key in after if key not in before)]:
        if before.get(key) is not after.get(key):
            changes += _of_endpoint(user, before.get(key), after.get(key))
    return changes


def _of_endpoint(user: Value, old: Value | None, new: Value | None) -> list[Change]:
    endpoint, status = new or old or {}, (old or {}).get("status")
    changes = []
    change = _change(old, new, _ENDPOINT_FIELDS)
    if change:
        changes.append(Change("endpoint", change, user, endpoint, {}, status))
    before, after = (old or {}).get("media", {}), (new or {}).get("media", {})
    for key in [*before, *(key for key in after if key not in before)]:
        change = _change(before.get(key), after.get(key), _MEDIA_FIELDS)
        if change:
            media = after.get(key) or before.get(key)
            changes.append(Change("media", change, user, endpoint, media, status))
    return changes


def _change(old: Value | None, new: Value | None, fields: tuple[str, ...]) -> str | None:
    if old is None or new is None:
        return "added" if old is None else "removed"
    same = all(old.get(name) == new.get(name) for name in fields)
    return None if same else "changed"
