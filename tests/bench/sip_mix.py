"""Lync's SIP as one client and its Front End speak it: conversations of messages, made to measure.

A conversation is a generator of :class:`Sent`: who sends, and the message's bytes. The texts follow
what Lync 2013 clients and servers send (header order, epids, GRUUs, ms- headers, body types), so
that a reader has the same work to do as on real traffic: 1 to 2.5 kB per message.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

CLIENT, SERVER = 0, 1
"""Directions: from the client that opened the connection, from the Front End."""

CLIENT_AGENT = "UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)"
SERVER_AGENT = "RTC/5.0"
DOMAIN = "contoso.test"
POOL = f"fe01.{DOMAIN}"


class Sent(NamedTuple):
    """One message on the wire."""

    direction: int
    message: bytes


@dataclass
class Client:
    """A Lync client: whose connection it is, and where its randomness comes from."""

    user: str
    """Address of record without scheme: ``user007@contoso.test``."""
    host: str
    """IP address of the client, as its Via tells it."""
    port: int
    """TCP port of the client."""
    random: random.Random
    """Source of identifiers; seeded, so that a workload can be made again."""

    def token(self, digits: int = 10) -> str:
        """Return `digits` random hexadecimal digits, as Lync forms tags and epids."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    @property
    def uri(self) -> str:
        """SIP URI of the user."""
        return f"sip:{self.user}"


