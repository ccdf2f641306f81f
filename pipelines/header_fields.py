"""The fields of link, network and transport headers: layouts, and what their values mean.

A header is a numpy structured type, where there is one that of its decoder. What is said of a
field stands beside it in a table; a field that the table does not know is shown as a number.

References
----------
IEEE 802.3 §3.1.1, IEEE 802.1Q §9.6, RFC 791 §3.1, RFC 8200 §3, RFC 9293 §3.1, RFC 768, RFC 2784 §2,
RFC 3032 §2.1, RFC 2516 §4.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dissectors.link.names import ETHER_TYPES, IP_PROTOCOLS
from dissectors.net import ipv4
from dissectors.transport import tcp, udp
from pipelines.floor import Field

Describe = Callable[[bytes], tuple[str, str]]
"""Value and meaning of a field, by its bytes."""


@dataclass(frozen=True, slots=True)
class Header:
    """How one kind of header is shown."""

    protocol: str
    """Name."""
    specification: str
    """Section that draws it."""
    layout: np.dtype[Any]
    """Fields that every header of the kind has, in order."""
    describe: Mapping[str, Describe] = field(default_factory=dict)
    """How a field's bytes are read, where not as an unsigned number in network byte order."""
    tail: str = ""
    """What follows these fields when the header is longer."""


def header_fields(header: Header, data: bytes) -> list[Field]:
    """Return the fields of one header.

    Parameters
    ----------
    header : Header
        Its kind.
    data : bytes
        The header's bytes; fields beyond their end are left out.
    """
    fields = []
    layout: Mapping[str, Any] = header.layout.fields or {}
    for name in header.layout.names or ():
        kind, offset = layout[name][:2]
        raw = data[offset : offset + kind.itemsize]
        if len(raw) < kind.itemsize:
            break
        value, meaning = header.describe.get(name, number)(raw)
        fields.append(Field(name, value, meaning, offset, kind.itemsize))
    rest = len(data) - header.layout.itemsize
    if header.tail and rest > 0:
        shown = data[header.layout.itemsize :].hex()
        fields.append(Field(header.tail, shown, "", header.layout.itemsize, rest))
    return fields


# --- how bytes are read -------------------------------------------------------------------------


def number(raw: bytes) -> tuple[str, str]:
    """Read an unsigned number."""
    return str(int.from_bytes(raw, "big")), ""


def _hexadecimal(raw: bytes) -> tuple[str, str]:
    return f"0x{raw.hex()}", ""


def _checksum(raw: bytes) -> tuple[str, str]:
    # The sender's card computes it after the capture was made.
    return f"0x{raw.hex()}", "not verified"


def _link_address(raw: bytes) -> tuple[str, str]:
    meaning = "broadcast" if raw == b"\xff" * 6 else "multicast" if raw[0] & 1 else ""
    return raw.hex(":"), meaning


def _ip_address(raw: bytes) -> tuple[str, str]:
    address = ipaddress.ip_address(raw)
    kind = next((kind for kind, net in _NETWORKS if address in net), "")
    return str(address), kind


_NETWORKS = [
    (kind, ipaddress.ip_network(net))
    for kind, nets in {
        "private, RFC 1918": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        "unique local, RFC 4193": ("fc00::/7",),
        "loopback": ("127.0.0.0/8", "::1/128"),
        "link-local": ("169.254.0.0/16", "fe80::/10"),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
    }.items()
    for net in nets
]


def _ether_type(raw: bytes) -> tuple[str, str]:
    value = int.from_bytes(raw, "big")
    if value < 0x0600:
        return str(value), "length of an 802.3 frame"
    return f"0x{value:04x}", _ETHER_TYPES.get(value) or ETHER_TYPES.get(value, "unknown")


_ETHER_TYPES = {
    0x0800: "IPv4",
    0x86DD: "IPv6",
    0x8100: "802.1Q tag",
    0x88A8: "802.1ad tag",
    0x8847: "MPLS",
    0x8864: "PPPoE session",
    0x6558: "bridged Ethernet",
}


def _protocol(raw: bytes) -> tuple[str, str]:
    known = {6: "TCP", 17: "UDP", 4: "IPv4", 41: "IPv6", 47: "GRE", 132: "SCTP", **_EXTENSIONS}
    return str(raw[0]), known.get(raw[0]) or IP_PROTOCOLS.get(raw[0], "")


_EXTENSIONS = {0: "hop-by-hop options", 43: "routing", 44: "fragment", 60: "destination options"}


def _bits(names: tuple[str, ...], value: int) -> str:
    """Name the bits that are set; the first name is that of bit 0."""
    return ", ".join(name for bit, name in enumerate(names) if value >> bit & 1)


def _version_ihl(raw: bytes) -> tuple[str, str]:
    return f"0x{raw.hex()}", f"version {raw[0] >> 4}, header length {(raw[0] & 15) * 4} bytes"


