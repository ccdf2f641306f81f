"""Every table and every column: the one place that names them.

Arrow, pandas, Parquet, CSV and the documentation all derive from :data:`TABLES`.

Conventions: times are UTC with nanoseconds; durations are seconds and end in ``_s``; sizes are
bytes; addresses are text; what is not known is missing, never 0 and never an empty string.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pyarrow as pa

Kind = Literal[
    "time", "seconds", "number", "integer", "boolean", "text", "category", "integers", "texts"
]

_ARROW: dict[str, pa.DataType] = {
    "time": pa.timestamp("ns", tz="UTC"),
    "seconds": pa.float64(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "integers": pa.list_(pa.int64()),
    "texts": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    """Name in every output; durations end in ``_s``, times in ``time``."""
    kind: Kind
    """What type it has, before Arrow's name for it."""
    doc: str
    """What it holds, with its unit; for a measure, the standard that defines it."""
    wireshark: str = ""
    """Wireshark's display-filter field for the same fact, where there is one."""

    @property
    def arrow_type(self) -> pa.DataType:
        """Arrow type of the column."""
        return _ARROW[self.kind]


@dataclass(frozen=True)
class Table:
    """One table: its rows' meaning and its columns, in order."""

    name: str
    """Name of the table, and of its file."""
    doc: str
    """What one row is."""
    columns: tuple[Column, ...]
    """Columns, in order."""

    @cached_property
    def arrow(self) -> pa.Schema:
        """Arrow schema of the table."""
        return pa.schema([pa.field(column.name, column.arrow_type) for column in self.columns])

    @cached_property
    def plain(self) -> pa.Schema:
        """Arrow schema with text where the finished table has categories."""
        fields = (
            (field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type)
            for field in self.arrow
        )
        return pa.schema(list(fields))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)


_CAPTURE = Column("capture", "category", "Name of the file that the row comes from.")
_RECORDING = Column(
    "recording",
    "category",
    "First capture of those that continue each other, such as the files of a rotated set: they "
    "have one clock and one view of the network.",
)
_FRAME = Column(
    "frame_number",
    "integer",
    "Frame that completed it; in a trace log, line on which its record begins. Both count from 1.",
    "frame.number",
)
_TIME = Column("time", "time", "Time of that frame, UTC.", "frame.time_epoch")
_FLOW = Column("flow_id", "category", "Flow, as in `flows`.")
_MESSAGE = Column("message_id", "text", "Message, as in `messages`.")
_CALL_ID = Column("call_id", "text", "Call-ID.", "sip.Call-ID")
_FROM = Column(
    "from_uri", "text", "URI of From, without parameters of the header.", "sip.from.addr"
)
_TO = Column("to_uri", "text", "URI of To, without parameters of the header.", "sip.to.addr")
_STATUS = Column("status_code", "integer", "Status code of the final response.", "sip.Status-Code")
_DIAGNOSTICS = Column(
    "diagnostics_code",
    "integer",
    "First error id of ms-diagnostics, ms-diagnostics-public or ms-client-diagnostics ([MS-OCER] "
    "§2.2.1).",
)
_ENDPOINTS = (
    Column("src_ip", "category", "Sender's address.", "ip.src"),
    Column("src_port", "integer", "Sender's port.", "tcp.srcport"),
    Column("dst_ip", "category", "Receiver's address.", "ip.dst"),
    Column("dst_port", "integer", "Receiver's port.", "tcp.dstport"),
)

CAPTURES = Table(
    "captures",
    "One row per input file.",
    (
        _CAPTURE,
        _RECORDING,
        Column(
            "format",
            "category",
            "File format: pcap, pcapng, snoop, netmon, ocslogger, clslogger or uccapilog.",
        ),
        Column(
            "compression",
            "category",
            "What it is packed in, from the outside in: gzip, zstd, lz4, xz, bzip2, zip.",
        ),
        Column("size", "integer", "Size of the file, bytes."),
        Column("packets", "integer", "Packets read; of a trace log, records."),
        Column("start_time", "time", "Time of the earliest packet."),
        Column("end_time", "time", "Time of the latest packet."),
        Column("link_types", "text", "Link types seen, by name, comma-separated."),
        Column("truncated_packets", "integer", "Packets captured shorter than they were sent."),
        Column(
            "undecoded_packets", "integer", "Packets below whose link layer nothing was decoded."
        ),
        Column(
            "duplicate_packets",
            "integer",
            "Second copies of packets, as mirror ports make them: read, and left out.",
        ),
        Column("complete", "boolean", "False when the file is cut or broken before its end."),
        Column("problem", "text", "Why it is not complete; missing when it is."),
    ),
)

FLOWS = Table(
    "flows",
    "One row per TCP connection, UDP conversation, SCTP association, or peer of a process in a "
    "trace log; also for each conversation that a capture agent told of (HEP), whose times are the "
    "agent's.",
    (
        _FLOW,
        _CAPTURE,
        Column("protocol", "category", "tcp, udp, sctp or log.", "ip.proto"),
        Column(
            "application",
            "category",
            "What its bytes are: sip, tls, sips (SIP in TLS), ws or wss (SIP in a WebSocket), hep "
            "(what an agent exports), or missing.",
        ),
        Column(
            "client_ip",
            "category",
            "Initiator's address; with no SYN seen, as `initiator` says.",
            "ip.addr",
        ),
        Column("client_port", "integer", "Initiator's port.", "tcp.port"),
        Column("server_ip", "category", "Responder's address.", "ip.addr"),
        Column("server_port", "integer", "Responder's port.", "tcp.port"),
        Column(
            "initiator", "category", "How the client was told: syn, content, port, first (packet)."
        ),
        Column(
            "tunnel",
            "category",
            "Innermost tunnel that the packets came in: ipip, gre (PPTP, NVGRE and ERSPAN too), "
            "pppoe, mpls, vxlan, geneve, gtp, teredo, l2tp, etherip, tzsp, hep (told by a capture "
            "agent), or `exported pdu` where another program took the messages out of their "
            "packets; missing without one.",
        ),
        Column(
            "compression",
            "category",
            "How its SIP is compressed ([MS-SIPCOMP]), as its packets show or NEGOTIATE agreed: "
            "LZ77-8K or LZ77-64K; missing without compression.",
        ),
        Column(
            "outer_src_ip",
            "category",
            "Source address of the outermost IP header around its first packet; of what an agent "
            "told of (HEP), the agent's.",
        ),
        Column("outer_dst_ip", "category", "Destination address of the same header."),
        Column("start_time", "time", "Time of its first packet."),
        Column("end_time", "time", "Time of its last packet."),
        Column("client_packets", "integer", "Packets from the client."),
        Column("server_packets", "integer", "Packets from the server."),
        Column(
            "client_bytes", "integer", "Payload (of SCTP, chunks) from the client as sent, bytes."
        ),
        Column(
            "server_bytes", "integer", "Payload (of SCTP, chunks) from the server as sent, bytes."
        ),
        Column(
            "lost_bytes",
            "integer",
            "Bytes of the streams that the capture does not hold.",
            "tcp.analysis.lost_segment",
        ),
        Column(
            "retransmitted_segments",
            "integer",
            "TCP segments that brought nothing new.",
            "tcp.analysis.retransmission",
        ),
        Column(
            "out_of_order_segments",
            "integer",
            "TCP segments that came before an earlier one.",
            "tcp.analysis.out_of_order",
        ),
        Column(
            "zero_windows",
            "integer",
            "TCP segments that announced a zero window.",
            "tcp.analysis.zero_window",
        ),
        Column("end", "category", "How it ended: fin, rst, or open (at the end of the capture)."),
        Column("ended_by", "category", "Who sent the first FIN or RST: client or server."),
    ),
)


def _certificate_columns(side: str) -> tuple[Column, ...]:
    """Return the columns that tell the certificate of one side."""
    return (
        Column(
            f"{side}_certificate",
            "text",
            f"Subject of the {side}'s certificate, RFC 4514; hidden in TLS 1.3 unless opened, and "
            "not sent when a session is resumed.",
            "x509af.subject",
        ),
        Column(f"{side}_issuer", "text", "Who issued it.", "x509af.issuer"),
        Column(f"{side}_not_before_time", "time", "Begin of its validity.", "x509af.notBefore"),
        Column(
            f"{side}_not_after_time",
            "time",
            "End of its validity; missing when it is after 2262.",
            "x509af.notAfter",
        ),
        Column(
            f"{side}_names",
            "texts",
            "DNS names and addresses of its subjectAltName, the first 200.",
            "x509ce.dNSName",
        ),
        Column(f"{side}_key_type", "category", "Its key: RSA, DSA, or EC and the curve."),
        Column(f"{side}_key_bits", "integer", "Size of its key, bits."),
        Column(f"{side}_fingerprint", "text", "SHA-256 of it, hexadecimal."),
    )


