"""Explaining error ids on the command line."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.explain import main

CHECKOUT = Path(__file__).parents[2]
HAS_FRAMES = importlib.util.find_spec("pipelines.explain_frame") is not None


def test_one_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["2157"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("2157  presence\n")
    assert "applications that Office 365 does not trust" in " ".join(told.split())
    assert "status: seen with 403" in told
    assert "not Microsoft's word" in told
    assert max(map(len, told.splitlines())) <= 100


def test_several_ids_with_one_that_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["1010", "1999", "18500", "30000"]) == 0
    blocks = capsys.readouterr().out.split("\n\n")
    assert [block.split()[0] for block in blocks] == ["1010", "1999", "18500", "30000"]
    assert blocks[1].startswith("1999  SIP stack\n  What this id means is not known here")
    assert blocks[2].startswith("18500  no component is known")
    assert "No failure." in blocks[3]
    assert "to be expected" not in blocks[0]


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "presence"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "presence"
    assert any(line.startswith("   2157  The subscription is refused") for line in lines)
    assert max(map(len, lines)) <= 100
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 221


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "name an error id, such as 1010, or --list"),
        (["--list", "no such words"], "--list no such words: nothing known"),
        (["--list", "presence", "x"], "x: no error id, which is a number such as 1010"),
        pytest.param(
            ["9" * 12], "9" * 12 + ": no error id", marks=pytest.mark.skipif(HAS_FRAMES, reason="")
        ),
    ],
)
def test_what_is_no_id(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"lyncshark: {line}")
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_anything_else_is_for_who_explains_frames(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A capture and a frame go to another module, where there is one."""
    given: list[argparse.Namespace] = []

    class Frames:
        @staticmethod
        def parser() -> argparse.ArgumentParser:
            made = argparse.ArgumentParser(prog="explain")
            made.add_argument("capture")
            made.add_argument("frame")
            return made

        @staticmethod
        def explain_frame(arguments: argparse.Namespace) -> int:
            given.append(arguments)
            return 7

    monkeypatch.setitem(sys.modules, "pipelines.explain_frame", Frames)  # type: ignore[arg-type]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: Frames)
    assert main(["a.pcap", "12"]) == 7
    assert [vars(one) for one in given] == [{"capture": "a.pcap", "frame": "12"}]
    assert main(["1010"]) == 0
    assert len(given) == 1
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["-h"])
    assert "link to body: explain [-h] capture frame" in capsys.readouterr().out


def test_it_runs_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "explain", "1034"],
        capture_output=True, check=False, text=True, timeout=60, cwd=CHECKOUT,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1034  SIP stack\n")
