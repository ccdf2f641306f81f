"""SIP messages of a run as exported PDUs: on disk as they are found, in order when all are."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from dissectors.capture.batch import Bytes, Int64, PacketBatch
from dissectors.capture.pcap import MAX_PACKET
from dissectors.link.exported_pdu import LINK_TYPE
from dissectors.sip.message import SipMessage
from dissectors.transport.flow import Flow
from pipelines.pcapng_writer import interface_description, packet_blocks, section_header
from pipelines.upper_pdu import exported_message
from pipelines.whole_file import create

_AT_ONCE = 4096  # messages that are written at once


class PduSpool:
    """Collects messages while captures are taken apart; an observer of a run.

    Messages of different connections are found out of order. In memory there are five numbers of
    each.

    Parameters
    ----------
    path : Path
        A new file for the PDUs; the caller removes it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = create(path, private=True)
        self._columns = [array("q") for _ in range(5)]
        self._end = 0

    def __len__(self) -> int:
        return len(self._columns[0])

    @property
    def too_long(self) -> int:
        """How many messages are longer than Wireshark reads a packet, and are cut to that."""
        return int(np.count_nonzero(self._column(4) > MAX_PACKET))

    def take_message(
        self, capture: int, frame_number: int, flow: Flow, message: SipMessage
    ) -> None:
        """Keep a message."""
        pdu = exported_message(flow, message, frame_number)
        self._file.write(pdu)
        row = (capture, frame_number, message.time_ns, self._end, len(pdu))
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)
        self._end += len(pdu)

    def take_secrets(self, capture: int, secrets: list[tuple[str, bytes, bytes]]) -> None:
        """Pass secrets over: they do not leave."""

    def clear(self) -> None:
        """Forget everything."""
        self._file.seek(0)
        self._file.truncate()
        self._columns = [array("q") for _ in range(5)]
        self._end = 0

    def blocks(self, captures: Sequence[tuple[int, str]]) -> Iterator[bytes]:
        """Yield a pcapng file that holds the messages.

        Parameters
        ----------
        captures : sequence of (int, str)
            Number and name of each capture, in the order in which their messages are to stand;
            those of one capture stand in the order of their frames.
        """
        yield section_header()
        rank = np.zeros(max((number for number, _ in captures), default=0) + 1, np.int64)
        for place, (number, name) in enumerate(captures):
            rank[number] = place
            yield interface_description(LINK_TYPE, 0, name)
        if not len(self):
            return
        self._file.flush()
        interface, frame = rank[self._column(0)], self._column(1)
        order = np.lexsort((frame, interface))
        with pa.memory_map(str(self._path)) as mapped:
            data: Bytes = np.frombuffer(mapped.read_buffer(), np.uint8)
            for at in range(0, len(order), _AT_ONCE):
                rows = order[at : at + _AT_ONCE]
                yield packet_blocks(self._batch(data, rows), interface[rows])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _column(self, number: int) -> Int64:
        return np.frombuffer(self._columns[number], np.int64)

    def _batch(self, data: Bytes, rows: Int64) -> PacketBatch:
        length = self._column(4)[rows]
        return PacketBatch(
            data=data,
            start=self._column(3)[rows],
            captured_length=np.minimum(length, MAX_PACKET),
            wire_length=length,
            time_ns=self._column(2)[rows],
            link_type=np.full(len(rows), LINK_TYPE),
            interface=np.zeros(len(rows), np.int64),
            frame_number=self._column(1)[rows],
        )