TLS_SESSIONS = Table(
    "tls_sessions",
    "One row per TLS connection.",
    (
        _FLOW,
        _CAPTURE,
        Column("time", "time", "Time of the first TLS record.", "frame.time_epoch"),
        Column("opened", "boolean", "Whether application data was decrypted."),
        Column(
            "opened_by",
            "category",
            "What opened it: key log, RSA private key, or resumption (of a session opened so).",
        ),
        Column(
            "reason",
            "text",
            "Why it was not opened, or only in part, and what to do; missing when whole.",
        ),
        Column(
            "version", "category", "Negotiated version, such as TLS 1.2.", "tls.handshake.version"
        ),
        Column(
            "cipher_suite",
            "category",
            "Negotiated suite by its IANA name.",
            "tls.handshake.ciphersuite",
        ),
        Column(
            "server_name",
            "text",
            "Server name that the client asked for (RFC 6066 §3).",
            "tls.handshake.extensions_server_name",
        ),
        Column(
            "alpn",
            "category",
            "Protocol agreed by ALPN (RFC 7301).",
            "tls.handshake.extensions_alpn_str",
        ),
        Column(
            "resumed", "boolean", "Whether the handshake resumed an earlier session.", "tls.resumed"
        ),
        Column("extended_master_secret", "boolean", "RFC 7627."),
        Column("encrypt_then_mac", "boolean", "RFC 7366."),
        *_certificate_columns("server"),
        *_certificate_columns("client"),
        Column("handshake_s", "seconds", "From the ClientHello to the last Finished seen."),
        Column(
            "handshake_complete",
            "boolean",
            "Whether both sides ended the first handshake; missing when the capture does not tell.",
        ),
        Column(
            "alert",
            "text",
            "First fatal alert, sender and description; missing without one.",
            "tls.alert_message.desc",
        ),
        Column("alert_time", "time", "Time of that alert.", "frame.time_epoch"),
        Column("alert_frame_number", "integer", "Frame of that alert.", "frame.number"),
        Column("client_bytes", "integer", "TCP payload from the client as sent, bytes."),
        Column("server_bytes", "integer", "TCP payload from the server as sent, bytes."),
        Column(
            "records",
            "integer",
            "Application-data records seen; counted no further once what was opened proves not to "
            "be SIP, or nothing can be opened.",
        ),
        Column("decrypted_records", "integer", "Of these, decrypted."),
    ),
)

_LOG_RECORD = (
    Column(
        "time_zone", "category", "Zone in which a trace log's time was read; it names none itself."
    ),
    Column(
        "log_level", "category", "Trace level, such as TL_INFO; like what follows, of logs only."
    ),
    Column("machine", "category", "Machine that wrote it; only CLSLogger tells."),
    Column("process", "category", "Process id, hexadecimal."),
    Column("thread", "category", "Thread id, hexadecimal."),
    Column("component", "category", "Component that wrote it, such as SIPStack."),
    Column("correlation_id", "text", "Trace-Correlation-Id: equal on a message's way through it."),
    Column("instance_id", "text", "Instance-Id of the record, hexadecimal."),
    Column("log_direction", "category", "incoming or outgoing, seen from the machine."),
    Column("log_source", "category", "On an Edge, the side that it came in by."),
    Column("log_destination", "category", "On an Edge, the side that it leaves by."),
    Column("peer", "category", "The other end as written: host or address, and port."),
)

MESSAGES = Table(
    "messages",
    "One row per SIP message, in order of time.",
    (
        Column(
            "message_id",
            "text",
            "capture-frame-ordinal, all from 1: 1-120-2 is the second message that frame 120 of "
            "the first capture completed.",
        ),
        _TIME,
        Column("first_time", "time", "Time of the frame that brought its first byte."),
        _CAPTURE,
        _FRAME,
        _FLOW,
        Column(
            "transport",
            "category",
            "udp, tcp, tls, sctp, ws, wss or log. What a capture agent exported (HEP) has the "
            "transport, the addresses and the time that the agent saw.",
        ),
        *_ENDPOINTS,
        Column("is_request", "boolean", "Request or response."),
        Column("method", "category", "Method; for a response that of its CSeq.", "sip.CSeq.method"),
        Column("request_uri", "text", "Request-URI.", "sip.r-uri"),
        Column("status_code", "integer", "Status code of a response.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Reason phrase of a response.", "sip.Reason-Phrase"),
        _CALL_ID,
        Column("cseq", "integer", "Sequence number of CSeq.", "sip.CSeq.seq"),
        _FROM,
        Column("from_tag", "text", "Tag of From.", "sip.from.tag"),
        Column("from_epid", "text", "epid of From: the endpoint ([MS-SIPRE] §2.2.1)."),
        _TO,
        Column("to_tag", "text", "Tag of To.", "sip.to.tag"),
        Column("to_epid", "text", "epid of To: the endpoint."),
        Column(
            "via_branch",
            "text",
            "branch of the topmost Via; Lync's clients often send none.",
            "sip.Via.branch",
        ),
        Column(
            "via_count",
            "integer",
            "Via values: one for each element that it has passed (RFC 3261 §16.6).",
        ),
        Column(
            "via_origin",
            "text",
            "sent-by and branch of the last Via: who made the request, the same on every hop.",
        ),
        Column("user_agent", "category", "User-Agent, or Server.", "sip.User-Agent"),
        Column(
            "product",
            "category",
            "What sent it, by the same header: Lync 2013, Lync Server 2013, Mediation Server, the "
            "name of a UCMA application, a gateway or a phone.",
        ),
        Column("product_version", "category", "Version of that product, as sent."),
        Column(
            "conference_id",
            "text",
            "Conference id in To, Request-URI or From: equal in the focus and all MCUs of a "
            "conference.",
        ),
        Column(
            "from_role",
            "category",
            "Who From names, by its opaque: user, focus, mcu:MODALITY, server:ROLE, focusfactory, "
            "app:NAME; missing without opaque.",
        ),
        Column("to_role", "category", "Who To, else the Request-URI, names in the same way."),
        Column("contact_uri", "text", "URI of the first Contact.", "sip.contact.uri"),
        Column("event", "category", "Event package.", "sip.Event"),
        Column(
            "subscription_state",
            "category",
            "Subscription-State without expires, such as terminated;reason=rejected (RFC 6665 "
            "§8.2.3).",
            "sip.Subscription-State",
        ),
        Column(
            "conversation_id",
            "text",
            "Ms-Conversation-ID: stable across the dialogs of one conversation.",
        ),
        Column(
            "route_marks",
            "category",
            "What tells where it goes: see `pipelines.message_columns.route_marks`.",
        ),
        Column("expires_s", "integer", "Expires, seconds.", "sip.Expires"),
        Column(
            "session_expires_s",
            "integer",
            "Session-Expires, seconds (RFC 4028 §4).",
            "sip.Session-Expires",
        ),
        Column(
            "session_refresher",
            "category",
            "refresher of Session-Expires: uac or uas, of this very transaction (RFC 4028 §4).",
        ),
        Column("min_se_s", "integer", "Min-SE, seconds (RFC 4028 §5).", "sip.Min-SE"),
        Column(
            "session_headers",
            "category",
            "In INVITE, UPDATE and their responses: which headers it has of contact, record-route, "
            "require:timer, session-expires and supported:timer.",
        ),
        Column(
            "auth_schemes",
            "category",
            "In REGISTER and its responses: the schemes that the headers of authentication name, "
            "such as NTLM, Kerberos, TLS-DSK and Digest, separated by spaces.",
        ),
        Column(
            "bindings",
            "text",
            "In REGISTER and its responses: a line EXPIRES URI for each Contact, seconds, - where "
            "it does not say (RFC 3261 §10).",
        ),
        Column(
            "content_type",
            "category",
            "Media type of the body, lower case, without parameters.",
            "sip.Content-Type",
        ),
        Column("content_length", "integer", "Content-Length as sent.", "sip.Content-Length"),
        Column("body_length", "integer", "Bytes of the body that the capture holds."),
        Column("diagnostics_code", "integer", _DIAGNOSTICS.doc),
        Column(
            "retransmission_of",
            "text",
            "message_id of the first copy of the same message on the same hop.",
            "sip.resend-original",
        ),
        _RECORDING,
        Column(
            "hop_of",
            "text",
            "message_id of the same message where it was seen first: on the hop nearest to its "
            "sender; missing in that one itself. See `hops`.",
        ),
        Column(
            "body_state",
            "category",
            "whole; absent: it has none; deleted: a trace log left it out; truncated: a part of it "
            "is there.",
        ),
        *_LOG_RECORD,
        Column("peer_host", "category", "Host of `peer`; missing where that is an address."),
    ),
)

