"""Watching a TLS session changes nothing of it, and shows what was in each record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dissectors.capture.batch import PacketBatch
from dissectors.sip.message import SipMessage
from dissectors.stack import Stack
from dissectors.tls.decrypt import TlsSession
from dissectors.tls.keys import KeyRing
from dissectors.tls.watched import WatchedRecord, WatchedSession
from dissectors.transport.stream import StreamChunk
from pipelines.ingest import CaptureFile

FIXTURES = Path(__file__).parents[2] / "fixtures"
CASES = sorted(FIXTURES.glob("transports/tls*.pcap")) + sorted(FIXTURES.glob("damaged/tls*.pcap"))


class Every:
    """Watches every frame, one session after the other."""

    def __init__(self, frame_number: int) -> None:
        self.frame_number = frame_number
        self.records: list[WatchedRecord] = []
        self.made: list[TlsSession] = []

    def take_flows(self, flows: Any) -> None:
        """Take no note."""

    def take_chunk(self, flow: Any, chunk: StreamChunk) -> None:
        """Take no note."""

    def make_session(self, keys: KeyRing) -> TlsSession:
        session = WatchedSession(keys, self.frame_number, self.records)
        self.made.append(session)
        return session


def read(path: Path, watch: Every | None, *, keys: bool = True) -> list[SipMessage]:
    ring = KeyRing()
    if keys:
        ring.add_keylog(path.with_suffix(".keys.log").read_bytes(), "keys")
    found: list[SipMessage] = []
    stack = Stack(ring, lambda flow, transport, message: found.append(message), watch=watch)
    batches: list[PacketBatch] = []
    for batch in CaptureFile(str(path)).batches():
        stack.push(batch)
        batches.append(batch)
    stack.finish()
    return found


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_watching_changes_nothing_and_shows_the_messages(path: Path) -> None:
    plain = read(path, None)
    for message in plain:
        watch = Every(message.frames[-1])
        watched = read(path, watch)
        assert [one.head for one in watched] == [one.head for one in plain]
        contents = [one.content for one in watch.records if one.content_type == 23]
        assert contents, "the record that holds the message's end was shown"
        end = bytes(message.body or message.head)[-8:]
        assert any(end in (content or b"") for content in contents)


def test_without_keys_records_are_shown_closed() -> None:
    path = FIXTURES / "transports" / "tls12_ccm.pcap"
    message = read(path, None)[0]
    watch = Every(message.frames[-1])
    read(path, watch, keys=False)
    (record,) = watch.records
    assert record.content is None
    assert record.session.info.reason


def test_the_handshake_is_shown_in_clear() -> None:
    path = FIXTURES / "transports" / "tls12_ccm.pcap"
    kinds = []
    for frame in range(1, 8):
        watch = Every(frame)
        read(path, watch)
        kinds += [(one.content or b"\xff")[0] for one in watch.records if not one.protected]
    assert kinds[:2] == [1, 2]  # ClientHello, ServerHello
