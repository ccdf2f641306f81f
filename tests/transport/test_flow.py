"""Flows: who is the client, where one ends and another begins, and what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.errors import LimitExceeded
from dissectors.transport.flow import (
    Flow,
    FlowBatch,
    FlowTable,
    format_address,
    guess_direction,
    udp_candidates,
)
from dissectors.transport.layers import TCP, UDP
from tests.transport.packets import (
    CLIENT,
    MS,
    SERVER,
    START_NS,
    Packet,
    datagram,
    decode,
    down,
    number,
    up,
)

A, B = (CLIENT, 50000), (SERVER, 5061)


def run(batches: Sequence[Sequence[Packet]], table: FlowTable | None = None) -> list[Flow]:
    """All flows by number, after batches and the end of the capture."""
    table = table or FlowTable()
    found: dict[int, Flow] = {}
    ended: list[Flow] = []
    for packets in batches:
        batch = table.assign(decode(packets))
        agree(batch)
        ended += batch.finished
        found.update((flow.number, flow) for flow in batch.flows)
    ended += table.finish()
    assert len(table) == 0
    assert sorted(flow.number for flow in ended) == sorted(found)
    return [found[key] for key in sorted(found)]


def agree(batch: FlowBatch) -> None:
    """Each row's sender is whom its flow and direction name."""
    for row, index, direction in zip(
        batch.rows.tolist(), batch.flow_index.tolist(), batch.direction.tolist(), strict=False
    ):
        flow, layers = batch.flows[index], batch.layers
        sender = (layers.src_high[row], layers.src_low[row], layers.src_port[row])
        assert flow.endpoints[direction][1:] == sender
        assert flow.number <= layers.frame_number[row]


def both(packets: Sequence[Packet]) -> list[Flow]:
    """Flows of packets in one batch; one packet a batch gives the same."""
    packets = number(packets)
    whole, single = run([packets]), run([[packet] for packet in packets])
    assert [facts(flow) for flow in whole] == [facts(flow) for flow in single]
    return whole


def facts(flow: Flow) -> tuple[object, ...]:
    return tuple(getattr(flow, name) for name in Flow.__slots__ if name not in ("seen_ns",))


class TestClient:
    def test_sends_the_syn(self) -> None:
        (flow,) = both([up(1, flags="S", src=B, dst=A)])
        assert (flow.initiator, flow.client_port, flow.server_port) == ("syn", 5061, 50000)

    def test_receives_the_syn_ack(self) -> None:
        (flow,) = both([down(1, flags="SA", src=B, dst=A)])
        assert (flow.initiator, flow.client_port) == ("syn", 5061)

    def test_has_the_port_that_is_not_well_known(self) -> None:
        (flow,) = both([down(1, b"x")])
        assert (flow.initiator, flow.client_ip, flow.client_port) == ("port", "10.0.0.1", 50000)
        assert (flow.server_ip, flow.server_port) == ("10.0.0.2", 5061)
        assert flow.packets == [0, 1]

    @pytest.mark.parametrize(
        ("source", "target", "protocol", "expected"),
        [
            (5061, 1025, TCP, (1, "port")),
            (1025, 5061, TCP, (0, "port")),
            (443, 80, TCP, (1, "port")),
            (5060, 5061, TCP, (0, "first")),
            (50000, 8057, TCP, (0, "port")),
            (8057, 50000, TCP, (1, "port")),
            (8057, 8057, TCP, (0, "first")),
            (50000, 8057, UDP, (0, "first")),
            (3478, 50000, UDP, (0, "first")),
            (53, 50000, UDP, (1, "port")),
            (5060, 5060, UDP, (0, "first")),
        ],
    )
    def test_is_guessed_by_port(
        self, source: int, target: int, protocol: int, expected: tuple[int, str]
    ) -> None:
        assert guess_direction(source, target, protocol) == expected

    def test_is_told_by_content_without_turning_directions(self) -> None:
        (flow,) = both([down(1, b"x")])
        flow.set_client(1)
        assert (flow.initiator, flow.client_port, flow.server_port) == ("content", 5061, 50000)
        assert flow.port(0) == 50000
        assert flow.packets == [0, 1]

    def test_content_does_not_overrule_a_syn(self) -> None:
        (flow,) = both([up(1, flags="S")])
        flow.set_client(1)
        assert (flow.initiator, flow.client) == ("syn", 0)

    def test_a_syn_captured_late_names_the_client(self) -> None:
        (flow,) = both([up(8, b"x", src=B, dst=A), up(7, flags="S", src=B, dst=A)])
        assert (flow.initiator, flow.client_port) == ("syn", 5061)
        assert flow.port(0) == 50000

    def test_syn_ack_captured_before_the_syn(self) -> None:
        (flow,) = both([down(9, flags="SA", ack=8), up(7, flags="S"), up(8, ack=10)])
        assert flow.client_port == 50000

    def test_own_endpoint(self) -> None:
        """The packet of a LAND attack: both endpoints are one."""
        (flow,) = both([up(1, flags="S", dst=A), up(2, b"x", dst=A)])
        assert flow.packets == [2, 0]


