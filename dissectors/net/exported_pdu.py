"""Exported PDUs on the slow road: a PDU becomes a packet again, as its tags describe it.

SIP is put behind an IP and a TCP or UDP header that say what the tags say, and marked as a PDU:
there are no sequence numbers, so nothing is to be reassembled. PDUs of other protocols are counted.
"""

from __future__ import annotations

import struct

from dissectors.link import exported_pdu
from dissectors.link.exported_pdu import ExportedPdu, decode_exported_pdu
from dissectors.link.link_layer import IPV4, IPV6, PDU_MESSAGE, PDU_STREAM, TRANSPARENT_ETHERNET
from dissectors.link.rare_links import Opened, rare_links

_MESSAGES = frozenset(("sip", "sip_udp", "sip_sctp", "sip_stun"))
_STREAMS = frozenset(("sip.tcp", "sip_tcp"))
"""Names of Wireshark's dissectors and heuristics for SIP. TLS exports all plaintext for the TCP
ones, SIP then each message once more."""

_ETHERNET = frozenset(("eth", "eth_maybefcs", "eth_withfcs", "eth_withoutfcs"))
_KNOWN = frozenset(
    (
        "data", "data-text-lines", "diameter", "dns", "dtls", "gsm_map", "h245", "http", "http2",
        "ldap", "logcat_text_brief", "megaco", "mtp3", "q931", "rtcp", "rtp", "sccp", "sdp",
        "stun", "stun-udp", "syslog", "tcp", "tls", "udp", "websocket", "xml",
    )
)  # fmt: skip
"""Names under which PDUs are counted; a hostile file could invent any number of others."""


@rare_links.register(exported_pdu.LINK_TYPE)
def open_exported_pdu(frame: bytes) -> Opened:
    """Open an exported PDU: SIP, a whole IP packet, or a whole Ethernet frame."""
    pdu = decode_exported_pdu(frame)
    if pdu.named_by == exported_pdu.TABLE_NAME:
        return "exported pdu of a dissector table"
    if pdu.name in _MESSAGES:
        return _packet(pdu, PDU_MESSAGE)
    if pdu.name in _STREAMS:
        return _packet(pdu, PDU_STREAM)
    if pdu.name in ("ip", "ipv6"):
        return [(IPV6 if pdu.payload[:1] >= b"\x60" else IPV4, pdu.payload)]
    if pdu.name in _ETHERNET:
        return [(TRANSPARENT_ETHERNET, pdu.payload)]
    return f"exported pdu of {pdu.name}" if pdu.name in _KNOWN else "exported pdu of another kind"


def _packet(pdu: ExportedPdu, mark: int) -> Opened:
    """Return the packet that carried a PDU, as far as its tags tell."""
    if not pdu.src:
        return "exported pdu without addresses"
    if pdu.src_port is None or pdu.dst_port is None:
        return "exported pdu without ports"
    if pdu.port_type not in (exported_pdu.PORT_TCP, exported_pdu.PORT_UDP):
        return "exported pdu of neither tcp nor udp"
    is_tcp = pdu.port_type == exported_pdu.PORT_TCP
    ports = struct.pack(">HH", pdu.src_port, pdu.dst_port)
    # A length of 0 means in each header: to the end of the frame.
    rest = struct.pack(">IIBBHI", 0, 0, 5 << 4, 0, 0, 0) if is_tcp else bytes(4)
    data = _ip_header(pdu, 6 if is_tcp else 17) + ports + rest + pdu.payload
    return [(IPV4 if len(pdu.src) == 4 else IPV6, data, mark)]


def _ip_header(pdu: ExportedPdu, protocol: int) -> bytes:
    if len(pdu.src) == 4:
        return struct.pack(">BBHIBBH", 0x45, 0, 0, 0, 64, protocol, 0) + pdu.src + pdu.dst
    return struct.pack(">IHBB", 6 << 28, 0, protocol, 64) + pdu.src + pdu.dst
