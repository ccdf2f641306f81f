"""The command crosscheck: tshark's view beside ours, and a tshark that is missing or misbehaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.workshop.expected import read, views
from fixtures.workshop.tshark_view import View as TsharkView

CHECKOUT = Path(__file__).parents[2]
FIXTURES = CHECKOUT / "fixtures"
DAMAGED = FIXTURES / "damaged"
FAKE = "#!{python}\nimport sys, time\nif '--version' in sys.argv or '-v' in sys.argv:\n"
FAKE += "    print('TShark (Wireshark) 9.9.9 (fake)')\n    sys.exit()\n{then}\n"


def run(
    *arguments: object, path: Path | str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, **environment}
    if path is not None:
        given["PATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-m", "pipelines.crosscheck", *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        cwd=CHECKOUT,
        env=given,
    )


def fake_tshark(folder: Path, then: str) -> Path:
    program = folder / "tshark"
    program.write_text(FAKE.format(python=sys.executable, then=then))
    program.chmod(0o755)
    return folder


def last(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.splitlines()[-1]


# --- with tshark --------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("case", ["skype_ringback", "conference_join", "presence_forbidden"])
def test_both_agree(case: str) -> None:
    (view,) = views(FIXTURES / case)
    done = run(view.capture, "--keys", view.keys)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    assert "0 not in tshark, 0 only in tshark, 0 different (tshark " in done.stdout


@pytest.mark.oracle
@pytest.mark.parametrize("view", views(DAMAGED), ids=lambda view: view.capture.name)
def test_differences_are_those_that_are_known(view: TsharkView) -> None:
    known = read(DAMAGED, "differences").get(view.capture.name)
    done = run(view.capture, *(["--keys", view.keys] if view.keys else []))
    cut = {"lost_body.pcap", "lost_head.pcap", "tls_lost.pcap", "snapped.pcap"}
    if known is None and view.capture.name not in cut:
        assert done.returncode == 0, done.stdout
        return
    assert done.returncode == 1
    for row in (known or {}).get("tshark_lacks", []):
        where = f"{view.capture.name}, frame {row['frame_number']}: "
        assert where + "not in tshark" in done.stdout or where + "different" in done.stdout
        assert str(row["call_id"]) in done.stdout


@pytest.mark.oracle
def test_reasons_that_are_certain_are_told() -> None:
    assert "1300 bytes missing before it" in run(DAMAGED / "lost_body.pcap").stdout
    assert "in the middle of this connection" in run(DAMAGED / "begins_midway.pcap").stdout
    snapped = run(DAMAGED / "snapped.pcap").stdout
    assert "here that frame is faulty: 611 bytes are missing" in snapped
    assert "waits" not in run(DAMAGED / "keep_alives.pcap").stdout


@pytest.mark.oracle
@pytest.mark.skipif(not shutil.which("mergecap"), reason="mergecap is not installed")
def test_the_copy_of_a_packet_is_a_reason(tmp_path: Path) -> None:
    capture, later, doubled = FIXTURES / "sipp_tls" / "udp_lossy.pcapng", "later", "doubled.pcapng"
    subprocess.run(["editcap", "-t", "0.00005", capture, tmp_path / later], check=True)
    subprocess.run(["mergecap", "-w", tmp_path / doubled, capture, tmp_path / later], check=True)
    told = run(tmp_path / doubled).stdout
    assert " 0 not in tshark, 106 only in tshark, 0 different" in told
    assert told.count("has the same: 106 packets of this capture are there twice") == 106


@pytest.mark.oracle
def test_ports_that_tshark_cannot_know_are_told_to_it() -> None:
    capture = FIXTURES / "transports" / "tls12_gcm_port_443.pcap"
    done = run(capture, "--keys", capture.with_suffix(".keys.log"))
    assert done.returncode == 0
    assert "told tcp.port==443,tls tls.port==443,sip" in last(done)


@pytest.mark.oracle
def test_standard_input_and_several_captures() -> None:
    with (DAMAGED / "reordered.pcap").open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.crosscheck", "-", DAMAGED / "vlan_tags.pcap"],
            stdin=file,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
            cwd=CHECKOUT,
        )
    assert done.returncode == 0, done.stderr
    assert {line.split(":")[0] for line in done.stdout.splitlines()} == {"stdin", "vlan_tags.pcap"}


@pytest.mark.oracle
def test_a_rule_that_tshark_does_not_know_is_one_line() -> None:
    done = run(DAMAGED / "reordered.pcap", "-d", "tcp.port==5060,tls", "-d", "udp.port==1,sip")
    assert done.returncode in (0, 1)
    assert run(DAMAGED / "reordered.pcap", "-d", "tcp.port==5060,nonsense").returncode == 2


# --- with one that misbehaves -------------------------------------------------------------------


def test_a_missing_tshark_is_one_line(tmp_path: Path) -> None:
    done = run(DAMAGED / "reordered.pcap", path=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "tshark" in done.stderr


def test_a_missing_pyshark_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "pyshark.py").write_text("raise ImportError('not here')\n")
    done = run(DAMAGED / "reordered.pcap", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "pip install 'lyncshark[crosscheck]'" in done.stderr


def test_a_stalled_tshark_is_ended(tmp_path: Path) -> None:
    then = "if '-c' not in sys.argv:\n    time.sleep(100)"
    done = run(DAMAGED / "reordered.pcap", "--timeout", 1, path=fake_tshark(tmp_path, then))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "not done after 1 seconds" in done.stderr


def test_a_failing_tshark_is_one_line(tmp_path: Path) -> None:
    then = "print('first line', file=sys.stderr)\nprint('it broke', file=sys.stderr)\nsys.exit(3)"
    done = run(DAMAGED / "reordered.pcap", path=fake_tshark(tmp_path, then))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "it broke" in done.stderr


def test_a_talkative_tshark_does_not_block(tmp_path: Path) -> None:
    then = "sys.stderr.write('warning\\n' * 100_000)\nprint('<pdml></pdml>')"
    done = run(DAMAGED / "reordered.pcap", path=fake_tshark(tmp_path, then))
    assert done.returncode == 1
    assert "0 SIP messages agree, 4 not in tshark" in last(done)


@pytest.mark.parametrize("arguments", [("missing.pcap",), ("x.pcap", "--timeout", "0")])
def test_bad_usage_is_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, path=fake_tshark(tmp_path, ""))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_nothing_stays_behind(tmp_path: Path) -> None:
    then = "print('<pdml></pdml>')"
    place = tmp_path / "temporary"
    place.mkdir()
    path = fake_tshark(tmp_path, then)
    run(DAMAGED / "tls_lost.pcap", "--keys", DAMAGED / "tls_lost.keys.log", path=path,
        TMPDIR=str(place))  # fmt: skip
    assert list(place.iterdir()) == []
