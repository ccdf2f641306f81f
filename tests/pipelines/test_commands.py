"""The commands as a user runs them: output, exit codes, one line for what goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.schema import TABLES
from tests.rules.handshakes import Case, capture

CHECKOUT = Path(__file__).parents[2]
SKYPE = CHECKOUT / "fixtures" / "skype_ringback"
CAPTURE, KEYS = SKYPE / "skype_ringback.pcapng", SKYPE / "sslkeys.log"


def run(command: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"pipelines.{command}", *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        cwd=CHECKOUT,
        **options,  # type: ignore[call-overload]
    )


# --- summarize ----------------------------------------------------------------------------------


def test_summarize_says_why_the_call_to_skype_was_slow() -> None:
    done = run("summarize", CAPTURE, "--keys", KEYS)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "7 of 7 sessions opened" in done.stdout
    assert "SLOW 12.31 s to ringback, skype" in done.stdout
    assert "the wait lies at or beyond 198.51.100.70" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_summarize_json_holds_what_is_printed() -> None:
    summary = json.loads(run("summarize", CAPTURE, "--keys", KEYS, "--json").stdout)
    by_route = {one["route"]: one for one in summary["calls"]["by_route"]}
    assert by_route["skype"]["ringback_delay_s"]["max"] == pytest.approx(12.31, abs=0.01)
    assert by_route["internal"]["ringback_delay_s"]["max"] < 2
    assert summary["tls"] == {"sessions": 7, "opened": 7, "reasons": []}
    assert summary["messages"]["total"] == 167
    assert summary["problems"] == []


def test_summarize_without_keys_says_what_to_do() -> None:
    done = run("summarize", CAPTURE)
    assert done.returncode == 0
    assert "0 of 7 sessions opened" in done.stdout
    assert "SSLKEYLOGFILE" in done.stdout


def test_keys_that_fit_nothing_are_one_line_and_strict_fails(tmp_path: Path) -> None:
    keys = tmp_path / "other.log"
    keys.write_text(f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n")
    done = run("summarize", CAPTURE, "--keys", keys)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "no key fits any of the 7 TLS sessions" in done.stderr
    assert run("summarize", CAPTURE, "--keys", keys, "--strict").returncode == 1
    assert "cdcdcd" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["summarize", "convert"])
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.pcap", None, "no such file"),
        ("empty.pcap", b"", "is empty"),
        ("letter.pcap", b"Dear Sir,\n" * 20, "text"),
        ("folder", "folder", "directory"),
    ],
)
def test_nothing_readable_is_one_line_and_exit_2(
    command: str, name: str, content: bytes | str | None, told: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    out = ["--out", tmp_path / "out"] if command == "convert" else []
    done = run(command, path, *out)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_bad_key_file_is_one_line_and_exit_2(tmp_path: Path) -> None:
    for content in (None, "hello\n"):
        path = tmp_path / f"keys-{content is None}"
        if content is not None:
            path.write_text(content)
        done = run("summarize", CAPTURE, "--keys", path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert str(path) in done.stderr


def test_a_readable_capture_beside_a_missing_one(tmp_path: Path) -> None:
    done = run("summarize", CAPTURE, tmp_path / "missing.pcap", "--keys", KEYS)
    assert done.returncode == 0
    assert "SIP messages: 167" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "missing.pcap" in done.stderr
    strict = run("summarize", CAPTURE, tmp_path / "missing.pcap", "--keys", KEYS, "--strict")
    assert strict.returncode == 1


def test_a_cut_capture_is_told_and_read_to_the_cut(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcapng"
    cut.write_bytes(CAPTURE.read_bytes()[:-50])
    done = run("summarize", cut, "--keys", KEYS, "--strict")
    assert done.returncode == 1
    assert "SIP messages: 16" in done.stdout
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("lyncshark: cut.pcapng: ")


def test_a_bad_decode_as_rule_is_one_line() -> None:
    done = run("summarize", CAPTURE, "-d", "tcp.port=5061,tls")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "tcp.port==5061,tls" in done.stderr


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m pipelines.summarize {CAPTURE} --keys {KEYS} | head -n 1"
    done = subprocess.run(
        command, shell=True, capture_output=True, check=False, text=True, cwd=CHECKOUT, timeout=120
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_standard_input() -> None:
    with CAPTURE.open("rb") as capture:
        done = run("summarize", "-", "--keys", KEYS, stdin=capture)
    assert done.returncode == 0
    assert "\nstdin: pcapng" in done.stdout
    assert "SIP messages: 167" in done.stdout


def test_the_front_door_lists_the_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines"],
        capture_output=True,
        check=False,
        text=True,
        cwd=CHECKOUT,
        timeout=60,
    )
    assert done.returncode == 2
    assert "summarize" in done.stderr


# --- findings -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a capture in which a server leaves two handshakes without an answer."""
    hello = Case().flights()[:1]
    return capture(tmp_path_factory.mktemp("silent") / "a.pcap", hello, hello, end="rst")