class TestBeginAndEnd:
    def test_syn_again_is_the_same_connection(self) -> None:
        assert len(both([up(1, flags="S"), up(1, flags="S", ms=3000)])) == 1

    def test_syn_with_another_number_is_another(self) -> None:
        flows = both([up(1, flags="S"), up(2, b"ab"), up(99, flags="S"), up(100, b"cde")])
        assert [(f.number, f.payload_bytes[0], f.end) for f in flows] == [
            (1, 2, "open"),
            (3, 3, "open"),
        ]

    def test_any_syn_after_the_end_is_another(self) -> None:
        refused = [up(1, flags="S"), down(0, flags="RA", ack=2)]
        flows = both(
            [*refused, *(p for p in [up(1, flags="S", ms=500), down(0, flags="RA", ack=2)])]
        )
        assert [(flow.number, flow.end) for flow in flows] == [(1, "rst"), (3, "rst")]

    def test_syn_in_a_connection_whose_begin_was_not_captured(self) -> None:
        assert [flow.number for flow in both([up(500, b"x"), up(7, flags="S")])] == [1, 2]

    def test_the_server_becomes_the_client(self) -> None:
        flows = both([up(1, flags="S"), up(2, flags="R"), up(7, flags="S", src=B, dst=A)])
        assert [flow.client_port for flow in flows] == [50000, 5061]
        assert [flow.packets for flow in flows] == [[2, 0], [1, 0]]

    def test_simultaneous_open(self) -> None:
        flows = both([up(1, flags="S"), down(7, flags="S"), up(1, flags="SA", ack=8)])
        assert len(flows) == 1
        assert flows[0].client_port == 50000

    def test_syn_ack_of_another_connection(self) -> None:
        flows = both(
            [up(1, flags="S"), down(70, flags="SA", ack=2), down(90, flags="SA", ack=5002000)]
        )
        assert [flow.number for flow in flows] == [1, 3]

    def test_syn_ack_again(self) -> None:
        packets = [up(1, flags="S"), down(70, flags="SA", ack=2), down(70, flags="SA", ack=2)]
        assert len(both(packets)) == 1

    def test_fast_open(self) -> None:
        assert len(both([up(1, b"hello", "S"), down(70, flags="SA", ack=7)])) == 1

    def test_fin_both_ways(self) -> None:
        (flow,) = both([up(1, flags="FA"), down(1, flags="FA", ms=5), up(2, ms=7)])
        assert (flow.end, flow.closed_time_ns) == ("fin", START_NS + 5 * MS)
        assert flow.end_time_ns == START_NS + 7 * MS

    def test_fin_one_way(self) -> None:
        assert both([up(1, flags="FA"), down(1)])[0].end == "open"

    def test_fin_where_one_direction_was_captured(self) -> None:
        assert both([up(1, flags="FA")])[0].end == "fin"
        assert both([down(1, flags="FA")])[0].end == "fin"

    def test_reset(self) -> None:
        (flow,) = both([up(1), down(1, flags="R", ms=4), up(2, flags="FA"), down(2, flags="FA")])
        assert (flow.end, flow.closed_time_ns) == ("rst", START_NS + 4 * MS)

    def test_a_closed_connection_takes_its_late_packets(self) -> None:
        flows = both([up(1, flags="R"), up(1, b"late", ms=50_000)])
        assert len(flows) == 1

    def test_several_connections_of_one_batch(self) -> None:
        packets = []
        for k in range(5):
            packets += [up(10 * k, flags="S"), up(10 * k + 1, b"x" * k), up(10 * k, flags="R")]
        packets[4:4] = [up(5, b"zz", src=(7, 7)), datagram((7, 7), B, b"zz")]
        flows = both(packets)
        assert [flow.payload_bytes[0] for flow in flows] == [0, 1, 2, 2, 2, 3, 4]

    def test_udp_silence_begins_another(self) -> None:
        packets = [
            datagram(A, B, b"1"),
            datagram(B, A, b"2", ms=299_000),
            datagram(A, B, b"3", ms=301_000),
            datagram((9, 9), B, b"4", ms=500_000),
            datagram(B, A, b"5", ms=601_001),
        ]
        flows = both(packets)
        assert [(flow.number, sum(flow.packets)) for flow in flows] == [(1, 3), (4, 1), (5, 1)]
        assert flows[2].client_port == 50000

    def test_idle_flows_are_finished(self) -> None:
        table = FlowTable()
        first = number([datagram(A, B), up(1, flags="S"), up(1, flags="R", src=(3, 3))])
        table.assign(decode(first))

        def finished_at(seconds: float) -> list[int]:
            probe = number([up(1, flags="S", src=(5, 5), ms=1000 * seconds)])
            return sorted(flow.number for flow in table.assign(decode(probe)).finished)

        assert finished_at(59) == []
        assert finished_at(61) == [3]
        assert finished_at(301) == [1]
        assert finished_at(3500) == []
        assert finished_at(3601) == [2]

    def test_one_packet_from_the_future_ends_nothing(self) -> None:
        table = FlowTable()
        packets = number([up(1, b"a"), up(2, b"b", ms=1e10), up(3, b"c", ms=1), up(4, b"d", ms=2)])
        assert not table.assign(decode(packets)).finished
        assert len(table) == 1

    def test_the_limit_is_told(self) -> None:
        table = FlowTable(limit=10)
        closed = [up(1, flags="R", src=(1, port)) for port in range(5)]
        live = [up(1, flags="S", src=(2, port)) for port in range(8)]
        batch = table.assign(decode(number([*closed, *live])))
        assert sorted(flow.number for flow in batch.finished) == [1, 2, 3]
        assert not batch.problems
        more = [datagram((3, port), B, ms=1) for port in range(4)]
        batch = table.assign(decode(number(more)))
        assert len(table) == 10
        (problem,) = batch.problems
        assert isinstance(problem, LimitExceeded)
        assert problem.summary.startswith("2 idle flows")
        assert {flow.endpoints[0][2] for flow in batch.finished} == {1, 2}


