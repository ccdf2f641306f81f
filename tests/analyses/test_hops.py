from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from pipelines import read_capture
from pipelines.analyses.clock_offsets import clock_offsets
from pipelines.analyses.hops import hops
from pipelines.schema import CLOCK_OFFSETS, HOPS
from pipelines.trace import Trace
from tests.analyses.script import TEXT_TYPES, messages

FIXTURES = Path(__file__).parents[2] / "fixtures"
CAPTURE = FIXTURES / "skype_ringback" / "skype_ringback.pcapng"
KEYS = FIXTURES / "skype_ringback" / "sslkeys.log"

FRONT_END = "192.168.10.11"
"""In the capture, the server that all calls pass."""
EDGE = "192.168.10.20"


def table(script: str, text: str = "string[pyarrow]") -> pd.DataFrame:
    lines = [f"{line} origin=alice" for line in script.splitlines() if line.strip()]
    return hops(messages("\n".join(lines), text))


def chain(found: pd.DataFrame) -> list[tuple[str, str, str, int]]:
    columns = found[["message_id", "previous_message_id", "hop_of", "hop"]]
    return [tuple(row) for row in columns.itertuples(index=False)]


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_request_and_response_along_two_proxies(text: str) -> None:
    found = table(
        """
        0.00 alice>fe  INVITE vias=1
        0.10 fe>edge   INVITE vias=2
        0.25 edge>bob  INVITE vias=3
        2.00 bob>edge  180 vias=3
        2.01 edge>fe   180 vias=2
        2.03 fe>alice  180 vias=1
        """,
        text,
    )
    assert chain(found) == [
        ("1-2-1", "1-1-1", "1-1-1", 2),
        ("1-3-1", "1-2-1", "1-1-1", 3),
        ("1-5-1", "1-4-1", "1-4-1", 2),
        ("1-6-1", "1-5-1", "1-4-1", 3),
    ]
    assert found["delay_s"].round(6).tolist() == [0.1, 0.15, 0.01, 0.02]
    assert found["delay_s"].tolist() == found["observed_delay_s"].tolist()


def test_branches_of_a_fork_come_from_one_request() -> None:
    found = table(
        """
        0.0 alice>fe   INVITE vias=1
        0.1 fe>bob     INVITE vias=2
        0.2 fe>edge    INVITE vias=2
        0.3 edge>carol INVITE vias=3
        """
    )
    assert chain(found) == [
        ("1-2-1", "1-1-1", "1-1-1", 2),
        ("1-3-1", "1-1-1", "1-1-1", 2),
        ("1-4-1", "1-3-1", "1-1-1", 3),
    ]


def test_what_is_one_message_only_at_first_sight() -> None:
    """100 is each proxy's own; forks answer with tags; a copy on one hop is no further hop."""
    found = table(
        """
        0.0 alice>fe INVITE vias=1
        0.1 fe>alice 100 vias=1
        0.1 fe>bob   100 vias=2
        0.5 fe>alice 180 vias=1
        0.6 fe>alice 180 vias=1 to=other
        0.7 alice>fe INVITE vias=1 retransmission_of=1-1-1
        0.8 alice>fe INVITE vias=1 cseq=2
        0.9 bob>fe   BYE vias=1 call=c2
        """
    )
    assert found.empty


def test_without_a_via_nothing_is_claimed() -> None:
    assert hops(messages("0 alice>fe INVITE vias=1\n1 fe>bob INVITE vias=2")).empty


def test_the_second_of_two_alike_belongs_to_the_second_on_the_next_hop() -> None:
    found = table(
        """
        1.0 bob>fe   183 vias=2
        1.1 fe>alice 183 vias=1
        5.0 bob>fe   183 vias=2
        5.2 fe>alice 183 vias=1
        """
    )
    assert chain(found) == [("1-2-1", "1-1-1", "1-1-1", 2), ("1-4-1", "1-3-1", "1-3-1", 2)]


def test_one_hop_in_two_captures() -> None:
    found = table(
        """
        0.0  fe>edge INVITE vias=2 capture=fe
        7.01 fe>edge INVITE vias=2 capture=edge
        7.05 edge>bob INVITE vias=3 capture=edge
        """
    )
    assert chain(found) == [("1-2-1", "1-1-1", "1-1-1", 2), ("1-3-1", "1-2-1", "1-1-1", 3)]
    assert found["observed_delay_s"].round(6).tolist() == [7.01, 0.04]
    assert found["delay_s"].isna().tolist() == [True, False]