LOG_DIAGNOSTICS = Table(
    "log_diagnostics",
    "One row per diagnostic of a trace log: what a server noted about a message or a connection.",
    (
        _TIME,
        _CAPTURE,
        _FRAME,
        Column("severity", "category", "error, warning or information, as the server rates it."),
        Column("log_type", "category", "LogType, such as diagnostic or connection."),
        Column("text", "text", "What happened, in a sentence."),
        Column("result_code", "category", "Result-Code: an HRESULT, such as 0xC3E93C5E."),
        Column("result_name", "category", "Its symbolic name, such as SIPPROXY_E_ROUTING."),
        _CALL_ID,
        Column("cseq", "integer", "Sequence number of CSeq of the message it is about."),
        Column("method", "category", "Method of that CSeq."),
        Column("start_line", "text", "Start line of that message."),
        Column("data", "text", "Data: its pairs, and other fields, as a JSON object."),
        Column("local", "text", "Own address and port, where it tells of a connection."),
        *(column for column in _LOG_RECORD if not column.name.startswith(("log_d", "log_s"))),
    ),
)

BODIES = Table(
    "bodies",
    "One row per body and per part of a multipart body.",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        Column("part", "text", "1: the body; 1.2: the second part of a multipart body."),
        Column(
            "media_type",
            "category",
            "type/subtype, lower case.",
            "mime_multipart.header.content-type",
        ),
        Column(
            "content_id",
            "text",
            "Content-ID without angle brackets.",
            "mime_multipart.header.content-id",
        ),
        Column(
            "disposition",
            "category",
            "Content-Disposition.",
            "mime_multipart.header.content-disposition",
        ),
        Column("length", "integer", "Bytes of the part."),
        Column(
            "media",
            "category",
            "Media of an SDP's m= lines, comma-separated, those of port 0 (refused) left out.",
            "sdp.media.media",
        ),
        Column("decoder", "category", "Type of the decoded value; missing when none was made."),
        Column(
            "text",
            "text",
            "Its text, SRTP keys taken out; missing for what is no text, or holds a password: see"
            " value.",
        ),
        Column(
            "value",
            "text",
            "The decoded value as JSON, fields named as its specification names them: of the "
            "types that other tables are made of, and where there is no text. `Trace.body` "
            "decodes any.",
        ),
        Column("problem", "text", "Why it was not decoded; missing when it was."),
    ),
)

DIAGNOSTICS = Table(
    "diagnostics",
    "One row per ms-diagnostics, ms-diagnostics-public or ms-client-diagnostics header.",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        Column("method", "category", "Method of the message's transaction.", "sip.CSeq.method"),
        Column(
            "status_code",
            "integer",
            "Status code of the response; missing in a request.",
            "sip.Status-Code",
        ),
        Column("header", "category", "Header name, lower case."),
        Column("position", "integer", "1: topmost of the message, the most recent hop."),
        Column("code", "integer", "Error id."),
        Column("subcode", "integer", "Sub-code after the dot."),
        Column("reason", "text", "reason parameter."),
        Column("source", "text", "source parameter: the server that said so."),
        Column("component", "category", "Component that owns the range of the error id."),
        Column(
            "meaning",
            "text",
            "What the error id means; missing where that is not known. `python -m "
            "pipelines.explain` tells more.",
        ),
        Column(
            "certainty",
            "category",
            "How certain the meaning is: documented (by Microsoft), third party, uncertain.",
        ),
        Column(
            "is_failure",
            "boolean",
            "Whether it tells of a failure: never in a 1xx, 2xx, 3xx, 401 or 407, nor for ids that "
            "only inform. Missing for an id of unknown meaning in a request.",
        ),
        Column(
            "parameters",
            "text",
            "All other parameters as a JSON object; those that tell of media (CallerMediaDebug, "
            "MediaChanBlob) split into their values.",
        ),
        Column("value", "text", "The header as sent."),
    ),
)

PRESENCE = Table(
    "presence",
    "One row per category of presence that a document tells of a contact, with what a resource "
    "list (rlmi) says of the contact's subscription; one per contact of a list without a document; "
    "one per legacyInterop that somebody publishes.",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        Column("subscriber_uri", "text", "uri of the list: who subscribed."),
        Column("list_version", "integer", "version of the list (RFC 4662 §5.2)."),
        Column("full_state", "boolean", "fullState of the list."),
        Column(
            "contact_uri", "text", "uri of the resource; of a document without a list, its own."
        ),
        Column("instance_id", "text", "id of the instance; missing when the resource has none."),
        Column("state", "category", "active, pending, terminated, or Microsoft's resubscribe."),
        Column("reason", "category", "reason of the instance, such as forbidden."),
        Column("status_code", "integer", "statusCode of the instance: SIP-like."),
        Column("diagnostics_code", "integer", "msDiagCode of the instance."),
        Column("pool_fqdn", "text", "poolFqdn: where to resubscribe."),
        Column("content_id", "text", "cid of the instance without angle brackets."),
        Column(
            "part",
            "text",
            "Part that holds its state, as in `bodies`; missing when no part has that Content-ID.",
        ),
        Column("part_media_type", "category", "Media type of that part."),
        Column(
            "category",
            "category",
            "What the row is about: state, note, contactCard, …; tuple, person, device or note of "
            "PIDF, address of XPIDF, presentity, state or device of 2005. Missing without a "
            "document.",
        ),
        Column("category_instance", "integer", "instance of the category."),
        Column("publish_time", "time", "publishTime of the category, timestamp of PIDF."),
        Column("container", "integer", "container of the category: who may see it."),
        Column("cleared", "boolean", "Whether the category is empty, which takes it back."),
        Column("state_type", "category", "xsi:type of a state; others see the aggregateState."),
        Column("availability", "integer", "availability of a state: its number."),
        Column(
            "presence",
            "category",
            "What that number, or a word of another vocabulary, means: online, idle, busy, "
            "busy-idle, do-not-disturb, be-right-back, away, offline; unknown below 3000.",
        ),
        Column("basic", "category", "basic of PIDF (open, closed), status of XPIDF."),
        Column(
            "activity",
            "category",
            "token of the activity, else its custom text; activities of PIDF, comma-separated; "
            "msnsubstatus of XPIDF.",
        ),
        Column("manual", "boolean", "manual: whether the user set the state."),
        Column("last_active_time", "time", "lastActive of a state."),
        Column("note", "text", "Note, one row each; all notes of a PIDF element, one per line."),
        Column("note_type", "category", "personal, or OOF: out of facility."),
        Column("device", "text", "device of a state, machineName or name of a device."),
        Column("endpoint_id", "text", "endpointId or epid; id of a tuple, a person or an atom."),
        Column("display_name", "text", "Name of the contact, where a contact card tells it."),
    ),
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    "One row per contact whose presence a dialog subscribes to: asked when, by whom, and answered "
    "how. A 200 OK to a batch says nothing about its contacts.",
    (
        Column(
            "message_id",
            "text",
            "SUBSCRIBE that asked for it first, on the subscriber's hop; missing when not seen.",
        ),
        Column("time", "time", "Time of that request; where it was not seen, of the first answer."),
        _CAPTURE,
        Column("frame_number", "integer", "Frame of that time.", "frame.number"),
        _CALL_ID,
        Column("flow_id", "category", "Flow of that frame, as in `flows`."),
        Column("src_ip", "category", "Address that the SUBSCRIBE came from.", "ip.src"),
        Column(
            "seen",
            "category",
            "What the capture shows: request, answer (the response to SUBSCRIBE, or a "
            "notification), or both.",
        ),
        Column(
            "form",
            "category",
            "batch: in a list of contacts, addressed to oneself; single: to the contact itself; "
            "list: to a list that the server keeps (RFC 4662). Missing where no request was seen.",
        ),
        Column("subscriber_uri", "text", "Who wants to know."),
        Column(
            "subscriber_kind",
            "category",
            "trusted application: its GRUU is a server's (opaque=srvr: or app:); UCMA application: "
            "its product is RTCC, with an endpoint of either kind; user: a user's endpoint. Missing"
            " where neither Contact nor product tells.",
        ),
        Column("user_agent", "category", "User-Agent of the SUBSCRIBE.", "sip.User-Agent"),
        Column("contact_uri", "text", "Whose presence; missing when a request's list was lost."),
        Column("route", "category", "Where the contact is, seen from the subscriber: see `calls`."),
        Column("categories", "text", "Categories that it asked for, comma-separated."),
        Column("expires_s", "integer", "Expires of the response, else of the request, seconds."),
        Column("requests", "integer", "SUBSCRIBE requests that asked for it."),
        Column("response_status", "integer", "Status code of the response to SUBSCRIBE."),
        Column("response_s", "seconds", "From the request to that response."),
        Column(
            "answer",
            "category",
            "What became of it: active (or its presence came), pending, terminated, resubscribe, "
            "as the list or Subscription-State says; refused: the whole SUBSCRIBE; silent: accepted"
            ", and nothing said of this contact. Missing when no answer was captured.",
        ),
        Column("last_state", "category", "State that was told last."),
        Column("reason", "category", "Why it ended or was refused, such as forbidden."),
        Column("status_code", "integer", "statusCode of the instance; of a refused SUBSCRIBE its."),
        Column("diagnostics_code", "integer", "msDiagCode of the instance, or of the response."),
        Column("pool_fqdn", "text", "poolFqdn: where to resubscribe."),
        Column("answer_message_id", "text", "Message that told `answer`."),
        Column("answer_time", "time", "Time of that message."),
        Column("answer_s", "seconds", "From the request to that message."),
        Column("presence_message_id", "text", "Message that brought a presence state first."),
        Column("presence_s", "seconds", "From the request to the first presence state."),
        Column("availability", "integer", "availability of that state: its number."),
        Column("presence", "category", "What it means, as in `presence`."),
        Column("basic", "category", "basic of that state: open or closed (PIDF)."),
        Column("activity", "category", "activity of that state."),
        Column(
            "reachable_s",
            "seconds",
            "From the request to the first state that lets people call the contact: basic open, or "
            "a presence that is neither offline nor unknown.",
        ),
        Column("notifications", "integer", "NOTIFY and BENOTIFY of the dialog, all contacts."),
        Column("end_time", "time", "When the subscriber ended it (Expires: 0, unsubscribe)."),
    ),
)

