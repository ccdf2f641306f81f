"""``application/cccp+xml``: commands to a conference's focus and MCUs, and their answers.

The child of the root is the command (the *verb*): ``addUser``, ``deleteUser``, ``getConference``
and many others. No list of them is kept here; whatever stands there is the verb, and an answer
repeats it. Request and answer share ``requestId`` and have ``from`` and ``to`` swapped.

``code`` of an answer is ``success`` or ``failure`` by the specification; the focus also answers
``pending``, and sends the final answer later, in an INFO.

References
----------
[MS-CONFBAS] §2.2.3, [MS-CONFPRO] §2.2.3, RFC 4575 (``user`` and below).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.body import MediaPart, bodies, conference_id_of, flat_values, redact_value
from dissectors.errors import Malformed
from dissectors.markup import Element, decode_xml

_MAX_USERS = 1000
"""Users that are told one by one; the flattened tree holds the others too."""


@dataclass(frozen=True, slots=True)
class ConferenceEndpoint:
    """One of a user's endpoints in a conference (RFC 4575 §5.7)."""

    entity: str | None
    """``entity``: a GUID in braces, as a rule."""
    endpoint_uri: str | None
    """``endpoint-uri``: whom the MCU is to call (Microsoft)."""
    session_type: str | None
    """``session-type``: audio-video, chat, applicationsharing, focus (Microsoft)."""
    joining_method: str | None
    """``joining-method``: dialed-in or dialed-out."""
    status: str | None
    """``status``: connected, disconnected, dialing-out and so on."""


@dataclass(frozen=True, slots=True)
class ConferenceUser:
    """A user that a command is about (RFC 4575 §5.6)."""

    entity: str | None
    """``entity``: URI of the user."""
    roles: tuple[str, ...]
    """``roles``: attendee, presenter."""
    endpoints: tuple[ConferenceEndpoint, ...]
    """The user's endpoints."""


@dataclass(frozen=True, slots=True)
class ConferenceVerb:
    """A command, or its repetition in an answer."""

    name: str
    """Name of the element, such as addUser."""
    attributes: dict[str, str]
    """All of its attributes."""
    mcu_uri: str | None
    """``mcuUri``: the MCU that the focus is to pass the command to."""
    result: str | None
    """``result`` of the command where it tells one, as endorseUser does."""
    reason: str | None
    """``reason`` of its failure."""
    conf_entity: str | None
    """URI of the conference: ``confEntity`` of the keys, else ``entity`` of ``conference-info``."""
    users: tuple[ConferenceUser, ...]
    """Users below the command; of ``userKeys`` and ``mediaKeys`` the ``userEntity``."""


@dataclass(frozen=True, slots=True)
class ConferenceControl:
    """A conference command, an answer, or a notification."""

    kind: str
    """Name of the root: request, response, notify."""
    c3p_version: str | None
    """``C3PVersion``: always 1."""
    request_id: str | None
    """``requestId``: the same in request and answer."""
    notify_id: str | None
    """``notifyId`` of a notification."""
    from_uri: str | None
    """``from``: who sent it."""
    to_uri: str | None
    """``to``: whom it is for."""
    code: str | None
    """``code`` of an answer: success, failure, pending."""
    reason: str | None
    """``reason`` of an answer, else that of its first verb that has one."""
    conference_id: str | None
    """Conference id from the keys, else from ``to``, else from ``from``."""
    diagnostics: dict[str, str]
    """``diagnostics-info``: key → value, as MCUs explain a failure; empty as a rule."""
    verbs: tuple[ConferenceVerb, ...]
    """Children of the root; one, by the specification."""
    values: dict[str, str]
    """All of it: path → text or attribute, as :func:`dissectors.markup.flatten` writes them."""
    problems: tuple[str, ...]
    """What was wrong with the XML although it could be read; empty as a rule."""


_KINDS = ("request", "response", "notify")
_DIAGNOSTICS = "diagnostics-info"


@bodies.register("application/cccp+xml", tabulated=True)
def decode_cccp(part: MediaPart) -> ConferenceControl:
    """Return a conference command, an answer, or a notification.

    Raises
    ------
    DissectError
        When it is no XML, or its root is none of ``request``, ``response`` and ``notify``.
    """
    document = decode_xml(part.data, part.parameters.get("charset", ""))
    root = document.root
    if root.name.lower() not in _KINDS:
        raise Malformed(f"root is {root.name[:40]!r}, not {', '.join(_KINDS)}", layer="cccp")
    verbs = tuple([_verb(child) for child in root.children if child.name != _DIAGNOSTICS])
    from_uri, to_uri = root.get("from"), root.get("to")
    reasons = [root.get("reason"), *(verb.reason for verb in verbs)]
    uris = [*(verb.conf_entity for verb in verbs), to_uri, from_uri]
    return ConferenceControl(
        root.name.lower(),
        root.get("C3PVersion"),
        root.get("requestId"),
        root.get("notifyId"),
        from_uri,
        to_uri,
        root.get("code"),
        next((reason for reason in reasons if reason), None),
        next((found for uri in uris if (found := conference_id_of(uri))), None),
        _diagnostics(root),
        verbs,
        flat_values(root),
        document.problems,
    )


def _diagnostics(root: Element) -> dict[str, str]:
    """Return what an answer's ``diagnostics-info`` says, below the root or below its command."""
    holders = [root, *root.children] if root.name.lower() == "response" else []
    entries = [
        entry
        for holder in holders
        for info in holder.all(_DIAGNOSTICS)
        for entry in info.all("entry")
    ]
    pairs = ((entry.child_text("key"), entry.child_text("value")) for entry in entries)
    return {key: redact_value(key, value or "") for key, value in pairs if key}


def _verb(element: Element) -> ConferenceVerb:
    keys: list[Element] = []
    users: list[ConferenceUser] = []
    entity = None
    for below in element.walk():
        if "confEntity" in below.attributes:
            keys.append(below)
        elif below.name == "user" and len(users) < _MAX_USERS:
            users.append(_user(below))
        elif below.name == "conference-info":
            entity = entity or below.get("entity")
    users.extend(
        ConferenceUser(key.get("userEntity"), (), ()) for key in keys if key.get("userEntity")
    )
    return ConferenceVerb(
        element.name,
        {name: redact_value(name, value) for name, value in element.attributes.items()},
        element.get("mcuUri"),
        element.get("result"),
        element.get("reason"),
        keys[0].get("confEntity") if keys else entity or None,
        tuple(users),
    )


def _user(element: Element) -> ConferenceUser:
    roles = element.child("roles")
    return ConferenceUser(
        element.get("entity"),
        tuple([entry.text.strip() for entry in roles.all("entry")]) if roles else (),
        tuple([_endpoint(endpoint) for endpoint in element.all("endpoint")]),
    )


def _endpoint(element: Element) -> ConferenceEndpoint:
    return ConferenceEndpoint(
        element.get("entity"),
        element.get("endpoint-uri"),
        element.get("session-type"),
        element.child_text("joining-method"),
        element.child_text("status"),
    )
