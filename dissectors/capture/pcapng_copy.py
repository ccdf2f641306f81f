"""pcapng files to be copied: every block as it stands, but for secrets and what nobody can read.

References
----------
draft-ietf-opsawg-pcapng §4.1 (section header), §4.7 (decryption secrets).
"""

from __future__ import annotations

import struct

import numpy as np

from dissectors.capture.batch import Bytes, Int64
from dissectors.capture.blocks import (
    DECRYPTION_SECRETS,
    ENHANCED_PACKET,
    PACKET,
    SIMPLE_PACKET,
    section_order,
)
from dissectors.capture.pcapng import PcapngReader
from dissectors.columns import Mask, gather

_UNKNOWN_LENGTH = 0xFF  # eight of these: the length of a section is not told (§4.1)


class PcapngCopier(PcapngReader):
    """Reads a pcapng file, and keeps its blocks to be written again.

    Left out are decryption secrets, and packets that no reader can take: too short for their
    fields, or of an interface that is not declared. Blocks whose lengths contradict each other are
    put right, as other readers stop at them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[bytes | Bytes] = []
        """Whole blocks of the windows read since the caller last emptied it, in order; a section
        header stands alone."""
        self.left_out = 0
        """Packets that were left out."""
        self.secrets_blocks = 0
        """Blocks of decryption secrets that were left out."""

    def _begin(self, data: Bytes, at: int) -> int:
        length = super()._begin(data, at)
        if length:
            header = data[at : at + length].copy()
            # Blocks come and go, so the section gets another length: it need not be told.
            header[16:24] = _UNKNOWN_LENGTH
            self.blocks.append(header.tobytes())
        return length

    def _take_blocks(self, data: Bytes, starts: Int64, kind: Int64, length: Int64) -> Int64:
        before = len(self._taken)
        frames = super()._take_blocks(data, starts, kind, length)
        is_secret = kind == DECRYPTION_SECRETS
        is_packet = (kind == ENHANCED_PACKET) | (kind == SIMPLE_PACKET) | (kind == PACKET)
        data_start = starts + np.where(kind == SIMPLE_PACKET, 12, 28)
        taken = [columns.start for columns in self._taken[before:]]
        lost = is_packet & ~np.isin(data_start, np.concatenate([*taken, np.empty(0, np.int64)]))
        self.left_out += int(np.count_nonzero(lost))
        self.secrets_blocks += int(np.count_nonzero(is_secret))
        odd = self._contradictory(data, starts, kind, length)
        self._copy(data, starts, length, ~(is_secret | lost), odd)
        return frames

    def _contradictory(self, data: Bytes, starts: Int64, kind: Int64, length: Int64) -> Mask:
        """Tell which blocks have two lengths, or a packet that is longer than its block."""
        odd: Mask = gather(data, starts + length - 4, self._records.u4) != length
        sized = np.flatnonzero(((kind == ENHANCED_PACKET) | (kind == PACKET)) & (length >= 32))
        captured = gather(data, starts[sized] + 20, self._records.u4).astype(np.int64)
        odd[sized] |= captured > length[sized] - 32
        return odd

    def _copy(self, data: Bytes, starts: Int64, length: Int64, kept: Mask, odd: Mask) -> None:
        """Keep the blocks where `kept`; neighbours that need no change are one stretch."""
        state = np.where(kept, np.where(odd, 2, 1), 0)
        apart = starts[1:] != starts[:-1] + length[:-1]  # what no block could be made of
        edges = np.flatnonzero((np.diff(state) != 0) | apart) + 1
        for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(state)], strict=True):
            if state[first] == 1:
                end = int(starts[last - 1] + length[last - 1])
                self.blocks.append(data[int(starts[first]) : end])
            elif state[first] == 2:
                for at, size in zip(
                    starts[first:last].tolist(), length[first:last].tolist(), strict=True
                ):
                    self.blocks.append(self._put_right(data[at : at + size].tobytes()))

    def _put_right(self, block: bytes) -> bytes:
        """Return a block with its first length at both ends, and no more packet than it holds."""
        order, fixed = self._records.order, bytearray(block)
        (kind,) = struct.unpack_from(f"{order}I", block)
        if kind in (ENHANCED_PACKET, PACKET) and len(block) >= 32:
            (captured,) = struct.unpack_from(f"{order}I", block, 20)
            struct.pack_into(f"{order}I", fixed, 20, min(captured, len(block) - 32))
        struct.pack_into(f"{order}I", fixed, len(block) - 4, len(block))
        return bytes(fixed)


def is_section_header(block: bytes | Bytes) -> bool:
    """Tell whether what :attr:`PcapngCopier.blocks` holds is a section header."""
    return isinstance(block, bytes) and bool(section_order(block))