CALL_LEGS = Table(
    "call_legs",
    "One row per call and hop that its INVITE was seen on: how long each server held the call. Of "
    "an INVITE that was sent again (after a challenge, for example) the last counts.",
    (
        Column("call_key", "text", "Call, as in `calls`."),
        _CAPTURE,
        _CALL_ID,
        Column("leg", "integer", "Number of the leg, from the caller: 1 is the first captured."),
        Column(
            "previous_leg",
            "integer",
            "Leg that the INVITE came by; a fork gives several legs one previous leg.",
        ),
        Column("src_ip", "category", "Sender of the INVITE on this leg.", "ip.src"),
        Column("dst_ip", "category", "Its receiver: the element that this leg leads to.", "ip.dst"),
        Column(
            "side",
            "category",
            "internal: both addresses are private ones (RFC 1918, RFC 4193); external: one is not; "
            "missing where there is no address.",
        ),
        Column("message_id", "text", "INVITE on this leg."),
        Column("invite_time", "time", "Its time."),
        Column("first_response_s", "seconds", "INVITE to the first response, 100 included."),
        Column("ringback_s", "seconds", "INVITE to the first 180 or 183 on this leg."),
        Column("answer_s", "seconds", "INVITE to the 2xx on this leg."),
        Column("final_s", "seconds", "INVITE to the final response on this leg."),
        Column("status_code", "integer", "That response's status.", "sip.Status-Code"),
        Column(
            "held_invite_s",
            "seconds",
            "INVITE on the previous leg to INVITE on this one: how long the element between kept "
            "it; missing where two clocks took the times.",
        ),
        Column(
            "held_ringback_s",
            "seconds",
            "What this leg's receiver adds to the time until it rings: `ringback_s` minus that of "
            "the leg behind it which rang first. On the last leg captured it is all of "
            "`ringback_s`: that element, and what lies behind it. Missing where the legs behind it "
            "were captured, but not how they rang. Each leg's times are of one clock, so this "
            "holds across captures too.",
        ),
        Column("last", "boolean", "Whether no leg behind it was captured."),
    ),
)

SESSION_TIMERS = Table(
    "session_timers",
    "One row per dialog of an INVITE in which a session timer was asked for or agreed (RFC 4028).",
    (
        Column("dialog_id", "text", "message_id of the first message that has both its tags."),
        _CAPTURE,
        _CALL_ID,
        Column("from_tag", "text", "Tag of the caller.", "sip.from.tag"),
        Column("to_tag", "text", "Tag of the callee.", "sip.to.tag"),
        Column("from_uri", "text", "URI of the caller.", "sip.from.addr"),
        Column("to_uri", "text", "URI of the callee.", "sip.to.addr"),
        Column(
            "caller_product", "category", "User-Agent or Server of the caller.", "sip.User-Agent"
        ),
        Column(
            "callee_product", "category", "User-Agent or Server of the callee.", "sip.User-Agent"
        ),
        Column(
            "phone",
            "boolean",
            "Whether a side is a telephone number: a tel URI, or one with user=phone.",
        ),
        Column(
            "answer_time", "time", "Time of the 2xx to the first INVITE; missing when not seen."
        ),
        Column(
            "session_expires_s",
            "integer",
            "Interval that holds at the end, seconds: of the last 2xx that named one; missing when "
            "none did.",
            "sip.Session-Expires",
        ),
        Column(
            "asked_session_expires_s",
            "integer",
            "Session-Expires of the first INVITE, seconds.",
            "sip.Session-Expires",
        ),
        Column(
            "min_se_s",
            "integer",
            "Largest Min-SE that was named, seconds (RFC 4028 §5).",
            "sip.Min-SE",
        ),
        Column(
            "refresher", "category", "Who has to refresh: caller or callee; missing when not told."
        ),
        Column("too_small", "integer", "422 responses: the interval was too small (RFC 4028 §6)."),
        Column(
            "refreshes", "integer", "UPDATE and INVITE requests inside the dialog, copies apart."
        ),
        Column("refreshes_answered", "integer", "Of these, answered with a 2xx."),
        Column("last_refresh_time", "time", "Time of the last one."),
        Column("last_refresh_method", "category", "Its method."),
        Column("last_refresh_by", "category", "Who sent it: caller or callee."),
        Column("last_refresh_message_id", "text", "Its message_id."),
        Column("last_refresh_status", "integer", "Its final response; missing without one."),
        Column(
            "last_refresh_missing",
            "text",
            "Of the headers in `messages.session_headers`, those that the answer to the INVITE had "
            "and the answer to this refresh has not.",
        ),
        Column(
            "last_refresh_lost",
            "boolean",
            "Whether its final response was seen on one hop and never on the next, where the "
            "request had come from.",
        ),
        Column(
            "expiry_time",
            "time",
            "When the session expires: interval after the last answer that started the timer "
            "(RFC 4028 §7.2); an answer that got lost, or lacks its Contact, starts none.",
        ),
        Column("end_time", "time", "Time of BYE; missing while the call goes on."),
        Column("ended_by", "category", "Who sent BYE: caller or callee."),
        Column("end_message_id", "text", "message_id of BYE."),
        Column("duration_s", "seconds", "Answer to BYE."),
        Column("end_after_expiry_s", "seconds", "BYE minus `expiry_time`; negative: before it."),
        Column(
            "state",
            "category",
            "open: no BYE seen; ended: for another reason; expired: BYE came when the session "
            "expires, from 32 s (or a third of a short interval) before (RFC 4028 §10).",
        ),
    ),
)

CONFERENCE_INVITES = Table(
    "conference_invites",
    "One row per invitation to a conference (application/ms-conf-invite+xml).",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        _FROM,
        _TO,
        Column("focus_uri", "text", "URI of the conference's focus."),
        Column("conference_id", "text", "Conference id: what follows id: in the focus URI."),
        Column("subject", "text", "Subject of the conference."),
        Column("modalities", "text", "Modalities that are available, comma-separated."),
        _STATUS,
        Column(
            "answer_s", "seconds", "INVITE to its final response: the time a person took to accept."
        ),
    ),
)

CONFERENCE_COMMANDS = Table(
    "conference_commands",
    "One row per conference command (application/cccp+xml), joined to its answer.",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        Column("kind", "category", "request, notify, or response (whose request was not seen)."),
        Column("request_id", "text", "requestId."),
        Column("verb", "category", "Command, such as addUser."),
        Column("from_uri", "text", "from of the command."),
        Column("to_uri", "text", "to of the command."),
        Column("conference_id", "text", "Conference id from the keys or the URIs."),
        Column("mcu_uri", "text", "mcuUri: the MCU that the command is for."),
        Column(
            "code",
            "category",
            "code of the final answer: success, failure; pending when no other came.",
        ),
        Column("reason", "text", "reason of the answer."),
        Column("result", "category", "result of the command in the answer, as endorseUser has."),
        Column("diagnostics", "text", "diagnostics-info of the answer: a JSON object key → value."),
        Column("answer_message_id", "text", "Message with the final answer."),
        Column("answer_s", "seconds", "Command to its final answer."),
    ),
)

