"""Headers that only Microsoft's products send, and Microsoft's parameters on those of all.

What these headers hold is documented in part only. A value that nobody has described is kept as
sent among the parameters, and no verdict is built on it.

References
----------
[MS-SIPRE] §2.2 (routing), [MS-CONMGMT] §2.2 (ms-keep-alive), [MS-PRES] §2.2; RFC 7044
(History-Info).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dissectors.sip.abnf import LWS
from dissectors.sip.headers import (
    NameAddr,
    decode_name_addr,
    decode_parameters,
    decode_uri,
    decode_via,
)

Parameters = Mapping[str, str]


def _rest(parameters: Parameters, *taken: str) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name not in taken}


def _flag(value: str | None) -> bool | None:
    """Return what TRUE, FALSE, yes and no say, in any case; None for anything else."""
    return {"true": True, "yes": True, "false": False, "no": False}.get((value or "").lower())


def _number(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch("[0-9]{1,9}", value) else None


# --- Via, Record-Route, Route -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MsVia:
    """One Via with what Microsoft's proxies write on it."""

    transport: str
    """Transport as sent: TLS, TCP, UDP."""
    sent_by: str
    """Host and port of who sent it."""
    branch: str | None
    """Branch; Lync's clients often send none."""
    received: str | None
    """Address that the receiver saw it come from."""
    received_port: int | None
    """ms-received-port, else rport: the port that the receiver saw it come from."""
    received_cid: str | None
    """ms-received-cid: the receiver's own name for the connection, hexadecimal."""
    branched: bool | None
    """branched: whether the proxy forked the request."""
    internal_info: str | None
    """ms-internal-info: a note of the proxy to itself, opaque."""
    parameters: Parameters
    """Further parameters."""


def decode_ms_via(value: str) -> MsVia:
    """Decode one Via with Microsoft's parameters.

    Raises
    ------
    Malformed
        When it is no Via.

    Examples
    --------
    >>> via = decode_ms_via("SIP/2.0/TLS 10.0.0.5:64100;branched=FALSE;ms-received-port=64100"
    ...                     ";ms-received-cid=A58B700")
    >>> via.received_port, via.received_cid, via.branched
    (64100, 'A58B700', False)
    """
    via = decode_via(value)
    get = via.parameters.get
    taken = ("branch", "received", "rport", "ms-received-port", "ms-received-cid", "branched")
    return MsVia(
        transport=via.transport,
        sent_by=via.sent_by,
        branch=get("branch"),
        received=get("received"),
        received_port=_number(get("ms-received-port") or get("rport")),
        received_cid=get("ms-received-cid"),
        branched=_flag(get("branched")),
        internal_info=get("ms-internal-info"),
        parameters=_rest(via.parameters, *taken, "ms-internal-info"),
    )


@dataclass(frozen=True, slots=True)
class MsRoute:
    """One Record-Route or Route of a Microsoft proxy."""

    host: str
    """Host of the pool or server."""
    port: int | None
    """Its port."""
    transport: str | None
    """Transport to it."""
    front_end: str | None
    """ms-fe: the Front End of the pool that holds the dialog."""
    loose: bool
    """lr: loose routing (RFC 3261 §16.4)."""
    opaque: str | None
    """opaque: state that the proxy reads when the dialog comes back to it."""
    signed: bool
    """Whether the proxy signed it: ms-route-sig, ms-rrsig."""
    parameters: Parameters
    """Further parameters of the URI and of the header."""


def decode_ms_route(value: str) -> MsRoute:
    """Decode one Record-Route or Route.

    Raises
    ------
    Malformed
        When there is no URI.

    Examples
    --------
    >>> route = decode_ms_route("<sip:pool.a.test:5061;transport=tls;ms-fe=fe01.a.test;"
    ...                         "opaque=state:T;lr;ms-route-sig=aa12>;tag=01")
    >>> route.host, route.front_end, route.loose, route.signed, route.parameters
    ('pool.a.test', 'fe01.a.test', True, True, {'tag': '01'})
    """
    name_addr = decode_name_addr(value)
    uri = decode_uri(name_addr.uri)
    parameters = {**uri.parameters, **name_addr.parameters}
    get = parameters.get
    taken = ("transport", "ms-fe", "lr", "opaque", "ms-route-sig", "ms-rrsig")
    return MsRoute(
        host=uri.host,
        port=uri.port,
        transport=get("transport"),
        front_end=get("ms-fe"),
        loose="lr" in parameters,
        opaque=get("opaque"),
        signed="ms-route-sig" in parameters or "ms-rrsig" in parameters,
        parameters=_rest(parameters, *taken),
    )


