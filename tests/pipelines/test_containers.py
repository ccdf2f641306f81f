"""What captures are packed in: every cut, every damage, bombs, and pipes that pause."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import queue
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError
from pipelines import containers, read_capture
from pipelines.containers import ByteStream, FileStream, container_of, read_pieces, unpack
from pipelines.errors import UsageError
from pipelines.ingest import CaptureFile

FIXTURES = Path(__file__).parents[2] / "fixtures"
CAPTURE = FIXTURES / "damaged" / "retransmitted.pcap"
TEXT = b"".join(b"%d lines of text, hardly the same\n" % (n * n) for n in range(9_000))


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("only.pcap", data)
    return made.getvalue()


def stored(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("only.pcap", data)
    return made.getvalue()


def by_arrow(name: str) -> Callable[[bytes], bytes]:
    def pack(data: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, name) as stream:
            stream.write(data)
        return sink.getvalue().to_pybytes()

    return pack


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": by_arrow("zstd"),
    "lz4": by_arrow("lz4"),
    "zip": zipped,
}


def unpacked(packed: bytes, *, rewind: bool = True) -> tuple[bytes, DissectError | None]:
    def begin() -> ByteStream:
        return FileStream(io.BytesIO(packed), lambda number: None)

    name = container_of(packed)
    assert name
    stream = unpack(begin(), name, begin if rewind else None)
    parts = []
    while part := stream.read(1 << 16):
        parts.append(part)
    return b"".join(parts), stream.problem


@pytest.mark.parametrize("name", PACKERS)
def test_whole(name: str) -> None:
    assert container_of(PACKERS[name](TEXT)) == name
    assert unpacked(PACKERS[name](TEXT)) == (TEXT, None)


def test_stored_in_an_archive() -> None:
    assert unpacked(stored(TEXT)) == (TEXT, None)


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd", "lz4"])
def test_several_behind_one_another(name: str) -> None:
    pack = PACKERS[name]
    assert unpacked(pack(b"one") + pack(b"") + pack(TEXT)) == (b"one" + TEXT, None)


def test_padding_and_garbage_behind_gzip() -> None:
    assert unpacked(gzip.compress(TEXT) + bytes(1000)) == (TEXT, None)
    data, problem = unpacked(gzip.compress(TEXT) + b"garbage")
    assert data == TEXT
    assert problem
    assert problem.severity == "warning"


@pytest.mark.parametrize("name", PACKERS)
def test_cut_anywhere(name: str) -> None:
    packed = PACKERS[name](TEXT[:3000])
    header = 40 if name == "zip" else 6
    end = packed.index(b"PK\1\2") if name == "zip" else len(packed)
    for length in range(header, end):
        data, problem = unpacked(packed[:length])
        assert TEXT.startswith(data)
        assert problem is not None or data == TEXT[:3000]


@pytest.mark.parametrize("name", ["gzip", "zstd", "xz"])
def test_what_stands_before_a_cut_is_read(name: str) -> None:
    packed = PACKERS[name](TEXT)
    data, problem = unpacked(packed[:-20])
    assert problem
    assert problem.offset == len(data)
    if name == "gzip":
        assert len(data) > len(TEXT) * 0.99


def test_zstd_gives_every_whole_block() -> None:
    pieces = [os.urandom(100_000) for _ in range(5)]
    packed = by_arrow("zstd")(b"".join(pieces))
    again, _ = unpacked(packed[:-150_000])
    once, _ = unpacked(packed[:-150_000], rewind=False)
    assert len(once) <= len(again)
    assert len(again) > 345_000


@pytest.mark.parametrize("name", PACKERS)
def test_damage_is_told(name: str) -> None:
    packed = bytearray(PACKERS[name](TEXT))
    middle = len(packed) // 2
    packed[middle : middle + 8] = bytes(byte ^ 0x5A for byte in packed[middle : middle + 8])
    _, problem = unpacked(bytes(packed))
    assert problem is not None


@settings(max_examples=60)
@given(
    st.sampled_from([b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"BZh9"]),
    st.binary(max_size=80),
)
def test_any_bytes_behind_a_magic(magic: bytes, data: bytes) -> None:
    _, problem = unpacked(magic + data)
    assert isinstance(problem, DissectError | None)


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_takes_no_memory(name: str, tmp_path: Path) -> None:
    head = CAPTURE.read_bytes()
    path = tmp_path / "bomb"
    path.write_bytes(PACKERS[name](head + bytes(80 << 20)))
    capture = CaptureFile(str(path))
    tracemalloc.start()
    packets = sum(len(batch) for batch in capture.batches())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert packets == 15
    assert peak < 64 << 20
    assert capture.reader
    assert capture.reader.problems


def test_layers_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "matryoshka.gz"
    packed = CAPTURE.read_bytes()
    for _ in range(4):
        packed = gzip.compress(packed)
    path.write_bytes(packed)
    with pytest.raises(UsageError, match="gzip in gzip in gzip"):
        next(CaptureFile(str(path)).batches())


def test_an_xz_file_that_asks_for_much_memory() -> None:
    packed = lzma.compress(TEXT, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}])
    data, problem = unpacked(packed)
    assert not data
    assert problem
    assert "memory" in problem.summary


def test_damage_is_an_expert_row_and_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap.gz"
    packed = gzip.compress(CAPTURE.read_bytes())
    path.write_bytes(packed[: len(packed) - 300])
    trace = read_capture(path)
    assert 0 < trace.captures["packets"][0] < 15
    assert trace.captures["compression"][0] == "gzip"
    assert trace.captures["complete"][0] is not True
    row = trace.expert[trace.expert["layer"] == "gzip"].iloc[0]
    assert row["summary"] == "the gzip data end too early"
    assert row["offset"] > 0
    assert any("cut.pcap.gz" in problem for problem in trace.problems)


@pytest.mark.parametrize(
    ("flags", "method", "told"), [(1, 8, "encrypted"), (0, 99, "method 99"), (8, 0, "method 0")]
)
def test_archives_that_cannot_be_opened(flags: int, method: int, told: str, tmp_path: Path) -> None:
    packed = bytearray(zipped(TEXT))
    packed[6], packed[8] = flags, method
    path = tmp_path / "odd.zip"
    path.write_bytes(packed)
    with pytest.raises(UsageError, match=told) as error:
        next(CaptureFile(str(path)).batches())
    assert str(error.value).startswith(str(path))


class _Trickle(ByteStream):
    """Gives a byte at a time and never pauses."""

    def _pull(self, most: int) -> bytes:
        return b"x"


def test_a_pipe_that_never_pauses_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "LATEST_S", 0.0)
    assert read_pieces(_Trickle(), 7, 1000) == b"x" * 7
    monkeypatch.setattr(containers, "LATEST_S", 3600.0)
    assert read_pieces(_Trickle(), 7, 1000) == b"x" * 1000


def test_packets_of_a_pipe_come_while_it_is_open() -> None:
    """What `tcpdump -U -w - |` has written is given out although the pipe goes on."""
    data = CAPTURE.read_bytes()
    code = (
        "import sys; from pipelines.ingest import CaptureFile\n"
        "for batch in CaptureFile('-').batches(): print(len(batch), flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as reader:
        assert reader.stdin
        assert reader.stdout
        lines: queue.Queue[bytes] = queue.Queue()
        output = reader.stdout
        thread = threading.Thread(target=lambda: [lines.put(line) for line in output], daemon=True)
        thread.start()
        half = len(data) // 2
        reader.stdin.write(data[:half])
        reader.stdin.flush()
        early = int(lines.get(timeout=60))
        assert 0 < early < 15
        reader.stdin.write(data[half:])
        reader.stdin.close()
        thread.join(60)
        assert early + sum(int(lines.get_nowait()) for _ in range(lines.qsize())) == 15
