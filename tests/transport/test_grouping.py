"""Grouping by 5-tuple, against a dictionary of tuples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.transport import grouping
from dissectors.transport.grouping import group_by_flow, stable_order
from dissectors.transport.layers import TCP, UDP
from tests.transport.packets import Packet, decode, number

V6 = 0x20010DB8 << 96


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    """Few endpoints, so that conversations repeat; equal numbers in different roles."""
    hosts_of = {
        4: st.sampled_from([1, 2, 0xFFFFFFFF]),
        6: st.sampled_from([1, V6 + 1, V6 + 2**64]),
    }
    ports = st.sampled_from([0, 1, 5060, 65535])
    found = []
    for _ in range(draw(st.integers(0, 25))):
        version = draw(st.sampled_from([4, 6]))
        source = draw(hosts_of[version])
        target = draw(hosts_of[version])
        protocol = draw(st.sampled_from([TCP, UDP]))
        packet = Packet((source, draw(ports)), (target, draw(ports)), protocol=protocol)
        packet.version = version
        found.append(packet)
    return number(found)


def expected(packets: list[Packet]) -> tuple[list[int], list[bool]]:
    """Group numbers by first appearance, and whether a packet goes with the first of its group."""
    groups: dict[object, tuple[int, Packet]] = {}
    number_of, forward = [], []
    for packet in packets:
        key = (frozenset([packet.src, packet.dst]), packet.protocol, packet.version)
        index, first = groups.setdefault(key, (len(groups), packet))
        number_of.append(index)
        forward.append(packet.src == first.src and packet.dst == first.dst)
    return number_of, forward


def agrees(packets: list[Packet]) -> None:
    groups = group_by_flow(decode(packets))
    assert (groups.group.tolist(), groups.forward.tolist()) == expected(packets)
    assert len(set(groups.key)) == len(groups.key) == len(groups.first)
    for index, first in enumerate(groups.first.tolist()):
        assert groups.group[first] == index
        assert not (groups.group[:first] == index).any()


@given(packets())
@settings(max_examples=100, deadline=None)
def test_agrees_with_a_dictionary(packets: list[Packet]) -> None:
    agrees(packets)


@pytest.mark.parametrize("rounds", [0, 1, 4])
def test_collisions_cost_nothing_but_time(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    """Every row in one slot: whoever knows the hash can arrange for that."""
    monkeypatch.setattr(grouping, "_HASH_ROUNDS", rounds)
    monkeypatch.setattr(grouping, "_finish_hash", np.zeros_like)

    @given(packets())
    @settings(max_examples=40, deadline=None)
    def check(packets: list[Packet]) -> None:
        agrees(packets)

    check()


@given(packets(), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_partitions_share_out_the_conversations(packets: list[Packet], count: int) -> None:
    whole = group_by_flow(decode(packets))
    rows: list[int] = []
    keys: list[bytes] = []
    for index in range(count):
        part = group_by_flow(decode(packets), (index, count))
        rows += part.rows.tolist()
        keys += part.key
    assert sorted(rows) == list(range(len(packets)))
    assert sorted(keys) == sorted(whole.key)


def test_a_partition_does_not_depend_on_the_batch() -> None:
    """An IPv4 conversation falls to the same worker in a batch with IPv6 and in one without."""
    old = number([Packet((i, 5060), (i + 1, 5061)) for i in range(200)])
    new = [*old, *number([Packet((V6, 1), (V6 + 1, 2), version=6)])]
    for index in range(3):
        alone = group_by_flow(decode(old), (index, 3)).rows
        mixed = group_by_flow(decode(new), (index, 3)).rows
        assert alone.tolist() == [row for row in mixed.tolist() if row < 200]
        assert 30 < len(alone) < 110


@given(st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 5)))
@settings(max_examples=100, deadline=None)
def test_stable_order(keys: list[int]) -> None:
    found = stable_order(np.array(keys, np.int64)).tolist()
    assert found == sorted(range(len(keys)), key=keys.__getitem__)
