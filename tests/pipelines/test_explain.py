"""``explain CAPTURE FRAME`` as a user runs it: every floor of a frame, and nothing secret."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

from dissectors.scapy_layers import SIP
from dissectors.stack import DecodeAs
from dissectors.tls.keys import KeyRing
from pipelines import explain, read_capture
from pipelines.errors import UsageError
from pipelines.floor import Field, Floor
from pipelines.floors_text import plain_floors, render_floors
from pipelines.frame_floors import frame_floors, why_no_sip
from pipelines.frame_watch import FrameView, watch_frame

CHECKOUT = Path(__file__).parents[2]
FIXTURES = CHECKOUT / "fixtures"
SKYPE = FIXTURES / "skype_ringback"
CAPTURE, KEYS = SKYPE / "skype_ringback.pcapng", SKYPE / "sslkeys.log"
INVITE = "1-121-1"
LOG = FIXTURES / "tracelog_kinds" / "front_end.ocslogger.txt"


class Told:
    """What a run of the command printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
        self.code = explain.main([str(one) for one in arguments])
        captured = capsys.readouterr()
        self.out, self.err = captured.out, captured.err

    @property
    def json(self) -> dict[str, Any]:
        """What is printed as JSON."""
        told: dict[str, Any] = json.loads(self.out)
        return told


def view_of(path: Path, frame: int, keys: Path | None = None) -> FrameView:
    ring = KeyRing()
    if keys is not None:
        ring.add_keylog(keys.read_bytes(), "keys")
    view = watch_frame(str(path), frame, ring, DecodeAs())
    assert isinstance(view, FrameView)
    return view


def fields_of(floors: list[dict[str, Any]], protocol: str) -> dict[str, dict[str, Any]]:
    (floor,) = [one for one in floors if one["protocol"] == protocol]
    return {field["name"]: field for field in floor["fields"]}


# --- what is shown ------------------------------------------------------------------------------


def test_a_message_is_shown_from_link_to_body(capsys: pytest.CaptureFixture[str]) -> None:
    told = Told(capsys, CAPTURE, INVITE, "--keys", KEYS)
    assert (told.code, told.err) == (0, "")
    headings = [line for line in told.out.splitlines() if line and line[0] != " "]
    assert [heading.partition(" (")[0] for heading in headings] == [
        "Frame",
        "Ethernet",
        "IPv4",
        "TCP",
        "TLS record",
        "SIP over tls",
        "body: multipart/alternative",
        "part 1.1: application/sdp",
        "part 1.2: application/sdp",
    ]
    for line in (
        "   12    2 ether_type: 0x0800 (IPv4)",
        "   13    1 control_bits: 0x18 (PSH, ACK)",
        "    5 2846 fragment: 2846 bytes (decrypted: 2822 bytes of application_data)",
        "             opened_by: key log",
        "   75   16 Max-Forwards: 70 (hops that are left (RFC 3261 §20.22))",
        "           » put together from 2 frames: 120 and this one",
    ):
        assert line in told.out.splitlines()


def test_a_field_stands_where_its_bytes_are(capsys: pytest.CaptureFixture[str]) -> None:
    floors = Told(capsys, CAPTURE, INVITE, "--keys", KEYS, "--json", "--hex").json["floors"]
    tcp = next(one for one in floors if one["protocol"] == "TCP")
    data = bytes.fromhex(tcp["data"])
    for field in tcp["fields"][:4]:
        sent = data[field["offset"] : field["offset"] + field["length"]]
        assert int.from_bytes(sent, "big") == int(field["value"])
    sip = next(one for one in floors if one["protocol"] == "SIP over tls")
    head = bytes.fromhex(sip["data"])
    for field in sip["fields"][1:]:
        sent = head[field["offset"] : field["offset"] + field["length"]]
        assert sent.split(b":")[0].decode() == field["name"]


def test_diagnostics_are_told_with_their_component(capsys: pytest.CaptureFixture[str]) -> None:
    floors = Told(capsys, CAPTURE, "1-125-1", "--keys", KEYS, "--json").json["floors"]
    header = fields_of(floors, "SIP over tls")["ms-diagnostics"]
    code, reason = header["fields"][:2]
    assert (code["value"], code["meaning"]) == ("13004", "inbound routing")
    assert reason["value"] == "Request was proxied to one or more registered endpoints"


