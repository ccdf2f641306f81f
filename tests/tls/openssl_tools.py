"""OpenSSL's own tools, `s_server` and `s_client`, and a relay between them that keeps all bytes."""

from __future__ import annotations

import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dissectors.tls.keys import KeyRing
from tests.tls.handshakes import CLIENT, SERVER, Flight, identity

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed"
)


class Relay:
    """Stands between two sockets and keeps what passes."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.flights: list[Flight] = []
        self._ends = {client: (CLIENT, server), server: (SERVER, client)}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        open_ends = dict(self._ends)
        while open_ends:
            for end in select.select(list(open_ends), [], [], 10)[0] or list(open_ends):
                side, other = open_ends[end]
                data = b""
                with suppress(OSError):
                    data = end.recv(1 << 16)
                if not data:
                    del open_ends[end]
                    with suppress(OSError):
                        other.shutdown(socket.SHUT_WR)
                    continue
                self.flights.append((side, data))
                # Whoever has hung up already misses a goodbye, or a ticket.
                with suppress(OSError):
                    other.sendall(data)

    def join(self) -> list[Flight]:
        self._thread.join(20)
        return self.flights


class Typist:
    """One of OpenSSL's tools, with a pipe to type into."""

    def __init__(self, directory: Path, tool: str, *arguments: str) -> None:
        self._output = directory / f"{tool}.out"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                ["openssl", tool, *arguments],
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def type(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def wait_for(self, text: bytes) -> None:
        wait(lambda: text in self._output.read_bytes(), self._output)

    def leave(self) -> None:
        """End by closing the pipe, which s_client takes for a goodbye."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def end(self) -> None:
        self._process.terminate()
        with suppress(OSError):
            self.leave()


def wait(done: Callable[[], bool], output: Path | None = None) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, output and output.read_bytes()[-500:]
        time.sleep(0.01)


class OpensslServer:
    """`openssl s_server`, to which `openssl s_client` comes through a relay."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        key, certificate = identity("rsa")
        (directory / "server.pem").write_bytes(key + certificate)
        self._socket = directory / "server.sock"
        self._socket.unlink(missing_ok=True)
        self.server = Typist(
            directory, "s_server", "-unix", "server.sock", "-cert", "server.pem", *arguments
        )
        wait(self._socket.exists)

    def connect(self, *arguments: str) -> None:
        """Start a client and its relay."""
        near = self.directory / "client.sock"
        near.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(near))
            door.listen(1)
            door.settimeout(20)
            always = ("-unix", "client.sock", "-keylogfile", "keys.log", "-servername", "fe01")
            self.client = Typist(self.directory, "s_client", *always, *arguments)
            client_end, _ = door.accept()
        server_end = socket.socket(socket.AF_UNIX)
        server_end.connect(str(self._socket))
        self.relay = Relay(client_end, server_end)

    def say(self, side: int, line: bytes) -> None:
        """Type a line into one side, and wait until the other has printed it."""
        sides = (self.client, self.server)
        sides[side].type(line)
        sides[1 - side].wait_for(line)

    def command(self, side: int, letter: bytes) -> None:
        """Type a command letter into one side, and wait until it has sent something."""
        sent = self.sent(side)
        (self.client, self.server)[side].type(letter + b"\n")
        wait(lambda: self.sent(side) > sent)

    def sent(self, side: int) -> int:
        """Count the flights of one side so far."""
        return sum(sender == side for sender, _ in self.relay.flights)

    def hang_up(self) -> list[Flight]:
        """Let the client leave, and return all that passed."""
        self.client.leave()
        return self.relay.join()

    def end(self) -> None:
        self.server.end()

    def keys(self) -> KeyRing:
        ring = KeyRing()
        assert ring.add_keylog((self.directory / "keys.log").read_bytes(), "keys.log") == []
        return ring


@contextmanager
def openssl_server(directory: Path, *arguments: str) -> Iterator[OpensslServer]:
    server = OpensslServer(directory, *arguments)
    try:
        yield server
    finally:
        server.end()