TWO_CLOCKS = """
    0.000 fe>edge  INVITE vias=2 capture=fe
    7.010 fe>edge  INVITE vias=2 capture=edge
    8.000 edge>fe  180 vias=2 capture=edge
    1.030 edge>fe  180 vias=2 capture=fe
    9.000 edge>fe  BYE call=c2 vias=1 capture=edge
    2.004 edge>fe  BYE call=c2 vias=1 capture=fe
    2.100 fe>edge  200 BYE call=c2 vias=1 capture=fe
    9.102 fe>edge  200 BYE call=c2 vias=1 capture=edge
"""
"""The Edge's clock is 6.998 s ahead at best knowledge: its BYE and 200 took 0.006 s together."""


def test_clock_offset_is_that_of_the_fastest_exchange() -> None:
    found = clock_offsets(table(TWO_CLOCKS)).iloc[0]
    assert (found["capture"], found["reference"], found["exchanges"]) == ("fe", "edge", 2)
    assert found["offset_s"] == pytest.approx(-6.999)
    assert found["error_s"] == pytest.approx(0.003)


def test_one_way_alone_tells_no_offset() -> None:
    found = clock_offsets(table("\n".join(TWO_CLOCKS.splitlines()[:3]))).iloc[0]
    assert (found["exchanges"], pd.isna(found["offset_s"]), pd.isna(found["error_s"])) == (
        0,
        True,
        True,
    )


@pytest.mark.parametrize("text", TEXT_TYPES)
def test_empty(text: str) -> None:
    nothing = table("", text)
    assert list(nothing.columns) == list(HOPS.names)
    assert list(clock_offsets(nothing).columns) == list(CLOCK_OFFSETS.names)


def test_messages_name_their_first_observation() -> None:
    trace = read_capture(CAPTURE, keys=KEYS)
    named = trace.messages[trace.messages["hop_of"].notna()]
    assert named["message_id"].tolist() == trace.hops["message_id"].tolist()
    assert named["hop_of"].tolist() == trace.hops["hop_of"].tolist()
    first = trace.messages.set_index("message_id").loc[named["hop_of"]]
    for name in ("call_id", "cseq", "method", "from_tag", "via_origin"):
        assert first[name].tolist() == named[name].tolist()


@pytest.mark.oracle
def test_two_points_whose_clocks_disagree(tmp_path: Path) -> None:
    """What editcap and tshark make of one capture: two, and the second one's clock 2.5 s ahead."""
    editcap, tshark = shutil.which("editcap"), shutil.which("tshark")
    if not (editcap and tshark):
        pytest.skip("needs tshark and editcap")
    inside, outside, ahead = (tmp_path / f"{name}.pcapng" for name in ("fe", "raw", "edge"))
    _select(tshark, f"ip.addr=={FRONT_END}", inside)
    _select(tshark, f"ip.addr=={EDGE} or ip.addr==203.0.113.20", outside)
    subprocess.run([editcap, "-t", "2.5", outside, ahead], check=True, timeout=60)
    trace = read_capture(inside, ahead, keys=KEYS)
    whole = read_capture(CAPTURE, keys=KEYS)
    _same_offset(trace)
    columns = ["call_id", "outcome", "route", "status_code"]
    assert trace.calls[columns].astype(object).equals(whole.calls[columns].astype(object))
    assert trace.messages["hop_of"].isna().sum() == whole.messages["hop_of"].isna().sum()


def _select(tshark: str, rule: str, target: Path) -> None:
    subprocess.run([tshark, "-r", CAPTURE, "-Y", rule, "-w", target], check=True, timeout=60)


def _same_offset(trace: Trace) -> None:
    found = trace.clock_offsets.iloc[0]
    assert (found["capture"], found["reference"]) == ("fe.pcapng", "edge.pcapng")
    assert found["offset_s"] == pytest.approx(-2.5, abs=found["error_s"] + 1e-6)
    assert found["error_s"] < 0.05
