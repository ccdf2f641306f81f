"""What a user names and what is meant by it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipelines import read_capture
from pipelines.errors import UsageError
from pipelines.inputs import expand

FIXTURES = Path(__file__).parents[2] / "fixtures"
CAPTURE = FIXTURES / "damaged" / "retransmitted.pcap"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with captures, one below, one packed, and other things."""
    made = tmp_path / "traces"
    (made / "fe01").mkdir(parents=True)
    for name in ("edge_1.pcap", "fe01/no_suffix", ".hidden.pcap"):
        shutil.copy(CAPTURE, made / name)
    shutil.copy(FIXTURES / "formats" / "tcpdump.pcap.zst", made / "packed.zst")
    (made / "notes.txt").write_text("what we saw")
    (made / "empty.pcap").write_bytes(b"")
    return made


def test_a_directory_means_the_captures_in_it(folder: Path) -> None:
    captures, notes = expand([str(folder)])
    names = ["edge_1.pcap", "packed.zst", "fe01/no_suffix"]
    assert captures == [str(folder / name) for name in names]
    assert notes == [f"{folder}: 2 files are no captures: empty.pcap, notes.txt"]


def test_a_directory_without_captures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="directory without captures"):
        expand([str(tmp_path)])


def test_patterns(folder: Path) -> None:
    assert expand([f"{folder}/edge*"])[0] == [str(folder / "edge_1.pcap")]
    assert expand([f"{folder}/**/no_*"])[0] == [str(folder / "fe01" / "no_suffix")]
    with pytest.raises(UsageError, match="no file matches"):
        expand([f"{folder}/nothing*"])


def test_a_name_that_looks_like_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "call[1].pcap"
    shutil.copy(CAPTURE, path)
    assert expand([str(path)]) == ([str(path)], [])


def test_what_is_missing_is_told_when_it_is_read(tmp_path: Path) -> None:
    assert expand([str(tmp_path / "missing.pcap"), "-"])[0] == [str(tmp_path / "missing.pcap"), "-"]


def test_nothing_is_read_twice(folder: Path) -> None:
    path = str(folder / "edge_1.pcap")
    assert expand([path, path, f"{folder}/edge*"])[0] == [path]


def test_an_archive_means_the_captures_in_it(tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(CAPTURE, "fe 01/lync.pcap")
        archive.write(FIXTURES / "formats" / "tcpdump.pcap.gz", "fe 02/lync.pcap.gz")
        archive.writestr("readme.txt", "hello")
    captures, notes = expand([str(path)])
    assert captures == [f"{path}/fe 01/lync.pcap", f"{path}/fe 02/lync.pcap.gz"]
    assert not notes
    trace = read_capture(path)
    assert list(trace.captures["packets"]) == [15, 15]
    assert list(trace.captures["compression"]) == ["zip", "zip, gzip"]


def test_an_archive_that_is_cut_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    path.write_bytes((FIXTURES / "formats" / "captures.zip").read_bytes()[:-200])
    trace = read_capture(path)
    assert list(trace.captures["packets"]) == [15]
    assert any("first file" in text for text in trace.expert["summary"])


def test_members_that_are_not_there(tmp_path: Path) -> None:
    archive = FIXTURES / "formats" / "captures.zip"
    with pytest.raises(UsageError, match="no such member"):
        read_capture(archive / "other.pcap")
    with pytest.raises(UsageError, match="no whole zip archive"):
        read_capture(CAPTURE / "member.pcap")


def test_objects_of_a_store(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.pipe("/traces/edge_1.pcap", CAPTURE.read_bytes())
    store.pipe("/traces/edge_2.pcap", CAPTURE.read_bytes())
    assert len(read_capture("memory://traces/edge_1.pcap").messages) == 4
    urls, _ = expand(["memory://traces/edge_*.pcap"])
    assert [url.rpartition("/")[2] for url in urls] == ["edge_1.pcap", "edge_2.pcap"]
    assert list(read_capture(urls[0], urls[1]).captures["packets"]) == [15, 15]
    with pytest.raises(UsageError, match="no object matches"):
        expand(["memory://traces/nothing*"])
    with pytest.raises(UsageError, match="memory://traces/missing"):
        read_capture("memory://traces/missing.pcap")


def test_stores_that_are_not_known() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(UsageError, match="nostore://bucket"):
        read_capture("nostore://bucket/edge.pcap")


def test_without_fsspec_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"pip install 'lyncshark\[remote\]'"):
        read_capture("s3://bucket/edge.pcap")


def test_commands_tell_what_they_left_out(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.summarize", "--each", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0
    assert "2 files are no captures" in done.stderr
    assert "edge_1.pcap" in done.stdout