_SEEN_IN_CONFERENCE = "as in `messages`; missing when not seen."

CONFERENCE_JOINS = Table(
    "conference_joins",
    "One row per participant's join of a conference and modality: the dialogs with inviter, focus "
    "and MCU put together by organiser and conference id, with what each step took. A join that "
    "got to no modality has one row.",
    (
        Column("join_id", "text", "message_id of its first message; rows of one join share it."),
        _CAPTURE,
        Column("conference_id", "text", "Conference id: what follows id: in the URIs."),
        Column("organiser", "text", "Address of the conference's organiser."),
        Column("user_uri", "text", "URI of the participant."),
        Column("epid", "text", "epid of the participant's endpoint."),
        Column("user_agent", "category", "User-Agent of the participant's client."),
        Column(
            "entry",
            "category",
            "invited; direct: no invitation was seen, as by a link or the calendar; telephone: "
            "dialled in; called: the MCU called; missing when no focus dialog tells it.",
        ),
        Column(
            "modality", "category", "MCU: audio-video, chat, applicationsharing …; missing: none."
        ),
        Column(
            "outcome",
            "category",
            "joined; refused; incomplete: it stopped and nobody said why; lobby: waiting there; "
            "left: the participant gave up; declined: the invitation, or the MCU's call; "
            "unanswered: that as well; present: the invited one was in the conference; unknown: "
            "the capture does not show the client that had to go on.",
        ),
        Column(
            "stopped_at",
            "category",
            "Step that it did not get past: invitation, focus, addUser, lobby, media (no or a "
            "refused INVITE to an MCU), ice; missing when joined.",
        ),
        Column("reason", "text", "What was said about it: status, reason of C3P, diagnosis."),
        Column("status_code", "integer", "Status of the response that stopped it."),
        Column("diagnostics_code", "integer", "Its error id."),
        Column("not_seen", "text", "Steps that the capture does not show, comma-separated."),
        Column(
            "client_seen",
            "boolean",
            "Whether requests of the participant's own client pass the capture: only then an "
            "INVITE that is not there was not sent.",
        ),
        Column(
            "lost_bytes", "integer", "Bytes that the capture lacks of the connections it came over."
        ),
        Column(
            "waited_s",
            "seconds",
            "Last step seen to the end of the capture, or of that dialog; missing when joined.",
        ),
        Column("invite_time", "time", "Time of the invitation."),
        Column("accept_time", "time", "Its 2xx, nearest to the invited client."),
        Column("focus_time", "time", "First INVITE to the focus."),
        Column("focus_answer_time", "time", "Final response of the focus."),
        Column("add_user_time", "time", "Final answer to addUser."),
        Column("lobby_time", "time", "Since when it waited in the lobby."),
        Column("admitted_time", "time", "When it was let in from there."),
        Column("media_time", "time", "First INVITE to, or from, the MCU."),
        Column("media_answer_time", "time", "Its 2xx, or the last refusal."),
        Column(
            "ice_time", "time", "Answer to the INVITE with ICE's conclusion (RFC 5245 §9.1.2.1)."
        ),
        Column("connected_time", "time", "First roster that shows the modality as connected."),
        Column("joined_time", "time", "`ice_time`, or without it the MCU's 2xx."),
        Column("accept_s", "seconds", "Invitation to its final response: a person's time."),
        Column("begin_s", "seconds", "Acceptance to the first INVITE to the focus."),
        Column("focus_s", "seconds", "First INVITE to the focus to its 2xx."),
        Column("add_user_s", "seconds", "addUser to its final answer."),
        Column("lobby_s", "seconds", "Wait in the lobby: a person's time."),
        Column(
            "client_s",
            "seconds",
            "2xx of the focus, or admission, to the INVITE to the MCU: work of the client; missing "
            "for a modality that was added later.",
        ),
        Column("media_s", "seconds", "First INVITE to the MCU to its 2xx."),
        Column("ice_s", "seconds", "2xx of the MCU to `ice_time`."),
        Column("connected_s", "seconds", "INVITE to the MCU to `connected_time`."),
        Column(
            "join_s",
            "seconds",
            "Acceptance (else the first INVITE seen; of an added modality its own) to "
            "`joined_time`, without the lobby; missing where the MCU called: a person answers.",
        ),
        Column(
            "later",
            "boolean",
            "Whether the modality was added later: a first one 60 s after the focus was done, a "
            "further one 10 s after.",
        ),
        Column("tries", "integer", "INVITE dialogs for the modality, or else with the focus."),
        Column("invitation_call_id", "text", "Call-ID of the invitation."),
        Column("focus_call_id", "text", "Call-ID of the dialog with the focus."),
        Column("media_call_id", "text", "Call-ID of the dialog with the MCU."),
        Column("invitation_message_id", "text", f"Invitation, {_SEEN_IN_CONFERENCE}"),
        Column("focus_message_id", "text", f"INVITE to the focus, {_SEEN_IN_CONFERENCE}"),
        Column("media_message_id", "text", f"INVITE to the MCU, {_SEEN_IN_CONFERENCE}"),
        Column("stop_message_id", "text", "Message that stopped it; missing without one."),
    ),
)

PUSH_NOTIFICATIONS = Table(
    "push_notifications",
    "One row per push notification (MESSAGE to the clearing house), joined to its answer.",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        Column(
            "from_uri",
            "text",
            "URI of From: sip:McxUser… for a real notification.",
            "sip.from.addr",
        ),
        _TO,
        Column("synthetic", "boolean", "Whether it is a test (Test-CsMcxPushNotification)."),
        _STATUS,
        Column(
            "diagnostics_code",
            "integer",
            "Error id of the answer: 30000 accepted, 30007 test succeeded.",
        ),
        Column("answer_s", "seconds", "MESSAGE to its final response."),
        Column(
            "outcome",
            "category",
            "accepted, refused, unanswered (nothing came in 32 s, RFC 3261 §17.1.2.2), or unknown: "
            "an answer would not have been seen.",
        ),
        Column("outcome_reason", "text", "Why the outcome is unknown; missing when it is not."),
        Column(
            "peer",
            "category",
            "Who the copy captured nearest to the clearing house was sent to: its address, or its "
            "name where a trace log has only that.",
        ),
        Column("peer_answer_s", "seconds", "That copy to its final response."),
        Column(
            "user_uri",
            "text",
            "Mobile user that it is for, from sip:McxUserIDuser@domain; missing for a test.",
        ),
        Column(
            "call_key",
            "text",
            "message_id of the INVITE that it was sent for, as in `calls`; missing when none is "
            "found.",
        ),
        Column(
            "joined_by",
            "category",
            "What told that INVITE: conversation (Ms-Conversation-ID), or user and time (to the "
            "same user, at most 30 s apart).",
        ),
        Column(
            "call_fate",
            "category",
            "What became of it: answered (the app woke), answered_elsewhere (by another endpoint), "
            "missed (408, 480), cancelled (487), failed, or open (nothing final captured).",
        ),
        Column("call_status_code", "integer", "Final status of that INVITE.", "sip.Status-Code"),
        Column("wake_s", "seconds", "MESSAGE to the 2xx to that INVITE, when the app woke."),
        Column("waited_s", "seconds", "That INVITE to its final response, when it was missed."),
        Column(
            "content_length", "integer", "Content-Length of the notification.", "sip.Content-Length"
        ),
        Column("values", "text", "The notification's tree as a JSON object path → value."),
    ),
)

