"""The floors below the payload: link, tags, tunnels, IP, TCP and UDP, as the columns read them."""

from __future__ import annotations

import dpkt

from dissectors.link.link_layer import LENGTHS
from dissectors.link.names import ETHER_TYPES, IP_PROTOCOLS, link_type_name
from dissectors.transport import tcp
from dissectors.transport.layers import TUNNELS
from dissectors.transport.trail import Step, Trail
from pipelines import header_fields as known
from pipelines.floor import Field, Floor
from pipelines.header_fields import Header, header_fields


def header_floors(trail: Trail) -> list[Floor]:
    """Return a floor for each header that a packet passed, from the outside in."""
    return [_floor(trail, step) for step in trail.steps]


def _floor(trail: Trail, step: Step) -> Floor:
    header, name = _header_of(step)
    data = trail.data[step.start : step.end].tobytes()
    floor = Floor(name, header.specification, step.start, len(data), data=data)
    if step.start >= len(trail.packet.data):
        floor.offset = None
        floor.notes.append("copied out of its frame before it was read")
    floor.fields = header_fields(header, data)
    if step.kind == "transport" and step.number == tcp.PROTOCOL:
        floor.fields += _tcp_options(data)
    return floor


def _header_of(step: Step) -> tuple[Header, str]:
    """Return how a header is shown, and its protocol's name."""
    number, unknown = step.number, known.UNKNOWN
    if step.kind == "link":
        header = known.LINKS.get(number, unknown)
        return header, header.protocol or link_type_name(number)
    if step.kind == "shim":
        header = known.LLC if number < LENGTHS else known.SHIMS.get(number, unknown)
        return header, header.protocol or ETHER_TYPES.get(number, f"EtherType 0x{number:04x}")
    if step.kind == "tunnel":
        header = known.TUNNELS.get(number, unknown)
        return header, header.protocol or IP_PROTOCOLS.get(number, f"IP protocol {number}")
    if step.kind == "udp_tunnel":
        name = TUNNELS[number].upper()
        return known.UDP_TUNNELS.get(name, unknown), f"{name} in UDP"
    header = (known.IP if step.kind == "ip" else known.TRANSPORTS).get(number, unknown)
    return header, header.protocol or IP_PROTOCOLS.get(number, f"IP protocol {number}")


_OPTIONS = {
    dpkt.tcp.TCP_OPT_MSS: "maximum_segment_size",
    dpkt.tcp.TCP_OPT_WSCALE: "window_scale",
    dpkt.tcp.TCP_OPT_SACKOK: "sack_permitted",
    dpkt.tcp.TCP_OPT_SACK: "sack",
    dpkt.tcp.TCP_OPT_TIMESTAMP: "timestamps",
}
_FILLING = (dpkt.tcp.TCP_OPT_EOL, dpkt.tcp.TCP_OPT_NOP)


def _tcp_options(data: bytes) -> list[Field]:
    """Return the options of a TCP header (RFC 9293 §3.2, RFC 7323, RFC 2018)."""
    fields, offset = [], 20
    for option in dpkt.tcp.parse_opts(data[20:]):
        if option is None:
            fields.append(Field("options", data[offset:].hex(), "cut", offset, len(data) - offset))
            break
        kind, value = option
        length = 1 if kind in _FILLING else 2 + len(value)
        if kind not in _FILLING:
            name = _OPTIONS.get(kind, f"option_{kind}")
            fields.append(Field(name, _option_value(kind, value), "", offset, length))
        offset += length
    return fields


def _option_value(kind: int, value: bytes) -> str:
    if kind in (dpkt.tcp.TCP_OPT_SACK, dpkt.tcp.TCP_OPT_TIMESTAMP):
        words = [value[at : at + 4] for at in range(0, len(value), 4)]
        return ", ".join(str(int.from_bytes(word, "big")) for word in words)
    if kind in (dpkt.tcp.TCP_OPT_MSS, dpkt.tcp.TCP_OPT_WSCALE):
        return str(int.from_bytes(value, "big"))
    return value.hex() or "yes"
