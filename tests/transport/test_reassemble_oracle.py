"""TCP reassembly against tshark, on captures that dpkt wrote and that others captured."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import dpkt
import pytest

from dissectors.capture.format import detect_format, make_reader
from dissectors.net.slow_road import SlowRoad
from dissectors.transport.flow import Flow, FlowTable
from dissectors.transport.layers import TCP, decode_layers
from dissectors.transport.reassemble import Reassembler
from dissectors.transport.stream import StreamChunk
from tests.transport.packets import CLIENT, MS, SERVER, START_NS, Packet, down, up

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
CAPTURES = sorted(CORPUS.rglob("*.pcap*"))

needs_tshark = pytest.mark.skipif(
    not shutil.which("tshark") and not os.environ.get("CI"), reason="tshark is not installed"
)


def tshark(capture: Path, *arguments: str) -> str:
    command = ["tshark", "-n", "-r", str(capture), "-o", "tcp.reassemble_out_of_order:TRUE"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def write(capture: Path, packets: list[Packet]) -> None:
    """Write packets as Ethernet frames; dpkt computes lengths and checksums."""
    with capture.open("wb") as file:
        writer = dpkt.pcap.Writer(file, nano=True)
        for packet in packets:
            flags = sum({"S": 2, "A": 16, "F": 1, "R": 4}[letter] for letter in packet.flags)
            tcp = dpkt.tcp.TCP(
                sport=packet.src[1], dport=packet.dst[1], seq=packet.seq, ack=packet.ack,
                flags=flags, win=packet.window, data=packet.data,
            )  # fmt: skip
            ip = dpkt.ip.IP(
                src=packet.src[0].to_bytes(4, "big"), dst=packet.dst[0].to_bytes(4, "big"),
                p=dpkt.ip.IP_PROTO_TCP, ttl=64, data=tcp, len=20 + len(tcp),
            )  # fmt: skip
            frame = dpkt.ethernet.Ethernet(
                src=b"\2\0\0\0\0\1", dst=b"\2\0\0\0\0\2", type=0x0800, data=ip
            )
            writer.writepkt_time(bytes(frame), packet.time_ns / 1e9)


def read(capture: Path) -> list[tuple[Flow, dict[int, list[StreamChunk]]]]:
    """All TCP flows of a capture with their chunks, in the order of their first frames."""
    content = capture.read_bytes()
    name = detect_format(content)
    assert name is not None
    packets, _ = make_reader(name).read(content, final=True)
    table, reassembler = FlowTable(), Reassembler()
    batch = table.assign(decode_layers(packets, SlowRoad()).layers)
    found: dict[Flow, dict[int, list[StreamChunk]]] = {
        flow: {0: [], 1: []} for flow in batch.flows if flow.protocol == TCP
    }
    for items in (reassembler.push(batch), reassembler.finish()):
        for flow, item in items:
            if isinstance(item, StreamChunk):
                found[flow][item.direction].append(item)
    return sorted(found.items(), key=lambda pair: pair[0].number)


def followed(capture: Path, stream: int) -> dict[tuple[str, int], bytes]:
    """What tshark's "Follow TCP stream" shows, by sender."""
    lines = tshark(capture, "-q", "-z", f"follow,tcp,raw,{stream}").splitlines()
    nodes = []
    for line in lines:
        if line.startswith("Node "):
            address, port = line.split(": ", 1)[1].rsplit(":", 1)
            nodes.append((address.strip("[]"), int(port)))
    sent: dict[tuple[str, int], bytes] = defaultdict(bytes)
    for line in lines:
        text = line.strip()
        if text and all(letter in "0123456789abcdef" for letter in text):
            sent[nodes[line.startswith("\t")]] += bytes.fromhex(text)
    return sent


def streams(capture: Path) -> int:
    numbers = tshark(capture, "-T", "fields", "-e", "tcp.stream", "-Y", "tcp").split()
    return len(set(numbers))


@needs_tshark
@pytest.mark.oracle
@pytest.mark.corpus
@pytest.mark.skipif(not CAPTURES, reason="the corpus does not stand beside the checkout")
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_captures_of_others(capture: Path) -> None:
    ours = read(capture)
    assert len(ours) == streams(capture)
    for index, (flow, chunks) in enumerate(ours):
        theirs = followed(capture, index)
        for direction in (0, 1):
            data = b"".join(chunk.data for chunk in chunks[direction])
            assert data == theirs[flow.address(direction), flow.port(direction)]


