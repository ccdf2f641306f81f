"""Link layers → network packets; one file per link type or shim.

Each enters itself in a table of :mod:`dissectors.link.link_layer` or, where headers vary from frame
to frame, of :mod:`dissectors.link.rare_links`.
"""

from dissectors.link import (
    cisco_hdlc,
    ethernet,
    fixed_headers,
    frame_relay,
    ieee80211,
    linux_sll,
    linux_sll2,
    loopback,
    mpls,
    nsh,
    ppp,
    rare_links,
    raw_ip,
    vlan,
)

__all__ = [
    "cisco_hdlc",
    "ethernet",
    "fixed_headers",
    "frame_relay",
    "ieee80211",
    "linux_sll",
    "linux_sll2",
    "loopback",
    "mpls",
    "nsh",
    "ppp",
    "rare_links",
    "raw_ip",
    "vlan",
]
