"""Make a capture of Lync traffic over TLS 1.2 with its key log.

::

    python -m tests.bench.workload --messages 20000 --out bench-data/sip20k.pcap \\
        --keys bench-data/sip20k.keys [--connections 50] [--rtp-packets 1000000]
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.sip_mix import MIX, Client, Mix, Sent, converse
from tests.bench.wire import (
    PcapFile,
    RtpTraffic,
    Side,
    TcpConnection,
    TlsConnection,
    TlsContexts,
    write_certificate,
)

START_US = 1_405_505_877_000_000
"""2014-07-16 10:17:57 UTC."""
CIPHER = "ECDHE-RSA-AES256-GCM-SHA384"
SERVER_ADDRESS = bytes((10, 0, 0, 10))
RTP_STREAMS = 20


@dataclass(frozen=True)
class Workload:
    """What a capture shall hold."""

    messages: int
    """SIP messages, all over TLS."""
    connections: int = 50
    """TLS connections that they are spread over."""
    rtp_packets: int = 0
    """RTP packets among them, on 20 streams; rounded up to whole periods of 20 ms."""
    seed: int = 1
    mix: Mix = MIX
    """Conversations that are held."""


@dataclass
class Connection:
    """A client on its TLS connection."""

    client: Client
    tcp: TcpConnection
    tls: TlsConnection
    mix: Mix = MIX
    talk: Iterator[Sent] = field(init=False)

    def __post_init__(self) -> None:
        self.talk = converse(self.client, mix=self.mix)

    def open(self) -> Iterator[bytes]:
        """Yield the frames of the TCP and the TLS handshake."""
        yield from self.tcp.open()
        for direction, flight in self.tls.handshake():
            yield from self.tcp.send(direction, flight)

    def say(self) -> Iterator[bytes]:
        """Yield the frames of the next message."""
        sent = next(self.talk)
        yield from self.tcp.send(sent.direction, self.tls.seal(*sent))

    def close(self) -> Iterator[bytes]:
        """Yield the frames that end TLS and TCP."""
        for direction in (0, 1):
            yield from self.tcp.send(direction, self.tls.close(direction))
        yield from self.tcp.close()


class _Clock:
    """Frames in order of time: RTP in the first half of its period, TCP in the second."""

    def __init__(self, pcap: PcapFile, rtp: RtpTraffic | None, periods: int) -> None:
        self._pcap = pcap
        self._rtp = rtp
        self._periods = periods
        self._due_us = self._now_us = START_US

    def act(self, frames: Iterator[bytes], pause_us: int) -> None:
        """Write `frames`, 40 µs apart, then let `pause_us` go by, in which RTP flows."""
        for frame in frames:
            self._pcap.write(self._now_us, frame)
            self._now_us += 40
        self._due_us += pause_us
        self._flow_until(self._due_us)
        self._now_us = max(self._now_us, self._due_us if self._rtp is None else self._pause_us())

    def drain(self) -> None:
        """Write the RTP packets that are left."""
        self._flow_until(1 << 62)

    def _pause_us(self) -> int:
        assert self._rtp
        return self._rtp.time_us - self._rtp.PERIOD_US // 2

    def _flow_until(self, time_us: int) -> None:
        while self._rtp and self._periods and self._rtp.time_us < time_us:
            self._pcap.write_records(self._rtp.period(), self._rtp.streams)
            self._periods -= 1


def write_workload(workload: Workload, capture: Path, keys: Path) -> int:
    """Write `workload` to `capture` and its TLS secrets to `keys`; return the number of frames."""
    capture.parent.mkdir(parents=True, exist_ok=True)
    keys.write_bytes(b"")
    source = random.Random(workload.seed)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        contexts = TlsContexts(write_certificate(folder), keys, CIPHER)
        pcap = PcapFile(stack.enter_context(capture.open("wb", buffering=1 << 20)))
        connections = [
            _connection(number, contexts, source, workload.mix)
            for number in range(workload.connections)
        ]
        _play(workload, pcap, connections, source)
    return pcap.frames


def _connection(number: int, contexts: TlsContexts, source: random.Random, mix: Mix) -> Connection:
    address = bytes((10, 1, number // 250, 1 + number % 250))
    port = 49152 + number
    client = Client(
        f"user{number:03d}@contoso.test",
        ".".join(map(str, address)),
        port,
        random.Random(source.random()),
    )
    tcp = TcpConnection(
        Side(address, port, source.getrandbits(32)),
        Side(SERVER_ADDRESS, 5061, source.getrandbits(32)),
    )
    return Connection(client, tcp, TlsConnection(contexts), mix)


def _play(
    workload: Workload, pcap: PcapFile, connections: Sequence[Connection], source: random.Random
) -> None:
    periods = -(-workload.rtp_packets // RTP_STREAMS)
    rtp = RtpTraffic(RTP_STREAMS, START_US + RtpTraffic.PERIOD_US, source) if periods else None
    # With RTP the signalling lasts as long as the media; without, it comes at 1,000 messages/s.
    acts = workload.messages + 2 * workload.connections
    pause = periods * RtpTraffic.PERIOD_US // acts if periods else 1000
    clock = _Clock(pcap, rtp, periods)
    for connection in connections:
        clock.act(connection.open(), pause)
    for _ in range(workload.messages):
        clock.act(source.choice(connections).say(), pause)
    for connection in connections:
        clock.act(connection.close(), pause)
    clock.drain()


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the capture that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.workload", description=__doc__)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="pcap file to write")
    parser.add_argument("--keys", type=Path, required=True, help="key log to write")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--rtp-packets", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    workload = Workload(options.messages, options.connections, options.rtp_packets, options.seed)
    frames = write_workload(workload, options.out, options.keys)
    print(f"{options.out}: {frames:,} frames, {options.out.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