class TestCounting:
    def test_counts(self) -> None:
        packets = [
            up(1, flags="S"),
            down(1, flags="SA", ack=2),
            up(2, b"abc", sent=1000, ms=3),
            down(2, ack=1002, window=0, ms=4),
            down(2, flags="R", window=0, ms=5),
        ]
        (flow,) = both(packets)
        assert (flow.packets, flow.payload_bytes, flow.zero_windows) == ([2, 3], [1000, 0], 1)
        assert (flow.start_time_ns, flow.end_time_ns) == (START_NS, START_NS + 5 * MS)

    def test_empty_batch(self) -> None:
        batch = FlowTable().assign(decode([]))
        assert (len(batch.rows), batch.flows, batch.finished) == (0, [], [])
        assert len(udp_candidates(batch).row) == 0

    def test_partition_without_a_row(self) -> None:
        packets = decode(number([up(1, b"x")]))
        sizes = [len(FlowTable((index, 4)).assign(packets).rows) for index in range(4)]
        assert sorted(sizes) == [0, 0, 0, 1]

    def test_addresses_as_text(self) -> None:
        assert format_address(4, 0, 0xC0000201) == "192.0.2.1"
        assert format_address(6, 0x20010DB8 << 32, 1) == "2001:db8::1"


@st.composite
def conversations(draw: st.DrawFn) -> list[Packet]:
    packets = []
    for _ in range(draw(st.integers(0, 25))):
        flags = draw(st.sampled_from(["S", "SA", "A", "A", "A", "FA", "R", "SF", "SR"]))
        make = draw(st.sampled_from([up, down]))
        port = draw(st.sampled_from([1, 50000]))
        packet = make(draw(st.integers(0, 3)), flags=flags, ack=draw(st.integers(0, 3)))
        if make is up:
            packet.src = (CLIENT, port)
        else:
            packet.dst = (CLIENT, port)
        if draw(st.integers(0, 3)) == 0:
            packet.protocol, packet.flags, packet.seq, packet.ack = UDP, "", 0, 0
        packets.append(packet)
    return packets