REGISTRATIONS = Table(
    "registrations",
    "One row per attempt of an endpoint to register, to refresh that or to take it back, with its "
    "challenges and redirections, on however many hops it was seen.",
    (
        Column("registration_id", "text", "message_id of the attempt that began the registration."),
        Column("message_id", "text", "First REGISTER of the attempt."),
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        Column("user_uri", "text", "URI of To: the address of record (RFC 3261 §10)."),
        Column("epid", "text", "epid of From: the endpoint; missing where the stack has none."),
        Column("contact_uri", "text", "Where the endpoint wants to be reached."),
        Column("user_agent", "category", "User-Agent of the endpoint."),
        Column(
            "client",
            "category",
            "Address of the sender of the first REGISTER on the hop seen first, or its name where "
            "a trace log has only that.",
        ),
        Column(
            "server", "category", "Whom the last REGISTER of the attempt was sent to, likewise."
        ),
        Column(
            "kind",
            "category",
            "initial, refresh, removal (Expires 0), or query (without Contact).",
        ),
        Column("start_time", "time", "First bit of the first REGISTER."),
        Column("end_time", "time", "Time of the response that ended the attempt."),
        Column("requests", "integer", "REGISTERs of the attempt, each once on whatever hops."),
        Column("challenges", "integer", "401 and 407 among the answers: rounds of authentication."),
        Column(
            "auth_scheme",
            "category",
            "Scheme that the endpoint used: NTLM, Kerberos, TLS-DSK, Digest, …; missing when it "
            "sent no credentials.",
        ),
        Column("offered_schemes", "category", "Schemes that the first challenge offered."),
        Column("redirected_to", "text", "Contact of a 3xx: the home server; missing without one."),
        Column("redirect_followed", "boolean", "Whether a REGISTER came after the 3xx."),
        Column(
            "delay_s",
            "seconds",
            "RFC 6076 §4.1: first REGISTER to the 200, challenges and redirection inside; of "
            "successful attempts only.",
        ),
        Column(
            "outcome",
            "category",
            "registered, removed, answered (a query), challenged (not tried again), challenge_loop "
            "(four challenges or more, and no success), redirected (not followed), rejected (403, "
            "404 and their like), failed (5xx, 6xx and other), timed_out (408, 504, or no answer "
            "in 32 s), or unknown (an answer would not have been seen).",
        ),
        Column("outcome_reason", "text", "Why the outcome is unknown; missing when it is not."),
        Column("status_code", "integer", "Last final status.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Its reason phrase."),
        _DIAGNOSTICS,
        Column("asked_expires_s", "integer", "Expiry that the endpoint asked for, seconds."),
        Column("expires_s", "integer", "Expiry that was granted, seconds."),
        Column("expiry_time", "time", "When the binding expires unless it is refreshed."),
        Column(
            "refreshes",
            "integer",
            "Refreshes that succeeded later in the same registration; of its first attempt.",
        ),
        Column(
            "fate",
            "category",
            "What became of the binding: refreshed, replaced (the endpoint began anew), removed "
            "(by the endpoint), deregistered (by the server), lapsed (expired and not refreshed), "
            "open (valid at the end of the capture), or unknown.",
        ),
        Column("fate_time", "time", "When that was; missing while open."),
        Column(
            "fate_reason",
            "text",
            "event of the server's text/registration-event, such as rejected; or why it is "
            "unknown.",
        ),
        Column(
            "fate_message_id",
            "text",
            "Message that tells it; of a binding that lapsed, the REGISTER that came too late.",
        ),
        Column(
            "fate_diagnostics_code",
            "integer",
            "Error id of the server's NOTIFY, such as 4141: the user was disabled.",
        ),
    ),
)

TRANSACTIONS = Table(
    "transactions",
    "One row per SIP transaction as seen on one hop (RFC 3261 §17).",
    (
        Column("transaction_id", "text", "message_id of its first message."),
        _CAPTURE,
        _FLOW,
        Column(
            "transport",
            "category",
            "udp, tcp, tls, sctp, ws, wss or log. What a capture agent exported (HEP) has the "
            "transport, the addresses and the time that the agent saw.",
        ),
        Column("src_ip", "category", "Address of the client side.", "ip.src"),
        Column("dst_ip", "category", "Address of the server side.", "ip.dst"),
        Column("method", "category", "Method of the request.", "sip.CSeq.method"),
        Column("request_uri", "text", "Request-URI.", "sip.r-uri"),
        _CALL_ID,
        Column("cseq", "integer", "Sequence number.", "sip.CSeq.seq"),
        _FROM,
        Column("from_tag", "text", "Tag of From.", "sip.from.tag"),
        _TO,
        Column(
            "to_tag", "text", "Tag of To in the request: present inside a dialog.", "sip.to.tag"
        ),
        Column("via_branch", "text", "branch of the topmost Via.", "sip.Via.branch"),
        Column("start_time", "time", "Time of the request."),
        Column("first_response_time", "time", "Time of the first response of any kind."),
        Column(
            "first_provisional_code", "category", "First provisional status other than 100 and 101."
        ),
        Column("first_provisional_time", "time", "Time of that response."),
        Column("final_time", "time", "Time of the final response."),
        _STATUS,
        Column(
            "reason_phrase", "category", "Reason phrase of the final response.", "sip.Reason-Phrase"
        ),
        _DIAGNOSTICS,
        Column("response_s", "seconds", "Request to its final response.", "sip.response-time"),
        Column("requests", "integer", "Copies of the request, retransmissions included."),
        Column("responses", "integer", "Responses, retransmissions included."),
        Column(
            "outcome",
            "category",
            "success, redirect, challenge, failure, cancelled, unanswered, best_effort (BENOTIFY "
            "and ACK expect none), response_only.",
        ),
        Column("request_message_id", "text", "First copy of the request; missing when not seen."),
        Column(
            "final_message_id", "text", "First copy of the final response; missing when not seen."
        ),
    ),
)

HOPS = Table(
    "hops",
    "One row per message that was seen before on another hop, or by another capture of the same "
    "hop: a message that passed two places that were captured.",
    (
        _MESSAGE,
        _CAPTURE,
        _FRAME,
        _TIME,
        _CALL_ID,
        Column("method", "category", "Method; for a response that of its CSeq.", "sip.CSeq.method"),
        Column("cseq", "integer", "Sequence number of CSeq.", "sip.CSeq.seq"),
        Column("is_request", "boolean", "Request or response."),
        Column("status_code", "integer", "Status code of a response.", "sip.Status-Code"),
        Column("hop_of", "text", "message_id where it was seen first, nearest to its sender."),
        Column("hop", "integer", "Which observation of the message this is; the first is 1."),
        Column("previous_message_id", "text", "message_id of the observation before this one."),
        Column("previous_capture", "category", "Capture of that observation."),
        Column("src_ip", "category", "Sender's address on this hop.", "ip.src"),
        Column("dst_ip", "category", "Receiver's address on this hop.", "ip.dst"),
        Column(
            "observed_delay_s",
            "seconds",
            "Time of this observation minus time of the one before, by the clocks of their "
            "captures; negative where these disagree by more than the delay.",
        ),
        Column(
            "delay_s",
            "seconds",
            "The same where one clock took both times: how long the element between held the "
            "message, and the way to it. Across captures see `clock_offsets`.",
        ),
    ),
)

CLOCK_OFFSETS = Table(
    "clock_offsets",
    "One row per two captures that saw the same messages: by how much their clocks differ.",
    (
        _CAPTURE,
        Column("reference", "category", "Capture whose clock it is compared with."),
        Column(
            "offset_s",
            "seconds",
            "Clock of `capture` minus clock of `reference`, from the request and response that "
            "went from one place to the other and back in the shortest time (RFC 5905 §8, §10).",
        ),
        Column(
            "error_s",
            "seconds",
            "Half of that time: the offset is wrong by no more than this (RFC 5905 §11.1).",
        ),
        Column(
            "exchanges",
            "integer",
            "Requests and responses that both captures show; without one nothing can be told.",
        ),
        Column(
            "delay_s",
            "seconds",
            "Median time that messages took between the two places, offset taken off.",
        ),
    ),
)

DIALOGS = Table(
    "dialogs",
    "One row per dialog (RFC 3261 §12): Call-ID and both tags.",
    (
        Column("dialog_id", "text", "message_id of the message that completed its tags."),
        _CAPTURE,
        _CALL_ID,
        Column("from_tag", "text", "Tag of the side that sent the first request.", "sip.from.tag"),
        Column("to_tag", "text", "Tag of the other side.", "sip.to.tag"),
        _FROM,
        _TO,
        Column("kind", "category", "invite, subscribe, or other: by the request that made it."),
        Column(
            "method",
            "category",
            "Method of the request that made it; missing when not seen.",
            "sip.Method",
        ),
        Column("conversation_id", "text", "Ms-Conversation-ID."),
        Column("start_time", "time", "Time of the first request with its Call-ID and From tag."),
        Column("established_time", "time", "Time of the 2xx that confirmed it."),
        Column("end_time", "time", "Time of the request that ended it (BYE, or the final NOTIFY)."),
        Column("ended_by", "category", "caller, callee; missing while open or when not seen."),
        Column(
            "state",
            "category",
            "early, confirmed, terminated, or seen (its start is not in the capture).",
        ),
        Column("messages", "integer", "Messages of the dialog, retransmissions included."),
    ),
)

