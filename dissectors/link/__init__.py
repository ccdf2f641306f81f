"""Link layers → network packets; one file per link type or shim.

Each enters itself in a table of :mod:`dissectors.link.link_layer`.
"""

from dissectors.link import (
    cisco_hdlc,
    ethernet,
    linux_sll,
    linux_sll2,
    loopback,
    mpls,
    ppp,
    raw_ip,
    vlan,
)

__all__ = [
    "cisco_hdlc",
    "ethernet",
    "linux_sll",
    "linux_sll2",
    "loopback",
    "mpls",
    "ppp",
    "raw_ip",
    "vlan",
]
