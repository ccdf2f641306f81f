"""What decrypt writes, as tshark reads it: the same messages as in the original with its keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.workshop import tshark_view
from fixtures.workshop.expected import essence
from fixtures.workshop.tshark_view import View
from pipelines.decrypted import write_decrypted, write_plain
from pipelines.request import Request
from tests.conftest import Tshark
from tests.oracle.test_messages import CASES, our_messages, tshark_messages


def _request(view: View) -> Request:
    return Request([str(view.capture)], [str(view.keys)] if view.keys else [], [])


@pytest.mark.oracle
@pytest.mark.parametrize(("folder", "view"), CASES)
def test_tshark_opens_the_copy_without_keys(folder: Path, view: View, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    write_decrypted(_request(view), out, overwrite=False, progress=lambda done: None)
    copy = View(out, None, view.decode_as or ())
    assert essence(tshark_view.sip_messages(copy)) == essence(tshark_messages(view))


@pytest.mark.oracle
@pytest.mark.parametrize(("folder", "view"), CASES)
def test_tshark_shows_the_plain_messages(folder: Path, view: View, tmp_path: Path) -> None:
    """Frames count anew; all that we found is there, be it more than tshark finds itself."""
    out = tmp_path / "out.pcapng"
    write_plain(_request(view), out, overwrite=False, progress=lambda done: None)
    ours = sorted(our_messages(view), key=lambda row: row["frame_number"])
    assert [row[1:] for row in essence(tshark_view.sip_messages(View(out)))] == [
        row[1:] for row in essence(ours)
    ]


@pytest.mark.oracle
def test_tshark_sees_where_plain_messages_come_from(tshark: Tshark, tmp_path: Path) -> None:
    view = next(case.values[1] for case in CASES if "tcp_ipv6" in str(case.values[1]))
    out = tmp_path / "out.pcapng"
    write_plain(_request(view), out, overwrite=False, progress=lambda done: None)
    fields = ("ipv6.src", "tcp.srcport", "ipv6.dst", "tcp.dstport")
    originals = tshark.fields(view.capture, "frame.number", *fields)
    names = ("ipv6_src", "src_port", "ipv6_dst", "dst_port")
    tags = [f"exported_pdu.{name}" for name in ("orig_fno", *names)]
    exported = tshark.fields(out, *tags)
    assert [list(row.values()) for row in exported] == [list(row.values()) for row in originals]
