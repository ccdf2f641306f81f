"""Columns: one header field of N packets as one array.

A header is written down once, as a numpy structured type in the order of its specification, and
:func:`gather` lifts it from N places of a buffer at the price of one copy of its bytes. What
belongs together (the fields of N packets at one stage of decoding) is a dataclass whose every field
is an array of length N; :func:`pick` and :func:`join` work on any such dataclass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from dissectors.errors import Fault

Bytes = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

BE16 = np.dtype(">u2")
BE32 = np.dtype(">u4")


class Rows(Protocol):
    """Columns that know which row of a batch each of theirs belongs to."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    row: Int64


C = TypeVar("C")
R = TypeVar("R", bound=Rows)


def gather(data: Bytes, at: Int64, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Copy one header (or field) from each of N places.

    Parameters
    ----------
    data : (B,) uint8
        The buffer; contiguous.
    at : (N,) int64
        Where each header begins; ``0 <= at <= B - dtype.itemsize`` is the caller's to ensure.
    dtype : numpy.dtype
        Layout of the header, byte order included; it needs no alignment.

    Returns
    -------
    (N,) array of `dtype`

    Raises
    ------
    IndexError
        When a header does not lie in the buffer: a mistake of the programmer.
    """
    if not len(at):
        return np.empty(0, dtype)
    # A void item is copied whole, whatever its fields: 8 ns a header, where a gather for each field
    # would cost that much per field.
    headers: npt.NDArray[Any] = windows(data, np.dtype((np.void, dtype.itemsize)))[at].view(dtype)
    return headers


def windows(data: Bytes, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """View `data` as one item of `dtype` for each byte position, overlapping and unaligned.

    Parameters
    ----------
    data : (B,) uint8
    dtype : numpy.dtype

    Returns
    -------
    (max(B - dtype.itemsize + 1, 0),) array of `dtype`
        A view: item ``i`` begins at byte ``i``.
    """
    places = max(len(data) - dtype.itemsize + 1, 0)
    view: npt.NDArray[Any] = np.ndarray((places,), dtype, data, strides=(1,))
    return view


def pick(columns: C, index: Int64 | Mask) -> C:
    """Return the rows of `columns` that `index` names, as the same dataclass.

    Parameters
    ----------
    columns : dataclass of (N,) arrays
    index : (N,) bool or (M,) int64
    """
    if index.dtype == np.bool_:
        index = np.flatnonzero(index)
    return type(columns)(**{f.name: getattr(columns, f.name)[index] for f in fields(columns)})  # type: ignore[arg-type]


def join(pieces: Sequence[C]) -> C:
    """Return the rows of all `pieces`, one after another; at least one piece is needed."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    names = [f.name for f in fields(first)]  # type: ignore[arg-type]
    return type(first)(
        **{name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in names}
    )


def interleave(pieces: Sequence[R]) -> R:
    """Return the rows of all `pieces` in ascending order of their `row`; one piece is needed.

    Rows of the same number stay in the order of the pieces.
    """
    filled = [piece for piece in pieces if len(piece.row)] or pieces[:1]
    if len(filled) == 1:
        return filled[0]
    rows = np.concatenate([piece.row for piece in filled])
    place = np.empty(len(rows), np.int64)
    place[np.argsort(rows, kind="stable")] = np.arange(len(rows))
    places = np.split(place, np.cumsum([len(piece.row) for piece in filled[:-1]]))
    merged = {}
    for f in fields(filled[0]):
        column = np.empty(len(rows), getattr(filled[0], f.name).dtype)
        for piece, at in zip(filled, places, strict=True):
            column[at] = getattr(piece, f.name)
        merged[f.name] = column
    return type(filled[0])(**merged)


@dataclass(slots=True)
class ColumnLog:
    """What columnar decoders have to tell about the packets of one batch.

    A decoder that cannot go on with a packet says why here and drops its row; a packet that simply
    carries something else is counted by name. So every packet of a batch ends as a row of
    :class:`~dissectors.transport.layers.Layers`, a fault or a count.
    """

    fault_rows: list[Int64] = field(default_factory=list)
    """Rows of the batch, in step with `fault_bits`."""
    fault_bits: list[Fault] = field(default_factory=list)
    """The fault that all packets of the same entry of `fault_rows` have."""
    others: dict[str, int] = field(default_factory=dict)
    """Packets that carry neither TCP nor UDP, by the name of what they carry."""

    def fault(self, row: Int64, fault: Fault) -> None:
        """Note `fault` for each packet of `row`, shape (M,)."""
        if len(row):
            self.fault_rows.append(row)
            self.fault_bits.append(fault)

    def count(self, name: str, number: int) -> None:
        """Add `number` packets to those that carry `name`."""
        if number:
            self.others[name] = self.others.get(name, 0) + number

    def count_each(
        self, values: npt.NDArray[np.unsignedinteger[Any]], names: Mapping[int, str], else_: str
    ) -> None:
        """Count packets by a number of theirs.

        Parameters
        ----------
        values : (M,) unsigned integers
            EtherTypes, protocol numbers, …
        names : mapping of int to str
            Names of the known ones.
        else_ : str
            Format for the others, such as ``"ip protocol {}"``.
        """
        numbers, counts = np.unique(values, return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            self.count(names.get(number) or else_.format(number), count)
