"""Presence in a message → rows: resource lists joined with the documents that they name.

A resource list names, for each contact, the part that holds its document (``cid``); a document may
also stand alone. One row is made for each category that a document tells, with what the list says
of the contact; a contact without a document, and a document without a list, have rows all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from dissectors.bodies.category_publish import CategoryPublish
from dissectors.bodies.event_categories import EventCategories
from dissectors.bodies.msrtc_pidf import MsrtcPidf, PublishedState
from dissectors.bodies.pidf import Pidf, PidfPerson, PidfTuple
from dissectors.bodies.rlmi import Instance, Resource, ResourceList
from dissectors.bodies.xpidf import Xpidf, XpidfAddress
from dissectors.body import MediaPart, decode_part
from dissectors.errors import DissectError
from dissectors.presence.availability import spelled_presence
from dissectors.presence.category import Category
from dissectors.presence.contact_card import ContactCard
from dissectors.presence.date_time import time_ns_of
from dissectors.presence.endpoint import Device, LegacyInterop
from dissectors.presence.state import Note, State
from dissectors.xml_types import boolean_of
from pipelines.repeated_text import short

Row = tuple[Any, ...]

MAX_ROWS = 5000
"""Most rows that one message makes: those of a thousand contacts with five categories each."""

PRESENCE_VALUES = (ResourceList, EventCategories, Pidf, Xpidf, MsrtcPidf)
"""Types of body values that rows of `presence` are made of."""


@dataclass(frozen=True, slots=True)
class _Document:
    """A presence document: who it is about, and what it tells, in the order of the columns."""

    part: MediaPart
    uri: str | None
    rows: list[Row]


def presence_rows(parts: Sequence[tuple[MediaPart, object]]) -> Iterator[Row]:
    """Yield the rows of `presence` that one message makes, without the columns of the message.

    Parameters
    ----------
    parts : sequence
        Parts of the message with their values, as of :func:`dissectors.body.walk_parts`.
    """
    documents = {
        part.path: _document(part, value) for part, value in parts if type(value) in _DOCUMENTS
    }
    by_content_id = {part.content_id: part for part, _ in parts if part.content_id}
    for _, value in parts:
        if isinstance(value, ResourceList):
            yield from _list_rows(value, by_content_id, documents)
    for document in documents.values():
        where = (document.part.path, document.part.media_type)
        for row in document.rows:
            yield (*_NO_LIST, document.uri, *_NO_INSTANCE, *where, *row)
    for part, _ in parts:
        if part.media_type == _PUBLISH and _LEGACY_INTEROP in part.data:
            yield from _legacy_interop(part)


_PUBLISH = "application/msrtc-category-publish+xml"
_LEGACY_INTEROP = b"legacyInterop"
"""What tells one publication among the many that no table is about, without decoding them."""


def _legacy_interop(part: MediaPart) -> Iterator[Row]:
    """Yield a row for each availability that is published for public providers."""
    try:
        value = decode_part(part)
    except DissectError:
        return  # its text is in `bodies`
    for one in value.publications if isinstance(value, CategoryPublish) else ():
        where = short(one.uri), *_NO_INSTANCE, part.path, part.media_type
        for category in one.publications:
            if isinstance(category.content, LegacyInterop):
                yield (*_NO_LIST, *where, *_category(category)[0])


def _document(part: MediaPart, value: object) -> _Document:
    uri, rows = _DOCUMENTS[type(value)](value)
    return _Document(part, short(uri), rows)


# --- a resource list ---

_NO_LIST = (None,) * 3
_NO_INSTANCE = (None,) * 7


def _list_rows(
    resources: ResourceList,
    by_content_id: dict[str, MediaPart],
    documents: dict[str, _Document],
) -> Iterator[Row]:
    """Yield the rows of a list; a document that it names is taken out of `documents`.

    A document named twice is told once: else a hostile list would multiply it.
    """
    head = (short(resources.uri), resources.version, resources.full_state)
    for resource in resources.resources:
        for instance in resource.instances or (None,):
            part = by_content_id.get(instance.cid) if instance and instance.cid else None
            document = documents.pop(part.path, None) if part else None
            where = (part.path, part.media_type) if part else (None, None)
            for row in document.rows if document else (_NOTHING_TOLD,):
                yield (*head, *_instance(resource, instance), *where, *row)


def _instance(resource: Resource, instance: Instance | None) -> Row:
    if instance is None:
        return (short(resource.uri), *_NO_INSTANCE)
    return (
        short(resource.uri),
        short(instance.id),
        short(instance.state),
        short(instance.reason),
        instance.status_code,
        instance.ms_diag_code,
        short(instance.pool_fqdn),
        short(instance.cid),
    )


# --- a document ---


def _told(
    category: str | None = None,
    instance: int | None = None,
    publish_time: str | None = None,
    container: int | None = None,
    cleared: bool | None = None,
    *,
    state_type: str | None = None,
    availability: int | None = None,
    presence: str | None = None,
    basic: str | None = None,
    activity: str | None = None,
    manual: bool | None = None,
    last_active: str | None = None,
    note: str | None = None,
    note_type: str | None = None,
    device: str | None = None,
    endpoint_id: str | None = None,
    display_name: str | None = None,
) -> Row:
    """Return what a document tells, in the order of the columns."""
    return (
        category,
        instance,
        time_ns_of(publish_time),
        container,
        cleared,
        state_type,
        availability,
        presence,
        basic,
        activity,
        manual,
        time_ns_of(last_active),
        note,
        note_type,
        device,
        endpoint_id,
        display_name,
    )


_NOTHING_TOLD = _told()


def _rows(found: Iterable[Row]) -> list[Row]:
    """Return the rows of a document; one that says nothing has a row, too."""
    return list(found) or [_NOTHING_TOLD]


def _event_categories(value: EventCategories) -> tuple[str | None, list[Row]]:
    return value.uri, _rows(chain.from_iterable(map(_category, value.categories)))


def _category(category: Category) -> list[Row]:
    content = category.content
    head = (
        short(category.name),
        category.instance,
        category.publish_time,
        category.container,
        category.cleared,
    )
    endpoint_id = category.endpoint_id
    if isinstance(content, State):
        return [_state(head, content, endpoint_id)]
    if isinstance(content, Note):
        notes = content.bodies
        return [_told(*head, note=n.text or None, note_type=n.type) for n in notes] or [
            _told(*head)
        ]
    if isinstance(content, ContactCard):
        return [_told(*head, display_name=content.display_name)]
    if isinstance(content, Device):
        endpoint_id = content.endpoint_id or endpoint_id
        return [_told(*head, device=content.machine_name, endpoint_id=endpoint_id)]
    if isinstance(content, LegacyInterop):
        return [_told(*head, availability=content.availability, presence=content.presence)]
    return [_told(*head, endpoint_id=endpoint_id)]


def _state(head: Row, state: State, endpoint_id: str | None) -> Row:
    activity = state.activity
    texts = [text for _, text in activity.custom if text] if activity else []
    return _told(
        *head,
        state_type=state.type,
        availability=state.availability,
        presence=state.presence,
        activity=(activity.token if activity else None) or (texts[0] if texts else None),
        manual=state.manual,
        last_active=state.last_active,
        device=state.device,
        endpoint_id=state.endpoint_id or endpoint_id,
    )


def _pidf(value: Pidf) -> tuple[str | None, list[Row]]:
    name = short(value.display_name)
    rows = [*(_tuple(one, name) for one in value.tuples), *map(_person, value.persons)]
    if value.notes:
        rows.append(_told("note", note="\n".join(value.notes)))
    return value.entity, _rows(rows)


def _tuple(one: PidfTuple, display_name: str | None) -> Row:
    return _told(
        "tuple",
        publish_time=one.timestamp,
        basic=one.basic,
        presence=_of_words(one.activities),
        activity=",".join(one.activities) or None,
        note="\n".join(one.notes) or None,
        endpoint_id=one.id,
        display_name=display_name,
    )


def _person(one: PidfPerson) -> Row:
    return _told(
        one.kind,
        publish_time=one.timestamp,
        presence=_of_words(one.activities),
        activity=",".join(one.activities) or None,
        note="\n".join(one.notes) or None,
        endpoint_id=one.id,
    )


def _of_words(words: tuple[str, ...]) -> str | None:
    return next(filter(None, map(spelled_presence, words)), None)


def _xpidf(value: Xpidf) -> tuple[str | None, list[Row]]:
    name = short(value.display_name)
    return value.uri, _rows(_address(one, name) for one in value.addresses)


def _address(one: XpidfAddress, display_name: str | None) -> Row:
    return _told(
        "address",
        basic=one.status,
        presence=spelled_presence(one.substatus),
        activity=one.substatus,
        note="\n".join(one.notes) or None,
        endpoint_id=short(one.atom_id),
        display_name=display_name,
    )


def _msrtc_pidf(value: MsrtcPidf) -> tuple[str | None, list[Row]]:
    whole = _told(
        "presentity",
        note=value.note or value.oof,
        note_type="OOF" if value.oof and not value.note else None,
        endpoint_id=value.availability_epid,
        display_name=value.display_name,
    )
    rows = [whole, *(_published("state", state) for state in value.states)]
    for device in value.devices:
        about = (short(device.device_name), short(device.epid))
        states = [_published("device", state, *about) for state in device.states]
        rows += states or [_told("device", device=about[0], endpoint_id=about[1])]
    return value.uri, rows


def _published(
    category: str, state: PublishedState, device: str | None = None, epid: str | None = None
) -> Row:
    return _told(
        category,
        publish_time=state.since,
        cleared=state.nil,
        availability=None if state.nil else state.availability,
        presence=state.presence,
        activity=state.text,
        manual=boolean_of(state.attributes.get("manual")),
        device=device,
        endpoint_id=epid,
    )


_DOCUMENTS: dict[type, Callable[[Any], tuple[str | None, list[Row]]]] = {
    EventCategories: _event_categories,
    Pidf: _pidf,
    Xpidf: _xpidf,
    MsrtcPidf: _msrtc_pidf,
}
