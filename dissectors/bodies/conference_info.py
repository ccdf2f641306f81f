"""``application/conference-info+xml``: the state of a conference, above all its roster.

The focus sends it in NOTIFY and BENOTIFY of the event package ``conference``, the first one also in
the 200 OK to the SUBSCRIBE. The first document is whole, later ones tell what changed; the
attribute ``state`` (full, partial, deleted) of the document and of its parts says which, and is
kept as sent: whoever folds documents into a roster needs to know where it was missing.

Microsoft adds elements of its own (``session-type``, ``media-state``, ``conference-view`` …). Those
that matter have fields; ``values`` holds them all, without ``conf-key`` and passcodes.

References
----------
RFC 4575; [MS-CONFBAS] §2.2.2, §6.3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, conference_id_of, flat_values
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml
from dissectors.xml_types import boolean_of, integer_of


@dataclass(frozen=True, slots=True)
class RosterMedia:
    """One medium of an endpoint (RFC 4575 §5.8)."""

    id: str | None
    """``id``: unique within the endpoint."""
    type: str | None
    """``type``: audio, main-video, chat, applicationsharing …"""
    label: str | None
    """``label``: that of the SDP (RFC 4574)."""
    src_id: str | None
    """``src-id``: SSRC of RTP."""
    status: str | None
    """``status``: sendrecv, sendonly, recvonly or inactive."""
    media_state: str | None
    """``media-state`` (Microsoft): connected, disconnected."""
    ingress_filter: str | None
    """``media-ingress-filter`` (Microsoft): block where the MCU mutes what comes in."""


@dataclass(frozen=True, slots=True)
class RosterEndpoint:
    """One endpoint of a user (RFC 4575 §5.7)."""

    entity: str | None
    """``entity``: a GUID in braces, or a URI."""
    state: str | None
    """``state`` as sent: full, partial, deleted."""
    session_type: str | None
    """``session-type`` (Microsoft): focus, chat, audio-video, applicationsharing …"""
    endpoint_uri: str | None
    """``endpoint-uri`` (Microsoft)."""
    status: str | None
    """``status``: connected, on-hold, disconnected, alerting, dialing-out …"""
    joining_method: str | None
    """``joining-method``: dialed-in, dialed-out, focus-owner."""
    joined: str | None
    """``when`` of ``joining-info``, as sent."""
    disconnection_method: str | None
    """``disconnection-method``: departed, booted, failed, busy."""
    disconnected: str | None
    """``when`` of ``disconnection-info``, as sent."""
    disconnection_reason: str | None
    """``reason`` of ``disconnection-info``: as a rule the value of a SIP Reason header."""
    call_id: str | None
    """``call-id`` of ``call-info``: the endpoint's own dialog with the conference."""
    media: tuple[RosterMedia, ...]
    """Its media."""


@dataclass(frozen=True, slots=True)
class RosterUser:
    """One participant (RFC 4575 §5.6)."""

    entity: str | None
    """``entity``: URI of the user."""
    state: str | None
    """``state`` as sent: full, partial, deleted."""
    display_text: str | None
    """``display-text``: name of the user."""
    roles: tuple[str, ...]
    """``roles``: presenter, attendee."""
    endpoints: tuple[RosterEndpoint, ...]
    """Its endpoints."""


@dataclass(frozen=True, slots=True)
class ConferenceUri:
    """One address of the conference (RFC 4575 §5.3.1)."""

    uri: str | None
    """``uri``."""
    purpose: str | None
    """``purpose``: chat, audio-video, meeting, applicationsharing, phone-conf …"""