@dataclass
class Dialog:
    """The identifiers that the messages of one conversation share."""

    client: Client
    remote: str
    """SIP URI of the other side."""

    def __post_init__(self) -> None:
        self.call_id = self.client.token(32)
        self.local_tag, self.remote_tag = self.client.token(), self.client.token()
        self.local_epid, self.remote_epid = self.client.token(), self.client.token()
        self.cseq = self.remote_cseq = 0
        self.branch = ""

    def request(self, method: str, *extra: str, body: str = "", content_type: str = "") -> bytes:
        """Return a request of the client that begins a transaction."""
        self.cseq += 1
        self.branch = self._branch()
        return self._request(method, *extra, body=body, content_type=content_type)

    def acknowledge(self, *, accepted: bool) -> bytes:
        """Return the ACK; to a 2xx it is a transaction of its own (RFC 3261 §13.2.2.4)."""
        if accepted:
            self.branch = self._branch()
        return self._request("ACK")

    def _branch(self) -> str:
        return f"z9hG4bK{self.client.token(8)}"

    def _request(self, method: str, *extra: str, body: str = "", content_type: str = "") -> bytes:
        inside = method == "ACK" or (self.cseq > 1 and method != "REGISTER")
        to_tag = f";tag={self.remote_tag}" if inside else ""
        route = (f"Route: {self._record_route()}",) if inside else ()
        client = self.client
        lines = (
            f"{method} {self.remote} SIP/2.0",
            f"Via: SIP/2.0/TLS {client.host}:{client.port};branch={self.branch}",
            "Max-Forwards: 70",
            f'From: "{client.user}"<{client.uri}>;tag={self.local_tag};epid={self.local_epid}',
            f"To: <{self.remote}>{to_tag};epid={self.remote_epid}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: <{client.uri};opaque=user:epid:{self._gruu(self.local_epid)};gruu>",
            f"User-Agent: {CLIENT_AGENT}",
            *route,
            "Supported: ms-dialog-route-set-update",
            "Supported: gruu-10",
            "ms-client-request-id: " + client.token(32),
            "Ms-Conversation-ID: " + self.call_id[:22],
            *extra,
            self._proxy_authorization(),
        )
        return _message(lines, body, content_type)

    def notification(self, method: str, *extra: str, body: str, content_type: str) -> bytes:
        """Return a request of the server inside the dialog (NOTIFY, BENOTIFY)."""
        self.remote_cseq += 1
        client = self.client
        lines = (
            f"{method} sip:{client.host}:{client.port};transport=tls;ms-opaque=d5e3;"
            f"ms-received-cid={client.port:X} SIP/2.0",
            f"Via: SIP/2.0/TLS 10.0.0.10:5061;branch=z9hG4bK{client.token(8)}.{client.token(16)};"
            "branched=FALSE",
            self._authentication_info(),
            "Max-Forwards: 70",
            f"To: <{client.uri}>;tag={self.local_tag};epid={self.local_epid}",
            "Content-Length: {length}",
            f"From: <{self.remote}>;tag={self.remote_tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.remote_cseq} {method}",
            "Require: eventlist",
            f"Content-Type: {content_type}",
            "Event: presence",
            "subscription-state: active;expires=26937",
            *extra,
        )
        return _message(lines, body, "")

    def response(
        self, status: str, method: str, *extra: str, body: str = "", content_type: str = ""
    ) -> bytes:
        """Return the server's response to the client's last request."""
        client = self.client
        to_tag = "" if status.startswith("100") else f";tag={self.remote_tag}"
        lines = (
            f"SIP/2.0 {status}",
            self._authentication_info(),
            f"Via: SIP/2.0/TLS {client.host}:{client.port};branch={self.branch};"
            f"received=192.0.2.77;ms-received-port={client.port};ms-received-cid={client.port:X}00",
            f'From: "{client.user}"<{client.uri}>;tag={self.local_tag};epid={self.local_epid}',
            f"To: <{self.remote}>;epid={self.remote_epid}{to_tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {method}",
            f"Record-Route: {self._record_route()};tag={self.call_id.upper()}",
            f"Contact: <{self.remote};opaque=user:epid:{self._gruu(self.remote_epid)};gruu>"
            ";isGateway",
            f"Server: {SERVER_AGENT}",
            f'P-Asserted-Identity: "Bob"<{self.remote}>,<tel:+155555501{client.port % 10}>',
            "Allow: INVITE, BYE, ACK, CANCEL, INFO, UPDATE, REFER, NOTIFY, BENOTIFY, OPTIONS",
            "Supported: histinfo, ms-safe-transfer, ms-sender, ms-early-media, 100rel, replaces, "
            "ms-conf-invite, ms-dialog-route-set-update, timer",
            f"ms-telemetry-id: {self.call_id[:16]}",
            *extra,
        )
        return _message(lines, body, content_type)

    def answer(self, request: bytes) -> bytes:
        """Return the client's 200 to a request of the server: Via, tags and CSeq are copied."""
        copied = [
            line
            for line in request.decode().split("\r\n\r\n", 1)[0].split("\r\n")[1:]
            if line.startswith(("Via:", "To:", "From:", "Call-ID:", "CSeq:"))
        ]
        lines = ("SIP/2.0 200 OK", *copied, f"User-Agent: {CLIENT_AGENT}")
        return _message((*lines, self._proxy_authorization()), "", "")

    def _record_route(self) -> str:
        port = self.client.port
        return (
            f"<sip:{POOL}:5061;transport=tls;opaque=state:T:F:Ci.R{port:x};lr;"
            f"ms-route-sig=aa{self.call_id}{self.local_tag}>"
        )

    def _gruu(self, epid: str) -> str:
        return f"{epid}lFTdV1GxR0J9{self.call_id[:8]}AAA"

    def _proxy_authorization(self) -> str:
        return (
            f'Proxy-Authorization: TLS-DSK qop="auth", realm="SIP Communications Service", '
            f'opaque="{self.local_tag:0>8}", targetname="{POOL}", crand="{self.call_id[:8]}", '
            f'cnum="{self.cseq}", response="{self.call_id}{self.local_tag}"'
        )

    def _authentication_info(self) -> str:
        return (
            f'Authentication-Info: TLS-DSK qop="auth", opaque="{self.local_tag:0>8}", '
            f'srand="{self.call_id[-8:]}", snum="{self.cseq}", '
            f'rspauth="{self.call_id}{self.remote_tag}", targetname="{POOL}", '
            'realm="SIP Communications Service", version=4'
        )


def _message(lines: tuple[str, ...], body: str, content_type: str) -> bytes:
    """Join header lines and body; a line ``Content-Length: {length}`` keeps its place."""
    typed = (f"Content-Type: {content_type}",) if content_type else ()
    length = str(len(body.encode()))
    head = "\r\n".join((*lines, *typed))
    if "{length}" in head:
        head = head.replace("{length}", length)
    else:
        head += f"\r\nContent-Length: {length}"
    return f"{head}\r\n\r\n{body}".encode()


