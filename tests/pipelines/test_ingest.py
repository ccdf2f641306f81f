"""Opening captures and keys: what can be read is read, what cannot is one line."""

from __future__ import annotations

import io
import struct
import threading
from pathlib import Path

import dpkt
import numpy as np
import pytest

from pipelines import ingest
from pipelines.errors import UsageError
from pipelines.ingest import CaptureFile

FIXTURE = Path(__file__).parents[2] / "fixtures" / "skype_ringback" / "skype_ringback.pcapng"


def frames_of(capture: CaptureFile) -> list[tuple[int, int, bytes]]:
    """Return frame number, time and bytes of every packet."""
    found = []
    for batch in capture.batches():
        for row in range(len(batch)):
            start, length = int(batch.start[row]), int(batch.captured_length[row])
            packet = bytes(np.asarray(batch.data[start : start + length]))
            found.append((int(batch.frame_number[row]), int(batch.time_ns[row]), packet))
    return found


def truth_of(path: Path) -> list[tuple[int, int, bytes]]:
    with path.open("rb") as file:
        reader = dpkt.pcapng.Reader(file)
        return [
            (number, round(time * 1_000_000) * 1000, packet)
            for number, (time, packet) in enumerate(reader, 1)
        ]


def test_a_mapped_file_gives_every_packet() -> None:
    assert frames_of(CaptureFile(str(FIXTURE))) == truth_of(FIXTURE)


@pytest.mark.parametrize("window", [1, 300, 4096, 100_000])
def test_small_windows_give_the_same_packets(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "WINDOW", window)
    assert frames_of(CaptureFile(str(FIXTURE))) == truth_of(FIXTURE)


@pytest.mark.parametrize("window", [300, 32 << 20])
def test_a_pipe_gives_the_same_packets(
    window: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "WINDOW", window)
    pipe = tmp_path / "pipe"
    import os

    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(FIXTURE.read_bytes()))
    writer.start()
    assert frames_of(CaptureFile(str(pipe))) == truth_of(FIXTURE)
    writer.join()


def test_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with FIXTURE.open("rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        capture = CaptureFile("-")
        assert frames_of(capture) == truth_of(FIXTURE)
        assert capture.name == "stdin"


def test_progress_adds_up_to_the_size() -> None:
    done: list[int] = []
    for _ in CaptureFile(str(FIXTURE), done.append).batches():
        pass
    assert sum(done) == FIXTURE.stat().st_size


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"Dear Sir,\nplease find attached\n", "text"),
        (b"\x1f\x8b\x08\x00" + bytes(60), "gzip data"),
        (bytes(64), ""),
    ],
)
def test_what_is_no_capture_is_one_line(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "thing.pcap"
    path.write_bytes(content)
    with pytest.raises(UsageError) as error:
        frames_of(CaptureFile(str(path)))
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert told in str(error.value)


def test_a_missing_file_and_a_directory_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        frames_of(CaptureFile(str(tmp_path / "nowhere.pcap")))
    with pytest.raises(UsageError, match="is a directory"):
        frames_of(CaptureFile(str(tmp_path)))


def test_a_cut_capture_gives_the_packets_before_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcapng"
    path.write_bytes(FIXTURE.read_bytes()[:-50])
    capture = CaptureFile(str(path))
    assert frames_of(capture) == truth_of(FIXTURE)[:-1]
    assert capture.reader is not None
    assert [problem.severity for problem in capture.reader.problems] == ["error"]


def test_a_record_larger_than_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "WINDOW", 100)
    path = tmp_path / "large.pcap"
    packet = bytes(range(256)) * 40
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    record = struct.pack("<IIII", 1, 2, len(packet), len(packet)) + packet
    path.write_bytes(header + record * 3)
    assert [packet for _, _, packet in frames_of(CaptureFile(str(path)))] == [packet] * 3
