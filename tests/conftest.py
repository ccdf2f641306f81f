"""What all tests share: the oracle (tshark), captures of other projects, Hypothesis profiles."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

ON_CI = bool(os.environ.get("CI"))
os.environ.pop("SSLKEYLOGFILE", None)  # the commands use what it names, and say so
CHECKOUT = Path(__file__).parents[1]
CORPUS = CHECKOUT.parent / "shared" / "corpus"
TSHARK = shutil.which("tshark")

# No deadlines: the time of one example says more about the machine than about the code. CI finds
# the same examples each time; at home each run looks elsewhere.
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("home", deadline=None, print_blob=True)
hypothesis.settings.load_profile("ci" if ON_CI else "home")


@dataclass(frozen=True)
class Tshark:
    """tshark as an oracle; also usable where a path is wanted."""

    path: str

    def __fspath__(self) -> str:
        return self.path

    def __call__(self, capture: Path, *arguments: str, keys: Path | None = None) -> str:
        """Return what tshark prints about `capture`, decrypted with the key log `keys`.

        Segments out of order are put in order: tshark's default loses messages in them.
        """
        command = [self.path, "-n", "-r", str(capture), "-o", "tcp.reassemble_out_of_order:TRUE"]
        if keys:
            command += ["-o", f"tls.keylog_file:{keys}"]
        environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            check=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=300,
        )
        return done.stdout

    def fields(
        self,
        capture: Path,
        *names: str,
        display_filter: str = "sip",
        keys: Path | None = None,
        arguments: tuple[str, ...] = (),
    ) -> list[dict[str, str]]:
        """Return one row per frame that passes `display_filter`: field name → text.

        A field that occurs several times in a frame, as when two messages share one, is joined
        by ``|``; one that does not occur is empty.
        """
        wanted = [option for name in names for option in ("-e", name)]
        layout = ("-T", "fields", "-E", "separator=/t", "-E", "aggregator=|")
        printed = self(capture, "-Y", display_filter, *layout, *wanted, *arguments, keys=keys)
        rows = (line.split("\t") for line in printed.splitlines())
        return [dict(zip(names, row, strict=True)) for row in rows]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the machine has not got; on CI a missing tshark is a failure."""
    fixtures = getattr(item, "fixturenames", ())
    if (item.get_closest_marker("oracle") or "tshark" in fixtures) and TSHARK is None:
        if ON_CI:
            pytest.fail("tshark is not installed, and CI shall not skip the oracle")
        pytest.skip("tshark is not installed")
    if (item.get_closest_marker("corpus") or "corpus" in fixtures) and not CORPUS.is_dir():
        pytest.skip("captures of other projects are not beside the checkout")


@pytest.fixture(scope="session")
def tshark() -> Tshark:
    """Return tshark; a test that asks for it is skipped (on CI: fails) without."""
    assert TSHARK
    return Tshark(TSHARK)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the folder with captures of other projects; a test that asks for it may skip."""
    return CORPUS