def _session_description(client: Client, port: int) -> str:
    """Return an SDP offer or answer as Lync makes it: ICE candidates and SRTP keys."""
    host = client.host
    candidates = "".join(
        f"a=candidate:{number} {component} {protocol} {priority} {host} {port + component - 1} "
        f"typ {kind} raddr {host} rport {port + 2 * number}\r\n"
        for number, protocol, priority, kind in (
            (1, "UDP", 2130706431, "host"),
            (2, "TCP-ACT", 1684798975, "srflx"),
            (3, "UDP", 184547583, "relay"),
            (4, "TCP-PASS", 174455807, "relay"),
        )
        for component in (1, 2)
    )
    return (
        f"v=0\r\no=- 0 {client.random.getrandbits(16)} IN IP4 {host}\r\ns=session\r\n"
        f"c=IN IP4 {host}\r\nb=CT:99980\r\nt=0 0\r\n"
        "a=x-devicecaps:audio:send,recv;video:send,recv\r\n"
        f"m=audio {port} RTP/SAVP 111 8 0 101\r\na=x-ssrc-range:1-1\r\n"
        "a=rtcp-fb:* x-message app send:dsh recv:dsh\r\n"
        f"a=ice-ufrag:{client.token(4)}\r\na=ice-pwd:{client.token(24)}\r\n{candidates}"
        "a=cryptoscale:1 client AES_CM_128_HMAC_SHA1_80 inline:"
        f"{client.token(40)}|2^31|1:1\r\n"
        "a=rtpmap:111 SIREN/16000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n"
    )


def _colleague(client: Client) -> str:
    return f"sip:user{client.random.randrange(1000):03d}@{DOMAIN}"


def answered_call(client: Client) -> Iterator[Sent]:
    """Yield INVITE, 100, 101, 180, 200, ACK, BYE, 200."""
    dialog = Dialog(client, _colleague(client))
    offer = _session_description(client, 20000 + 2 * client.random.randrange(5000))
    offered = ("Ms-Sensitivity: normal-no-diversion", "Session-Expires: 720;refresher=uac")
    sdp = "application/sdp"
    yield Sent(CLIENT, dialog.request("INVITE", *offered, body=offer, content_type=sdp))
    yield Sent(SERVER, dialog.response("100 Trying", "INVITE"))
    routing = (
        'ms-diagnostics: 13004;reason="Request was proxied to one or more registered endpoints";'
        f'source="{POOL}";appName="InboundRouting"'
    )
    yield Sent(SERVER, dialog.response("101 Progress Report", "INVITE", routing))
    yield Sent(SERVER, dialog.response("180 Ringing", "INVITE", "Ms-Forking: Active"))
    answer = _session_description(client, 30000 + 2 * client.random.randrange(5000))
    yield Sent(SERVER, dialog.response("200 OK", "INVITE", body=answer, content_type=sdp))
    yield Sent(CLIENT, dialog.acknowledge(accepted=True))
    yield Sent(CLIENT, dialog.request("BYE"))
    yield Sent(SERVER, dialog.response("200 OK", "BYE"))


def failed_call(client: Client) -> Iterator[Sent]:
    """Yield INVITE, 100, a failure with its ms-diagnostics, ACK."""
    dialog = Dialog(client, _colleague(client))
    offer = _session_description(client, 20000 + 2 * client.random.randrange(5000))
    yield Sent(CLIENT, dialog.request("INVITE", body=offer, content_type="application/sdp"))
    yield Sent(SERVER, dialog.response("100 Trying", "INVITE"))
    status, reason = client.random.choice(
        (
            ("480 Temporarily Unavailable", '15030;reason="Failed to route to Exchange Server"'),
            ("486 Busy Here", '13017;reason="Call rejected: user busy"'),
            ("504 Server time-out", '1007;reason="Temporarily cannot route";ErrorType="Dns"'),
        )
    )
    diagnostics = f'ms-diagnostics: {reason};source="{POOL}"'
    yield Sent(SERVER, dialog.response(status, "INVITE", diagnostics))
    yield Sent(CLIENT, dialog.acknowledge(accepted=False))


_SUBSCRIBED = (
    "Event: presence",
    "Accept: application/msrtc-event-categories+xml, application/xpidf+xml, "
    "text/xml+msrtc.pidf, application/pidf+xml, application/rlmi+xml, multipart/related",
    "Supported: com.microsoft.autoextend, ms-benotify, ms-piggyback-first-notify, eventlist",
    "Proxy-Require: ms-benotify",
    "Require: adhoclist, categoryList",
)


def subscription(client: Client) -> Iterator[Sent]:
    """Yield SUBSCRIBE, its 200 with the resource list, two BENOTIFY, a NOTIFY and its 200."""
    dialog = Dialog(client, client.uri)
    watched = [_colleague(client) for _ in range(2)]
    yield Sent(
        CLIENT,
        dialog.request(
            "SUBSCRIBE",
            *_SUBSCRIBED,
            body=_batch_subscription(client, watched),
            content_type="application/msrtc-adrl-categorylist+xml",
        ),
    )
    listed, content_type = _resource_list(client, watched, 0)
    yield Sent(
        SERVER,
        dialog.response(
            "200 OK", "SUBSCRIBE", "Expires: 26937", body=listed, content_type=content_type
        ),
    )
    for version in (1, 2):
        listed, content_type = _resource_list(client, watched[:1], version)
        yield Sent(SERVER, dialog.notification("BENOTIFY", body=listed, content_type=content_type))
    listed, content_type = _resource_list(client, watched[1:], 3)
    notify = dialog.notification("NOTIFY", body=listed, content_type=content_type)
    yield Sent(SERVER, notify)
    yield Sent(CLIENT, dialog.answer(notify))