def test_findings_come_first_and_say_what_to_do(silent: Path) -> None:
    done = run("summarize", silent)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "Findings"
    assert lines[1].startswith("  ERROR TLS handshake not answered (2 times): 10.0.0.2:5061")
    assert "      since 2014-07-16 12:00:00" in done.stdout
    assert "Schannel" in done.stdout
    assert max(map(len, lines)) <= 100


def test_findings_as_json_and_a_threshold(silent: Path) -> None:
    (found,) = json.loads(run("summarize", silent, "--json").stdout)["findings"]
    assert list(found) == list(TABLES["findings"].names)
    assert (found["rule"], found["count"]) == ("tls_handshake_unanswered", 2)
    assert found["evidence"] == ["flow 1-1", "flow 1-7"]
    setting = ("--set", "tls_handshake_unanswered.wait_s=9")
    assert len(json.loads(run("summarize", silent, "--json", *setting).stdout)["findings"]) == 1


@pytest.mark.parametrize("setting", ["wait_s=9", "tls_handshake_unanswered.wait_s", "a.b=nan"])
def test_a_bad_threshold_is_exit_2(silent: Path, setting: str) -> None:
    done = run("summarize", silent, "--set", setting)
    assert (done.returncode, done.stdout) == (2, "")
    assert setting.partition("=")[0] in done.stderr


def test_the_rules_are_listed_without_a_capture() -> None:
    done = run("summarize", "--rules")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--set tls_handshake_unanswered.wait_s=5" in done.stdout


@pytest.mark.parametrize("output_format", ["parquet", "csv", "jsonl", "duckdb"])
def test_findings_in_every_format(silent: Path, output_format: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wanted = ("--tables", "findings,tls_sessions")
    done = run("convert", silent, "--out", out, "--format", output_format, *wanted)
    assert (done.returncode, done.stderr) == (0, "")
    evidence = ["flow 1-1", "flow 1-7"]
    if output_format == "parquet":
        assert pq.read_table(out / "findings.parquet")["evidence"].to_pylist() == [evidence]
    elif output_format == "csv":
        assert json.loads(pd.read_csv(out / "findings.csv")["evidence"][0]) == evidence
    elif output_format == "jsonl":
        assert json.loads((out / "findings.jsonl").read_text())["evidence"] == evidence
    else:
        import duckdb

        with duckdb.connect(str(out / "lyncshark.duckdb")) as database:
            assert database.execute("SELECT evidence FROM findings").fetchall() == [(evidence,)]


# --- convert ------------------------------------------------------------------------------------


def test_convert_writes_every_table_as_parquet(tmp_path: Path) -> None:
    out = tmp_path / "new" / "tables"
    done = run("convert", CAPTURE, "--keys", KEYS, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.stem for path in out.iterdir()) == sorted(TABLES)
    for name, table in TABLES.items():
        assert pq.read_schema(out / f"{name}.parquet").names == list(table.names)
    calls = pd.read_parquet(out / "calls.parquet")
    assert calls["ringback_delay_s"].max() == pytest.approx(12.31, abs=0.01)
    assert [path.name for path in out.parent.iterdir()] == ["tables"]


@pytest.mark.parametrize("output_format", ["csv", "jsonl", "duckdb"])
def test_convert_writes_other_formats(output_format: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(
        "convert", CAPTURE, "--keys", KEYS, "--out", out, "--format", output_format, "--tables",
        "calls,messages",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert _row_count(out, output_format) == 167


def _row_count(out: Path, output_format: str) -> int:
    if output_format == "csv":
        return len(pd.read_csv(out / "messages.csv"))
    if output_format == "jsonl":
        return len((out / "messages.jsonl").read_text().splitlines())
    import duckdb

    with duckdb.connect(str(out / "lyncshark.duckdb")) as database:
        row = database.execute("SELECT count(*) FROM messages").fetchone()
    assert row is not None
    return int(row[0])


def test_convert_does_not_overwrite_unasked(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = run("convert", CAPTURE, "--out", tmp_path)
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert run("convert", CAPTURE, "--out", tmp_path, "--overwrite").returncode == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "messages.parquet").exists()


def test_convert_leaves_nothing_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("convert", CAPTURE, "--out", tmp_path / "file" / "out")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_convert_refuses_unknown_tables(tmp_path: Path) -> None:
    done = run("convert", CAPTURE, "--out", tmp_path / "out", "--tables", "calls,nonsense")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "nonsense" in done.stderr


def test_secrets_are_in_no_output(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("convert", CAPTURE, "--keys", KEYS, "--out", out, "--format", "jsonl")
    written = "".join(path.read_text() for path in out.iterdir())
    for line in KEYS.read_text().splitlines():
        assert line.split()[-1] not in written
