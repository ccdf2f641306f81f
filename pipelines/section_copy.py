"""Captures → one pcapng file with the secrets that open them: packets are copied as they are read.

Each capture becomes a section of its own (pcapng's sections become as many). All secrets stand in
the first section, before any packet, as Wireshark reads a file once and from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO

import numpy as np

from dissectors.capture.batch import Int64, PacketBatch
from dissectors.capture.blocks import section_order
from dissectors.capture.format import Reader, make_reader
from dissectors.capture.pcapng_copy import PcapngCopier, is_section_header
from dissectors.tracelog.reader import TraceLogReader
from pipelines.errors import UsageError
from pipelines.ingest import CaptureFile
from pipelines.pcapng_writer import (
    interface_description,
    packet_blocks,
    secrets_blocks,
    section_header,
)


class SectionCopy:
    """Writes captures one after the other.

    Parameters
    ----------
    file : BinaryIO
        Where to.
    key_log : iterable of bytes
        Lines of the key log to embed.
    """

    def __init__(self, file: BinaryIO, key_log: Iterable[bytes]) -> None:
        self._file = file
        self._key_log: Iterable[bytes] | None = key_log
        self.packets = 0
        """Packets written."""
        self.left_out = 0
        """Packets that no reader can take, left out."""
        self.embedded: list[bytes] = []
        """Key logs that the captures held themselves, left out."""
        self.other_secrets = 0
        """Blocks with secrets of other protocols, left out."""

    def add(self, path: str, progress: Callable[[int], None]) -> None:
        """Copy one capture.

        Raises
        ------
        UsageError
            When it cannot be read.
        """
        capture = CaptureFile(path, progress, make=_copying_reader)
        section = _NewSection(self)
        for batch in capture.batches():
            self.packets += len(batch)
            self._copy(_packet_reader(capture), section, batch)
        self._copy(_packet_reader(capture), section, None)
        if isinstance(capture.reader, PcapngCopier):
            self.left_out += capture.reader.left_out
            self.other_secrets += capture.reader.secrets_blocks

    def _copy(self, reader: Reader | None, section: _NewSection, batch: PacketBatch | None) -> None:
        """Write what was read since the last call."""
        if isinstance(reader, PcapngCopier):
            for block in reader.blocks:
                self._file.write(block if isinstance(block, bytes) else block.data)
                if is_section_header(block):
                    self.write_secrets(section_order(bytes(block)))
            reader.blocks.clear()
            self.other_secrets -= len(reader.secrets)
            self.embedded += reader.secrets
            reader.secrets.clear()
        elif reader is not None:
            section.write(reader, batch)

    def write(self, data: bytes) -> None:
        """Write bytes."""
        self._file.write(data)

    def write_secrets(self, order: str) -> None:
        """Write the secrets, unless they were written."""
        if self._key_log is not None:
            for block in secrets_blocks(self._key_log, order):
                self._file.write(block)
        self._key_log = None


def _packet_reader(capture: CaptureFile) -> Reader | None:
    if isinstance(capture.reader, TraceLogReader):
        raise UsageError(f"{capture.path}: is a trace log, or other text, and holds no packets")
    return capture.reader


class _NewSection:
    """A section for a capture that is no pcapng: its interfaces are described as they occur."""

    def __init__(self, out: SectionCopy) -> None:
        self._out = out
        self._begun = False
        self._interfaces: dict[tuple[int, int], int] = {}

    def write(self, reader: Reader, batch: PacketBatch | None) -> None:
        if not self._begun:
            self._begun = True
            self._out.write(section_header())
            self._out.write_secrets("<")
            for one in reader.interfaces:
                self._describe((one.number, one.link_type), one.snaplen, one.name)
        if batch is not None:
            self._out.write(packet_blocks(batch, self._numbers(batch)))

    def _describe(self, key: tuple[int, int], snaplen: int, name: str) -> None:
        self._interfaces[key] = len(self._interfaces)
        self._out.write(interface_description(key[1], snaplen, name))

    def _numbers(self, batch: PacketBatch) -> Int64:
        """Return each packet's interface; one that is met for the first time is described."""
        pairs, place = np.unique(
            np.stack([batch.interface, batch.link_type], axis=1), axis=0, return_inverse=True
        )
        for number, link_type in pairs.tolist():
            if (number, link_type) not in self._interfaces:
                self._describe((number, link_type), 0, "")
        known = [self._interfaces[number, link_type] for number, link_type in pairs.tolist()]
        numbers: Int64 = np.array(known, np.int64)[place.ravel()]
        return numbers


def _copying_reader(name: str) -> Reader:
    return PcapngCopier() if name == "pcapng" else make_reader(name)
