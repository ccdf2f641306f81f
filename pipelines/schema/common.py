"""Columns that many tables share."""

from __future__ import annotations

from pipelines.schema.column import Column

CAPTURE = Column("capture", "category", "Name of the file that the row comes from.")


RECORDING = Column(
    "recording",
    "category",
    "First capture of those that continue each other, such as the files of a rotated set: they "
    "have one clock and one view of the network.",
)


FRAME = Column(
    "frame_number",
    "integer",
    "Frame that completed it; in a trace log, line on which its record begins. Both count from 1.",
    "frame.number",
)


TIME = Column("time", "time", "Time of that frame, UTC.", "frame.time_epoch")


FLOW = Column("flow_id", "category", "Flow, as in `flows`.")


MESSAGE = Column("message_id", "text", "Message, as in `messages`.")


CALL_ID = Column("call_id", "text", "Call-ID.", "sip.Call-ID")


FROM = Column("from_uri", "text", "URI of From, without parameters of the header.", "sip.from.addr")


TO = Column("to_uri", "text", "URI of To, without parameters of the header.", "sip.to.addr")


STATUS = Column("status_code", "integer", "Status code of the final response.", "sip.Status-Code")


DIAGNOSTICS_CODE = Column(
    "diagnostics_code",
    "integer",
    "First error id of ms-diagnostics, ms-diagnostics-public or ms-client-diagnostics ([MS-OCER] "
    "§2.2.1).",
)


ENDPOINTS = (
    Column("src_ip", "category", "Sender's address.", "ip.src"),
    Column("src_port", "integer", "Sender's port.", "tcp.srcport"),
    Column("dst_ip", "category", "Receiver's address.", "ip.dst"),
    Column("dst_port", "integer", "Receiver's port.", "tcp.dstport"),
)


LOG_RECORD = (
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