def test_a_frame_with_a_part_says_where_the_message_is_complete(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = Told(capsys, CAPTURE, 120, "--keys", KEYS)
    assert "this frame carries a part of it; frame 121 completes it" in told.out
    assert f"message {INVITE}" in told.out
    assert "Call-ID" not in told.out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("retransmitted.pcap", "brings nothing new: a retransmission or a keep-alive"),
        ("reordered.pcap", "out of order: frame"),
        ("lost_body.pcap", "bytes of the stream are lost before this segment"),
        ("snapped.pcap", "bytes of it were not captured"),
        ("ip_fragments.pcap", "the fragment that completes a datagram: UDP with"),
        ("vlan_tags.pcap", "802.1Q tag"),
    ],
)
def test_what_happened_to_a_frame_is_told(name: str, told: str) -> None:
    path = FIXTURES / "damaged" / name
    number = int(read_capture(path, workers=1).captures["packets"][0])
    pages = [
        render_floors(frame_floors(view_of(path, frame)), None, hexdump=False, bold=False)
        for frame in range(1, number + 1)
    ]
    assert any(told in page for page in pages)
    assert not all(told in page for page in pages)


def test_every_fault_of_a_frame_is_shown() -> None:
    path = FIXTURES / "damaged" / "lost_body.pcap"
    expert = read_capture(path, workers=1).expert
    rows = expert[expert["frame_number"].notna()]
    for frame, summary in zip(rows["frame_number"], rows["summary"], strict=True):
        page = render_floors(
            frame_floors(view_of(path, int(frame))), None, hexdump=False, bold=False
        )
        assert summary in page


@pytest.mark.parametrize(
    ("folder", "name", "keys"),
    [
        ("skype_ringback", "skype_ringback.pcapng", "sslkeys.log"),
        ("transports", "udp_linux_sll.pcap", None),
        ("links", "websocket.pcapng", None),
    ],
)
def test_each_message_is_found_by_its_id(folder: str, name: str, keys: str | None) -> None:
    path = FIXTURES / folder / name
    paths = [FIXTURES / folder / keys] if keys else []
    messages = read_capture(path, keys=paths, workers=1).messages.iloc[::9]
    for row in messages.itertuples():
        view = view_of(path, int(row.frame_number), paths[0] if paths else None)
        seen = {one.message_id: one for one in view.messages}
        one = seen[row.message_id]
        assert one.message.get("call-id") == row.call_id
        assert one.retransmission_of == (
            row.retransmission_of if pd.notna(row.retransmission_of) else None
        )
        assert why_no_sip(view) == ""


def test_a_repeated_message_says_of_which(capsys: pytest.CaptureFixture[str]) -> None:
    path = FIXTURES / "sipp_tls" / "udp_lossy.pcapng"
    messages = read_capture(path, workers=1).messages
    row = messages[messages["retransmission_of"].notna()].iloc[0]
    out = Told(capsys, path, row["message_id"]).out
    assert f"» a retransmission of {row['retransmission_of']}" in out


def test_an_exported_pdu_has_no_headers(capsys: pytest.CaptureFixture[str]) -> None:
    path = FIXTURES / "exported_pdu" / "over_tls.pcapng"
    floors = Told(capsys, path, 5, "--json").json["floors"]
    assert [floor["protocol"] for floor in floors[:3]][:2] == ["Frame", "Exported PDU"]
    told = {field["name"]: field["value"] for field in floors[1]["fields"]}
    assert (told["protocol"], told["source_port"]) == ("sip.tcp", "40112")
    assert told["source_address"] == "192.0.2.10"


def test_what_an_agent_tells_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    floors = Told(capsys, FIXTURES / "links" / "hep.pcapng", 1, "--json").json["floors"]
    headings = [floor["protocol"] for floor in floors]
    assert headings[3:5] == ["UDP", "HEP 1"]
    told = {field["name"]: field for field in floors[4]["fields"]}
    assert told["protocol_type"]["meaning"] == "SIP"
    assert headings[5].startswith("SIP over")


def test_records_of_a_trace_log_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    trace = read_capture(LOG, workers=1)
    for row in trace.messages.itertuples():
        told = Told(capsys, LOG, row.message_id, "--json").json
        headings = [floor["protocol"] for floor in told["floors"]]
        assert headings[:2] == ["Trace record", "SIP over log"]
        assert fields_of(told["floors"], "SIP over log")["Call-ID"]["value"] == row.call_id
    for row in trace.log_diagnostics.itertuples():
        out = Told(capsys, LOG, row.frame_number).out
        assert f"text: {row.text}" in out
        assert str(row.result_code) in out