@dataclass(frozen=True, slots=True)
class ApplicationVia:
    """ms-application-via: notes that server applications leave on a request."""

    note: str
    """What stands before the parameters."""
    server: str | None
    """ms-server: server that the application ran on."""
    pool: str | None
    """ms-pool: its pool."""
    application: str | None
    """ms-application: its name."""
    parameters: Parameters
    """Further parameters."""


def decode_application_via(value: str) -> ApplicationVia:
    """Decode a ms-application-via."""
    note, parameters = _noted(value)
    taken = ("ms-server", "ms-pool", "ms-application")
    server, pool, application = map(parameters.get, taken)
    return ApplicationVia(note, server, pool, application, _rest(parameters, *taken))


# --- trust, domains, users ----------------------------------------------------------------------


def _noted(value: str) -> tuple[str, dict[str, str]]:
    """Split into what stands before the first parameter, and the parameters.

    The first piece is a parameter as well where it has a name and a value.
    """
    first, _, rest = value.partition(";")
    if "=" in first and not first.lstrip(LWS).startswith('"'):
        return "", decode_parameters(value)
    return first.strip(LWS), decode_parameters(rest)


@dataclass(frozen=True, slots=True)
class EdgeMessageTrust:
    """ms-edge-proxy-message-trust: what the receiving Edge says of who sent a message."""

    source_type: str | None
    """ms-source-type: DirectPartner, InternetUser, AuthorizedServer, EdgeProxyGenerated."""
    edge_fqdn: str | None
    """ms-ep-fqdn: the Edge."""
    verified_user: str | None
    """ms-source-verified-user: verified or unverified."""
    network: str | None
    """ms-source-network: federation, publiccloud."""
    name: str | None
    """ms-source-name."""
    parameters: Parameters
    """Further parameters."""


def decode_edge_message_trust(value: str) -> EdgeMessageTrust:
    """Decode a ms-edge-proxy-message-trust.

    Examples
    --------
    >>> decode_edge_message_trust("ms-source-type=DirectPartner;ms-ep-fqdn=edge.a.test").source_type
    'DirectPartner'
    """
    parameters = decode_parameters(value)
    pull = parameters.pop
    return EdgeMessageTrust(
        source_type=pull("ms-source-type", None),
        edge_fqdn=pull("ms-ep-fqdn", None),
        verified_user=pull("ms-source-verified-user", None),
        network=pull("ms-source-network", None),
        name=pull("ms-source-name", None),
        parameters=parameters,
    )


@dataclass(frozen=True, slots=True)
class SplitDomainInfo:
    """ms-split-domain-info: that a message stays within a shared address space (hybrid)."""

    traffic_type: str | None
    """ms-traffic-type: SplitIntra."""
    parameters: Parameters
    """Further parameters."""


def decode_split_domain_info(value: str) -> SplitDomainInfo:
    """Decode a ms-split-domain-info."""
    parameters = decode_parameters(value)
    return SplitDomainInfo(parameters.get("ms-traffic-type"), _rest(parameters, "ms-traffic-type"))


@dataclass(frozen=True, slots=True)
class AssertedVerificationLevel:
    """ms-asserted-verification-level: whether a server has verified the sender."""

    verified_user: str | None
    """ms-source-verified-user: verified or unverified."""
    parameters: Parameters
    """Further parameters."""


def decode_asserted_verification_level(value: str) -> AssertedVerificationLevel:
    """Decode a ms-asserted-verification-level."""
    parameters = decode_parameters(value)
    name = "ms-source-verified-user"
    return AssertedVerificationLevel(parameters.get(name), _rest(parameters, name))


@dataclass(frozen=True, slots=True)
class UserData:
    """ms-user-data: rights of a user, as the home server marks them."""

    flags: Mapping[str, bool]
    """Rights that are given or denied: ms-publiccloud, ms-federation."""
    parameters: Parameters
    """What is neither TRUE nor FALSE."""


def decode_user_data(value: str) -> UserData:
    """Decode a ms-user-data.

    Examples
    --------
    >>> decode_user_data("ms-publiccloud=TRUE;ms-federation=FALSE").flags
    {'ms-publiccloud': True, 'ms-federation': False}
    """
    told = {name: (_flag(text), text) for name, text in decode_parameters(value).items()}
    flags = {name: flag for name, (flag, _) in told.items() if flag is not None}
    return UserData(flags, {name: text for name, (flag, text) in told.items() if flag is None})


@dataclass(frozen=True, slots=True)
class UserLogonData:
    """ms-user-logon-data: where a user signs in from."""

    value: str
    """Value as sent."""
    remote: bool
    """Whether it is RemoteUser: signed in through the Edge."""


