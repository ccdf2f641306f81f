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

Kind = Literal["time", "seconds", "integer", "boolean", "text", "category", "integers", "texts"]

_ARROW: dict[str, pa.DataType] = {
    "time": pa.timestamp("ns", tz="UTC"),
    "seconds": pa.float64(),
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
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)


_CAPTURE = Column("capture", "category", "Name of the file that the row comes from.")
_FRAME = Column(
    "frame_number",
    "integer",
    "Frame that completed it; in a trace log, line on which its record begins. Both count from 1.",
    "frame.number",
)
_TIME = Column("time", "time", "Time of that frame, UTC.", "frame.time_utc")
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
        Column("format", "category", "File format: pcap, pcapng, ocslogger, clslogger, uccapilog."),
        Column("size", "integer", "Size of the file, bytes."),
        Column("packets", "integer", "Packets read; of a trace log, records."),
        Column("start_time", "time", "Time of the earliest packet."),
        Column("end_time", "time", "Time of the latest packet."),
        Column("link_types", "text", "Link types seen, by name, comma-separated."),
        Column("truncated_packets", "integer", "Packets captured shorter than they were sent."),
        Column(
            "undecoded_packets", "integer", "Packets below whose link layer nothing was decoded."
        ),
        Column("complete", "boolean", "False when the file is cut or broken before its end."),
        Column("problem", "text", "Why it is not complete; missing when it is."),
    ),
)

FLOWS = Table(
    "flows",
    "One row per TCP connection, UDP conversation, or peer of a process in a trace log.",
    (
        _FLOW,
        _CAPTURE,
        Column("protocol", "category", "tcp, udp or log."),
        Column(
            "application",
            "category",
            "What its bytes are: sip, tls, sips (SIP in TLS), or missing.",
        ),
        Column(
            "client_ip", "category", "Initiator's address; with no SYN seen, as `initiator` says."
        ),
        Column("client_port", "integer", "Initiator's port."),
        Column("server_ip", "category", "Responder's address."),
        Column("server_port", "integer", "Responder's port."),
        Column(
            "initiator", "category", "How the client was told: syn, content, port, first (packet)."
        ),
        Column("tunnel", "category", "Tunnel that the packets came in; missing without one."),
        Column("start_time", "time", "Time of its first packet."),
        Column("end_time", "time", "Time of its last packet."),
        Column("client_packets", "integer", "Packets from the client."),
        Column("server_packets", "integer", "Packets from the server."),
        Column("client_bytes", "integer", "TCP or UDP payload from the client as sent, bytes."),
        Column("server_bytes", "integer", "TCP or UDP payload from the server as sent, bytes."),
        Column("lost_bytes", "integer", "Bytes of the streams that the capture does not hold."),
        Column("retransmitted_segments", "integer", "TCP segments that brought nothing new."),
        Column("out_of_order_segments", "integer", "TCP segments that came before an earlier one."),
        Column("zero_windows", "integer", "TCP segments that announced a zero window."),
        Column("end", "category", "How it ended: fin, rst, or open (at the end of the capture)."),
    ),
)