def test_compact_names_are_expanded(tmp_path: Path) -> None:
    message = SIP(
        start_line="SUBSCRIBE sip:kim@litwareinc.com SIP/2.0",
        headers=[
            ("f", "Kim <sip:kim@litwareinc.com;gruu;opaque=user:epid:x>;tag=1;epid=2"),
            ("o", "presence;id=3"),
            ("Subscription-State", "active"),
            ("v", "no Via at all"),
            ("l", "0"),
        ],
    )
    packet = Ether() / IP() / UDP(sport=5060, dport=5060) / message
    packet.time = 1.5
    path = tmp_path / "one.pcap"
    wrpcap(str(path), [packet])
    floors = plain_floors(frame_floors(view_of(path, 1)), hexdump=False)
    told = fields_of(floors, "SIP over udp")
    assert told["f"]["meaning"] == "From"
    assert [one["name"] for one in told["f"]["fields"]] == ["display_name", "uri", "tag", "epid"]
    assert told["o"]["meaning"] == "Event: event package (RFC 6665 §8.2.1)"
    assert [one["value"] for one in told["o"]["fields"]] == ["presence", "3"]
    assert "fields" not in told["Subscription-State"]
    assert told["v"]["meaning"].startswith("not read: ")


# --- secrets ------------------------------------------------------------------------------------


def test_no_key_and_no_credential_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    path = FIXTURES / "skype_ringback" / "skype_ringback.pcapng"
    view = view_of(path, 121, KEYS)
    (seen,) = view.messages
    keys = re.findall(rb"inline:([^|\s]+)", seen.message.body)
    (response,) = re.findall(rb"response=\"([0-9a-f]+)\"", bytes(seen.message.head))
    assert keys
    for arguments in (["--hex"], ["--json", "--hex"], []):
        out = Told(capsys, path, INVITE, "--keys", KEYS, *arguments).out
        for secret in (*keys, response):
            assert secret.decode() not in out
            assert secret.hex() not in out
            assert secret[:8].hex(" ") not in out


def test_the_hex_dump_keeps_its_places(capsys: pytest.CaptureFixture[str]) -> None:
    floors = Told(capsys, CAPTURE, INVITE, "--keys", KEYS, "--json", "--hex").json["floors"]
    (seen,) = view_of(CAPTURE, 121, KEYS).messages
    sip = next(one for one in floors if one["protocol"] == "SIP over tls")
    assert len(sip["data"]) == 2 * len(seen.message.head)
    body = next(one for one in floors if one["protocol"].startswith("body"))
    assert len(body["data"]) == 2 * len(seen.message.body)


# --- how it is shown ----------------------------------------------------------------------------


def test_a_terminal_gets_folded_lines() -> None:
    floors = [Floor("SIP", fields=[Field("Via", "SIP/2.0/TLS " + "word " * 40, offset=3)])]
    page = render_floors(floors, 60, hexdump=False, bold=True)
    assert page.startswith("\033[1mSIP\033[0m\n    3      Via: SIP/2.0/TLS word")
    assert max(map(len, page.splitlines())) <= 60
    assert render_floors(floors, None, hexdump=False, bold=False).count("\n") == 1


def test_a_strangers_text_moves_no_cursor() -> None:
    floors = [Floor("SIP\033[2J", fields=[Field("a\rb", "\033]0;x\a")], notes=["\x9b2J"])]
    page = render_floors(floors, 60, hexdump=False, bold=False)
    assert not any(one in page for one in "\033\r\a\x9b")


def test_a_deep_tree_still_fits() -> None:
    field = Field("leaf", "value " * 30)
    for _ in range(60):
        field = Field("branch", fields=(field,))
    page = render_floors([Floor("body", fields=[field])], 80, hexdump=False, bold=False)
    assert "leaf: value" in page


