"""What ``explain`` says of headers, field by field, beside what tshark says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dissectors.stack import DecodeAs
from dissectors.tls.keys import KeyRing
from pipelines.floor import Floor
from pipelines.frame_floors import frame_floors
from pipelines.frame_watch import watch_frame
from tests.conftest import Tshark

FIXTURES = Path(__file__).parents[2] / "fixtures"
FIELDS = {
    ("Ethernet", "destination"): "eth.dst",
    ("Ethernet", "source"): "eth.src",
    ("IPv4", "total_length"): "ip.len",
    ("IPv4", "identification"): "ip.id",
    ("IPv4", "time_to_live"): "ip.ttl",
    ("IPv4", "protocol"): "ip.proto",
    ("IPv4", "header_checksum"): "ip.checksum",
    ("IPv4", "source_address"): "ip.src",
    ("IPv4", "destination_address"): "ip.dst",
    ("IPv6", "payload_length"): "ipv6.plen",
    ("IPv6", "next_header"): "ipv6.nxt",
    ("IPv6", "hop_limit"): "ipv6.hlim",
    ("IPv6", "source_address"): "ipv6.src",
    ("IPv6", "destination_address"): "ipv6.dst",
    ("TCP", "source_port"): "tcp.srcport",
    ("TCP", "destination_port"): "tcp.dstport",
    ("TCP", "sequence_number"): "tcp.seq_raw",
    ("TCP", "acknowledgment_number"): "tcp.ack_raw",
    ("TCP", "window"): "tcp.window_size_value",
    ("TCP", "checksum"): "tcp.checksum",
    ("TCP", "urgent_pointer"): "tcp.urgent_pointer",
    ("TCP", "maximum_segment_size"): "tcp.options.mss_val",
    ("TCP", "window_scale"): "tcp.options.wscale.shift",
    ("UDP", "source_port"): "udp.srcport",
    ("UDP", "destination_port"): "udp.dstport",
    ("UDP", "length"): "udp.length",
    ("UDP", "checksum"): "udp.checksum",
    ("Linux cooked capture", "packet_type"): "sll.pkttype",
    ("Linux cooked capture", "arphrd_type"): "sll.hatype",
    ("Linux cooked capture", "address_length"): "sll.halen",
    ("Linux cooked capture v2", "interface_index"): "sll.ifindex",
    ("VXLAN in UDP", "vni"): "vxlan.vni",
    ("GENEVE in UDP", "vni"): "geneve.vni",
    ("TLS record", "content_type"): "tls.record.content_type",
    ("TLS record", "version"): "tls.record.version",
    ("TLS record", "length"): "tls.record.length",
}
"""Protocol and field here → field of tshark, which says the same."""
CASES = [
    ("transports", "udp_linux_sll.pcap"),
    ("transports", "tcp_linux_sll2.pcap"),
    ("transports", "tcp_ipv6_raw.pcap"),
    ("transports", "tls12_ccm.pcap"),
    ("damaged", "vlan_tags.pcap"),
    ("links", "tunnels.pcapng"),
]
_SEVERAL = "\x1f"


@pytest.mark.oracle
@pytest.mark.parametrize(("folder", "name"), CASES, ids=[name for _, name in CASES])
def test_headers_say_what_tshark_says(folder: str, name: str, tshark: Tshark) -> None:
    path = FIXTURES / folder / name
    compared = 0
    for number, row in enumerate(_rows(path, tshark), 1):
        floors = frame_floors(watch_frame(str(path), number, KeyRing(), DecodeAs()))
        for (protocol, field), values in row.items():
            ours = _values(floors, protocol, field)
            if protocol.startswith("Linux") and not ours:
                continue  # tshark names fields of both versions alike
            assert ours == values, f"frame {number}: {protocol} {field}"
            compared += len(ours)
    assert compared > 50


def _rows(path: Path, tshark: Tshark) -> list[dict[tuple[str, str], list[str]]]:
    """Return tshark's values for each frame."""
    wanted = [option for field in FIELDS.values() for option in ("-e", field)]
    printed = tshark(
        path, "-T", "fields", "-E", f"aggregator={_SEVERAL}", "-E", "occurrence=a", *wanted
    )
    lines = [line.split("\t") for line in printed.split("\n")[:-1]]
    return [
        {key: [_plain(one) for one in text.split(_SEVERAL) if one] for key, text in named}
        for named in (zip(FIELDS, line, strict=True) for line in lines)
    ]


def _values(floors: list[Floor], protocol: str, name: str) -> list[str]:
    return [
        _plain(field.value)
        for floor in floors
        # tshark shows a record in the frame that completes it only.
        if floor.protocol == protocol and not any("completes it" in note for note in floor.notes)
        for field in floor.fields
        if field.name == name
    ]


def _plain(text: str) -> str:
    """Return numbers without their base, which both choose as they please."""
    try:
        return str(int(text, 0))
    except ValueError:
        return text