TLS_SESSIONS = Table(
    "tls_sessions",
    "One row per TLS connection.",
    (
        _FLOW,
        _CAPTURE,
        Column("time", "time", "Time of the first TLS record."),
        Column("opened", "boolean", "Whether application data was decrypted."),
        Column(
            "opened_by",
            "category",
            "What opened it: key log, or resumption (of a session opened so).",
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
        Column("resumed", "boolean", "Whether the handshake resumed an earlier session."),
        Column("extended_master_secret", "boolean", "RFC 7627."),
        Column("encrypt_then_mac", "boolean", "RFC 7366."),
        Column(
            "server_certificate",
            "text",
            "Subject of the server's certificate; hidden in TLS 1.3 unless opened.",
        ),
        Column("handshake_s", "seconds", "From the ClientHello to the last Finished seen."),
        Column(
            "alert",
            "text",
            "First fatal alert, sender and description; missing without one.",
            "tls.alert_message.desc",
        ),
        Column("records", "integer", "Application-data records seen."),
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
        Column("transport", "category", "udp, tcp, tls or log."),
        *_ENDPOINTS,
        Column("is_request", "boolean", "Request or response."),
        Column("method", "category", "Method; for a response that of its CSeq.", "sip.CSeq.method"),
        Column("request_uri", "text", "Request-URI.", "sip.r-uri"),
        Column("status_code", "integer", "Status code of a response.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Reason phrase of a response."),
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
        Column("user_agent", "category", "User-Agent, or Server.", "sip.User-Agent"),
        Column("contact_uri", "text", "URI of the first Contact.", "sip.contact.uri"),
        Column("event", "category", "Event package.", "sip.Event"),
        Column(
            "conversation_id",
            "text",
            "Ms-Conversation-ID: stable across the dialogs of one conversation.",
        ),
        Column(
            "route_marks",
            "category",
            "What tells where it goes: see `pipelines.tables.route_marks`.",
        ),
        Column("expires_s", "integer", "Expires, seconds.", "sip.Expires"),
        Column(
            "session_expires_s",
            "integer",
            "Session-Expires, seconds (RFC 4028 §4).",
            "sip.Session-Expires",
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
        *(column for column in _LOG_RECORD if not column.name.startswith("log_d")),
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
        Column("media_type", "category", "type/subtype, lower case."),
        Column("content_id", "text", "Content-ID without angle brackets."),
        Column("disposition", "category", "Content-Disposition."),
        Column("length", "integer", "Bytes of the part."),
        Column(
            "media",
            "category",
            "Media of an SDP's m= lines, comma-separated, those of port 0 (refused) left out.",
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
        Column("method", "category", "Method of the message's transaction."),
        Column("status_code", "integer", "Status code of the response; missing in a request."),
        Column("header", "category", "Header name, lower case."),
        Column("position", "integer", "1: topmost of the message, the most recent hop."),
        Column("code", "integer", "Error id."),
        Column("subcode", "integer", "Sub-code after the dot."),
        Column("reason", "text", "reason parameter."),
        Column("source", "text", "source parameter: the server that said so."),
        Column("component", "category", "Component that owns the range of the error id."),
        Column("parameters", "text", "All other parameters as a JSON object."),
        Column("value", "text", "The header as sent."),
    ),
)

PRESENCE = Table(
    "presence",
    "One row per contact and subscription state that a resource list (rlmi) tells.",
    (
        _MESSAGE,
        _TIME,
        _CAPTURE,
        _FRAME,
        _CALL_ID,
        Column("subscriber_uri", "text", "uri of the list: who subscribed."),
        Column("list_version", "integer", "version of the list (RFC 4662 §5.2)."),
        Column("full_state", "boolean", "fullState of the list."),
        Column("contact_uri", "text", "uri of the resource."),
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
        Column("answer_message_id", "text", "Message with the final answer."),
        Column("answer_s", "seconds", "Command to its final answer."),
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
        Column("from_uri", "text", "URI of From: sip:McxUser… for a real notification."),
        _TO,
        Column("synthetic", "boolean", "Whether it is a test (Test-CsMcxPushNotification)."),
        _STATUS,
        Column(
            "diagnostics_code",
            "integer",
            "Error id of the answer: 30000 accepted, 30007 test succeeded.",
        ),
        Column("answer_s", "seconds", "MESSAGE to its final response."),
        Column("content_length", "integer", "Content-Length of the notification."),
        Column("values", "text", "The notification's tree as a JSON object path → value."),
    ),
)

TRANSACTIONS = Table(
    "transactions",
    "One row per SIP transaction as seen on one hop (RFC 3261 §17).",
    (
        Column("transaction_id", "text", "message_id of its first message."),
        _CAPTURE,
        _FLOW,
        Column("transport", "category", "udp, tcp, tls or log."),
        Column("src_ip", "category", "Address of the client side."),
        Column("dst_ip", "category", "Address of the server side."),
        Column("method", "category", "Method of the request.", "sip.CSeq.method"),
        Column("request_uri", "text", "Request-URI."),
        _CALL_ID,
        Column("cseq", "integer", "Sequence number."),
        _FROM,
        Column("from_tag", "text", "Tag of From."),
        _TO,
        Column("to_tag", "text", "Tag of To in the request: present inside a dialog."),
        Column("via_branch", "text", "branch of the topmost Via."),
        Column("start_time", "time", "Time of the request."),
        Column("first_response_time", "time", "Time of the first response of any kind."),
        Column(
            "first_provisional_code", "category", "First provisional status other than 100 and 101."
        ),
        Column("first_provisional_time", "time", "Time of that response."),
        Column("final_time", "time", "Time of the final response."),
        _STATUS,
        Column("reason_phrase", "category", "Reason phrase of the final response."),
        _DIAGNOSTICS,
        Column("response_s", "seconds", "Request to its final response."),
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

DIALOGS = Table(
    "dialogs",
    "One row per dialog (RFC 3261 §12): Call-ID and both tags.",
    (
        Column("dialog_id", "text", "message_id of the message that completed its tags."),
        _CAPTURE,
        _CALL_ID,
        Column("from_tag", "text", "Tag of the side that sent the first request."),
        Column("to_tag", "text", "Tag of the other side."),
        _FROM,
        _TO,
        Column("kind", "category", "invite, subscribe, or other: by the request that made it."),
        Column("method", "category", "Method of the request that made it; missing when not seen."),
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
        Column("from_tag", "text", "Tag of From: with call_id it identifies the attempt."),
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
        Column("reason_phrase", "category", "Its reason phrase."),
        _DIAGNOSTICS,
        Column("setup_delay_s", "seconds", "INVITE to its 2xx."),
        Column("ringback_delay_s", "seconds", "INVITE to the first 180 or 183: post-dial delay."),
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
        Column("frame_number", "integer", "Frame of the first INVITE."),
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
        DIALOGS,
        CALLS,
        PRESENCE,
        CONFERENCE_INVITES,
        CONFERENCE_COMMANDS,
        PUSH_NOTIFICATIONS,
        LOG_DIAGNOSTICS,
        EXPERT,
    )
}
"""Every table by its name, in the order in which people read them."""
