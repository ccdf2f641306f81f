"""Tables made side by side: each once, after those that it is made of, equal to those of one."""

from __future__ import annotations

from pathlib import Path
from threading import Lock, get_ident
from time import sleep

import pytest

from pipelines.engine import WorkerFailed, run
from pipelines.request import Request
from pipelines.schedule import make_tables
from pipelines.schema import TABLES
from pipelines.table_maker import sources_of

FIXTURE = Path(__file__).parents[2] / "fixtures" / "conference_join"


def request() -> Request:
    capture, keys = FIXTURE / "conference_join.pcapng", FIXTURE / "sslkeys.log"
    return Request([str(capture)], [str(keys)], [])


@pytest.mark.parametrize("hands", [1, 2, 5])
def test_what_a_table_is_made_of_comes_first(hands: int) -> None:
    begun: list[str] = []
    done: set[str] = set()
    lock = Lock()

    def make(name: str) -> None:
        with lock:
            assert sources_of(name) <= done
            begun.append(name)
        sleep(0.001)
        with lock:
            done.add(name)

    make_tables(["findings", "messages"], [make] * hands)
    assert len(begun) == len(set(begun))
    assert {"findings", "calls", "messages", "flows"} <= done
    assert "expert" not in done


@pytest.mark.parametrize("failing", ["here", "there"])
def test_a_failure_ends_it(failing: str) -> None:
    here = get_ident()

    def make(name: str) -> None:
        sleep(0.001)
        if name == "transactions" or (get_ident() == here) == (failing == "here"):
            raise WorkerFailed(name)

    with pytest.raises(WorkerFailed):
        make_tables(["findings"], [make, make])


def test_all_processes_make_the_tables_of_one() -> None:
    alone = run(request(), 1)
    together = run(request(), 3, wanted=list(TABLES))
    for name in TABLES:
        assert together.arrow(name).equals(alone.arrow(name)), name