CALLS = Table(
    "calls",
    "One row per attempt to set up a session with media or IM, however many hops and branches it "
    "was seen on.",
    (
        _CALL_ID,
        _CAPTURE,
        Column("call_key", "text", "message_id of the attempt's first INVITE."),
        _FROM,
        _TO,
        Column(
            "from_tag",
            "text",
            "Tag of From: with call_id it identifies the attempt.",
            "sip.from.tag",
        ),
        Column(
            "route", "category", "internal, federated, skype, pstn, conference, hybrid or unknown."
        ),
        Column("route_reason", "text", "What told the route."),
        Column(
            "modality",
            "category",
            "audio, video, im, applicationsharing, data, mixed; missing when not told.",
        ),
        Column("start_time", "time", "Time of the first INVITE."),
        Column("first_response_time", "time", "First response of any kind, 100 included."),
        Column(
            "first_provisional_time",
            "time",
            "First response that tells a status: neither 100 nor 101.",
        ),
        Column("ringing_time", "time", "First 180 or 183."),
        Column(
            "early_media_time",
            "time",
            "First 180 or 183 that describes media: from then on the callee's side may send sound.",
        ),
        Column("answer_time", "time", "First 2xx."),
        Column("ack_time", "time", "First ACK to the 2xx."),
        Column("end_time", "time", "BYE, or the final response of an unsuccessful attempt."),
        Column(
            "outcome",
            "category",
            "answered, busy, declined, cancelled, no_answer, timed_out, redirected, failed, "
            "challenged, unanswered (nothing final in the capture).",
        ),
        Column("status_code", "integer", "Final status of the attempt.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Its reason phrase.", "sip.Reason-Phrase"),
        _DIAGNOSTICS,
        Column("setup_delay_s", "seconds", "INVITE to its 2xx."),
        Column("ringback_delay_s", "seconds", "INVITE to the first 180 or 183: post-dial delay."),
        Column("early_media_delay_s", "seconds", "INVITE to `early_media_time`."),
        Column(
            "session_request_delay_s",
            "seconds",
            "RFC 6076 §4.3: INVITE to the first response that tells a status (neither 100 nor "
            "101), or to the final response.",
        ),
        Column("duration_s", "seconds", "RFC 6076 §4.5: 2xx to BYE; missing while open."),
        Column(
            "released_by", "category", "caller or callee; missing when no BYE or CANCEL was seen."
        ),
        Column("release_method", "category", "BYE or CANCEL, or rejected by a final response."),
        Column(
            "invites", "integer", "INVITEs of the attempt, over all hops, branches and repeats."
        ),
        Column(
            "hops",
            "integer",
            "Different host pairs that its INVITE was seen between; in a trace log, which names "
            "one of them, different topmost Vias.",
        ),
        Column(
            "branches",
            "integer",
            "Largest number of callee endpoints (To tags) that answered: forks.",
        ),
        Column("reinvites", "integer", "Re-INVITEs and UPDATEs inside the dialog."),
        Column("conversation_id", "text", "Ms-Conversation-ID."),
        Column("flow_id", "category", "Flow of the first INVITE."),
        Column("frame_number", "integer", "Frame of the first INVITE.", "frame.number"),
    ),
)

FAILURES = Table(
    "failures",
    "One row per request that failed for a user, on however many hops, with its first cause. "
    "Challenges, cancelled, busy and declined calls are no failures, nor is what a retry mended.",
    (
        Column(
            "transaction_id",
            "text",
            "The failed transaction nearest to who asked, as in `transactions`.",
        ),
        _CAPTURE,
        _CALL_ID,
        Column("cseq", "integer", "Sequence number.", "sip.CSeq.seq"),
        Column("method", "category", "Method of the request.", "sip.CSeq.method"),
        _FROM,
        _TO,
        Column("route", "category", "Route of a call, as in `calls`; missing for what is no call."),
        Column("peer_domain", "category", "Domain of To."),
        Column("start_time", "time", "Time of the request."),
        Column("response_s", "seconds", "Request to its final response."),
        Column("status_code", "integer", "Status that the sender got.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Its reason phrase.", "sip.Reason-Phrase"),
        Column(
            "cause_message_id",
            "text",
            "The failed response captured farthest from the sender: nearest to where it began.",
        ),
        Column("cause_status_code", "integer", "Its status."),
        Column(
            "cause_code",
            "integer",
            "Error id of the innermost diagnosis in it, or else in a response nearer to the "
            "sender; ids that only say that the next hop gave no reason count last.",
        ),
        Column("cause_subcode", "integer", "Its sub-code."),
        Column("cause_reason", "text", "Its reason."),
        Column("cause_source", "category", "Server that said so."),
        Column("cause_component", "category", "Component that owns the range of the error id."),
        Column("hops", "integer", "Transactions that failed for it: one per hop and branch."),
    ),
)

FINDINGS = Table(
    "findings",
    "One row per thing that is wrong, the worst first, and of these what happened most often.",
    (
        Column("rule", "category", "Rule that found it; `summarize --rules` lists them."),
        Column("severity", "category", "error, warning or note."),
        Column("title", "text", "What is wrong, in a line."),
        Column("subject", "text", "What it is wrong with: a host, a URI, a conference."),
        Column("start_time", "time", "When it was first seen."),
        Column("count", "integer", "How often it occurred."),
        Column(
            "evidence",
            "texts",
            "Where to look, of the first occurrences: `message ID`, `flow ID`, `frame NUMBER of "
            "CAPTURE`.",
        ),
        Column("explanation", "text", "What was seen, and what it means."),
        Column("advice", "text", "What to do about it."),
        Column("reference", "text", "Standard or page that says so; missing without one."),
    ),
)

CONFERENCE_PARTICIPANTS = Table(
    "conference_participants",
    "One row per change of a conference's roster (application/conference-info+xml): of a user, of "
    "one of its endpoints, or of one of their media.",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        Column("conference_uri", "text", "entity: URI of the conference's focus."),
        Column("conference_id", "text", "Conference id: what follows id: in that URI."),
        Column("version", "integer", "version of the document."),
        Column("document", "category", "state of the document: full, partial, deleted."),
        Column(
            "complete",
            "boolean",
            "False where an earlier document is missing or was cut: others may be in the "
            "conference whom no row tells.",
        ),
        Column("level", "category", "What changed: user, endpoint, media."),
        Column("change", "category", "added, changed, removed."),
        Column("user_uri", "text", "entity of the user."),
        Column("display_text", "text", "Name of the user."),
        Column("roles", "category", "Roles of the user, comma-separated: presenter, attendee."),
        Column("endpoint_id", "text", "entity of the endpoint."),
        Column("session_type", "category", "Microsoft's session-type: focus, chat, audio-video."),
        Column(
            "status",
            "category",
            "Status of the endpoint: connected, dialing-out, disconnected …; of what was removed "
            "the last that was told.",
        ),
        Column("previous_status", "category", "Its status before this document."),
        Column("joining_method", "category", "dialed-in, dialed-out, focus-owner."),
        Column("disconnection_method", "category", "departed, booted, failed, busy."),
        Column("disconnection_reason", "text", "reason of disconnection-info."),
        Column("media_id", "text", "id of the media."),
        Column("media_type", "category", "type of the media, such as audio."),
        Column("media_label", "category", "label of the media, as in the SDP."),
        Column("media_status", "category", "sendrecv, sendonly, recvonly, inactive."),
        Column("media_state", "category", "Microsoft's media-state, such as connected."),
    ),
)

_OFFERED, _ANSWERED = "of the offer", "of the answer"


def _side(prefix: str, whose: str) -> tuple[Column, ...]:
    return (
        Column(
            f"{prefix}_ip",
            "text",
            f"Address {whose}: c= of the media, else of the session.",
            "sdp.connection_info.address",
        ),
        Column(
            f"{prefix}_port", "integer", f"Port {whose}; 0 refuses the stream.", "sdp.media.port"
        ),
        Column(
            f"{prefix}_direction",
            "category",
            f"Direction {whose}: sendrecv where it is silent.",
            "sdp.media_attribute.field",
        ),
        Column(
            f"{prefix}_codecs",
            "text",
            f"Codecs {whose} in its order, comma-separated.",
            "sdp.mime.type",
        ),
        Column(
            f"{prefix}_crypto",
            "category",
            f"SRTP suites {whose}, comma-separated.",
            "sdp.crypto.crypto_suite",
        ),
        Column(
            f"{prefix}_ice",
            "category",
            f"Grammar of the candidates {whose}: rfc5245, draft-6, both.",
        ),
        *(
            Column(
                f"{prefix}_{kind}_candidates",
                "integer",
                f"Candidates {whose} of type {kind}, component 1; draft 6 does not tell it.",
                "sdp.ice_candidate.type",
            )
            for kind in ("host", "srflx", "relay")
        ),
        Column(
            f"{prefix}_udp_candidates",
            "integer",
            f"UDP candidates {whose}, component 1.",
            "sdp.ice_candidate.transport",
        ),
        Column(
            f"{prefix}_tcp_candidates",
            "integer",
            f"TCP candidates {whose}, component 1.",
            "sdp.ice_candidate.transport",
        ),
        Column(
            f"{prefix}_bypass_id", "text", f"x-bypassid {whose}: where media bypass is possible."
        ),
    )