@given(conversations(), st.lists(st.integers(0, 40), max_size=4))
@settings(max_examples=80, deadline=None)
def test_batches_make_no_difference(packets: list[Packet], cuts: list[int]) -> None:
    packets = number(packets)
    edges = [0, *sorted(min(cut, len(packets)) for cut in cuts), len(packets)]
    parts = [packets[a:b] for a, b in pairwise(edges)]
    whole = run([packets])
    assert [facts(flow) for flow in run(parts)] == [facts(flow) for flow in whole]
    assert sum(sum(flow.packets) for flow in whole) == len(packets)


class TestUdpCandidates:
    @pytest.mark.parametrize(
        ("payload", "expected"),
        [
            (b"INVITE sip:a SIP/2.0\r\n", True),
            (b"SIP/2.0 200 OK\r\n", True),
            (b"ACK sip:a SIP/2.0\r\n", True),
            (b"X-!%*_+`'~. sip:a SIP/2.0\r\n", True),
            (b"A sip:a SIP/2.0\r\n", True),
            (b"\r\n\r\n", False),
            (b"\0\0\0\0", False),
            (b"\x80\x00abcd", False),
            (b"\x00\x01\x00\x08", False),
            (b"\x16\xfe\xfd\x00", False),
            (b"INV", False),
            (b"", False),
            (b"AB\r\n", False),
            (b"IN\xc3\xa9", False),
        ],
    )
    def test_payload(self, payload: bytes, expected: bool) -> None:
        rtp = datagram((7, 7), (8, 8), b"\x80" * 20)
        batch = FlowTable().assign(decode(number([rtp, datagram(B, A, payload), rtp])))
        found = udp_candidates(batch)
        assert found.row.tolist() == [1] * expected
        for index, direction in zip(found.flow_index, found.direction, strict=False):
            assert batch.flows[index].port(direction) == 5061

    def test_tcp_and_ignored_flows_are_left_out(self) -> None:
        sip = b"OPTIONS sip:a SIP/2.0"
        packets = [up(1, sip), datagram(A, B, sip), datagram((7, 7), B, sip)]
        batch = FlowTable().assign(decode(number(packets)))
        assert udp_candidates(batch).row.tolist() == [1, 2]
        batch.flows[1].ignored = True
        assert udp_candidates(batch).row.tolist() == [2]

    def test_rows_are_those_of_the_layers(self) -> None:
        sip = b"OPTIONS sip:a SIP/2.0"
        layers = decode(number([datagram((port, 1), B, sip) for port in range(100)]))
        rows = [udp_candidates(FlowTable((i, 3)).assign(layers)).row for i in range(3)]
        assert sorted(np.concatenate(rows).tolist()) == list(range(100))
