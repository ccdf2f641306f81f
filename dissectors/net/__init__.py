"""From a network packet to the payload of an IP datagram: headers, tunnels and fragments.

Link types that only the slow road knows enter themselves in a table of
:mod:`dissectors.net.slow_road`.
"""

from dissectors.net import exported_pdu

__all__ = ["exported_pdu"]
