"""Real TLS connections, made in memory by OpenSSL, to be taken apart again.

A :class:`Talk` is one connection: it shakes hands, says lines in turns, and keeps every byte that
either side would have put on the wire, in order. What it said is the truth that a decryption is
judged by.
"""

from __future__ import annotations

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
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from dissectors.errors import DissectError
from dissectors.tls.decrypt import TlsSession
from dissectors.tls.keys import KeyRing
from dissectors.transport.stream import StreamChunk

CLIENT, SERVER = 0, 1

HOST = "fe01.contoso.com"

Flight = tuple[int, bytes]
"""Direction, and the bytes that it sends before the other side answers."""


@lru_cache(maxsize=4)
def identity(kind: str = "ec", host: str = HOST) -> tuple[bytes, bytes]:
    """Return a private key and a self-signed certificate for it, PEM."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(
        public_exponent=65537, key_size=2048
    )
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
    keylog : path or None
        Where the client writes its key log; a new temporary file when None.
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
        for context in (self.client, self.server):
            old = version < ssl.TLSVersion.TLSv1_2
            context.set_ciphers(f"{ciphers or 'ALL'}:@SECLEVEL=0" if old or ciphers else "DEFAULT")
            context.minimum_version = context.maximum_version = version
            if alpn:
                context.set_alpn_protocols(list(alpn))

    @property
    def keylog(self) -> bytes:
        """What the client has logged so far."""
        return self.keylog_path.read_bytes()

    def keys(self) -> KeyRing:
        """Return a key ring with the key log."""
        ring = KeyRing()
        assert ring.add_keylog(self.keylog, "sslkeys.log") == []
        return ring


@dataclass
class Talk:
    """One connection: what was said, and what went over the wire."""

    contexts: Contexts
    session: ssl.SSLSession | None = None
    host: str = HOST
    flights: list[Flight] = field(default_factory=list)
    said: dict[int, bytes] = field(default_factory=lambda: {CLIENT: b"", SERVER: b""})

    def __post_init__(self) -> None:
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._wires = (to_server, to_client)
        client = self.contexts.client.wrap_bio(
            to_client, to_server, server_hostname=self.host, session=self.session
        )
        server = self.contexts.server.wrap_bio(to_server, to_client, server_side=True)
        # Each side writes into a tube of its own; `_carry` takes it over to the other.
        self._tubes = (ssl.MemoryBIO(), ssl.MemoryBIO())
        del client, server
        self._inputs = (ssl.MemoryBIO(), ssl.MemoryBIO())
        self.ends = (
            self.contexts.client.wrap_bio(
                self._inputs[0], self._tubes[0], server_hostname=self.host, session=self.session
            ),
            self.contexts.server.wrap_bio(self._inputs[1], self._tubes[1], server_side=True),
        )