def test_json_knows_what_is_missing() -> None:
    (told,) = plain_floors([Floor("x", fields=[Field("flag")])], hexdump=True)
    assert told["data"] is None
    assert told["fields"] == [
        {"name": "flag", "value": None, "meaning": None, "offset": None, "length": None}
    ]


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([CAPTURE, "9999"], "has no frame 9999: its last one is 618"),
        ([CAPTURE, "0"], "has no frame 0: its last one is 618"),
        ([CAPTURE, "1-121-2", "--keys", KEYS], "frame 121 completes one message"),
        ([CAPTURE, "1-120-1", "--keys", KEYS], "frame 120 completes no messages"),
        ([CAPTURE, INVITE], "its TLS is not opened: no key for this session"),
        ([CAPTURE, "soon"], "soon: neither a frame number (120) nor a message_id (1-120-2)"),
        ([CHECKOUT / "LICENSE", "1"], "LICENSE: "),
        ([LOG, "3"], "no record of this trace log begins on line 3"),
        ([LOG, "1-2-9"], "has no message 1-2-9: frame 2 completes one message"),
        ([CHECKOUT / "nowhere.pcap", "1"], "nowhere.pcap: "),
        ([CAPTURE, "1", "-d", "tcp"], "-d tcp: expected a rule"),
    ],
)
def test_what_goes_wrong_is_one_line(
    arguments: list[object], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = Told(capsys, *arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("frame", "told"),
    [(60, "it carries no payload"), (121, "its TLS is not opened: no key for this session")],
)
def test_a_frame_without_sip_says_why(
    frame: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = Told(capsys, CAPTURE, frame)
    assert done.code == 0
    assert f"frame {frame}: no SIP: {told}" in done.err
    assert told in Told(capsys, CAPTURE, frame, "--json").json["no_sip"]


def test_a_closed_record_says_why_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    out = Told(capsys, CAPTURE, 121).out
    assert "fragment: 2846 bytes (not opened)" in out
    assert "» not opened: no key for this session" in out


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_output_of_few_characters_gets_escapes(options: list[str], tmp_path: Path) -> None:
    headers = {"Content-Type": "application/json", "Subject": "Gr\u00fc\u00dfe", "l": None}
    body = b'{"half": "\\ud800", "\xc3\xbc": 1}'
    packet = Ether() / IP() / UDP(sport=5060, dport=5060) / SIP(headers=headers, body=body)
    packet.time = 1.5
    wrpcap(str(tmp_path / "one.pcap"), [packet])
    for encoding in ("ascii", "utf-8"):
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.explain", str(tmp_path / "one.pcap"), "1", *options],
            capture_output=True,
            check=False,
            timeout=120,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONIOENCODING": encoding},
        )
        assert (done.returncode, done.stderr) == (0, b"")
        told = done.stdout.decode(encoding)
        assert "half" in told
        if options:
            assert json.loads(told)["no_sip"] is None


def test_it_is_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "explain", str(CAPTURE), "60"],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        cwd=CHECKOUT,
    )
    assert done.returncode == 0
    assert "\033" not in done.stdout
    assert "control_bits: 0x02 (SYN)" in done.stdout


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["vlan_tags.pcap", "tls_lost.pcap", "snapped.pcap", "ip_fragments.pcap"]),
    places=st.lists(st.tuples(st.integers(24, 3000), st.integers(0, 255)), max_size=12),
    frame=st.integers(1, 12),
)
def test_damaged_bytes_give_floors_or_one_line(
    name: str, places: list[tuple[int, int]], frame: int, tmp_path: Path
) -> None:
    data = bytearray((FIXTURES / "damaged" / name).read_bytes())
    for place, value in places:
        data[place % len(data)] = value
    path = tmp_path / "damaged.pcap"
    path.write_bytes(data)
    try:
        floors = frame_floors(view_of(path, frame))
    except UsageError as error:
        assert "\n" not in str(error)
        return
    assert floors[0].protocol == "Frame"
    page = render_floors(floors, 80, hexdump=True, bold=False)
    assert all(line.isprintable() for line in page.split("\n"))


@pytest.mark.parametrize("folder", ["damaged", "links", "exported_pdu"])
def test_every_frame_can_be_explained(folder: str) -> None:
    for path in sorted((FIXTURES / folder).glob("*.pcap*")):
        number = int(read_capture(path, workers=1).captures["packets"][0])
        for frame in range(1, number + 1, 7):
            view = view_of(path, frame)
            floors = frame_floors(view)
            assert view.messages or why_no_sip(view)
            render_floors(floors, 80, hexdump=True, bold=True)
            json.dumps(plain_floors(floors, hexdump=True))