def _batch_subscription(client: Client, watched: list[str]) -> str:
    resources = "".join(f'<resource uri="{uri}"/>' for uri in watched)
    categories = "".join(
        f'<category name="{name}"/>' for name in ("calendarData", "contactCard", "note", "state")
    )
    return (
        '<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" '
        f'uri="{client.uri}" name=""><action name="subscribe" id="{client.random.getrandbits(24)}">'
        f"<adhocList>{resources}</adhocList>"
        '<categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist">'
        f"{categories}</categoryList></action></batchSub>"
    )


def _resource_list(client: Client, watched: list[str], version: int) -> tuple[str, str]:
    """Return a multipart/related body and its Content-Type: rlmi, and presence per resource."""
    boundary = client.token(32)
    contents = [(uri, f"{uri[4:]}{client.token(8)}") for uri in watched]
    instances = "".join(
        f'<resource uri="{uri}"><instance id="0" state="active" cid="{cid}"/></resource>'
        for uri, cid in contents
    )
    rlmi = (
        f'<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="{client.uri}" version="{version}" '
        f'fullState="{"true" if version == 0 else "false"}">{instances}</list>'
    )
    parts = [("resourceList", "application/rlmi+xml", rlmi)]
    parts += [
        (cid, "application/msrtc-event-categories+xml", _presence(client, uri))
        for uri, cid in contents
    ]
    text = "".join(
        f"--{boundary}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {content_id}\r\n"
        f"Content-Type: {media_type}\r\n\r\n{data}\r\n"
        for content_id, media_type, data in parts
    )
    content_type = (
        f'multipart/related; type="application/rlmi+xml";start=resourceList;boundary={boundary}'
    )
    return f"{text}--{boundary}--\r\n", content_type


def _presence(client: Client, uri: str) -> str:
    availability, token = client.random.choice(
        ((3500, "online"), (6500, "on-the-phone"), (9500, "do-not-disturb"), (15500, "away"))
    )
    return (
        f'<categories xmlns="http://schemas.microsoft.com/2006/09/sip/categories" uri="{uri}">'
        '<category name="state" instance="1" publishTime="2014-07-16T10:17:57.000">'
        '<state xsi:type="aggregateState" lastActive="2014-07-16T10:10:00" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns="http://schemas.microsoft.com/2006/09/sip/state">'
        f'<availability>{availability}</availability><activity token="{token}"/>'
        "</state></category></categories>"
    )


def instant_messages(client: Client) -> Iterator[Sent]:
    """Yield two MESSAGE requests and their 200s."""
    dialog = Dialog(client, _colleague(client))
    for _ in range(2):
        text = f"The quarterly numbers are in the folder {client.token(200)}."
        yield Sent(
            CLIENT,
            dialog.request("MESSAGE", body=text, content_type="text/plain; charset=UTF-8;msgr=WAA"),
        )
        yield Sent(SERVER, dialog.response("200 OK", "MESSAGE"))


def registration(client: Client) -> Iterator[Sent]:
    """Yield REGISTER, the challenge, REGISTER, 200."""
    dialog = Dialog(client, f"sip:{DOMAIN}")
    event = ("Event: registration", "ms-keep-alive: UAC;hop-hop=yes", "Expires: 7200")
    yield Sent(CLIENT, dialog.request("REGISTER", *event))
    challenge = (
        f'WWW-Authenticate: TLS-DSK opaque="{client.token(8)}", gssapi-data="{client.token(400)}", '
        f'targetname="{POOL}", realm="SIP Communications Service", version=4'
    )
    yield Sent(SERVER, dialog.response("401 Unauthorized", "REGISTER", challenge))
    yield Sent(CLIENT, dialog.request("REGISTER", *event))
    granted = ("Expires: 7200", "presence-state: register-action=added", "Supported: adhoclist")
    yield Sent(SERVER, dialog.response("200 OK", "REGISTER", *granted))