SIP = (
    "OPTIONS sip:edge.contoso.com SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bK{n}\r\n"
    "From: <sip:a@contoso.com>;tag={n}\r\nTo: <sip:edge.contoso.com>\r\nCall-ID: {n}\r\n"
    "CSeq: {n} OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: {length}\r\n\r\n{body}"
)


def troubled(seed: int) -> tuple[list[Packet], bytes, list[int]]:
    """A stream of SIP messages over a bad line: the packets, the bytes, where each message ends."""
    rng = random.Random(seed)
    bodies = ["x" * rng.randrange(900) for _ in range(25)]
    messages = [
        SIP.format(n=n, length=len(body), body=body).encode() for n, body in enumerate(bodies, 1)
    ]
    stream = b"".join(messages)
    ends = [sum(map(len, messages[: n + 1])) for n in range(len(messages))]
    base = rng.choice([100, 2**32 - 3000])
    cuts = [0]
    while cuts[-1] < len(stream):
        cuts.append(min(cuts[-1] + rng.choice([1, 20, 300, 1400, 1460]), len(stream)))
    order: list[tuple[int, int]] = []
    for cut in pairwise(cuts):
        order.insert(rng.randint(max(len(order) - 3, 0), len(order)), cut)
    for _ in range(8):
        low, high = sorted(rng.sample(range(len(stream)), 2))
        order.insert(rng.randint(len(order) * 2 // 3, len(order)), (low, min(high, low + 1460)))
    packets = [
        up(base, flags="S"),
        down(7, flags="SA", ack=(base + 1) % 2**32, ms=1),
        up(base + 1, ack=8, ms=2),
    ]
    for index, (low, high) in enumerate(order):
        packets.append(up(base + 1 + low, stream[low:high], ack=8, ms=3 + index))
    for packet in packets:
        packet.src = packet.src[0], {5061: 5060}.get(packet.src[1], packet.src[1])
        packet.dst = packet.dst[0], {5061: 5060}.get(packet.dst[1], packet.dst[1])
    return packets, stream, ends


@needs_tshark
@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(3))
def test_trouble(seed: int, tmp_path: Path) -> None:
    """Same bytes, and each SIP message complete with the frame that tshark shows it in.

    Tshark 4.0 loses the rest of a stream when a segment that waits overlaps another one: what it
    shows has to agree, what it does not show proves nothing.
    """
    packets, stream, ends = troubled(seed)
    capture = tmp_path / "trouble.pcap"
    write(capture, packets)
    ((_, chunks),) = read(capture)
    assert b"".join(chunk.data for chunk in chunks[0]) == stream
    fields = ("-Y", "sip", "-T", "fields", "-e", "frame.number", "-e", "sip.Call-ID")
    shown: dict[int, int] = {}
    for line in tshark(capture, *fields).splitlines():
        frame, calls = line.split("\t")
        shown.update((int(call), int(frame)) for call in calls.split(","))
    ours = {n: completing_frame(chunks[0], end) for n, end in enumerate(ends, 1)}
    assert len(shown) > 5
    assert shown.items() <= ours.items()


def completing_frame(chunks: list[StreamChunk], end: int) -> int:
    """The last frame of the piece that holds the byte before `end`."""
    for chunk in chunks:
        if end <= len(chunk.data):
            return next(
                frames[-1]
                for stop, frames in zip(chunk.ends, chunk.frames, strict=True)
                if stop >= end
            )
        end -= len(chunk.data)
    raise AssertionError("the stream is too short")


@needs_tshark
@pytest.mark.oracle
def test_a_lost_segment_is_as_large_as_tshark_says(tmp_path: Path) -> None:
    packets = [
        up(100, flags="S"),
        down(7, flags="SA", ack=101, ms=1),
        up(101, b"a" * 10, ack=8, ms=2),
        up(161, b"b" * 10, ack=8, ms=3),
        down(8, ack=171, ms=4),
        up(171, b"c" * 10, ack=8, ms=2000),
    ]
    capture = tmp_path / "lost.pcap"
    write(capture, packets)
    ((flow, chunks),) = read(capture)
    assert [chunk.gap_before for chunk in chunks[0]] == [0, 50]
    assert flow.lost_bytes == 50
    assert [end[2] for end in flow.endpoints] == [CLIENT, SERVER]
    times = [round(time_ns - START_NS, -3) for time_ns in chunks[0][1].time_ns]  # dpkt has floats
    assert times == [3 * MS, 2000 * MS]
    assert (
        "[50 bytes missing in capture file]"
        in bytes.fromhex(
            "".join(
                line
                for line in tshark(capture, "-q", "-z", "follow,tcp,raw,0").splitlines()
                if line and all(letter in "0123456789abcdef" for letter in line)
            )
        ).decode()
    )