@dataclass(frozen=True, slots=True)
class ConferenceInfo:
    """The state of a conference, or what changed in it."""

    entity: str | None
    """``entity``: URI of the conference's focus."""
    conference_id: str | None
    """Conference id: what follows ``:id:`` in that URI."""
    state: str | None
    """``state`` as sent: full, partial, deleted."""
    version: int | None
    """``version``: grows by one with each document of a subscription."""
    subject: str | None
    """``subject``."""
    conf_uris: tuple[ConferenceUri, ...]
    """``conf-uris``: where its MCUs are."""
    user_count: int | None
    """``user-count`` of ``conference-state``."""
    active: bool | None
    """``active`` of ``conference-state``."""
    locked: bool | None
    """``locked`` of ``conference-state`` or, from Microsoft's focus, of the first entity state."""
    users_state: str | None
    """``state`` of ``users`` as sent; None where it has none or there is no ``users``."""
    users: tuple[RosterUser, ...] | None
    """``users``; None where the document does not tell of any, not even that there are none."""
    values: dict[str, str]
    """All of it: path → text or attribute, as :func:`dissectors.markup.flatten` writes them."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


@bodies.register("application/conference-info+xml")
def decode_conference_info(part: MediaPart) -> ConferenceInfo:
    """Return the state of a conference.

    Raises
    ------
    DissectError
        When it is no XML, or its root is not ``conference-info``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() != "conference-info":
        raise Malformed(f"root is {root.name[:40]!r}, not conference-info", layer="xml")
    entity = root.get("entity")
    description, state, users = map(
        root.child, ("conference-description", "conference-state", "users")
    )
    return ConferenceInfo(
        entity,
        conference_id_of(entity),
        _state(root),
        integer_of(root.get("version")),
        description.child_text("subject") if description else None,
        _conf_uris(description),
        integer_of(state.child_text("user-count")) if state else None,
        boolean_of(state.child_text("active")) if state else None,
        _locked(root, state),
        _state(users) if users else None,
        tuple([_user(user) for user in users.all("user")]) if users else None,
        flat_values(root),
        document.problems,
    )


def _state(element: Element) -> str | None:
    return (element.get("state") or "").strip().lower() or None


def _conf_uris(description: Element | None) -> tuple[ConferenceUri, ...]:
    uris = description.child("conf-uris") if description else None
    entries = uris.all("entry") if uris else []
    return tuple(
        [ConferenceUri(one.child_text("uri"), one.child_text("purpose")) for one in entries]
    )


def _locked(root: Element, state: Element | None) -> bool | None:
    told = boolean_of(state.child_text("locked")) if state else None
    view = root.child("conference-view")
    if told is not None or view is None:
        return told
    entity_states = (one for each in view.all("entity-view") for one in each.all("entity-state"))
    return next(
        (
            flag
            for one in entity_states
            if (flag := boolean_of(one.child_text("locked"))) is not None
        ),
        None,
    )


def _user(element: Element) -> RosterUser:
    roles = element.child("roles")
    return RosterUser(
        element.get("entity"),
        _state(element),
        element.child_text("display-text"),
        tuple([entry.text.strip() for entry in roles.all("entry")]) if roles else (),
        tuple([_endpoint(endpoint) for endpoint in element.all("endpoint")]),
    )


def _endpoint(element: Element) -> RosterEndpoint:
    joining, leaving = element.child("joining-info"), element.child("disconnection-info")
    call_info = element.child("call-info")
    sip = call_info.child("sip") if call_info else None
    return RosterEndpoint(
        element.get("entity"),
        _state(element),
        element.get("session-type"),
        element.get("endpoint-uri"),
        element.child_text("status"),
        element.child_text("joining-method"),
        joining.child_text("when") if joining else None,
        element.child_text("disconnection-method"),
        leaving.child_text("when") if leaving else None,
        leaving.child_text("reason") if leaving else None,
        sip.child_text("call-id") if sip else None,
        tuple([_media(media) for media in element.all("media")]),
    )


def _media(element: Element) -> RosterMedia:
    return RosterMedia(
        element.get("id"),
        element.child_text("type"),
        element.child_text("label"),
        element.child_text("src-id"),
        element.child_text("status"),
        element.child_text("media-state"),
        element.child_text("media-ingress-filter"),
    )
