"""What a session says opens it, opens it in tshark too, in place of the server's private key."""

from __future__ import annotations

from pathlib import Path

import dpkt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dissectors.tls.decrypt import TlsSession
from dissectors.tls.keys import KeyRing
from dissectors.transport.stream import StreamChunk
from fixtures.workshop import tshark_view
from fixtures.workshop.expected import compare, read, views
from fixtures.workshop.tshark_view import View

FOLDER = Path(__file__).parents[2] / "fixtures" / "rsa_key"


def keyring(path: Path) -> KeyRing:
    keys = KeyRing()
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    keys.add_rsa_key(key, path.name)
    return keys


def sessions(view: View) -> list[TlsSession]:
    """Take the connections of a capture without losses apart, by dpkt up to TCP."""
    assert view.keys is not None
    keys, found = keyring(view.keys), {}
    with view.capture.open("rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            tcp = dpkt.ethernet.Ethernet(data).data.data
            session = found.setdefault(max(tcp.sport, tcp.dport), TlsSession(keys))
            payload = bytes(tcp.data)
            if payload:
                direction = 0 if tcp.dport == 5061 else 1
                chunk = StreamChunk(direction, payload, [len(payload)], [(1,)], [0], [0])
                list(session.push(chunk))
    return list(found.values())


@pytest.mark.oracle
@pytest.mark.parametrize("view", views(FOLDER), ids=lambda view: view.capture.stem)
def test_secrets_open_in_tshark(view: View, tmp_path: Path) -> None:
    told = [entry for session in sessions(view) for entry in session.secrets()]
    log = tmp_path / "secrets.log"
    lines = [f"{label} {random.hex()} {secret.hex()}\n" for label, random, secret in told]
    log.write_text("".join(lines))
    truth = read(FOLDER, "truth")["captures"][view.capture.name]
    assert compare(truth, tshark_view.sip_messages(View(view.capture, log))) == ([], [])
    assert tshark_view.sip_messages(View(view.capture)) == []
