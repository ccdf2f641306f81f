"""TLS connections that succeed or fail, between two ends of OpenSSL, as captures.

What the captures hold is what OpenSSL sends: certificates, alerts and all.
"""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from fixtures.workshop.capture_file import write_pcap
from fixtures.workshop.framing import Endpoint
from fixtures.workshop.tcp_wire import MILLISECOND, SECOND, Tap, TcpConnection

NOON = dt.datetime(2014, 7, 16, 12, 0, 0, tzinfo=dt.timezone.utc)
CLIENT, SERVER = 0, 1
KEY = rsa.generate_private_key(65537, 2048)
OPTIONS = (
    b"OPTIONS sip:fe01.contoso.com SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.1;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@contoso.com>;tag=a\r\nTo: <sip:fe01.contoso.com>\r\nCall-ID: c1\r\n"
    b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, both PEM."""

    certificate: bytes
    key: bytes

    def load_into(self, context: ssl.SSLContext) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pair.pem"
            path.write_bytes(self.key + self.certificate)
            context.load_cert_chain(path)


def pair(
    name: str = "fe01.contoso.com",
    names: Sequence[str] | None = None,
    since: str = "2014-01-01",
    until: str = "2064-01-01",
) -> Pair:
    """Make a self-signed certificate for `names` (by default `name`; none without a list)."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    dates = [dt.datetime.fromisoformat(text) for text in (since, until)]
    serial = x509.random_serial_number()
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), serial, *dates)
    listed = [name] if names is None else names
    if listed:
        alternative = x509.SubjectAlternativeName([x509.DNSName(one) for one in listed])
        builder = builder.add_extension(alternative, critical=False)
    certificate = builder.sign(KEY, hashes.SHA256())
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    )


@dataclass
class Case:
    """One connection; by default one that works."""

    server: Pair = field(default_factory=pair)
    client: Pair | None = None
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    client_version: ssl.TLSVersion | None = None
    ciphers: str = "ECDHE-RSA-AES256-GCM-SHA384"
    client_ciphers: str | None = None
    server_name: str | None = "fe01.contoso.com"
    client_trusts: Pair | None = None
    """What the client checks the server's certificate against; None: it does not."""
    server_trusts: Pair | None = None
    """What the server checks the client's certificate against; None: it asks for none."""
    messages: Sequence[bytes] = (OPTIONS,)
    damaged: bool = False
    """Whether the last message changes on its way."""
    key_log: Path | None = None
    """Where the client writes its key log."""

    def flights(self) -> list[tuple[int, bytes]]:
        """Do the handshake, as far as it goes, and let the client send `messages`."""
        incoming = ssl.MemoryBIO(), ssl.MemoryBIO()
        outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = (
            self._client_context().wrap_bio(
                incoming[0], outgoing[0], server_hostname=self.server_name
            ),
            self._server_context().wrap_bio(incoming[1], outgoing[1], server_side=True),
        )
        flights: list[tuple[int, bytes]] = []
        left = list(self.messages)
        for _ in range(12):
            for direction in (CLIENT, SERVER):
                _act(ends[direction], left if direction == CLIENT else [])
                if data := outgoing[direction].read():
                    if self.damaged and direction == CLIENT and not left and len(flights) >= 2:
                        data = data[:-1] + bytes([data[-1] ^ 1])
                    flights.append((direction, data))
                    incoming[1 - direction].write(data)
        return flights

    def _client_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.client_trusts is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.client_trusts.certificate.decode())
        if self.client is not None:
            self.client.load_into(context)
        if self.key_log is not None:
            context.keylog_filename = str(self.key_log)
        version = self.client_version or self.version
        return _configured(context, version, self.client_ciphers or self.ciphers)

    def _server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_into(context)
        if self.server_trusts is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.server_trusts.certificate.decode())
        return _configured(context, self.version, self.ciphers)


def _configured(context: ssl.SSLContext, version: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    return context


def _act(end: ssl.SSLObject, left: list[bytes]) -> None:
    try:
        end.do_handshake()
        while left:
            end.write(left.pop(0))
        end.read(65536)
    except ssl.SSLError:  # wants more, or has failed and left an alert behind
        pass


def capture(
    path: Path,
    *connections: list[tuple[int, bytes]],
    end: str = "fin",
    time: dt.datetime = NOON,
    last_s: float = 0.0,
) -> Path:
    """Write a capture of connections, one after the other; return its path.

    Parameters
    ----------
    end : {'fin', 'rst', 'open'}
        How each connection ends.
    last_s : float
        Seconds from the last flight to the end, or to a keep-alive that the client sends.
    """
    tap = Tap()
    now = int(time.timestamp()) * SECOND
    for number, flights in enumerate(connections):
        client = Endpoint("10.0.0.1", 50000 + number)
        tcp = TcpConnection(tap, client, Endpoint("10.0.0.2", 5061))
        now = tcp.open(now)
        for direction, data in flights:
            tcp.send(now, direction, data)
            now += 10 * MILLISECOND
        now += int(last_s * SECOND)
        if end == "fin":
            tcp.close(now)
        elif end == "rst":
            tcp.segment(now, SERVER, tcp.sent[SERVER], b"", "RA")
        else:
            tcp.acknowledge(now, CLIENT)
        now += SECOND
    write_pcap(path, tap.in_order())
    return path