MEDIA_STREAMS = Table(
    "media_streams",
    "One row per media line of each answered offer (RFC 3264) of a dialog; of one offer at most "
    "1000.",
    (
        Column("offer_message_id", "text", "Message with the offer, as in `messages`."),
        Column("answer_message_id", "text", "Message with the answer."),
        Column("time", "time", "Time of the offer.", "frame.time_epoch"),
        Column("answer_time", "time", "Time of the answer.", "frame.time_epoch"),
        _CAPTURE,
        Column("frame_number", "integer", "Frame that completed the offer.", "frame.number"),
        _CALL_ID,
        Column("from_tag", "text", "Tag of From in the request.", "sip.from.tag"),
        Column(
            "to_tag",
            "text",
            "Tag of To in its response: each fork is a dialog of its own.",
            "sip.to.tag",
        ),
        Column("offerer_uri", "text", "URI of the side that offered."),
        Column(
            "method",
            "category",
            "Request of the exchange: INVITE, UPDATE, PRACK.",
            "sip.CSeq.method",
        ),
        Column(
            "answer_status_code",
            "integer",
            "Status of the response with the answer; missing when a request (ACK, PRACK) has it.",
            "sip.Status-Code",
        ),
        Column("position", "integer", "Number of the media line, from 1."),
        Column("media", "category", "Medium: audio, video, message.", "sdp.media.media"),
        Column("label", "category", "label, such as main-audio."),
        Column(
            "protocol", "category", "Transport as offered, such as RTP/SAVP.", "sdp.media.proto"
        ),
        Column("refused", "boolean", "Whether the answer refuses it by port 0."),
        Column(
            "codec",
            "category",
            "First answered codec that carries media; its number where nothing names it.",
        ),
        Column("encrypted", "boolean", "Whether the answer chose SRTP, by crypto or by DTLS."),
        Column(
            "cryptoscale", "boolean", "Whether the answer chose it: one key for many receivers."
        ),
        Column("encryption", "category", "Microsoft's a=encryption of the offer."),
        Column(
            "hold",
            "boolean",
            "Whether the offer puts the stream on hold: sendonly, inactive, or address 0.0.0.0.",
        ),
        Column(
            "ice_concluded",
            "boolean",
            "Whether the offer names remote candidates: ICE had found a path by then.",
        ),
        Column(
            "fallback",
            "boolean",
            "Whether the only offer is the one for OCS 2007 (ms-proxy-2007fallback).",
        ),
        *_side("offered", _OFFERED),
        *_side("answered", _ANSWERED),
    ),
)

QUALITY_REPORTS = Table(
    "quality_reports",
    "One row per media line and direction of each quality report: Lync's (application/"
    "vq-rtcpxr+xml), or RFC 6035's.",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        Column("call_id", "text", "Call-ID of the call that is reported on, not of the report."),
        Column("from_tag", "text", "FromTag of that call."),
        Column("to_tag", "text", "ToTag of that call."),
        Column("interval", "boolean", "Whether the call goes on; False in the report of its end."),
        Column("start_time", "time", "Start of the call, by the reporter's clock."),
        Column("end_time", "time", "End of the call, by the reporter's clock."),
        Column("from_uri", "text", "FromURI: the reporter."),
        Column("to_uri", "text", "ToURI: the other side."),
        Column("caller", "boolean", "Whether the reporter was the caller."),
        Column("conference_uri", "text", "ConfURI."),
        Column("conference_id", "text", "Conference id in it."),
        Column("endpoint", "text", "Name of the reporter's machine."),
        Column("local_user_agent", "category", "Product of the reporter."),
        Column("remote_user_agent", "category", "Product of the other side."),
        Column("label", "category", "Label of the media line, such as main-audio."),
        Column("direction", "category", "inbound or outbound, as the reporter sees it."),
        Column("ssrc", "text", "Id of the stream: its SSRC."),
        Column("codec", "category", "PayloadDescription."),
        Column("sample_rate", "integer", "SampleRate, hertz."),
        Column("packets", "integer", "Packets of the stream."),
        Column("packet_loss_rate", "number", "LossRate: fraction of packets lost, mean."),
        Column("packet_loss_rate_max", "number", "LossRateMax."),
        Column("jitter_s", "seconds", "Inter-arrival jitter (RFC 3550 §6.4.1), mean."),
        Column("jitter_max_s", "seconds", "The same, maximum."),
        Column("round_trip_s", "seconds", "Round-trip time, mean; told of the outbound stream."),
        Column("round_trip_max_s", "seconds", "The same, maximum."),
        Column("burst_density", "number", "Fraction of packets lost in bursts."),
        Column("burst_duration_s", "seconds", "Mean duration of bursts."),
        Column("concealed_ratio", "number", "RatioConcealedSamplesAvg: fraction of healed audio."),
        Column("network_mos", "number", "NetworkMOS OverallAvg, 1 to 5."),
        Column("network_mos_min", "number", "NetworkMOS OverallMin."),
        Column("network_mos_degradation", "number", "DegradationAvg: what the network took of it."),
        Column("listening_mos", "number", "RecvListenMOS inbound, SendListenMOS outbound."),
        Column("listening_mos_min", "number", "RecvListenMOSMin, SendListenMOSMin."),
        Column("local_conversational_mos", "number", "LocalConversationalMOS of the media line."),
        Column("remote_conversational_mos", "number", "RemoteConversationalMOS of the media line."),
        Column("ice", "category", "Path: DIRECT, RELAY, HTTP-PROXY, FAILED."),
        Column("ice_warnings", "integer", "IceWarningFlags: bits, [MS-QoE] §2.2.1.7.1."),
        Column("transport", "category", "UDP or TCP."),
        Column("security", "category", "SRTP, V1, None."),
        Column("local_ip", "text", "Reporter's address."),
        Column("local_port", "integer", "Reporter's port."),
        Column("remote_ip", "text", "Address of the other side."),
        Column("remote_port", "integer", "Port of the other side."),
        Column("relay_ip", "text", "Address of the first relay."),
        Column("reflexive_ip", "text", "Reporter's address as the relay sees it."),
        Column("network_connection", "category", "wired, wifi, or as told."),
        Column("vpn", "boolean", "Whether the reporter was in a VPN."),
        Column("link_speed_bps", "number", "Speed of the reporter's link, bits per second."),
        Column("wifi_rssi", "number", "WifiRSSI: strength of the signal, as sent."),
        Column("wifi_channel", "integer", "WifiChannel."),
        Column("wifi_ssid", "text", "SSID: name of the wireless network."),
        Column("capture_device", "text", "Microphone or camera."),
        Column("render_device", "text", "Loudspeaker or headset."),
        Column(
            "metrics",
            "text",
            "Every value of the stream and of its media line: a JSON object path → value.",
        ),
    ),
)

EXPERT = Table(
    "expert",
    "One row per fault, wherever it was found.",
    (
        _CAPTURE,
        Column(
            "frame_number",
            "integer",
            "Frame with the fault; missing when it is not one frame's.",
            "frame.number",
        ),
        Column("time", "time", "That frame's time."),
        _FLOW,
        Column("layer", "category", "Protocol in which the fault lies.", "_ws.expert"),
        Column("severity", "category", "error, warning or note.", "_ws.expert.severity"),
        Column("summary", "text", "What was wrong.", "_ws.expert.message"),
        Column("spec", "text", "Section that was violated."),
        Column(
            "offset",
            "integer",
            "Byte at which it lies: in the unpacked file for a fault of the file itself, else in "
            "the message or record.",
        ),
        Column("count", "integer", "How often, when many equal faults are told in one row."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CAPTURES,
        FLOWS,
        TLS_SESSIONS,
        MESSAGES,
        BODIES,
        DIAGNOSTICS,
        TRANSACTIONS,
        HOPS,
        CLOCK_OFFSETS,
        DIALOGS,
        CALLS,
        CALL_LEGS,
        SESSION_TIMERS,
        PRESENCE,
        SUBSCRIPTIONS,
        CONFERENCE_INVITES,
        CONFERENCE_COMMANDS,
        CONFERENCE_PARTICIPANTS,
        CONFERENCE_JOINS,
        PUSH_NOTIFICATIONS,
        REGISTRATIONS,
        LOG_DIAGNOSTICS,
        FAILURES,
        MEDIA_STREAMS,
        QUALITY_REPORTS,
        FINDINGS,
        EXPERT,
    )
}
"""Every table by its name, in the order in which people read them."""
