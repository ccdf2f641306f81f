"""Every display filter that the schema names is one that tshark knows."""

from __future__ import annotations

import subprocess

import pytest

from pipelines.schema import TABLES
from tests.conftest import Tshark

NAMED = sorted({column.wireshark for table in TABLES.values() for column in table} - {""})


@pytest.fixture(scope="module")
def known(tshark: Tshark) -> set[str]:
    """Return the names of tshark's protocols and fields."""
    listed = subprocess.run(
        [tshark.path, "-G", "fields"], capture_output=True, check=True, text=True, timeout=120
    ).stdout
    rows = (line.split("\t") for line in listed.splitlines())
    return {row[2] for row in rows if row[0] in ("P", "F")}


@pytest.mark.oracle
@pytest.mark.parametrize("name", NAMED)
def test_tshark_knows_the_name(name: str, known: set[str]) -> None:
    assert name in known


def test_what_has_a_name_is_named() -> None:
    """The facts that people filter by most have their filter in every table that tells them."""
    wanted = {"call_id": "sip.Call-ID", "frame_number": "frame.number", "status_code": None}
    for table in TABLES.values():
        for column in table:
            if column.name in wanted and table.name not in ("presence", "quality_reports"):
                expected = wanted[column.name] or "sip.Status-Code"
                assert column.wireshark == expected, f"{table.name}.{column.name}"
