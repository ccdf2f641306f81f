"""Bytes of a stream that wait for more, with the frames that brought them."""

from __future__ import annotations

from bisect import bisect_right

from dissectors.transport.stream import Frames, StreamChunk


class Held:
    """Bytes of one direction, taken from the front in any portions."""

    def __init__(self) -> None:
        self.data = bytearray()
        """The bytes."""
        self._base = 0  # offset in the stream of the first of them
        self._direction = 0
        self._ends: list[int] = []
        self._frames: list[Frames] = []
        self._time_ns: list[int] = []
        self._first_time_ns: list[int] = []

    def append(self, chunk: StreamChunk) -> None:
        """Add the bytes of `chunk`, wherever they follow."""
        self._direction = chunk.direction
        offset = self._base + len(self.data)
        self.data += chunk.data
        self._ends += [offset + end for end in chunk.ends]
        self._frames += chunk.frames
        self._time_ns += chunk.time_ns
        self._first_time_ns += chunk.first_time_ns

    def take(self, size: int) -> StreamChunk:
        """Take the first `size` bytes, of which there must be as many, and at least one."""
        end = self._base + size
        last = bisect_right(self._ends, end - 1)
        chunk = StreamChunk(
            self._direction,
            bytes(self.data[:size]),
            [min(stop, end) - self._base for stop in self._ends[: last + 1]],
            self._frames[: last + 1],
            self._time_ns[: last + 1],
            self._first_time_ns[: last + 1],
        )
        self._base = end
        del self.data[:size]
        used = bisect_right(self._ends, end)
        for column in (self._ends, self._frames, self._time_ns, self._first_time_ns):
            del column[:used]
        return chunk

    def at(self, offset: int) -> tuple[int, int]:
        """Return frame number and time of the byte at `offset` from the first."""
        piece = bisect_right(self._ends, self._base + offset)
        return self._frames[piece][-1], self._time_ns[piece]


def as_one_piece(chunk: StreamChunk, data: bytes) -> StreamChunk:
    """Return `data` as what all pieces of `chunk` together say."""
    frames = tuple(sorted({frame for piece in chunk.frames for frame in piece}))
    times = [chunk.time_ns[-1]], [chunk.first_time_ns[0]]
    return StreamChunk(chunk.direction, data, [len(data)], [frames], *times)
