"""Scapy's packets as captures: the same tables as from the file that they were read from."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw
from scapy.utils import rdpcap

from pipelines import read_capture
from pipelines.errors import UsageError
from pipelines.packet_lists import is_packet_list, write_packets

FIXTURES = Path(__file__).parents[2] / "fixtures"
NAMED = ["capture", "recording"]
CASES = [
    ("skype_ringback", "skype_ringback.pcapng", ["sslkeys.log"]),
    ("transports", "tcp_null.pcap", []),
    ("transports", "udp_linux_sll.pcap", []),
    ("transports", "tcp_ipv6_raw.pcap", []),
    ("damaged", "snapped.pcap", []),
]


@pytest.mark.parametrize(("case", "name", "keys"), CASES, ids=[name for _, name, _ in CASES])
def test_packets_give_the_tables_of_their_file(case: str, name: str, keys: list[str]) -> None:
    folder = FIXTURES / case
    paths = [folder / key for key in keys]
    packets = rdpcap(str(folder / name))
    from_list = read_capture(packets, keys=paths, workers=1)
    from_file = read_capture(folder / name, keys=paths, workers=1)
    for table in ("messages", "flows", "calls", "expert"):
        mine, other = getattr(from_list, table), getattr(from_file, table)
        columns = mine.columns.difference(NAMED)
        pd.testing.assert_frame_equal(mine[columns], other[columns], check_categorical=False)
    assert from_list.captures["capture"].tolist() == ["packets-1.pcapng"]


def test_packets_are_read_beside_files() -> None:
    path = FIXTURES / "transports" / "udp_linux_sll.pcap"
    packets = list(rdpcap(str(path)))
    trace = read_capture(path, packets[:2], workers=1)
    assert trace.captures["packets"].tolist() == [6, 2]


def test_an_empty_list_is_a_capture_without_packets() -> None:
    assert read_capture([], workers=1).captures["packets"].tolist() == [0]


def test_nanoseconds_are_kept(tmp_path: Path) -> None:
    packet = Ether() / IP() / UDP() / Raw(b"x")
    packet.time = Decimal("1500000000.123456789")
    write_packets([packet], tmp_path / "one.pcapng")
    (read,) = rdpcap(str(tmp_path / "one.pcapng"))
    assert str(read.time) == "1500000000.123456789"
    assert bytes(read) == bytes(packet)


def test_several_link_types_are_kept_apart(tmp_path: Path) -> None:
    packets = [Ether() / IP() / UDP(), IP() / UDP(), Ether() / ARP()]
    write_packets(packets, tmp_path / "some.pcapng")
    read = rdpcap(str(tmp_path / "some.pcapng"))
    assert [type(packet) for packet in read] == [Ether, IP, Ether]


@pytest.mark.parametrize(
    ("packets", "told"),
    [([Raw(b"x")], "packet 1: is a Raw"), ([Ether(), UDP()], "packet 2: is a UDP")],
)
def test_a_packet_without_link_layer_is_told(packets: list[object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_capture(packets, workers=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("time", [-1, float("nan"), float("inf"), 1e30, "soon"])
def test_a_time_that_is_none_is_told(time: object) -> None:
    packet = Ether()
    packet.time = time
    with pytest.raises(UsageError, match="packet 1: its time"):
        read_capture([packet], workers=1)


@pytest.mark.parametrize("given", [[1, 2], None, 3, b"path"])
def test_what_is_neither_path_nor_packets_is_told(given: object) -> None:
    with pytest.raises(TypeError, match="a path or a list of packets"):
        read_capture(given)  # type: ignore[arg-type]


def test_a_path_is_no_list() -> None:
    assert not is_packet_list("edge.pcapng")
    assert not is_packet_list(Path("edge.pcapng"))
