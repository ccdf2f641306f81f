"""From a network packet to the payload of an IP datagram: headers, tunnels and fragments."""
