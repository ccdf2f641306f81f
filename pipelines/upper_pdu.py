"""SIP messages as exported PDUs, which say where a message came from and hold no packet.

References
----------
https://www.tcpdump.org/linktypes/LINKTYPE_WIRESHARK_UPPER_PDU.html; Wireshark's list of tags
(wsutil/exported_pdu_tlvs.h).
"""

from __future__ import annotations

import struct

from dissectors.link import exported_pdu as tags
from dissectors.sip.message import SipMessage
from dissectors.transport.flow import Flow
from dissectors.transport.layers import UDP
from pipelines.masking import masked_body

_NAME = b"sip\0"  # filled up to a multiple of four, as Wireshark does
_ADDRESS_TAGS = {4: (tags.IPV4_SRC, tags.IPV4_DST), 6: (tags.IPV6_SRC, tags.IPV6_DST)}


def exported_message(flow: Flow, message: SipMessage, frame_number: int) -> bytes:
    """Return a message as an exported PDU, its keys overwritten.

    Parameters
    ----------
    flow : Flow
        Who talks to whom; what is no UDP is called TCP, be it TLS or WebSocket.
    message : SipMessage
        The message, with its head as it was sent.
    frame_number : int
        Frame of its capture that completed it.
    """
    source = flow.endpoints[message.direction]
    target = flow.endpoints[1 - message.direction]
    port_type = tags.PORT_UDP if flow.protocol == UDP else tags.PORT_TCP
    source_tag, target_tag = _ADDRESS_TAGS[source[0]]
    return b"".join(
        (
            _tag(tags.DISSECTOR_NAME, _NAME),
            _tag(source_tag, _address(*source[:3])),
            _tag(target_tag, _address(*target[:3])),
            _number(tags.PORT_TYPE, port_type),
            _number(tags.SRC_PORT, source[3]),
            _number(tags.DST_PORT, target[3]),
            _number(tags.ORIGINAL_FRAME, frame_number & 0xFFFFFFFF),
            _tag(tags.END_OF_OPTIONS, b""),
            message.head,
            masked_body(message),
        )
    )


def _tag(kind: int, value: bytes) -> bytes:
    return struct.pack(">HH", kind, len(value)) + value


def _number(kind: int, value: int) -> bytes:
    return struct.pack(">HHI", kind, 4, value)


def _address(version: int, high: int, low: int) -> bytes:
    return struct.pack(">I", low & 0xFFFFFFFF) if version == 4 else struct.pack(">QQ", high, low)
