"""Real TLS connections, made in memory by OpenSSL, to be taken apart again.

A :class:`Talk` is one connection: it shakes hands, says lines in turns, and keeps every byte that
either side would have put on the wire, in order. What it said is the truth that a decryption is
judged by.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ssl
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import NameOID

from dissectors.errors import DissectError
from dissectors.tls.decrypt import TlsSession
from dissectors.tls.keys import KeyRing
from dissectors.transport.stream import StreamChunk

CLIENT, SERVER = 0, 1

OP_NO_EXTENDED_MASTER_SECRET = 1 << 0
OP_NO_ENCRYPT_THEN_MAC = 1 << 19
"""OpenSSL's options, to which Python gives no name."""

HOST = "fe01.contoso.com"

Flight = tuple[int, bytes]
"""Direction, and the bytes that it sends before the other side answers."""


_KEYS: dict[
    str, Callable[[], rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey]
] = {
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "dsa": lambda: dsa.generate_private_key(2048),
}


@lru_cache(maxsize=4)
def identity(kind: str = "ec", host: str = HOST) -> tuple[bytes, bytes]:
    """Return a private key and a self-signed certificate for it, PEM."""
    key = _KEYS[kind]()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso"),
            x509.NameAttribute(NameOID.COMMON_NAME, host),
        ]
    )
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem, certificate.public_bytes(serialization.Encoding.PEM)


def load_identity(context: ssl.SSLContext, *identities: tuple[bytes, bytes]) -> None:
    """Give a server's context its keys and certificates."""
    for key, certificate in identities:
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(key + certificate)
            file.flush()
            context.load_cert_chain(file.name)


def ffdhe2048() -> int:
    """Return the prime of RFC 7919 appendix A.1, which is made of the digits of e."""
    total, term, divisor = 0, 1 << 1918 + 64, 1
    while term:
        total, term, divisor = total + term, term // divisor, divisor + 1
    return (1 << 2048) - (1 << 1984) + ((total >> 64) + 560316 << 64) - 1


