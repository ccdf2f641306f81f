"""Tables of what was captured: files, flows, TLS connections, and what was wrong with them."""

from __future__ import annotations

from pipelines.schema.column import Column, Table
from pipelines.schema.common import CAPTURE, FLOW, RECORDING

CAPTURES = Table(
    "captures",
    "One row per input file.",
    (
        CAPTURE,
        RECORDING,
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
        FLOW,
        CAPTURE,
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
        FLOW,
        CAPTURE,
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


EXPERT = Table(
    "expert",
    "One row per fault, wherever it was found.",
    (
        CAPTURE,
        Column(
            "frame_number",
            "integer",
            "Frame with the fault; missing when it is not one frame's.",
            "frame.number",
        ),
        Column("time", "time", "That frame's time."),
        FLOW,
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
