"""Captures that continue each other are one trace; captures that overlap are not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dpkt
import pandas as pd
import pytest

from pipelines import read_capture
from pipelines.ingest import CaptureFile, FirstPacket
from pipelines.rotation import Part, Runs, parts_of, unique_names
from pipelines.schema import TABLES

FIXTURES = Path(__file__).parents[2] / "fixtures"
SECOND = 1_000_000_000
OF_A_FRAME = re.compile(r"(\d+)-(\d+)(-\d+)?")

Packet = tuple[int, bytes]


def packets_of(path: Path) -> tuple[int, list[Packet]]:
    """Return link type, and time and bytes of every packet."""
    found, link_type = [], 1
    for batch in CaptureFile(str(path)).batches():
        link_type = int(batch.link_type[0])
        for start, length, time_ns in zip(
            batch.start, batch.captured_length, batch.time_ns, strict=True
        ):
            found.append((int(time_ns), batch.data[start : start + length].tobytes()))
    return link_type, found


def write(path: Path, link_type: int, packets: Sequence[Packet]) -> Path:
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=link_type, nano=True)
        for time_ns, data in packets:
            header = dpkt.pcap.LEPktHdr(
                tv_sec=time_ns // SECOND,
                tv_usec=time_ns % SECOND,
                caplen=len(data),
                len=len(data),
            )
            file.write(bytes(header) + data)
        assert writer
    return path


def write_pieces(folder: Path, capture: Path, ends: Sequence[int]) -> list[Path]:
    """Write the packets of `capture` to several files, cut at `ends`."""
    link_type, packets = packets_of(capture)
    bounds = [0, *ends, len(packets)]
    return [
        write(folder / f"piece_{number:04}.pcap", link_type, packets[start:end])
        for number, (start, end) in enumerate(itertools.pairwise(bounds))
    ]


def frames_of(trace: Any, before: dict[str, int] | None = None) -> dict[str, pd.DataFrame]:
    """Return every table but `captures`, frames numbered through, without what names files."""
    found = {}
    for name in TABLES:
        frame = getattr(trace, name).copy()
        if name == "captures":
            continue
        if before and "frame_number" in frame and "capture" in frame:
            frame["frame_number"] += frame["capture"].astype(str).map(before).astype("Int64")
        for column in ("capture", "recording", "previous_capture", "evidence"):
            frame = frame.drop(columns=column, errors="ignore")
        for column in [c for c in frame if c.endswith(("_id", "_key", "_of"))]:
            if column == "call_id":
                continue
            frame[column] = [numbered(one, before) for one in frame[column]]
        found[name] = summed(frame) if name == "expert" else frame
    return found


def summed(expert: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each kind of fault: those of packets are counted file by file."""
    kinds = expert.fillna({"spec": "", "flow_id": ""}).groupby(["layer", "summary", "spec"])
    return kinds.agg({"count": "sum", "frame_number": "min"}).reset_index()


def numbered(identifier: Any, before: dict[str, int] | None) -> str:
    """Return an id with its frame numbered through, and without the file's ordinal."""
    found = OF_A_FRAME.fullmatch(str(identifier))
    if not found:
        return str(identifier)
    shift = list(before.values())[int(found[1]) - 1] if before else 0
    return f"{int(found[2]) + shift}{found[3] or ''}"


def assert_same(whole: Any, divided: Any, before: dict[str, int]) -> None:
    expected, seen = frames_of(whole), frames_of(divided, before)
    for name in expected:
        pd.testing.assert_frame_equal(
            expected[name], seen[name], check_categorical=False, check_dtype=False, obj=name
        )


def before_each(pieces: Sequence[Path]) -> dict[str, int]:
    counts = [len(packets_of(piece)[1]) for piece in pieces]
    return dict(zip((p.name for p in pieces), itertools.accumulate([0, *counts]), strict=False))


def keys_of(case: str) -> list[Path]:
    return sorted((FIXTURES / case).glob("*.log"))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("parts", [2, 7])
def test_a_rotated_set_is_one_trace(parts: int, workers: int, tmp_path: Path) -> None:
    capture = FIXTURES / "skype_ringback" / "skype_ringback.pcapng"
    link_type, packets = packets_of(capture)
    whole = write(tmp_path / "whole.pcap", link_type, packets)
    step = len(packets) // parts
    pieces = write_pieces(tmp_path, capture, range(step, len(packets) - 1, step))
    keys = keys_of("skype_ringback")
    shuffled = [*pieces[1::2], *pieces[::2]]
    divided = read_capture(*pieces, keys=keys, workers=workers)
    assert_same(read_capture(whole, keys=keys, workers=1), divided, before_each(pieces))
    assert list(divided.captures["capture"]) == [piece.name for piece in pieces]
    assert list(divided.captures["packets"].cumsum())[-1] == len(packets)
    again = read_capture(*shuffled, keys=keys, workers=workers)
    assert len(again.messages) == len(divided.messages) == 167
    assert again.messages["message_id"].is_unique
    assert again.flows["flow_id"].is_unique


