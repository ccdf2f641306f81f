"""Bytes that wait keep their frames and times, in whatever portions they are taken."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.sip.held import Held, as_one_piece
from dissectors.transport.stream import StreamChunk


def chunk(data: bytes, ends: list[int], first_frame: int) -> StreamChunk:
    frames = [(first_frame + index,) for index in range(len(ends))]
    times = [10 * frame[0] for frame in frames]
    return StreamChunk(1, data, ends, frames, times, [time - 1 for time in times])


def test_a_portion_takes_the_pieces_that_it_touches() -> None:
    held = Held()
    held.append(chunk(b"abcdef", [2, 6], 1))
    held.append(chunk(b"ghi", [3], 3))
    taken = held.take(3)
    assert (taken.data, taken.ends, taken.frames) == (b"abc", [2, 3], [(1,), (2,)])
    assert held.at(0) == (2, 20)
    taken = held.take(5)
    assert (taken.data, taken.ends, taken.frames) == (b"defgh", [3, 5], [(2,), (3,)])
    assert (taken.time_ns, taken.first_time_ns) == ([20, 30], [19, 29])
    assert held.data == b"i"


def test_one_piece_has_all_frames_and_both_times() -> None:
    one = as_one_piece(chunk(b"abcdef", [2, 6], 5), b"unpacked")
    assert (one.data, one.ends, one.frames) == (b"unpacked", [8], [(5, 6)])
    assert (one.time_ns, one.first_time_ns, one.direction) == ([60], [49], 1)


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=9),
    portions=st.lists(st.integers(1, 12), max_size=30),
)
def test_every_byte_keeps_its_frame(sizes: list[int], portions: list[int]) -> None:
    held, truth = Held(), []
    for frame, size in enumerate(sizes, 1):
        held.append(chunk(bytes(size), [size], frame))
        truth += [frame] * size
    taken = []
    for portion in [*portions, *[1] * len(truth)]:
        if portion > len(held.data):
            continue
        part, begin = held.take(portion), 0
        for end, (frame,) in zip(part.ends, part.frames, strict=True):
            taken += [frame] * (end - begin)
            begin = end
    assert taken == truth