def _tos(raw: bytes) -> tuple[str, str]:
    """Read DSCP and ECN, which took the place of the type of service (RFC 2474 §3, RFC 3168 §5)."""
    ecn = ("", "ECT(1)", "ECT(0)", "CE: congestion was met")[raw[0] & 3]
    dscp = raw[0] >> 2
    known = {46: " EF", 40: " CS5", 34: " AF41", 26: " AF31", 24: " CS3", 0: " best effort"}
    return f"0x{raw.hex()}", f"DSCP {dscp}{known.get(dscp, '')}" + (f", {ecn}" if ecn else "")


def _fragment(raw: bytes) -> tuple[str, str]:
    value = int.from_bytes(raw, "big")
    flags = _bits(("more fragments", "don't fragment", "reserved"), value >> 13)
    offset = (value & ipv4.FRAGMENT_OFFSET) * 8
    told = [*([flags] if flags else []), *([f"fragment at byte {offset}"] if offset else [])]
    return f"0x{raw.hex()}", ", ".join(told) or "not a fragment"


def _version_class_label(raw: bytes) -> tuple[str, str]:
    value = int.from_bytes(raw, "big")
    traffic_class, label = value >> 20 & 0xFF, value & 0xFFFFF
    return f"0x{raw.hex()}", (
        f"version {value >> 28}, traffic class 0x{traffic_class:02x}, flow label 0x{label:05x}"
    )


def _data_offset(raw: bytes) -> tuple[str, str]:
    return f"0x{raw.hex()}", f"header length {(raw[0] >> 4) * 4} bytes"


_CONTROL_BITS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def _control_bits(raw: bytes) -> tuple[str, str]:
    return f"0x{raw.hex()}", _bits(_CONTROL_BITS, raw[0]) or "none"


def _port(raw: bytes) -> tuple[str, str]:
    value = int.from_bytes(raw, "big")
    known = {5060: "SIP", 5061: "SIP over TLS", 443: "HTTPS", 4789: "VXLAN", 3478: "STUN"}
    return str(value), known.get(value, "")


def _tag_control(raw: bytes) -> tuple[str, str]:
    value = int.from_bytes(raw, "big")
    return f"0x{raw.hex()}", f"VLAN {value & 0xFFF}, priority {value >> 13}"


def _label_entry(raw: bytes) -> tuple[str, str]:
    value = int.from_bytes(raw, "big")
    bottom = ", bottom of the stack" if value >> 8 & 1 else ""
    return f"0x{raw.hex()}", f"label {value >> 12}, TTL {value & 0xFF}{bottom}"


def _packet_type(raw: bytes) -> tuple[str, str]:
    kinds = ("to us", "broadcast", "multicast", "to another host", "from us")
    value = int.from_bytes(raw, "big")
    return str(value), kinds[value] if value < len(kinds) else ""


# --- headers ------------------------------------------------------------------------------------

ETHERNET = Header(
    "Ethernet",
    "IEEE 802.3 §3.1.1",
    np.dtype([("destination", "V6"), ("source", "V6"), ("ether_type", ">u2")]),
    {"destination": _link_address, "source": _link_address, "ether_type": _ether_type},
)

LINKS: dict[int, Header] = {
    0: Header(
        "BSD loopback",
        "LINKTYPE_NULL",
        np.dtype([("family", "V4")]),
        {"family": lambda raw: (raw.hex(), "in the byte order of the machine that captured")},
    ),
    1: ETHERNET,
    9: Header(
        "PPP",
        "RFC 1661 §2",
        np.dtype([("first_bytes", "V2")]),
        {"first_bytes": _hexadecimal},
        "more",
    ),
    108: Header("OpenBSD loopback", "LINKTYPE_LOOP", np.dtype([("family", ">u4")])),
    113: Header(
        "Linux cooked capture",
        "LINKTYPE_LINUX_SLL",
        np.dtype(
            [
                ("packet_type", ">u2"),
                ("arphrd_type", ">u2"),
                ("address_length", ">u2"),
                ("address", "V8"),
                ("protocol_type", ">u2"),
            ]
        ),
        {"packet_type": _packet_type, "address": _hexadecimal, "protocol_type": _ether_type},
    ),
    276: Header(
        "Linux cooked capture v2",
        "LINKTYPE_LINUX_SLL2",
        np.dtype(
            [
                ("protocol_type", ">u2"),
                ("reserved", ">u2"),
                ("interface_index", ">u4"),
                ("arphrd_type", ">u2"),
                ("packet_type", "u1"),
                ("address_length", "u1"),
                ("address", "V8"),
            ]
        ),
        {"packet_type": _packet_type, "address": _hexadecimal, "protocol_type": _ether_type},
    ),
}
"""LINKTYPE_ → header; others are shown as bytes."""

