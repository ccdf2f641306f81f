"""Names of link types, EtherTypes and IP protocols, for people.

They say what a packet carried that is not decoded further.

References
----------
IANA registries "PCAP-Related LinkTypes", "IEEE 802 Numbers" and "Protocol Numbers".
"""

from __future__ import annotations

LINK_TYPES: dict[int, str] = {
    0: "NULL",
    1: "ETHERNET",
    3: "AX25",
    6: "IEEE802_5",
    7: "ARCNET_BSD",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    12: "RAW (12)",
    14: "RAW (14)",
    50: "PPP_HDLC",
    51: "PPP_ETHER",
    99: "SYMANTEC_FIREWALL",
    100: "ATM_RFC1483",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    107: "FRELAY",
    108: "LOOP",
    109: "ENC",
    113: "LINUX_SLL",
    114: "LTALK",
    117: "PFLOG",
    119: "IEEE802_11_PRISM",
    122: "IP_OVER_FC",
    123: "SUNATM",
    127: "IEEE802_11_RADIOTAP",
    128: "TZSP",
    129: "ARCNET_LINUX",
    138: "APPLE_IP_OVER_IEEE1394",
    139: "MTP2_WITH_PHDR",
    140: "MTP2",
    141: "MTP3",
    142: "SCCP",
    143: "DOCSIS",
    144: "LINUX_IRDA",
    163: "IEEE802_11_AVS",
    165: "BACNET_MS_TP",
    166: "PPP_PPPD",
    177: "LINUX_LAPD",
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    192: "PPI",
    195: "IEEE802_15_4_WITHFCS",
    197: "ERF",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR",
    203: "LAPD",
    204: "PPP_WITH_DIR",
    205: "C_HDLC_WITH_DIR",
    206: "FRELAY_WITH_DIR",
    219: "MPLS",
    220: "USB_LINUX_MMAPPED",
    224: "FC_2",
    226: "IPNET",
    227: "CAN_SOCKETCAN",
    228: "IPV4",
    229: "IPV6",
    230: "IEEE802_15_4_NOFCS",
    231: "DBUS",
    239: "NFLOG",
    240: "NETANALYZER",
    241: "NETANALYZER_TRANSPARENT",
    242: "IPOIB",
    243: "MPEG_2_TS",
    247: "INFINIBAND",
    248: "SCTP",
    249: "USBPCAP",
    251: "BLUETOOTH_LE_LL",
    252: "WIRESHARK_UPPER_PDU",
    253: "NETLINK",
    254: "BLUETOOTH_LINUX_MONITOR",
    258: "PKTAP",
    259: "EPON",
    266: "USB_DARWIN",
    271: "VSOCK",
    274: "ETHERNET_MPACKET",
    276: "LINUX_SLL2",
    **{147 + number: f"USER{number}" for number in range(16)},
}
"""LINKTYPE_ number → name without that prefix; not complete."""

ETHER_TYPES: dict[int, str] = {
    0x0806: "arp",
    0x0842: "wake-on-lan",
    0x22F0: "avtp",
    0x8035: "rarp",
    0x809B: "appletalk",
    0x8137: "ipx",
    0x8808: "pause",
    0x8809: "lacp",
    0x8863: "pppoe discovery",
    0x888E: "eapol",
    0x8892: "profinet",
    0x88CC: "lldp",
    0x88E5: "macsec",
    0x88F7: "ptp",
    0x8906: "fcoe",
    0x9000: "ethernet loopback",
}
"""EtherType → name, for what is no IP; not complete."""

IP_PROTOCOLS: dict[int, str] = {
    0: "ipv6 hop-by-hop",
    1: "icmp",
    2: "igmp",
    8: "egp",
    9: "igrp",
    46: "rsvp",
    50: "esp",
    58: "icmpv6",
    59: "ipv6 no next header",
    88: "eigrp",
    89: "ospf",
    103: "pim",
    108: "ipcomp",
    112: "vrrp",
    115: "l2tp",
    136: "udp-lite",
}
"""IP protocol number → name, for what is neither TCP nor UDP nor SCTP; not complete."""


def link_type_name(number: int) -> str:
    """Return a link type's name for people.

    Examples
    --------
    >>> link_type_name(1)
    'ETHERNET'
    >>> link_type_name(147)
    'USER0'
    >>> link_type_name(9999)
    '9999'
    """
    return LINK_TYPES.get(number, str(number))


def describe_link_type(number: int) -> str:
    """Return a link type's number with its name.

    Examples
    --------
    >>> describe_link_type(147)
    'link type 147 (USER0)'
    """
    name = LINK_TYPES.get(number)
    return f"link type {number} ({name})" if name else f"link type {number}"
