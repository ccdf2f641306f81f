"""What the rules say of a fixture's script when the servers' and the client's logs tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.conference_join_stopped import make as stopped
from fixtures.session_timer_drop import make as dropped
from fixtures.session_timer_kept import make as kept
from fixtures.workshop import contoso, gateway_call
from fixtures.workshop.conference import meeting
from fixtures.workshop.contoso import CAROL
from fixtures.workshop.lync import Server
from fixtures.workshop.trace_log import TraceLog
from pipelines import Trace, read_capture

SERVERS = (contoso.FRONT_END, contoso.MEDIATION, gateway_call.APPLICATION_SERVER)
# What a capture loses, and what one connection shows, is nothing that a log would know.
OF_CAPTURES = {"client_side", "inviter_side", "frames_missing", "dialogs_missing"}
JOINS = [name for name in stopped.CASES if name not in OF_CAPTURES]

each_server = pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.fqdn)


def trace(folder: Path, log: TraceLog) -> Trace:
    path = folder / "server.log"
    path.write_bytes(log.text)
    return read_capture(path, workers=1)


@each_server
def test_a_call_that_its_session_timer_ends(server: Server, tmp_path: Path) -> None:
    site = gateway_call.site()
    dropped.script("front_end", site)
    read = trace(tmp_path, TraceLog().observe(site, server))
    [one] = read.findings.itertuples()
    assert (one.rule, one.severity) == ("session_timer_drop", "error")
    assert "2740406" in one.advice
    both_hops = server is contoso.FRONT_END
    assert read.session_timers["last_refresh_lost"].fillna(value=False).tolist() == [both_hops]


@each_server
def test_a_call_of_half_an_hour(server: Server, tmp_path: Path) -> None:
    site = gateway_call.site()
    kept.script(site)
    assert trace(tmp_path, TraceLog().observe(site, server)).findings.empty


@pytest.mark.parametrize("name", JOINS)
@pytest.mark.parametrize("writer", ["Front End", "client"])
def test_joins_of_a_conference(name: str, writer: str, tmp_path: Path) -> None:
    script, _, _, counts = stopped.CASES[name]
    conference = meeting(stopped.CONFERENCE)
    told = script(conference)
    log = TraceLog()
    if writer == "client":
        log.watch(conference.site, CAROL)
    else:
        log.observe(conference.site, contoso.FRONT_END)
    read = trace(tmp_path, log)
    assert read.findings.groupby("rule", observed=True)["count"].sum().to_dict() == counts
    [join] = read.conference_joins.itertuples()
    assert join.outcome == told["outcome"]
    assert join.join_s == pytest.approx(told.get("join_s", float("nan")), abs=1e-3, nan_ok=True)