_VLAN = Header(
    "802.1Q tag",
    "IEEE 802.1Q §9.6",
    np.dtype([("tag_control_information", ">u2"), ("ether_type", ">u2")]),
    {"tag_control_information": _tag_control, "ether_type": _ether_type},
)
_MPLS = Header(
    "MPLS",
    "RFC 3032 §2.1",
    np.dtype([("label_stack_entry", ">u4")]),
    {"label_stack_entry": _label_entry},
    "more_labels",
)

SHIMS: dict[int, Header] = {
    **dict.fromkeys((0x8100, 0x88A8, 0x9100, 0x9200), _VLAN),
    **dict.fromkeys((0x8847, 0x8848), _MPLS),
    0x6558: ETHERNET,
    0x8864: Header(
        "PPPoE session",
        "RFC 2516 §4",
        np.dtype(
            [("version_type", "u1"), ("code", "u1"), ("session_id", ">u2"), ("length", ">u2")]
        ),
        {"version_type": _hexadecimal, "session_id": _hexadecimal},
        "ppp_protocol",
    ),
}
"""EtherType → header; others are shown as bytes."""

LLC = Header(
    "LLC and SNAP",
    "RFC 1042",
    np.dtype([("dsap_ssap", ">u2"), ("control", "u1"), ("oui", "V3"), ("ether_type", ">u2")]),
    {"dsap_ssap": _hexadecimal, "oui": _hexadecimal, "ether_type": _ether_type},
)

IP: dict[int, Header] = {
    4: Header(
        "IPv4",
        "RFC 791 §3.1",
        ipv4.HEADER,
        {
            "version_ihl": _version_ihl,
            "tos": _tos,
            "identification": _hexadecimal,
            "flags_fragment_offset": _fragment,
            "protocol": _protocol,
            "header_checksum": _checksum,
            "source_address": _ip_address,
            "destination_address": _ip_address,
        },
        "options",
    ),
    6: Header(
        "IPv6",
        "RFC 8200 §3",
        np.dtype(
            [
                ("version_class_label", ">u4"),
                ("payload_length", ">u2"),
                ("next_header", "u1"),
                ("hop_limit", "u1"),
                ("source_address", "V16"),
                ("destination_address", "V16"),
            ]
        ),
        {
            "version_class_label": _version_class_label,
            "next_header": _protocol,
            "source_address": _ip_address,
            "destination_address": _ip_address,
        },
        "extension_headers",
    ),
}
"""Version → header."""

_TRUNK = np.dtype([("flags_version", ">u2"), ("protocol_type", ">u2")])

TUNNELS: dict[int, Header] = {
    47: Header(
        "GRE",
        "RFC 2784 §2",
        _TRUNK,
        {"flags_version": _hexadecimal, "protocol_type": _ether_type},
        "optional_words",
    ),
}
"""IP protocol → header of a tunnel; others are shown as bytes."""

UDP_TUNNELS: dict[str, Header] = {
    "VXLAN": Header(
        "VXLAN",
        "RFC 7348 §5",
        np.dtype([("flags", "u1"), ("reserved", "V3"), ("vni", "V3"), ("zero", "u1")]),
        {"flags": _hexadecimal, "reserved": _hexadecimal},
    ),
    "GENEVE": Header(
        "Geneve",
        "RFC 8926 §3.4",
        np.dtype(
            [
                ("version_option_length", "u1"),
                ("flags", "u1"),
                ("protocol_type", ">u2"),
                ("vni", "V3"),
                ("reserved", "u1"),
            ]
        ),
        {
            "version_option_length": _hexadecimal,
            "flags": _hexadecimal,
            "protocol_type": _ether_type,
        },
        "options",
    ),
}
"""Name of a tunnel in UDP → its header; others are shown as bytes."""

TRANSPORTS: dict[int, Header] = {
    tcp.PROTOCOL: Header(
        "TCP",
        "RFC 9293 §3.1",
        tcp.HEADER,
        {
            "source_port": _port,
            "destination_port": _port,
            "data_offset": _data_offset,
            "control_bits": _control_bits,
            "checksum": _checksum,
        },
    ),
    udp.PROTOCOL: Header(
        "UDP",
        "RFC 768",
        udp.HEADER,
        {"source_port": _port, "destination_port": _port, "checksum": _checksum},
    ),
    132: Header(
        "SCTP",
        "RFC 9260 §3.1",
        np.dtype(
            [
                ("source_port", ">u2"),
                ("destination_port", ">u2"),
                ("verification_tag", ">u4"),
                ("checksum", ">u4"),
            ]
        ),
        {
            "source_port": _port,
            "destination_port": _port,
            "verification_tag": _hexadecimal,
            "checksum": _checksum,
        },
        "chunks",
    ),
}
"""IP protocol → header of a transport."""

UNKNOWN = Header("", "", np.dtype([]), {}, "header")
"""What is passed without its fields being known here."""
