"""Thousands of messages of a healthy system give no finding at all, of no rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fixtures.workshop import contoso, presence
from fixtures.workshop.capture_file import Interface, write_pcapng
from fixtures.workshop.contoso import ALICE, BOB, CAROL, DAVE, ERIN, FRANK, GRACE, HEIDI
from fixtures.workshop.lync import Dialog, Person
from fixtures.workshop.tcp_wire import MILLISECOND, SECOND
from pipelines import read_capture
from pipelines.trace import Trace
from tests.bench.sip_mix import MIX, failed_call
from tests.bench.workload import Workload, write_workload

START = 1_426_496_400 * SECOND  # 2015-03-16T09:00:00Z
PARTNER = Person("", "sip:peggy@fabrikam.com", "198.51.100.41", "77aa01bc42")
SKYPE_USER = Person("", "sip:mallory.skype@skypeids.net", "198.51.100.171", "5c1b3f2a90")
HOUR = 3600
CALLS = 300
ENDED = ("ms-client-diagnostics", '51004; reason="Action initiated by user"')


def _assert_nothing_is_found(trace: Trace) -> None:
    shown = trace.findings[["rule", "title", "subject", "count", "explanation"]]
    assert shown.empty, shown.to_string()


def test_calls_presence_messages_and_conferences(tmp_path: Path) -> None:
    capture, keys = tmp_path / "mix.pcap", tmp_path / "mix.keys"
    healthy = tuple((kind, weight) for kind, weight in MIX if kind is not failed_call)
    write_workload(Workload(4000, connections=40, seed=7, mix=healthy), capture, keys)
    trace = read_capture(capture, keys=keys)
    assert len(trace.messages) == 4000
    assert len(trace.calls) > 50
    _assert_nothing_is_found(trace)


def test_an_hour_of_calls_on_all_routes(tmp_path: Path) -> None:
    site = _installation()
    rng = site.rng
    for name, who in (("alice", ALICE), ("bob", BOB), ("carol", CAROL)):
        presence.register(site.path(name), who, START + rng.randrange(3, 9) * SECOND)
    for number in range(CALLS):
        _call(site, 20 + number * (HOUR - 120) / CALLS + rng.random())
    site.stage.play()
    capture, keys = tmp_path / "hour.pcapng", tmp_path / "keys.log"
    packets = site.stage.tap.in_order()
    write_pcapng(capture, packets, [Interface("internal"), Interface("external")])
    keys.write_text(site.keylog)
    trace = read_capture(capture, keys=keys)
    assert len(trace.messages) > 3000
    assert len(trace.calls) == CALLS
    assert set(trace.calls["route"].astype(str)) == {"internal", "federated", "skype"}
    outcomes = set(trace.calls["outcome"].astype(str))
    assert outcomes == {"answered", "busy", "declined", "cancelled"}
    _assert_nothing_is_found(trace)


def _installation() -> contoso.Installation:
    site = contoso.Installation()
    inside, outside = contoso.FRONT_END, contoso.EDGE
    for port, (name, who) in enumerate((("alice", ALICE), ("bob", BOB), ("carol", CAROL)), 50123):
        site.connect(name, START + port % 100 * MILLISECOND, who, inside, port)
    site.connect("fe_edge", START + 200 * MILLISECOND, inside, outside, 52010)
    for name, peer, network in (
        ("edge_skype", contoso.SKYPE_PROXY, "publiccloud"),
        ("edge_fabrikam", contoso.FABRIKAM_EDGE, "federation"),
    ):
        edge = replace(outside, response_stamps=(contoso.partner(peer.fqdn, network),))
        site.connect(
            name,
            START + SECOND,
            edge,
            peer,
            22360 + len(network),
            client_address=contoso.ACCESS_EDGE,
            interface=1,
            round_trip_ns=40 * MILLISECOND,
            transit_ns=20 * MILLISECOND,
        )
    return site


def _call(site: contoso.Installation, at: float) -> None:
    """Script a call that goes as calls go, slow ones included that are not too slow."""
    rng = site.rng
    name, caller = rng.choice([("alice", ALICE), ("bob", BOB), ("carol", CAROL)])
    legs, callee, slowest = rng.choice(
        [
            ([name], rng.choice([DAVE, ERIN, FRANK, GRACE, HEIDI]), 2.0),
            ([name, "fe_edge", "edge_skype"], SKYPE_USER, 4.5),
            ([name, "fe_edge", "edge_fabrikam"], PARTNER, 3.5),
        ]
    )
    dialog = Dialog(site.path(*legs), caller, callee.uri, callee)
    dialog.invite(_time(at))
    ring = at + rng.uniform(0.3, slowest)
    end = rng.choice(["answered"] * 6 + ["busy", "declined", "cancelled"])
    if end == "busy":
        dialog.refuse(_time(ring), 486, "Busy Here", [ENDED])
        return
    dialog.provisional(_time(ring), 180, "Ringing")
    _after_ringing(dialog, end, ring + rng.uniform(1, 20), rng.uniform(2, 60))


def _after_ringing(dialog: Dialog, end: str, at: float, duration: float) -> None:
    if end == "answered":
        dialog.answer(_time(at))
        dialog.ack(_time(at + 0.06))
        by_callee = dialog.rng.random() < 0.5
        dialog.bye(_time(at + duration), by_callee=by_callee, extra=_reasons(by_callee))
    elif end == "declined":
        dialog.refuse(_time(at), 603, "Decline", _reasons(False))
    else:
        dialog.cancel(_time(at))
        dialog.refuse(_time(at + 0.1), 487, "Request Terminated")


def _reasons(by_callee: bool) -> Sequence[tuple[str, str]]:
    return () if by_callee else (ENDED,)


def _time(seconds: float) -> int:
    return START + round(seconds * 1_000_000) * 1000
