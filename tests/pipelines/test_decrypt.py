"""The command decrypt: what it writes, what it refuses, and what never leaves."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from dissectors.capture.pcapng import PcapngReader
from fixtures.workshop.expected import views
from fixtures.workshop.tshark_view import View
from pipelines import read_capture
from pipelines.decrypted import Outcome, write_decrypted, write_plain
from pipelines.errors import UsageError
from pipelines.request import Request
from tests.capture.files import block, interface, section

CHECKOUT = Path(__file__).parents[2]
FIXTURES = CHECKOUT / "fixtures"
SKYPE = FIXTURES / "skype_ringback"
CAPTURE, KEYS = SKYPE / "skype_ringback.pcapng", SKYPE / "sslkeys.log"
CASES = [
    pytest.param(view, id=f"{folder.parent.name}/{view.capture.name}")
    for folder in sorted(FIXTURES.glob("*/expected"))
    for view in views(folder.parent)
]
# What an exported PDU cannot say: its own frame, the flow's first one, TLS, when it began to come.
OTHERWISE = {
    "message_id", "first_time", "capture", "recording", "frame_number", "flow_id", "transport",
    "retransmission_of", "hop_of",
}  # fmt: skip


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.decrypt", *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        cwd=CHECKOUT,
        **options,  # type: ignore[call-overload]
    )


def write(out: Path, *captures: Path, keys: Path | None = None, plain: bool = False) -> Outcome:
    request = Request([str(path) for path in captures], [str(keys)] if keys else [], [])
    function = write_plain if plain else write_decrypted
    return function(request, out, overwrite=False, progress=lambda done: None)


def read(path: Path) -> tuple[PcapngReader, list[bytes], list[int]]:
    """Return the reader, the packets and their times of a pcapng file."""
    reader = PcapngReader()
    found, used = reader.read(data := path.read_bytes(), final=True)
    assert used == len(data)
    assert reader.problems == []
    ends = found.start + found.captured_length
    packets = [data[a:b] for a, b in zip(found.start.tolist(), ends.tolist(), strict=True)]
    return reader, packets, found.time_ns.tolist()


def key_lines(reader: PcapngReader) -> list[list[str]]:
    return [line.split() for log in reader.secrets for line in log.decode().splitlines()]


# --- with secrets -------------------------------------------------------------------------------


@pytest.mark.parametrize("view", CASES)
def test_the_copy_opens_without_keys(view: View, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    write(out, view.capture, keys=view.keys)
    before = read_capture(view.capture, keys=view.keys or (), workers=1)
    after = read_capture(out, workers=1)
    for table in ("messages", "tls_sessions"):
        # What was opened by a private key or a premaster secret is opened by its master secret.
        ours = ["capture", "opened_by" if table == "tls_sessions" else "recording"]
        rows = [getattr(trace, table).drop(columns=ours) for trace in (before, after)]
        pd.testing.assert_frame_equal(*rows)


def test_packets_and_blocks_are_the_same(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    write(out, CAPTURE, keys=KEYS)
    (before, *old), (after, *new) = read(CAPTURE), read(out)
    assert new == old
    assert after.interfaces == before.interfaces
    raw, copy = CAPTURE.read_bytes(), out.read_bytes()
    (header,) = struct.unpack_from("<I", raw, 4)
    assert copy[:16] == raw[:16]
    assert copy.endswith(raw[header:])


def test_a_pcap_file_becomes_pcapng(tmp_path: Path) -> None:
    source = FIXTURES / "transports" / "nanoseconds_big_endian.pcap"
    out = tmp_path / "out.pcapng"
    write(out, source)
    _, packets, times = read(out)
    raw, at = source.read_bytes(), 24
    for packet, time_ns in zip(packets, times, strict=True):
        seconds, fraction, captured, _ = struct.unpack_from(">IIII", raw, at)
        assert time_ns == seconds * 10**9 + fraction
        assert packet == raw[at + 16 : at + 16 + captured]
        at += 16 + captured
    assert at == len(raw)


def test_only_what_is_needed_is_embedded(tmp_path: Path) -> None:
    keys = tmp_path / "keys.log"
    stray = "".join(f"CLIENT_RANDOM {n:064x} {'cd' * 48}\n" for n in range(50))
    keys.write_text(stray + KEYS.read_text() + "# a comment\n")
    out = tmp_path / "out.pcapng"
    outcome = write(out, CAPTURE, keys=keys)
    assert (outcome.opened, outcome.sessions, outcome.problems) == (7, 7, [])
    lines = key_lines(read(out)[0])
    assert len({client_random for _, client_random, _ in lines}) == 7
    known = {tuple(line.split()) for line in KEYS.read_text().splitlines()}
    assert {tuple(line) for line in lines} <= known
    assert out.read_bytes().index(b"CLIENT_RANDOM") < out.read_bytes().index(read(out)[1][0])
    assert out.stat().st_mode & 0o077 == 0


def test_a_private_key_is_not_embedded(tmp_path: Path) -> None:
    view = next(one for one in views(FIXTURES / "rsa_key") if one.keys)
    assert view.keys
    out = tmp_path / "out.pcapng"
    outcome = write(out, view.capture, keys=view.keys)
    assert 0 < outcome.opened == outcome.sessions
    assert {label for label, _, _ in key_lines(read(out)[0])} == {"CLIENT_RANDOM"}
    assert b"PRIVATE" not in out.read_bytes()


def test_a_resumed_session_gets_its_own_entry(tmp_path: Path) -> None:
    """The master secret stands in the key log under the random of the original session alone."""
    folder = FIXTURES / "transports"
    view = folder / "tls12_resumed_by_id.pcap"
    keys = folder / "tls12_resumed_by_id.keys.log"
    first = next(line for line in keys.read_text().splitlines() if line[:1] != "#")
    one = tmp_path / "one.log"
    one.write_text(first + "\n")
    out = tmp_path / "out.pcapng"
    outcome = write(out, view, keys=one)
    assert outcome.opened == outcome.sessions == 2
    lines = key_lines(read(out)[0])
    assert len({line[1] for line in lines}) == 2
    assert len({line[2] for line in lines}) == 1


def test_secrets_of_the_input_are_neither_doubled_nor_kept_without_need(tmp_path: Path) -> None:
    first, second = tmp_path / "1.pcapng", tmp_path / "2.pcapng"
    write(first, CAPTURE, keys=KEYS)
    assert write(second, first, keys=KEYS).problems == []
    assert second.read_bytes() == first.read_bytes()
    reader = read(first)[0]
    stray = reader.secrets[0] + f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n".encode()
    head = struct.pack("<II", 0x544C534B, len(stray))
    raw = CAPTURE.read_bytes()
    (length,) = struct.unpack_from("<I", raw, 4)
    mixed, third = tmp_path / "mixed.pcapng", tmp_path / "3.pcapng"
    # Behind the packets, too: they are read again with the secrets known.
    for data in (
        raw[:length] + block(10, head + stray) + raw[length:],
        raw + block(10, head + stray) + block(10, struct.pack("<II", 0x57474B4C, 4) + b"shh!"),
    ):
        mixed.write_bytes(data)
        third.unlink(missing_ok=True)
        problems = write(third, mixed).problems
        assert "embedded secrets of 1 sessions open nothing here and are left out" in problems
        assert ("embedded secrets of protocols other than TLS are left out" in problems) == (
            b"shh!" in data
        )
        assert sorted(key_lines(read(third)[0])) == sorted(key_lines(reader))
        assert b"shh!" not in third.read_bytes()


def test_several_captures_are_sections_in_order_of_time(tmp_path: Path) -> None:
    early, late = CAPTURE, FIXTURES / "transports" / "tls12_ccm.pcap"
    keys = tmp_path / "keys.log"
    keys.write_text(KEYS.read_text() + late.with_suffix(".keys.log").read_text())
    out = tmp_path / "out.pcapng"
    write(out, late, early, keys=keys)
    reader, packets, times = read(out)
    assert times == sorted(times)
    assert len(packets) == len(read(early)[1]) + len(read_packets(late))
    assert len(reader.secrets) == 1
    trace = read_capture(out, workers=1)
    assert trace.tls_sessions["opened"].all()
    assert len(trace.messages) == 167 + 8


def read_packets(pcap: Path) -> list[bytes]:
    import dpkt

    with pcap.open("rb") as file:
        return [data for _, data in dpkt.pcap.Reader(file)]


def test_a_big_endian_section_gets_big_endian_secrets(tmp_path: Path) -> None:
    pcap = FIXTURES / "transports" / "tls12_ccm.pcap"
    order, source = ">", tmp_path / "big.pcapng"
    blocks = [section(order), interface(order=order)]
    for number, data in enumerate(read_packets(pcap)):
        head = struct.pack(f"{order}IIIII", 0, 0, number, len(data), len(data))
        blocks.append(block(6, head + data, order))
    source.write_bytes(b"".join(blocks))
    out = tmp_path / "out.pcapng"
    outcome = write(out, source, keys=pcap.with_suffix(".keys.log"))
    assert outcome.opened == 1
    assert len(key_lines(read(out)[0])) >= 1
    assert len(read_capture(out, workers=1).messages) == 8


# --- without keys -------------------------------------------------------------------------------


@pytest.mark.parametrize("view", CASES)
def test_plain_messages_read_again_are_the_same(view: View, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    outcome = write(out, view.capture, keys=view.keys, plain=True)
    before = read_capture(view.capture, keys=view.keys or (), workers=1)
    after = read_capture(out, workers=1)
    assert outcome.written == len(before.messages) == len(after.messages)
    # By frame, unless an agent's clock (HEP) goes otherwise: then by time, as any table of ours.
    old = before.messages.sort_values(["time", "frame_number"], ignore_index=True)
    pd.testing.assert_frame_equal(
        old.drop(columns=OTHERWISE), after.messages.drop(columns=OTHERWISE), check_categorical=False
    )
    carried = old["transport"].astype("string").replace(["tls", "sctp", "ws", "wss"], "tcp")
    assert carried.tolist() == after.messages["transport"].astype("string").tolist()
    columns = ["time", "part", "media_type", "size", "text", "value"]
    columns = [name for name in columns if name in before.bodies]
    bodies = [
        trace.bodies[columns].sort_values(["time", "part"], kind="stable").reset_index(drop=True)
        for trace in (before, after)
    ]
    pd.testing.assert_frame_equal(*bodies, check_categorical=False)


def test_no_key_is_in_a_plain_file(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    write(out, CAPTURE, keys=KEYS, plain=True)
    data = out.read_bytes()
    inline = re.findall(rb"inline:([^|;\s]+)", data)
    assert inline
    assert all(set(key) == set(b"X") for key in inline)
    assert b"CLIENT_RANDOM" not in data
    for line in KEYS.read_text().splitlines():
        if line[:1] != "#":
            assert line.split()[2].encode() not in data
            assert bytes.fromhex(line.split()[2]) not in data


def test_secrets_behind_the_packets_open_plain_messages_once(tmp_path: Path) -> None:
    secrets = KEYS.read_bytes()
    late, out = tmp_path / "late.pcapng", tmp_path / "out.pcapng"
    head = struct.pack("<II", 0x544C534B, len(secrets))
    late.write_bytes(CAPTURE.read_bytes() + block(10, head + secrets))
    assert write(out, late, plain=True).written == 167
    assert len(read(out)[1]) == 167


def test_messages_of_several_captures_stand_in_order(tmp_path: Path) -> None:
    early = FIXTURES / "damaged" / "reordered.pcap"
    late = FIXTURES / "transports" / "udp_linux_sll.pcap"
    out = tmp_path / "out.pcapng"
    write(out, late, early, plain=True)
    reader, _, times = read(out)
    assert times == sorted(times)
    names = [one.name for one in reader.interfaces]
    assert names == ["reordered.pcap", "udp_linux_sll.pcap"]


# --- what goes wrong ----------------------------------------------------------------------------


def refused(out: Path, *captures: Path, overwrite: bool = False) -> str:
    request = Request([str(path) for path in captures], [], [])
    with pytest.raises(UsageError) as caught:
        write_decrypted(request, out, overwrite=overwrite, progress=lambda done: None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_outputs_that_are_refused(tmp_path: Path) -> None:
    capture = tmp_path / "capture.pcapng"
    shutil.copy(CAPTURE, capture)
    before = capture.read_bytes()
    assert "is a directory" in refused(tmp_path, capture)
    assert "is read by this command" in refused(capture, capture, overwrite=True)
    (tmp_path / "link.pcapng").symlink_to(capture)
    assert "is read by this command" in refused(tmp_path / "link.pcapng", capture, overwrite=True)
    taken = tmp_path / "taken.pcapng"
    taken.write_text("mine")
    assert "--overwrite" in refused(taken, capture)
    assert "cannot be written" in refused(taken / "out.pcapng", capture)
    assert taken.read_text() == "mine"
    assert capture.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "capture.pcapng", "link.pcapng", "taken.pcapng",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [None, b"", b"Dear Sir,\n" * 20])
def test_nothing_readable_leaves_nothing_behind(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "in.pcap"
    if content is not None:
        path.write_bytes(content)
    for plain in ([], ["--plain"]):
        done = run(path, "--out", tmp_path / "out.pcapng", *plain)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert {one.name for one in tmp_path.iterdir()} <= {"in.pcap"}


def test_without_keys_the_copy_is_made_and_the_reason_told(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    done = run(CAPTURE, "--out", out)
    assert done.returncode == 0
    assert "618 packets, 0 of 7 TLS sessions opened" in done.stdout
    assert "skype_ringback.pcapng: " in done.stderr
    assert "not opened: no key for this session" in done.stderr
    assert read(out)[0].secrets == []
    assert run(CAPTURE, "--out", out, "--overwrite", "--strict").returncode == 1


def test_wrong_keys_embed_nothing(tmp_path: Path) -> None:
    keys = tmp_path / "wrong.log"
    randoms = {line.split()[1] for line in KEYS.read_text().splitlines() if line[:1] != "#"}
    keys.write_text("".join(f"CLIENT_RANDOM {one} {'cd' * 48}\n" for one in sorted(randoms)))
    outcome = write(tmp_path / "out.pcapng", CAPTURE, keys=keys)
    assert outcome.opened == 0
    assert any("does not fit" in problem for problem in outcome.problems)
    assert read(tmp_path / "out.pcapng")[0].secrets == []
    assert "cdcdcd" not in "".join(outcome.problems)


def test_a_cut_capture_is_copied_as_far_as_it_goes(tmp_path: Path) -> None:
    raw = CAPTURE.read_bytes()
    cut, out = tmp_path / "cut.pcapng", tmp_path / "out.pcapng"
    for length in range(200, len(raw), len(raw) // 20):
        cut.write_bytes(raw[:length])
        problems = write(out, cut, keys=KEYS).problems
        assert any(problem.startswith("cut.pcapng: the file ends") for problem in problems)
        _, packets, _ = read(out)
        assert packets == read(CAPTURE)[1][: len(packets)]
        out.unlink()


def test_one_of_two_captures_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    outcome = write(out, tmp_path / "missing.pcap", CAPTURE, keys=KEYS)
    assert outcome.written == 618
    assert any("missing.pcap: no such file" in problem for problem in outcome.problems)
    plain = tmp_path / "plain.pcapng"
    assert write(plain, tmp_path / "missing.pcap", CAPTURE, keys=KEYS, plain=True).written == 167


def test_standard_input_and_pipes(tmp_path: Path) -> None:
    with CAPTURE.open("rb") as file:
        done = run("-", "--keys", KEYS, "--out", tmp_path / "1.pcapng", stdin=file)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cp", str(CAPTURE), str(fifo)]):
        done = run(fifo, "--keys", KEYS, "--out", tmp_path / "2.pcapng")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "1.pcapng").read_bytes() == (tmp_path / "2.pcapng").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.pcapng", "2.pcapng", "fifo"]
    empty = run("-", "--out", tmp_path / "3.pcapng", stdin=subprocess.DEVNULL)
    assert (empty.returncode, empty.stderr.count("\n")) == (2, 1)


def test_a_message_longer_than_a_packet_may_be(tmp_path: Path) -> None:
    import dpkt

    body = b"x" * 300_000
    sip = b"MESSAGE sip:b@example.com SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n"
    data = sip + b"Content-Length: 300000\r\n\r\n" + body
    source, out = tmp_path / "long.pcap", tmp_path / "out.pcapng"
    with source.open("wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=101)
        for number, at in enumerate(range(0, len(data), 1400)):
            tcp = dpkt.tcp.TCP(sport=40000, dport=5060, seq=1 + at, flags=16, data=data[at:][:1400])
            ip = dpkt.ip.IP(src=b"\n\0\0\1", dst=b"\n\0\0\2", p=6, data=tcp)
            writer.writepkt(bytes(ip), ts=number)
    outcome = write(out, source, plain=True)
    assert outcome.written == 1
    assert outcome.problems == ["1 messages are cut to the longest packet there may be"]
    (packet,) = read(out)[1]
    assert len(packet) == 262_144
