"""Tables of SIP messages, what is in them, and how they belong together."""

from __future__ import annotations

from pipelines.schema.column import Column, Table
from pipelines.schema.common import (
    CALL_ID,
    CAPTURE,
    DIAGNOSTICS_CODE,
    ENDPOINTS,
    FLOW,
    FRAME,
    FROM,
    LOG_RECORD,
    MESSAGE,
    RECORDING,
    STATUS,
    TIME,
    TO,
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
        TIME,
        Column("first_time", "time", "Time of the frame that brought its first byte."),
        CAPTURE,
        FRAME,
        FLOW,
        Column(
            "transport",
            "category",
            "udp, tcp, tls, sctp, ws, wss or log. What a capture agent exported (HEP) has the "
            "transport, the addresses and the time that the agent saw.",
        ),
        *ENDPOINTS,
        Column("is_request", "boolean", "Request or response."),
        Column("method", "category", "Method; for a response that of its CSeq.", "sip.CSeq.method"),
        Column("request_uri", "text", "Request-URI.", "sip.r-uri"),
        Column("status_code", "integer", "Status code of a response.", "sip.Status-Code"),
        Column("reason_phrase", "category", "Reason phrase of a response.", "sip.Reason-Phrase"),
        CALL_ID,
        Column("cseq", "integer", "Sequence number of CSeq.", "sip.CSeq.seq"),
        FROM,
        Column("from_tag", "text", "Tag of From.", "sip.from.tag"),
        Column("from_epid", "text", "epid of From: the endpoint ([MS-SIPRE] §2.2.1)."),
        TO,
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
        Column("diagnostics_code", "integer", DIAGNOSTICS_CODE.doc),
        Column(
            "retransmission_of",
            "text",
            "message_id of the first copy of the same message on the same hop.",
            "sip.resend-original",
        ),
        RECORDING,
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
        *LOG_RECORD,
        Column("peer_host", "category", "Host of `peer`; missing where that is an address."),
    ),
)


LOG_DIAGNOSTICS = Table(
    "log_diagnostics",
    "One row per diagnostic of a trace log: what a server noted about a message or a connection.",
    (
        TIME,
        CAPTURE,
        FRAME,
        Column("severity", "category", "error, warning or information, as the server rates it."),
        Column("log_type", "category", "LogType, such as diagnostic or connection."),
        Column("text", "text", "What happened, in a sentence."),
        Column("result_code", "category", "Result-Code: an HRESULT, such as 0xC3E93C5E."),
        Column("result_name", "category", "Its symbolic name, such as SIPPROXY_E_ROUTING."),
        CALL_ID,
        Column("cseq", "integer", "Sequence number of CSeq of the message it is about."),
        Column("method", "category", "Method of that CSeq."),
        Column("start_line", "text", "Start line of that message."),
        Column("data", "text", "Data: its pairs, and other fields, as a JSON object."),
        Column("local", "text", "Own address and port, where it tells of a connection."),
        *(column for column in LOG_RECORD if not column.name.startswith(("log_d", "log_s"))),
    ),
)


BODIES = Table(
    "bodies",
    "One row per body and per part of a multipart body.",
    (
        MESSAGE,
        TIME,
        CAPTURE,
        FRAME,
        CALL_ID,
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
        MESSAGE,
        TIME,
        CAPTURE,
        FRAME,
        CALL_ID,
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


TRANSACTIONS = Table(
    "transactions",
    "One row per SIP transaction as seen on one hop (RFC 3261 §17).",
    (
        Column("transaction_id", "text", "message_id of its first message."),
        CAPTURE,
        FLOW,
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
        CALL_ID,
        Column("cseq", "integer", "Sequence number.", "sip.CSeq.seq"),
        FROM,
        Column("from_tag", "text", "Tag of From.", "sip.from.tag"),
        TO,
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
        STATUS,
        Column(
            "reason_phrase", "category", "Reason phrase of the final response.", "sip.Reason-Phrase"
        ),
        DIAGNOSTICS_CODE,
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
        MESSAGE,
        CAPTURE,
        FRAME,
        TIME,
        CALL_ID,
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
        CAPTURE,
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
        CAPTURE,
        CALL_ID,
        Column("from_tag", "text", "Tag of the side that sent the first request.", "sip.from.tag"),
        Column("to_tag", "text", "Tag of the other side.", "sip.to.tag"),
        FROM,
        TO,
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