@pytest.mark.parametrize("name", ["retransmitted", "lost_body", "ip_fragments", "reordered"])
def test_cut_at_every_packet(name: str, tmp_path: Path) -> None:
    capture = FIXTURES / "damaged" / f"{name}.pcap"
    link_type, packets = packets_of(capture)
    packets.sort(key=lambda packet: packet[0])
    whole = write(tmp_path / "whole.pcap", link_type, packets)
    expected = read_capture(whole, workers=1)
    for cut in range(1, len(packets)):
        pieces = write_pieces(tmp_path, whole, [cut])
        divided = read_capture(*pieces, workers=1)
        assert_same(expected, divided, before_each(pieces))


def test_every_packet_in_a_file_of_its_own(tmp_path: Path) -> None:
    capture = FIXTURES / "damaged" / "retransmitted.pcap"
    _, packets = packets_of(capture)
    pieces = write_pieces(tmp_path, capture, range(1, len(packets)))
    divided = read_capture(*pieces, workers=1)
    assert_same(read_capture(capture, workers=1), divided, before_each(pieces))


def test_each_alone(tmp_path: Path) -> None:
    capture = FIXTURES / "damaged" / "retransmitted.pcap"
    pieces = write_pieces(tmp_path, capture, [8])
    together, alone = read_capture(*pieces), read_capture(*pieces, each=True)
    assert len(together.flows) == 1
    assert len(alone.flows) == 2
    assert list(alone.flows["capture"]) == [piece.name for piece in pieces]


def test_captures_that_overlap_are_apart(tmp_path: Path) -> None:
    """The same packets recorded at two places are not a stream with everything sent twice."""
    capture = FIXTURES / "damaged" / "retransmitted.pcap"
    link_type, packets = packets_of(capture)
    one = write(tmp_path / "here.pcap", link_type, packets)
    other = write(tmp_path / "there.pcap", link_type, packets)
    single, both = read_capture(one), read_capture(one, other)
    assert len(both.flows) == 2 * len(single.flows)
    assert both.flows["retransmitted_segments"].sum() == 2 * (
        single.flows["retransmitted_segments"].sum()
    )


def test_two_places_that_rotate(tmp_path: Path) -> None:
    """Files are taken for the continuation of the one that is named like them."""
    capture = FIXTURES / "damaged" / "retransmitted.pcap"
    link_type, packets = packets_of(capture)
    late = [(time_ns + 20_000, data) for time_ns, data in packets]
    pieces = [
        write(tmp_path / f"edge{place}_{number:03}.pcap", link_type, some)
        for place, there in ((1, packets), (2, late))
        for number, some in enumerate((there[:8], there[8:]))
    ]
    trace = read_capture(*pieces)
    assert len(trace.flows) == 2
    assert set(trace.flows["capture"]) == {"edge1_000.pcap", "edge2_000.pcap"}
    assert trace.flows["lost_bytes"].sum() == 0


def part(path: str, start_s: float, *, link_type: int = 1, kind: str = "pcap") -> Part:
    return Part(1, path, path, FirstPacket(kind, link_type, int(start_s * SECOND)))


@pytest.mark.parametrize(
    ("later", "continues"),
    [
        (part("b", 100), True),
        (part("b", 5000), True),
        (part("b", 99.5), True),
        (part("b", 98), False),
        (part("b", 0), False),
        (part("b", 100, link_type=113), False),
        (part("b", 100, kind="pcapng"), False),
        (Part(2, "-", "stdin", None), False),
    ],
)
def test_what_continues_what(later: Part, continues: bool) -> None:
    runs = Runs[str]()
    runs.keep("first", part("a", 0), 100 * SECOND)
    assert (runs.continued_by(later) == "first") is continues


def test_runs_without_successor_are_over() -> None:
    runs = Runs[str]()
    runs.keep("first", part("a", 0), SECOND)
    runs.keep("other", part("b", 0, link_type=113), SECOND)
    runs.keep("pipe", Part(3, "-", "stdin", None), SECOND)
    assert runs.without_successor([part("c", 5)]) == ["pipe", "other"]
    assert runs.without_successor([]) == ["first"]


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    capture = FIXTURES / "damaged" / "retransmitted.pcap"
    link_type, packets = packets_of(capture)
    for folder in ("fe01", "fe02"):
        (tmp_path / folder).mkdir()
    paths = [
        str(write(tmp_path / folder / "lync.pcap", link_type, packets))
        for folder in ("fe01", "fe02")
    ]
    assert list(read_capture(*paths).captures["capture"]) == paths
    assert unique_names(["x/a.pcap", "-"]) == ["a.pcap", "stdin"]


def test_what_cannot_be_read_stays_where_it_is(tmp_path: Path) -> None:
    text = tmp_path / "note.txt"
    text.write_text("hello")
    capture = FIXTURES / "damaged" / "retransmitted.pcap"
    parts = parts_of([str(capture), str(text)])
    assert [one.path for one in parts] == [str(text), str(capture)]
    trace = read_capture(capture, text)
    assert len(trace.captures) == 1
    assert any("note.txt" in problem for problem in trace.problems)
