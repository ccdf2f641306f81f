"""TCP reassembly, against streams whose every byte is known, and against tshark."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import DissectError, LimitExceeded, Lost, Malformed
from dissectors.transport import reorder
from dissectors.transport.flow import Flow, FlowTable
from dissectors.transport.reassemble import Reassembler
from dissectors.transport.stream import StreamChunk
from tests.transport.packets import MS, START_NS, Packet, decode, down, number, up


@dataclass
class Outcome:
    """What came out of a capture, by flow and direction."""

    chunks: dict[tuple[int, int], list[StreamChunk]] = field(
        default_factory=lambda: defaultdict(list)
    )
    errors: list[DissectError] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)

    def data(self, direction: int = 0, flow: int | None = None) -> bytes:
        number = self.flows[0].number if flow is None else flow
        return b"".join(chunk.data for chunk in self.chunks[number, direction])

    def pieces(self, direction: int = 0) -> list[tuple[bytes, tuple[int, ...], int, int]]:
        """Bytes, frames, time and first time of each piece of the first flow."""
        found = []
        for chunk in self.chunks[self.flows[0].number, direction]:
            for start, stop, *rest in zip(
                [0, *chunk.ends],
                chunk.ends,
                chunk.frames,
                chunk.time_ns,
                chunk.first_time_ns,
                strict=False,
            ):
                found.append((chunk.data[start:stop], *rest))
        return found

    def told(self, kind: type[DissectError]) -> list[DissectError]:
        return [error for error in self.errors if type(error) is kind]


def run(batches: Sequence[Sequence[Packet]]) -> Outcome:
    """Reassemble batches of numbered packets; check what every chunk must fulfil."""
    table, reassembler, outcome = FlowTable(), Reassembler(), Outcome()
    seen: dict[int, Flow] = {}

    def take(items: Iterable[tuple[Flow, StreamChunk | DissectError]]) -> None:
        for flow, item in items:
            seen.setdefault(flow.number, flow)
            if isinstance(item, StreamChunk):
                outcome.chunks[flow.number, item.direction].append(item)
            else:
                outcome.errors.append(item)

    for packets in batches:
        batch = table.assign(decode(packets))
        for flow in batch.flows:
            seen.setdefault(flow.number, flow)
        take(reassembler.push(batch))
    take(reassembler.finish())
    assert reassembler._bounds.cost == 0
    assert not reassembler._bounds.waiting
    assert reassembler._bounds._remembered == 0
    outcome.flows = [seen[number] for number in sorted(seen)]
    check(outcome)
    return outcome


def check(outcome: Outcome) -> None:
    for chunks in outcome.chunks.values():
        times = [time for chunk in chunks for time in chunk.time_ns]
        assert times == sorted(times)
        for chunk in chunks:
            assert chunk.data
            assert chunk.ends[-1] == len(chunk.data)
            assert all(a < b for a, b in pairwise([0, *chunk.ends]))
            assert (
                len(chunk.ends)
                == len(chunk.frames)
                == len(chunk.time_ns)
                == len(chunk.first_time_ns)
            )
            assert all(frames and list(frames) == sorted(set(frames)) for frames in chunk.frames)
            assert bool(chunk.gap_before) == bool(chunk.gap_reason)
            assert type(chunk.data) is bytes
    for error in outcome.errors:
        assert error.layer == "tcp"
        assert error.frame_number
        assert error.time_ns
    numbers = {flow.number: flow for flow in outcome.flows}
    gaps: dict[int, int] = defaultdict(int)
    for (flow_number, _), chunks in outcome.chunks.items():
        gaps[flow_number] += sum(max(chunk.gap_before, 0) for chunk in chunks)
    for flow_number, lost in gaps.items():
        assert lost <= numbers[flow_number].lost_bytes


def split(packets: Sequence[Packet], cuts: Iterable[int]) -> list[Sequence[Packet]]:
    edges = [0, *sorted(cuts), len(packets)]
    return [packets[a:b] for a, b in pairwise(edges)]


def one(packets: Sequence[Packet]) -> Outcome:
    """Reassemble as one batch, and packet by packet: both must agree."""
    packets = number(packets)
    whole, single = run([packets]), run([[packet] for packet in packets])
    for direction in (0, 1):
        assert whole.pieces(direction) == single.pieces(direction)
        assert gaps(whole, direction) == gaps(single, direction)
    assert sorted(map(str, whole.errors)) == sorted(map(str, single.errors))
    assert [counters(flow) for flow in whole.flows] == [counters(flow) for flow in single.flows]
    return whole


def gaps(outcome: Outcome, direction: int = 0) -> list[tuple[int, int, str]]:
    """Offset, size and reason of each gap in the first flow."""
    offset, found = 0, []
    for chunk in outcome.chunks[outcome.flows[0].number, direction]:
        if chunk.gap_before:
            found.append((offset, chunk.gap_before, chunk.gap_reason))
        offset += len(chunk.data)
    return found


def counters(flow: Flow) -> tuple[object, ...]:
    return (
        flow.number,
        flow.initiator,
        flow.client,
        flow.packets,
        flow.payload_bytes,
        flow.lost_bytes,
        flow.retransmitted_segments,
        flow.out_of_order_segments,
        flow.zero_windows,
        flow.end,
        flow.start_time_ns,
        flow.end_time_ns,
    )


ISN = 1000


def shake() -> list[Packet]:
    return [up(ISN, flags="S"), down(5000, flags="SA", ack=ISN + 1), up(ISN + 1, ack=5001)]


class TestInOrder:
    def test_handshake_data_and_close(self) -> None:
        out = one(
            [
                *shake(),
                up(1001, b"INVITE", ms=1),
                up(1007, b" sip:", ms=2),
                down(5001, b"SIP/2.0 100", ms=3, ack=1012),
                up(1012, b"", "FA", ms=4),
                down(5012, b"", "FA", ms=5, ack=1013),
                up(1013, ack=5013, ms=6),
            ]
        )
        assert out.pieces(0) == [
            (b"INVITE", (4,), START_NS + MS, START_NS + MS),
            (b" sip:", (5,), START_NS + 2 * MS, START_NS + 2 * MS),
        ]
        assert out.data(1) == b"SIP/2.0 100"
        assert not out.errors
        flow = out.flows[0]
        assert (flow.end, flow.initiator, flow.lost_bytes) == ("fin", "syn", 0)
        assert flow.retransmitted_segments == flow.out_of_order_segments == 0

    def test_a_batch_gives_one_chunk_per_direction(self) -> None:
        packets = number([*shake(), *(up(1001 + 10 * i, b"x" * 10, ms=i) for i in range(100))])
        out = run([packets])
        (chunk,) = out.chunks[1, 0]
        assert chunk.frames == [(i,) for i in range(4, 104)]

    def test_client_first(self) -> None:
        packets = number([*shake(), up(1001, b"hello", ms=1), down(5001, b"olleh", ms=2)])
        out = []
        batch = FlowTable().assign(decode(packets))
        for _, item in Reassembler().push(batch):
            out.append(item)
        assert [chunk.direction for chunk in out if isinstance(chunk, StreamChunk)] == [0, 1]

    def test_server_that_speaks_first(self) -> None:
        packets = number([*shake(), down(5001, b"220 hello", ms=1), up(1001, b"EHLO", ms=2)])
        batch = FlowTable().assign(decode(packets))
        items = [item for _, item in Reassembler().push(batch)]
        assert [item.direction for item in items if isinstance(item, StreamChunk)] == [1, 0]

    def test_one_direction_only(self) -> None:
        out = one([up(ISN, flags="S"), up(1001, b"abc"), up(1004, b"def"), up(1007, flags="FA")])
        assert out.data() == b"abcdef"
        assert not out.errors

    def test_only_the_syn_ack_was_seen(self) -> None:
        out = one(
            [down(5000, flags="SA", ack=1001), up(1004, b"def", ms=1), up(1001, b"abc", ms=2)]
        )
        assert out.data() == b"abcdef"
        assert out.flows[0].client == 0
        assert out.flows[0].client_port == 50000

    def test_syn_with_data(self) -> None:
        out = one([up(ISN, b"early", "S"), down(5000, flags="SA", ack=1006), up(1006, b" late")])
        assert out.data() == b"early late"
        assert len(out.flows) == 1

    def test_data_before_its_syn(self) -> None:
        out = one([up(1001, b"abc"), up(ISN, flags="S", ms=1), up(1004, b"def", ms=2)])
        assert out.data() == b"abcdef"
        assert len(out.flows) == 1

    def test_time_that_runs_backwards(self) -> None:
        out = one([up(ISN, flags="S"), *(up(1001 + i, b"x", ms=9 - i) for i in range(6))])
        assert [piece[2] for piece in out.pieces()] == [START_NS + 9 * MS] * 6
        assert [piece[3] for piece in out.pieces()] == [START_NS + (9 - i) * MS for i in range(6)]

    def test_sequence_numbers_wrap(self) -> None:
        out = one(
            [
                up(2**32 - 4, flags="S"),
                up(2**32 - 3, b"abc"),
                up(0, b"def"),
                up(6, b"jkl"),
                up(3, b"ghi"),
            ]
        )
        assert out.data() == b"abcdefghijkl"
        assert not out.errors


class TestOutOfOrder:
    def test_frames_and_times(self) -> None:
        out = one(
            [*shake(), up(1004, b"def", ms=1), up(1007, b"ghi", ms=2), up(1001, b"abc", ms=3)]
        )
        assert out.pieces() == [
            (b"abc", (6,), START_NS + 3 * MS, START_NS + 3 * MS),
            (b"def", (4, 6), START_NS + 3 * MS, START_NS + MS),
            (b"ghi", (5, 6), START_NS + 3 * MS, START_NS + 2 * MS),
        ]
        assert out.flows[0].out_of_order_segments == 2
        assert out.flows[0].retransmitted_segments == 0
        assert not out.errors

    def test_retransmission(self) -> None:
        out = one([*shake(), up(1001, b"abc"), up(1001, b"abc", ms=1), up(1004, b"def", ms=2)])
        assert out.data() == b"abcdef"
        assert out.flows[0].retransmitted_segments == 1
        assert not out.errors

    def test_retransmission_with_other_boundaries(self) -> None:
        out = one([*shake(), up(1001, b"abcd"), up(1003, b"cdefgh"), up(1001, b"abcdefghij")])
        assert [piece[0] for piece in out.pieces()] == [b"abcd", b"efgh", b"ij"]
        assert out.flows[0].retransmitted_segments == 0
        assert not out.errors

    def test_every_packet_twice(self) -> None:
        """As mirror ports deliver them: still one chunk, with the first copies' frames."""
        data = [up(1001 + 3 * i, b"%03d" % i, ms=i // 2) for i in range(100)]
        twice = [packet for packet in [*shake(), *data] for packet in (packet, replace(packet))]
        out = run([number(twice)])
        (chunk,) = out.chunks[1, 0]
        assert chunk.frames == [(7 + 2 * i,) for i in range(100)]
        assert out.flows[0].retransmitted_segments == 100
        assert not out.errors

    @pytest.mark.parametrize("age", [0, 1, 15, 16, 17, 40])
    def test_differences_are_seen_at_any_distance(self, age: int) -> None:
        data = [up(1001 + i, b"x", ms=i) for i in range(50)]
        out = one([*shake(), *data, up(1001 + 48 - age, b"xy", ms=60)])
        assert len(out.told(Malformed)) == 1
        again = one([*shake(), *data, up(1001 + 48 - age, b"xx", ms=60)])
        assert not again.errors

    def test_first_copy_wins_among_delivered(self) -> None:
        out = one([*shake(), up(1001, b"abc"), up(1004, b"def"), up(1002, b"XYdeZgh", ms=3)])
        assert out.data() == b"abcdefgh"
        (error,) = out.told(Malformed)
        assert (error.frame_number, error.severity) == (6, "warning")
        assert error.spec == "RFC 9293 §3.10.7.4"

    def test_first_copy_wins_among_waiting(self) -> None:
        out = one([*shake(), up(1004, b"def"), up(1001, b"abcXXXghi")])
        assert out.data() == b"abcdefghi"
        assert len(out.told(Malformed)) == 1

    def test_holes_filled_from_within(self) -> None:
        out = one([*shake(), up(1003, b"c"), up(1005, b"e"), up(1007, b"g"), up(1001, b"abcdefgh")])
        assert out.data() == b"abcdefgh"
        assert out.flows[0].out_of_order_segments == 3
        assert not out.errors

    def test_swapped_first_segments_without_syn(self) -> None:
        out = one([up(1004, b"def"), up(1001, b"abc", ms=1), up(1007, b"ghi", ms=2)])
        assert out.data() == b"abcdefghi"
        assert out.pieces()[1][1] == (1, 2)
        assert not out.errors

    def test_fin_before_the_data(self) -> None:
        out = one([*shake(), up(1004, b"def", "FA"), up(1001, b"abc", ms=300)])
        assert out.data() == b"abcdef"
        assert not out.errors

    def test_keep_alives_are_no_data(self) -> None:
        out = one([*shake(), up(1001, b"abc"), up(1003, b"\0"), up(1003), up(1004, b"def")])
        assert out.data() == b"abcdef"
        assert out.flows[0].retransmitted_segments == 0
        assert not out.errors

    def test_keep_alive_in_front_of_a_capture(self) -> None:
        out = one([up(1003, b"\0"), up(1003, b"\0", ms=5000), up(1004, b"INVITE", ms=6000)])
        assert out.data() == b"INVITE"
        assert not out.errors

    def test_keep_alive_in_front_of_a_gapless_stretch(self) -> None:
        data = [up(1001 + 3 * i, b"%03d" % i, ms=i) for i in range(6)]
        out = one([up(1000, b"\0"), *data])
        assert out.data() == b"000001002003004005"

    def test_zero_window_probe_is_data(self) -> None:
        out = one(
            [
                *shake(),
                up(1001, b"abc"),
                down(5001, ack=1004, window=0),
                up(1004, b"d", ms=500),
                down(5001, ack=1004, window=0),
                up(1004, b"d", ms=900),
                up(1004, b"def", ms=1000),
            ]
        )
        assert out.data() == b"abcdef"
        assert out.flows[0].zero_windows == 2
        assert not out.errors

    def test_data_after_fin(self) -> None:
        out = one([*shake(), up(1001, b"abc", "FA"), up(1004, b"def"), up(1002, b"bcdef")])
        assert out.data() == b"abc"
        assert len(out.told(Malformed)) == 1

    def test_late_retransmission_after_both_fins(self) -> None:
        out = one(
            [
                *shake(),
                up(1001, b"abc", "FA"),
                down(5001, flags="FA", ack=1005),
                up(1001, b"abc", "FA", ms=200),
            ]
        )
        assert out.data() == b"abc"
        assert len(out.flows) == 1
        assert out.flows[0].retransmitted_segments == 1


class TestLoss:
    def test_acknowledged_but_not_captured(self) -> None:
        out = one(
            [
                *shake(),
                up(1001, b"abc"),
                up(1007, b"ghi", ms=10),
                down(5001, ack=1010, ms=20),
                up(1010, b"jkl", ms=500),
                up(1013, b"mno", ms=1100),
            ]
        )
        assert out.data() == b"abcghijklmno"
        assert gaps(out) == [(3, 3, reorder.LOST_ACKED)]
        assert [piece[1] for piece in out.pieces()] == [(4,), (5,), (7,), (8,)]
        assert out.pieces()[1][2] == START_NS + 10 * MS
        (error,) = out.told(Lost)
        assert error.frame_number == 5
        assert "3 bytes" in error.summary
        assert out.flows[0].lost_bytes == 3
        assert out.flows[0].out_of_order_segments == 0

    def test_not_given_up_before_a_second(self) -> None:
        out = one(
            [
                *shake(),
                up(1004, b"def", ms=10),
                down(5001, ack=1007, ms=20),
                up(1001, b"abc", ms=900),
            ]
        )
        assert out.data() == b"abcdef"
        assert not out.errors

    def test_given_up_amid_a_gapless_stretch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What waits behind a gap waits together, but no longer than one by one."""
        monkeypatch.setattr(reorder, "QUEUE_BYTES", 20 * (reorder.SEGMENT_COST + 3))
        later = [up(1005 + 3 * i, b"%03d" % i, ms=100 * i) for i in range(40)]
        ack = down(5001, ack=1011, ms=350)
        out = one([*shake(), *later[:3], ack, *later[3:], up(1001, b"abcd", ms=3950)])
        assert gaps(out) == [(0, 4, reorder.LOST_ACKED)]
        assert out.data() == b"".join(b"%03d" % i for i in range(40))
        assert not out.told(LimitExceeded)
        in_time = one([*shake(), *later[:3], ack, *later[3:13], up(1001, b"abcd", ms=1310)])
        assert in_time.data().startswith(b"abcd000001")

    def test_waits_together_up_to_its_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reorder, "QUEUE_BYTES", 10 * (reorder.SEGMENT_COST + 3))
        later = [up(1005 + 3 * i, b"%03d" % i, ms=i) for i in range(40)]
        out = one([*shake(), *later])
        assert len(out.told(LimitExceeded)) == 1
        assert out.data() == b"".join(b"%03d" % i for i in range(40))

    def test_never_acknowledged(self) -> None:
        out = one([*shake(), up(1001, b"abc"), down(5001, ack=1004), up(1007, b"ghi")])
        assert gaps(out) == [(3, 3, reorder.LOST_UNACKED)]

    def test_one_way_capture(self) -> None:
        out = one([up(ISN, flags="S"), up(1001, b"abc"), up(1007, b"ghi")])
        assert gaps(out) == [(3, 3, reorder.LOST_ONE_WAY)]

    def test_a_minute_is_enough(self) -> None:
        packets = [*shake(), up(1004, b"def"), up(1001, b"abc", ms=61_000)]
        out = one(packets)
        assert out.data() == b"def"
        assert len(out.told(Lost)) == 2
        assert "came after" in out.told(Lost)[1].summary

    def test_reset_gives_up_after_a_second(self) -> None:
        out = one(
            [*shake(), up(1004, b"def", ms=1), down(5001, flags="R", ms=2), up(1007, b"g", ms=1100)]
        )
        assert out.data() == b"defg"
        assert gaps(out)[0][1] == 3
        assert out.flows[0].end == "rst"

    def test_data_overtaken_by_the_reset(self) -> None:
        out = one(
            [*shake(), up(1004, b"def", ms=1), up(1007, flags="R", ms=2), up(1001, b"abc", ms=3)]
        )
        assert out.data() == b"abcdef"
        assert not out.errors

    def test_text_in_a_reset_is_no_data(self) -> None:
        out = one([*shake(), up(1001, b"abc"), up(1004, b"go away", "RA")])
        assert out.data() == b"abc"

    def test_new_syn_ends_the_old_flow_first(self) -> None:
        out = run(
            [number([*shake(), up(1004, b"def"), up(99, flags="S", ms=9), up(100, b"new", ms=10)])]
        )
        assert [flow.number for flow in out.flows] == [1, 5]
        assert out.data(0, 1) == b"def"
        assert out.data(0, 5) == b"new"
        assert len(out.told(Lost)) == 1

    def test_several_holes(self) -> None:
        stream = bytes(range(100))
        kept = [i for i in range(0, 100, 10) if i not in (20, 50, 60)]
        packets = [*shake(), *(up(1001 + i, stream[i : i + 10], ms=i) for i in kept)]
        packets += [down(5001, ack=1101, ms=100), up(1101, b"end", ms=3000)]
        out = one(packets)
        assert [(size, reason) for _, size, reason in gaps(out)] == [
            (10, reorder.LOST_ACKED),
            (20, reorder.LOST_ACKED),
        ]
        assert out.data() == b"".join(stream[i : i + 10] for i in kept) + b"end"

    def test_missing_tail_is_told(self) -> None:
        out = one([*shake(), up(1001, b"abc"), down(5001, ack=1010, ms=5)])
        (error,) = out.told(Lost)
        assert "6 bytes missing at the end" in error.summary
        assert out.flows[0].lost_bytes == 6

    def test_an_uncaptured_fin_is_no_missing_byte(self) -> None:
        out = one([*shake(), up(1001, b"abc"), down(5001, ack=1005, ms=5)])
        assert not out.errors

    def test_missing_tail_before_a_fin(self) -> None:
        out = one([*shake(), up(1001, b"abc"), up(1007, flags="FA", ms=5)])
        assert out.flows[0].lost_bytes == 3

    def test_snapped_segment(self) -> None:
        out = one(
            [
                *shake(),
                up(1001, b"abcd", sent=10),
                up(1011, b"klm", ms=1),
                down(5001, ack=1014, ms=2),
                up(1014, b"nop", ms=2000),
            ]
        )
        assert out.data() == b"abcdklmnop"
        assert gaps(out) == [(4, 6, reorder.LOST_CUT)]

    def test_retransmission_fills_a_snapped_segment(self) -> None:
        out = one([*shake(), up(1001, b"abcd", sent=10), up(1011, b"klm"), up(1001, b"abcdefghij")])
        assert out.data() == b"abcdefghijklm"
        assert not out.errors

    def test_only_headers_were_captured(self) -> None:
        out = one([*shake(), up(1001, b"", sent=10), up(1011, b"", sent=10)])
        assert out.data() == b""
        assert out.flows[0].lost_bytes == 20
        assert reorder.LOST_CUT in out.told(Lost)[0].summary


class TestStrays:
    def test_far_outside_the_window(self) -> None:
        out = one([*shake(), up(1001, b"abc"), up(1001 + 2**31, b"evil"), up(1004, b"def")])
        assert out.data() == b"abcdef"
        assert len(out.told(Malformed)) == 1

    def test_many_strays_are_counted(self) -> None:
        strays = [up(2**31 + 2**26 * i, b"evil") for i in range(20)]
        out = one([*shake(), up(1001, b"abc"), *strays])
        assert out.data() == b"abc"
        assert "20 segments" in out.told(Malformed)[-1].summary

    def test_a_stream_that_jumped_is_followed(self) -> None:
        far = 3_000_000_000
        packets = [*shake(), up(1001, b"abc")]
        packets += [up(far + i, b"%d" % (i % 10), ms=i) for i in range(20)]
        out = one(packets)
        assert out.data() == b"abc" + b"0123456789" * 2
        assert gaps(out) == [(3, -1, reorder.JUMPED)]
        assert len(out.told(Lost)) == 1

    def test_a_wrong_beginning_is_left(self) -> None:
        packets = [up(77, b"old", ms=0), *(up(3_000_000_000 + i, b"x", ms=i) for i in range(20))]
        assert one(packets).data().endswith(b"x" * 20)


class TestBounds:
    def test_a_direction_gives_up_beyond_its_bound(self) -> None:
        size = 60_000
        packets = [*shake(), *(up(1002 + i * size, b"x" * size, ms=i) for i in range(90))]
        out = run([number(packets)])
        assert len(out.data()) == 90 * size
        assert len(out.told(LimitExceeded)) == 1
        assert out.told(LimitExceeded)[0].frame_number == 4

    def test_all_together_give_up_beyond_their_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reorder, "TOTAL_BYTES", 10_000)
        packets = [up(ISN, flags="S", src=(1, port)) for port in range(2000, 2100)]
        packets += [up(1002, b"x" * 300, src=(1, port)) for port in range(2000, 2100)]
        packets += [up(1001, b"x", src=(1, port)) for port in range(2000, 2100)]
        out = run(split(number(packets), [100, 150, 200]))
        complete = sum(len(out.data(0, flow.number)) == 301 for flow in out.flows)
        assert 10 <= complete <= 18
        assert len(out.told(LimitExceeded)) == 100 - complete

    def test_without_a_beginning_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reorder, "TOTAL_BYTES", 10_000)
        packets = [up(1002, b"x" * 300, src=(1, port)) for port in range(2000, 4000)]
        out = run(split(number(packets), [100, 1000]))
        assert all(out.data(0, flow.number) == b"x" * 300 for flow in out.flows)

    def test_differences_are_seen_only_within_the_history(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reorder, "HISTORY_BYTES", 1000)
        data = [up(1001 + i * 100, b"x" * 100, ms=i) for i in range(20)]
        out = run(
            [[p] for p in number([*shake(), *data, up(1001, b"y" * 100), up(2901, b"y" * 100)])]
        )
        assert len(out.told(Malformed)) == 1
        assert out.flows[0].retransmitted_segments == 2

    def test_ignored_flows_cost_nothing(self) -> None:
        table, reassembler = FlowTable(), Reassembler()
        packets = number([*shake(), up(1001, b"abc"), up(1010, b"xyz"), up(1013, b"abc")])
        batch = table.assign(decode(packets[:5]))
        assert list(reassembler.push(batch))
        batch.flows[0].ignored = True
        assert not list(reassembler.push(table.assign(decode(packets[5:]))))
        assert not list(reassembler.finish())
        assert reassembler._bounds.cost == 0

    def test_ignored_while_its_chunks_are_read(self) -> None:
        batch = FlowTable().assign(decode(number([*shake(), up(1001, b"abc"), down(5001, b"xyz")])))
        taken = 0
        for flow, _ in Reassembler().push(batch):
            flow.ignored = True
            taken += 1
        assert taken == 1

    def test_hostile_order_is_not_quadratic(self) -> None:
        packets = [*shake(), *(up(1001 + 2 * i, b"x") for i in reversed(range(1, 30_000)))]
        packets.append(up(1001, b"y" * 60_000))
        run([number(packets)])


# Streams whose every byte is known


@dataclass
class Scenario:
    packets: list[Packet]
    stream: bytes
    lost: list[tuple[int, int]]


def stream_of(size: int) -> bytes:
    """Bytes that differ at every offset, so that no misplaced piece goes unnoticed."""
    return random.Random(7).randbytes(size)


@st.composite
def scenarios(draw: st.DrawFn, *, loss: bool = False) -> Scenario:
    """A stream cut, reordered, duplicated, retransmitted with other boundaries, perhaps lossy."""
    size = draw(st.integers(1, 400))
    stream = stream_of(size)
    rng = random.Random(draw(st.integers(0, 2**32)))
    base = draw(st.sampled_from([0, 1000, 2**31 - 100, 2**32 - 200, 2**32 - 1]))
    with_syn = loss or draw(st.booleans())
    edges = sorted({0, size, *(rng.randrange(size) for _ in range(draw(st.integers(0, 25))))})
    cuts = list(pairwise(edges))
    repeats = [
        tuple(sorted(rng.sample(range(size + 1), 2))) for _ in range(draw(st.integers(0, 6)))
    ]
    lost = {cut for cut in cuts[1:-1] if loss and rng.random() < 0.2}
    sent = [cut for cut in cuts if cut not in lost]
    in_order, sent = sent, []
    for cut in in_order:
        # A beginning that no SYN shows is looked for among the first four segments.
        low = 0 if with_syn or len(sent) < 3 else 3
        sent.insert(rng.randint(max(len(sent) - 4, low), len(sent)), cut)
    if not loss:
        for repeat in repeats:
            sent.insert(rng.randint(max(len(sent) // 2, min(len(sent), 3)), len(sent)), repeat)
    packets = [up(base, flags="S")] if with_syn else []
    for index, (low, high) in enumerate(sent):
        if low < high:
            packets.append(up(base + 1 + low, stream[low:high], ms=index))
        if rng.random() < 0.3:
            packets.append(down(1, ack=(base + 1) % 2**32, ms=index))
    return Scenario(number(packets), stream, sorted(lost))


def segment_cuts(packets: Sequence[Packet], seed: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(len(packets) + 1) for _ in range(rng.randrange(6))]


@given(scenarios(), st.integers(0, 1000))
@settings(max_examples=150, deadline=None)
def test_nothing_lost_nothing_invented(scenario: Scenario, seed: int) -> None:
    packets = scenario.packets
    whole = run([packets])
    assert whole.data() == scenario.stream
    assert not whole.errors
    assert whole.flows[0].lost_bytes == 0
    for cuts in (segment_cuts(packets, seed), range(1, len(packets))):
        again = run(split(packets, cuts))
        assert again.data() == scenario.stream
        assert again.pieces() == whole.pieces()
        assert counters(again.flows[0]) == counters(whole.flows[0])
    check_provenance(whole, packets)


def check_provenance(outcome: Outcome, packets: Sequence[Packet]) -> None:
    """Each byte was available when its piece says, and from the frames that it names."""
    by_frame = {packet.frame: packet for packet in packets}
    for data, frames, time_ns, first_time_ns in outcome.pieces():
        assert data in by_frame[frames[0]].data
        assert first_time_ns == by_frame[frames[0]].time_ns
        assert time_ns >= by_frame[frames[-1]].time_ns


@given(scenarios(loss=True), st.integers(0, 1000))
@settings(max_examples=150, deadline=None)
def test_what_is_lost_is_told(scenario: Scenario, seed: int) -> None:
    packets = scenario.packets
    whole = run([packets])
    rebuilt, position = [], 0
    for chunk in whole.chunks[whole.flows[0].number, 0]:
        assert chunk.gap_before >= 0
        position += chunk.gap_before
        assert chunk.data == scenario.stream[position : position + len(chunk.data)]
        rebuilt.append((position, position + len(chunk.data)))
        position += len(chunk.data)
    assert position == len(scenario.stream)
    missing = sum(high - low for low, high in scenario.lost)
    assert whole.flows[0].lost_bytes == missing
    assert sum(c.gap_before for c in whole.chunks[whole.flows[0].number, 0]) == missing
    assert bool(whole.told(Lost)) == bool(missing)
    again = run(split(packets, segment_cuts(packets, seed)))
    assert again.pieces() == whole.pieces()
    assert gaps(again) == gaps(whole)


@st.composite
def nonsense(draw: st.DrawFn) -> list[Packet]:
    """Headers without rhyme or reason."""
    seqs = st.sampled_from([0, 1, 2, 3, 5, 9, 2**31, 2**32 - 1, 2**32 - 2, 2**30, 2**24])
    steps = st.sampled_from([0, 1, 500, 2000, 70_000])
    flags = st.sampled_from(["A"] * 12 + ["S", "SA", "FA", "R", "RA", "F", "SFRA", ""])
    packets, ms = [], 0
    for _ in range(draw(st.integers(0, 30))):
        make, payload = draw(st.sampled_from([up, down])), draw(st.binary(max_size=6))
        ms += draw(steps)
        more = {"ack": draw(seqs), "sent": len(payload) + draw(st.sampled_from([0, 0, 0, 4]))}
        packets.append(make(draw(seqs), payload, draw(flags), ms=ms, **more))
    return number(packets)


@given(nonsense())
@settings(max_examples=100, deadline=None)
def test_anything_gives_bytes_or_errors(packets: list[Packet]) -> None:
    """No crash, no bound left; and the same however it is batched.

    But for a SYN that comes after data of its connection: it helps the data of its own batch, and
    comes too late for what was delivered in an earlier one.
    """
    whole, single = run([packets]), run([[packet] for packet in packets])
    assert [counters(f)[:5] for f in whole.flows] == [counters(f)[:5] for f in single.flows]
    if not any("S" in packet.flags for packet in packets[1:]):
        assert {key: found_in(whole, key) for key in whole.chunks} == {
            key: found_in(single, key) for key in single.chunks
        }
        assert [counters(f) for f in whole.flows] == [counters(f) for f in single.flows]


def found_in(outcome: Outcome, key: tuple[int, int]) -> tuple[object, ...]:
    chunks = outcome.chunks[key]
    return (
        b"".join(chunk.data for chunk in chunks),
        [frames for chunk in chunks for frames in chunk.frames],
        [time for chunk in chunks for time in chunk.time_ns],
        [time for chunk in chunks for time in chunk.first_time_ns],
        [chunk.gap_before for chunk in chunks if chunk.gap_before],
    )