def _dh_parameters(directory: str) -> str:
    """Write Diffie-Hellman parameters for the DHE suites: SEQUENCE of the prime and 2, PEM."""
    integers = b"\x02\x82\x01\x01\0" + ffdhe2048().to_bytes(256, "big") + b"\x02\x01\x02"
    der = b"\x30\x82" + len(integers).to_bytes(2, "big") + integers
    path = Path(directory) / "dh.pem"
    text = base64.encodebytes(der).decode()
    path.write_text(f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n")
    return str(path)


class Contexts:
    """A client's and a server's TLS settings, which several talks may share.

    Parameters
    ----------
    version : ssl.TLSVersion
        The only version that is offered.
    ciphers : str
        OpenSSL's names of the suites, up to TLS 1.2.
    alpn : sequence of str
        Protocols that both sides know.
    """

    def __init__(
        self,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        ciphers: str | None = None,
        alpn: Sequence[str] = (),
    ) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.keylog_path = Path(self._directory.name) / "sslkeys.log"
        self.client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_identity(self.server, identity("rsa"), identity("ec"))
        self.client.check_hostname = False
        self.client.verify_mode = ssl.CERT_NONE
        self.client.keylog_filename = str(self.keylog_path)
        self.server.load_dh_params(_dh_parameters(self._directory.name))
        for context in (self.client, self.server):
            context.set_ciphers(f"{ciphers or 'DEFAULT'}:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            if alpn:
                context.set_alpn_protocols(list(alpn))

    def authenticate_client(self) -> None:
        """Let the server demand a certificate of the client, as federation does."""
        load_identity(self.client, identity("ec"))
        self.server.load_verify_locations(cadata=identity("ec")[1].decode())
        self.server.verify_mode = ssl.CERT_REQUIRED

    @property
    def keylog(self) -> bytes:
        """What the client has logged so far."""
        return self.keylog_path.read_bytes()

    def keys(self) -> KeyRing:
        """Return a key ring with the key log."""
        ring = KeyRing()
        assert ring.add_keylog(self.keylog, "sslkeys.log") == []
        return ring


class Talk:
    """One connection: what was said, and what went over the wire.

    Parameters
    ----------
    contexts : Contexts
        The settings of both sides.
    session : ssl.SSLSession or None
        A session of an earlier talk, to be resumed.
    host : str
        The name that the client asks for.
    """

    def __init__(
        self, contexts: Contexts, session: ssl.SSLSession | None = None, host: str = HOST
    ) -> None:
        self.flights: list[Flight] = []
        self.said = {CLIENT: b"", SERVER: b""}
        self._incoming = (ssl.MemoryBIO(), ssl.MemoryBIO())
        self._outgoing = (ssl.MemoryBIO(), ssl.MemoryBIO())
        self.ends = (
            contexts.client.wrap_bio(
                self._incoming[CLIENT],
                self._outgoing[CLIENT],
                server_hostname=host,
                session=session,
            ),
            contexts.server.wrap_bio(
                self._incoming[SERVER], self._outgoing[SERVER], server_side=True
            ),
        )
        self._shake_hands()

    def _shake_hands(self) -> None:
        waiting = [CLIENT, SERVER]
        while waiting:
            for side in tuple(waiting):
                try:
                    self.ends[side].do_handshake()
                    waiting.remove(side)
                except ssl.SSLWantReadError:
                    pass
                finally:
                    self._carry(side)

    def _carry(self, side: int) -> None:
        """Take what a side has written over to the other."""
        data = self._outgoing[side].read()
        if data:
            self.flights.append((side, data))
            self._incoming[1 - side].write(data)

    def say(self, side: int, *lines: bytes) -> None:
        """Let a side write some lines, one write each, before the other reads them."""
        for line in lines:
            self.ends[side].write(line)
            self.said[side] += line
        self._carry(side)
        self._listen(1 - side)

    def _listen(self, side: int) -> None:
        """Let a side read all there is; tickets and the like are taken on the way."""
        try:
            while self.ends[side].read(1 << 16):
                pass
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            self._carry(side)

    def hang_up(self, side: int = CLIENT) -> None:
        """Send close_notify."""
        with contextlib.suppress(ssl.SSLError):
            self.ends[side].unwrap()
        self._carry(side)

    @property
    def version(self) -> str | None:
        """OpenSSL's name of the negotiated version."""
        return self.ends[CLIENT].version()

    @property
    def session(self) -> ssl.SSLSession:
        """What a later talk may resume."""
        session = self.ends[CLIENT].session
        assert session is not None
        return session


def converse(
    contexts: Contexts,
    turns: int = 3,
    session: ssl.SSLSession | None = None,
    sizes: Sequence[int] = (400, 1500, 1, 20_000),
) -> Talk:
    """Let client and server say lines of several sizes, in turns, and hang up."""
    talk = Talk(contexts, session)
    random = Random(7)
    for _ in range(turns):
        talk.say(CLIENT, *(random.randbytes(size) for size in sizes))
        talk.say(SERVER, *(random.randbytes(size) for size in reversed(sizes)))
    talk.hang_up()
    return talk


def segments(flights: Iterable[Flight], size: int = 1460) -> list[StreamChunk]:
    """Cut flights into segments of `size` bytes, frame by frame; frame n is at n microseconds."""
    cut: list[StreamChunk] = []
    for direction, data in flights:
        for start in range(0, len(data), size):
            frame = len(cut) + 1
            part = data[start : start + size]
            times = [frame * 1000]
            cut.append(StreamChunk(direction, part, [len(part)], [(frame,)], times, times))
    return cut


def stream(flights: Iterable[Flight], direction: int) -> bytes:
    """Return all bytes of one direction."""
    return b"".join(data for side, data in flights if side == direction)


def records(data: bytes) -> list[tuple[int, int, int]]:
    """Return (content type, start, stop) of each record, by the plain rule of RFC 8446 §5.1."""
    found = []
    start = 0
    while start < len(data):
        stop = start + 5 + int.from_bytes(data[start + 3 : start + 5], "big")
        found.append((data[start], start, stop))
        start = stop
    return found


def joined(cut: Iterable[StreamChunk]) -> StreamChunk:
    """Make one chunk of several of one direction, one piece a segment."""
    parts = list(cut)
    ends: list[int] = []
    for part in parts:
        ends.append(len(part.data) + (ends[-1] if ends else 0))
    return StreamChunk(
        parts[0].direction,
        b"".join(part.data for part in parts),
        ends,
        [frames for part in parts for frames in part.frames],
        [time_ns for part in parts for time_ns in part.time_ns],
        [time_ns for part in parts for time_ns in part.first_time_ns],
        parts[0].gap_before,
        parts[0].gap_reason,
    )


def one_side_first(cut: Sequence[StreamChunk], first: int = CLIENT) -> list[StreamChunk]:
    """Arrange segments as one batch does: all of one direction, then all of the other."""
    sides = [[part for part in cut if part.direction == side] for side in (first, 1 - first)]
    return [joined(side) for side in sides if side]


@dataclass
class Outcome:
    """What a session made of some chunks."""

    session: TlsSession
    chunks: list[StreamChunk] = field(default_factory=list)
    faults: list[DissectError] = field(default_factory=list)

    def heard(self, direction: int) -> bytes:
        """All plaintext of one direction."""
        return b"".join(chunk.data for chunk in self.chunks if chunk.direction == direction)


def decrypt(chunks: Iterable[StreamChunk], keys: KeyRing) -> Outcome:
    """Push chunks through a session to its end."""
    outcome = Outcome(TlsSession(keys))
    values = [value for chunk in chunks for value in outcome.session.push(chunk)]
    values.extend(outcome.session.finish())
    for value in values:
        if isinstance(value, StreamChunk):
            outcome.chunks.append(value)
        else:
            outcome.faults.append(value)
    return outcome
