"""OpenSSL's own tools, with the certificate of the tests and the client's key log."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dissectors.tls.keys import KeyRing
from fixtures.workshop import openssl_tools
from tests.tls.handshakes import identity

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed"
)


class OpensslServer(openssl_tools.OpensslServer):
    """`openssl s_server`, to which `openssl s_client` comes through a relay."""

    def keys(self) -> KeyRing:
        ring = KeyRing()
        assert ring.add_keylog((self.directory / "keys.log").read_bytes(), "keys.log") == []
        return ring


@contextmanager
def openssl_server(directory: Path, *arguments: str) -> Iterator[OpensslServer]:
    server = OpensslServer(directory, b"".join(identity("rsa")), *arguments)
    try:
        yield server
    finally:
        server.end()