def publication(client: Client) -> Iterator[Sent]:
    """Yield SERVICE with published presence, 200."""
    dialog = Dialog(client, client.uri)
    published = "".join(
        f'<publication categoryName="state" instance="{instance}" container="{container}" '
        f'version="{client.random.randrange(99)}" expireType="endpoint"><state '
        'xmlns="http://schemas.microsoft.com/2006/09/sip/state" manual="false" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="machineState">'
        "<availability>3500</availability><endpointLocation/></state></publication>"
        for instance, container in ((0x39F, 2), (0x39F, 3))
    )
    body = (
        '<publish xmlns="http://schemas.microsoft.com/2006/09/sip/rich-presence">'
        f'<publications uri="{client.uri}">{published}</publications></publish>'
    )
    media_type = "application/msrtc-category-publish+xml"
    yield Sent(CLIENT, dialog.request("SERVICE", body=body, content_type=media_type))
    yield Sent(SERVER, dialog.response("200 OK", "SERVICE"))


def conference(client: Client) -> Iterator[Sent]:
    """Yield the focus dialog: INVITE addUser, 200, ACK, INFO, 200, INFO back, 200, BYE, 200."""
    identifier = client.token(8).upper()
    focus = f"{client.uri};gruu;opaque=app:conf:focus:id:{identifier}"
    dialog = Dialog(client, focus)
    cccp = "application/cccp+xml"
    body = _conference_command(client, focus, "addUser")
    yield Sent(CLIENT, dialog.request("INVITE", "Supported: timer", body=body, content_type=cccp))
    yield Sent(SERVER, dialog.response("100 Trying", "INVITE"))
    body = _conference_answer(client, focus, "addUser")
    yield Sent(SERVER, dialog.response("200 OK", "INVITE", body=body, content_type=cccp))
    yield Sent(CLIENT, dialog.acknowledge(accepted=True))
    body = _conference_command(client, focus, "modifyUserRoles")
    yield Sent(CLIENT, dialog.request("INFO", body=body, content_type=cccp))
    yield Sent(SERVER, dialog.response("200 OK", "INFO"))
    told = dialog.notification(
        "INFO", body=_conference_answer(client, focus, "modifyUserRoles"), content_type=cccp
    )
    yield Sent(SERVER, told)
    yield Sent(CLIENT, dialog.answer(told))
    yield Sent(CLIENT, dialog.request("BYE"))
    yield Sent(SERVER, dialog.response("200 OK", "BYE"))


_CCCP = (
    'xmlns="urn:ietf:params:xml:ns:cccp" C3PVersion="1" '
    'xmlns:mscp="http://schemas.microsoft.com/rtc/2005/08/cccpextensions"'
)


def _user(client: Client, focus: str) -> str:
    return (
        f'<conferenceKeys confEntity="{focus}"/><ci:user '
        f'xmlns:ci="urn:ietf:params:xml:ns:conference-info" entity="{client.uri}">'
        "<ci:roles><ci:entry>attendee</ci:entry></ci:roles>"
        f'<ci:endpoint entity="{{{client.token(32)}}}" '
        'xmlns:msci="http://schemas.microsoft.com/rtc/2005/08/confinfoextensions">'
        "<ci:joining-method>dialed-in</ci:joining-method></ci:endpoint></ci:user>"
    )


def _conference_command(client: Client, focus: str, verb: str) -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><request {_CCCP} to="{focus}" from="{client.uri}" '
        f'requestId="{client.random.getrandbits(31)}"><{verb}>{_user(client, focus)}</{verb}>'
        "</request>"
    )


def _conference_answer(client: Client, focus: str, verb: str) -> str:
    return (
        f'<response {_CCCP} from="{focus}" to="{client.uri}" responder="{focus}" '
        f'requestId="{client.random.getrandbits(31)}" code="success">'
        f"<{verb}>{_user(client, focus)}</{verb}></response>"
    )


Conversation = Callable[[Client], Iterator[Sent]]

Mix = tuple[tuple[Conversation, int], ...]
"""Conversations and how often each is begun."""

MIX: Mix = (
    (answered_call, 24),
    (failed_call, 6),
    (subscription, 30),
    (instant_messages, 12),
    (registration, 6),
    (publication, 14),
    (conference, 8),
)
"""Conversations and how often each is begun, per hundred."""


def converse(client: Client, at_once: int = 3, mix: Mix = MIX) -> Iterator[Sent]:
    """Yield the messages of a client without end: always `at_once` conversations, interleaved."""
    kinds = [kind for kind, _ in mix]
    weights = [weight for _, weight in mix]

    def begin() -> Iterator[Sent]:
        return client.random.choices(kinds, weights)[0](client)

    running = [begin() for _ in range(at_once)]
    while True:
        turn = client.random.randrange(at_once)
        sent = next(running[turn], None)
        if sent is None:
            running[turn] = begin()
        else:
            yield sent
