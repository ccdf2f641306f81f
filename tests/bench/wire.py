"""From messages to a capture: real TLS 1.2 records, TCP segments, RTP, Ethernet frames, pcap.

Written with :mod:`struct` alone and straight to disk: a workload of 200,000 messages takes seconds
and no memory.
"""

from __future__ import annotations

import datetime
import random
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

MSS = 1460
FIN_ACK, SYN, SYN_ACK, ACK, PSH_ACK = 0x11, 0x02, 0x12, 0x10, 0x18

_RECORD = struct.Struct("<IIII")
_ETHERNET_IPV4 = bytes.fromhex("00155d000001 00155d000002 0800")
_IP = struct.Struct("!BBHHHBBH4s4s")
_TCP = struct.Struct("!HHIIBBHHH")


class PcapFile:
    """A classic pcap file, microseconds, Ethernet, being written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.frames = 0
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))

    def write(self, time_us: int, frame: bytes) -> None:
        """Append one frame."""
        self.frames += 1
        header = _RECORD.pack(time_us // 1_000_000, time_us % 1_000_000, len(frame), len(frame))
        self._file.write(header + frame)

    def write_records(self, records: bytes, count: int) -> None:
        """Append `count` frames that already have their record headers."""
        self.frames += count
        self._file.write(records)


def _checksum(*parts: bytes) -> int:
    """Return the Internet checksum (RFC 1071): a sum modulo 65535, so one division does."""
    total = sum(int.from_bytes(part + b"\0" * (len(part) % 2), "big") for part in parts)
    return 0xFFFF - total % 0xFFFF


@dataclass
class Side:
    """One end of a TCP connection."""

    address: bytes
    port: int
    sequence: int
    identification: int = 0


@dataclass
class TcpConnection:
    """Frames of one TCP connection on an undisturbed network."""

    client: Side
    server: Side

    def open(self) -> Iterator[bytes]:
        """Yield the three-way handshake."""
        yield self._frame(0, SYN)
        yield self._frame(1, SYN_ACK)
        yield self._frame(0, ACK)

    def send(self, direction: int, data: bytes) -> Iterator[bytes]:
        """Yield the segments of `data` and their acknowledgment."""
        for start in range(0, len(data), MSS):
            last = start + MSS >= len(data)
            yield self._frame(direction, PSH_ACK if last else ACK, data[start : start + MSS])
        yield self._frame(1 - direction, ACK)

    def close(self) -> Iterator[bytes]:
        """Yield FIN, FIN, ACK."""
        yield self._frame(0, FIN_ACK)
        yield self._frame(1, FIN_ACK)
        yield self._frame(0, ACK)

    def _frame(self, direction: int, flags: int, payload: bytes = b"") -> bytes:
        source, target = (self.client, self.server)[:: 1 - 2 * direction]
        number = 0 if flags == SYN else target.sequence
        fields = (source.port, target.port, source.sequence, number, 0x50, flags, 0xFAF0)
        pseudo = source.address + target.address + struct.pack("!HH", 6, 20 + len(payload))
        checksum = _checksum(pseudo, _TCP.pack(*fields, 0, 0), payload)
        source.sequence = (source.sequence + len(payload) + (flags & 0x03 != 0)) & 0xFFFFFFFF
        header = _ip_header(source, target, 6, 20 + len(payload))
        return b"".join((_ETHERNET_IPV4, header, _TCP.pack(*fields, checksum, 0), payload))


def _ip_header(source: Side, target: Side, protocol: int, length: int, tos: int = 0) -> bytes:
    source.identification = (source.identification + 1) & 0xFFFF
    fields = (0x45, tos, 20 + length, source.identification, 0x4000, 128, protocol)
    checksum = _checksum(_IP.pack(*fields, 0, source.address, target.address))
    return _IP.pack(*fields, checksum, source.address, target.address)


def write_certificate(folder: Path) -> Path:
    """Write a self-signed certificate with its key into `folder`; return the PEM file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fe01.contoso.test")])
    start = datetime.datetime(2014, 1, 1, tzinfo=datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(3650))
    encoding = serialization.Encoding.PEM
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + builder.sign(key, hashes.SHA256()).public_bytes(encoding)
    )
    return path


class TlsContexts:
    """Client and server settings for TLS 1.2, shared by all connections of a workload."""

    def __init__(self, certificate: Path, keys: Path, cipher: str) -> None:
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
        self.server.load_cert_chain(certificate)
        self.client.keylog_filename = str(keys)
        for context in (self.client, self.server):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(cipher)