def decode_user_logon_data(value: str) -> UserLogonData:
    """Decode a ms-user-logon-data."""
    text = value.strip(LWS)
    return UserLogonData(text, text.lower() == "remoteuser")


@dataclass(frozen=True, slots=True)
class EndpointLocationData:
    """ms-endpoint-location-data: where the media of an endpoint are."""

    scope: str
    """NetworkScope."""
    location_type: str | None
    """ms-media-location-type: Intranet or Internet."""
    parameters: Parameters
    """Further parameters."""


def decode_endpoint_location_data(value: str) -> EndpointLocationData:
    """Decode a ms-endpoint-location-data.

    Examples
    --------
    >>> decode_endpoint_location_data("NetworkScope;ms-media-location-type=Intranet").location_type
    'Intranet'
    """
    scope, parameters = _noted(value)
    name = "ms-media-location-type"
    return EndpointLocationData(scope, parameters.get(name), _rest(parameters, name))


# --- connections, conversations, history --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """ms-keep-alive: the agreement to send double line ends while nothing else is said."""

    side: str
    """UAC in the request that asks, UAS in the answer."""
    hop_hop: bool | None
    """hop-hop: from hop to hop."""
    end_end: bool | None
    """end-end: from end to end."""
    tcp: bool | None
    """tcp: by TCP's own keep-alive."""
    timeout_s: int | None
    """timeout: seconds after which a silent connection is taken for dead."""
    parameters: Parameters
    """Further parameters."""


def decode_keep_alive(value: str) -> KeepAlive:
    """Decode a ms-keep-alive.

    References
    ----------
    [MS-CONMGMT] §2.2.2.

    Examples
    --------
    >>> keep_alive = decode_keep_alive("UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300")
    >>> keep_alive.side, keep_alive.hop_hop, keep_alive.timeout_s
    ('UAS', True, 300)
    """
    side, parameters = _noted(value)
    pull = parameters.pop
    return KeepAlive(
        side=side,
        hop_hop=_flag(pull("hop-hop", None)),
        end_end=_flag(pull("end-end", None)),
        tcp=_flag(pull("tcp", None)),
        timeout_s=_number(pull("timeout", None)),
        parameters=parameters,
    )


@dataclass(frozen=True, slots=True)
class HistoryInfo:
    """One entry of History-Info: who a request was meant for before (RFC 7044 §5)."""

    uri: str
    """Target at that time."""
    index: str | None
    """index: place in the tree of targets, such as ``1.1``."""
    target_phone: str | None
    """ms-target-phone: telephone number of that target."""
    retarget_reason: str | None
    """ms-retarget-reason: forwarding, delegation, teamcall."""
    parameters: Parameters
    """Further parameters."""


def decode_history_info(value: str) -> HistoryInfo:
    """Decode one entry of History-Info.

    Raises
    ------
    Malformed
        When there is no URI.

    Examples
    --------
    >>> decode_history_info("<sip:kim@a.test>;index=1.1;ms-retarget-reason=forwarding").index
    '1.1'
    """
    target: NameAddr = decode_name_addr(value)
    get = target.parameters.get
    phone = get("ms-target-phone")
    return HistoryInfo(
        uri=target.uri,
        index=get("index"),
        target_phone=phone.strip("<>") if phone else None,
        retarget_reason=get("ms-retarget-reason"),
        parameters=_rest(target.parameters, "index", "ms-target-phone", "ms-retarget-reason"),
    )


@dataclass(frozen=True, slots=True)
class ConversationId:
    """Ms-Conversation-ID: equal in all dialogs of one conversation, across forks and escalation."""

    value: str
    """Identifier as sent."""
    form: str
    """``thread-index``: base64 as Outlook writes it, from Microsoft's clients; ``digits``, from
    some others; ``other``."""


def decode_conversation_id(value: str) -> ConversationId:
    """Decode a Ms-Conversation-ID.

    Examples
    --------
    >>> decode_conversation_id("Ac9BJWSFXbNAUkvDpraN55qkIGneRA==").form
    'thread-index'
    """
    text = value.strip(LWS)
    if _DIGITS.fullmatch(text):
        return ConversationId(text, "digits")
    return ConversationId(text, "thread-index" if _THREAD_INDEX.fullmatch(text) else "other")


_DIGITS = re.compile("[0-9]+")
# 22 bytes, of which the first is 1, are the least of a Thread-Index.
_THREAD_INDEX = re.compile(r"A[Q-Za-f][A-Za-z0-9+/]{27,510}={0,2}")
