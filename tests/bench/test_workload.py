"""A benchmark on a wrong capture measures nothing: others judge what the generator writes."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from pathlib import Path

import dpkt
import pytest

from tests.bench.sip_mix import Client, Sent, converse
from tests.bench.workload import Workload, write_workload
from tests.conftest import Tshark

MESSAGES = 200
RTP_PACKETS = 2_000

Made = tuple[Path, Path, int]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("workload")
    capture, keys = folder / "small.pcap", folder / "small.keys"
    workload = Workload(MESSAGES, connections=5, rtp_packets=RTP_PACKETS)
    return capture, keys, write_workload(workload, capture, keys)


@pytest.mark.oracle
def test_tshark_decrypts_every_message(made: Made, tshark: Tshark) -> None:
    capture, keys, _ = made
    rows = tshark.fields(capture, "sip.Method", "sip.Status-Code", "sip.Call-ID", keys=keys)
    assert len(rows) == MESSAGES
    assert all(row["sip.Call-ID"] for row in rows)
    assert {"INVITE", "SUBSCRIBE", "BENOTIFY"} <= {row["sip.Method"] for row in rows}


@pytest.mark.oracle
def test_tshark_finds_nothing_wrong(made: Made, tshark: Tshark) -> None:
    capture, keys, _ = made
    checksums = ("tcp", "udp", "ip")
    checked = [word for name in checksums for word in ("-o", f"{name}.check_checksum:TRUE")]
    wrong = "_ws.malformed || _ws.expert.severity >= 0x600000 || _ws.expert.group == 0x01000000"
    printed = tshark(capture, *checked, "-Y", wrong, keys=keys)
    assert printed == ""


def test_frames_are_in_order_of_time_and_rtp_is_complete(made: Made) -> None:
    capture, _, frames = made
    with capture.open("rb") as file:
        packets = [(time, dpkt.ethernet.Ethernet(data)) for time, data in dpkt.pcap.Reader(file)]
    times = [time for time, _ in packets]
    assert len(packets) == frames
    assert times == sorted(times)
    protocols = Counter(type(packet.data.data).__name__ for _, packet in packets)
    assert protocols["UDP"] == RTP_PACKETS


def test_a_seed_makes_the_same_conversations() -> None:
    def messages(seed: int) -> list[Sent]:
        client = Client("user000@contoso.test", "10.1.0.1", 49152, random.Random(seed))
        return list(itertools.islice(converse(client), 100))

    assert messages(1) == messages(1)
    assert messages(1) != messages(2)