@dataclass
class TlsConnection:
    """Both ends of one TLS connection, joined by nothing but memory."""

    contexts: TlsContexts
    ends: tuple[ssl.SSLObject, ssl.SSLObject] = field(init=False)
    """Client and server."""
    _outgoing: tuple[ssl.MemoryBIO, ssl.MemoryBIO] = field(init=False)
    _incoming: tuple[ssl.MemoryBIO, ssl.MemoryBIO] = field(init=False)

    def __post_init__(self) -> None:
        self._incoming = (ssl.MemoryBIO(), ssl.MemoryBIO())
        self._outgoing = (ssl.MemoryBIO(), ssl.MemoryBIO())
        client = self.contexts.client.wrap_bio(
            self._incoming[0], self._outgoing[0], server_hostname="fe01.contoso.test"
        )
        server = self.contexts.server.wrap_bio(
            self._incoming[1], self._outgoing[1], server_side=True
        )
        self.ends = (client, server)

    def handshake(self) -> Iterator[tuple[int, bytes]]:
        """Yield the flights of the handshake: direction and bytes."""
        done = [False, False]
        while not all(done):
            for direction, end in enumerate(self.ends):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                    done[direction] = True
                flight = self._outgoing[direction].read()
                self._incoming[1 - direction].write(flight)
                if flight:
                    yield direction, flight

    def seal(self, direction: int, data: bytes) -> bytes:
        """Return `data` as TLS records of one end; the other end never reads them."""
        self.ends[direction].write(data)
        return self._outgoing[direction].read()

    def close(self, direction: int) -> bytes:
        """Return the close_notify of one end."""
        with suppress(ssl.SSLWantReadError):
            self.ends[direction].unwrap()
        return self._outgoing[direction].read()


class RtpTraffic:
    """Packets of G.711 on several streams, every 20 ms each, as an array of pcap records."""

    PAYLOAD = 172
    """UDP payload: 12 bytes of RTP header and 160 of G.711 (20 ms)."""
    PERIOD_US = 20_000

    def __init__(self, streams: int, start_us: int, source: random.Random) -> None:
        self.streams = streams
        self.time_us = start_us
        self._count = 0
        frames = [self._template(number, source) for number in range(streams)]
        self._records = np.frombuffer(b"".join(frames), np.uint8).reshape(streams, -1).copy()
        self._first_sequence = np.array([source.getrandbits(16) for _ in frames])
        self._offset_us = np.sort(np.array([source.randrange(self.PERIOD_US // 2) for _ in frames]))

    @classmethod
    def _template(cls, number: int, source: random.Random) -> bytes:
        client = Side(bytes((10, 2, 0, number // 2)), 50000 + 2 * (number // 2), 0)
        bridge = Side(bytes((10, 0, 0, 20)), 60000 + 2 * (number // 2), 0)
        sender, receiver = (client, bridge)[:: 1 - 2 * (number % 2)]
        rtp = struct.pack("!BBHII", 0x80, 0, 0, 0, source.getrandbits(32))
        # Checksum 0: the sender made none, which UDP over IPv4 allows (RFC 768).
        udp = struct.pack("!HHHH", sender.port, receiver.port, 8 + cls.PAYLOAD, 0)
        header = _ip_header(sender, receiver, 17, 8 + cls.PAYLOAD, tos=0xB8)
        frame = _ETHERNET_IPV4 + header + udp + rtp + source.randbytes(cls.PAYLOAD - len(rtp))
        return _RECORD.pack(0, 0, len(frame), len(frame)) + frame

    def period(self) -> bytes:
        """Return the records of the next period: a packet per stream, in its first half."""
        records, rtp = self._records, 16 + 14 + 20 + 8
        time_us = self.time_us + self._offset_us
        stamp = np.stack((time_us // 1_000_000, time_us % 1_000_000), axis=1).astype("<u4")
        records[:, 0:8] = stamp.view(np.uint8)
        sequence = ((self._first_sequence + self._count) & 0xFFFF).astype(">u2")
        records[:, rtp + 2 : rtp + 4] = sequence.view(np.uint8).reshape(-1, 2)
        records[:, rtp + 4 : rtp + 8] = np.frombuffer(
            struct.pack("!I", 160 * self._count & 0xFFFFFFFF), np.uint8
        )
        self._count += 1
        self.time_us += self.PERIOD_US
        return bytes(records)
