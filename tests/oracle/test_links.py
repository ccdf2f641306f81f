"""Which frames carry TCP, UDP or SCTP, on every link and in every tunnel: tshark's view."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dissectors.net.slow_road import SlowRoad
from dissectors.transport.layers import decode_layers
from pipelines import read_capture
from pipelines.ingest import CaptureFile

CHECKOUT = Path(__file__).parents[2]
FIXTURE = CHECKOUT / "fixtures" / "links"
CORPUS = CHECKOUT.parent / "shared" / "corpus"
OURS = [path for path in sorted(FIXTURE.glob("*.pcapng")) if "unknown" not in path.name]
THEIRS = [
    path
    for name in ("linktypes", "ip-fragments")
    for path in sorted((CORPUS / name).glob("*.pcap*"))
]
CAPTURES = [
    *(pytest.param(path, id=path.stem) for path in OURS),
    *(pytest.param(path, id=path.stem, marks=pytest.mark.corpus) for path in THEIRS),
]
KINDS = ("arp", "dns", "eth", "fddi", "icmp", "ip", "llc", "sctp", "tcp", "tr", "udp", "usb-linux")


def _frames_of_tshark(path: Path) -> list[int]:
    command = ["tshark", "-n", "-r", str(path), "-otcp.reassemble_out_of_order:TRUE"]
    command += ["-Ytcp or udp or sctp", "-Tfields", "-eframe.number"]
    told = subprocess.run(command, check=True, capture_output=True).stdout
    return [int(line) for line in told.split()]


def _our_frames(path: Path) -> list[int]:
    slow_road = SlowRoad()
    layers = [decode_layers(batch, slow_road).layers for batch in CaptureFile(str(path)).batches()]
    return sorted({frame for one in layers for frame in one.frame_number.tolist()})


@pytest.mark.oracle
@pytest.mark.parametrize("path", CAPTURES)
def test_the_same_frames_carry_something(path: Path) -> None:
    assert _our_frames(path) == _frames_of_tshark(path)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", KINDS)
def test_random_packets_are_all_read(kind: str, tmp_path: Path) -> None:
    """Wireshark's own generator of nonsense behind right headers."""
    if not shutil.which("randpkt"):
        pytest.skip("randpkt is not installed")
    path = tmp_path / "random.pcap"
    command = ["randpkt", "-b", "400", "-c", "200", "-t", kind, str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"this randpkt does not know {kind}")
    assert read_capture(path, workers=1).captures["packets"].tolist() == [200]
