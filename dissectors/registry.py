"""A name → decoder table that is filled by decorators and read by one dispatch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Registry(Generic[K, V]):
    """Entries by key, each registered once.

    Examples
    --------
    >>> decoders: Registry[str, Callable[[bytes], str]] = Registry("decoder")
    >>> @decoders.register("text/plain")
    ... def decode_text(data: bytes) -> str:
    ...     return data.decode()
    >>> decoders["text/plain"](b"hi")
    'hi'
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[K, V] = {}

    def register(self, *keys: K) -> Callable[[V], V]:
        """Return a decorator that enters its function under each of `keys`.

        Raises
        ------
        ValueError
            When a key is taken: two decoders for one name is a mistake of the programmer.
        """

        def enter(entry: V) -> V:
            for key in keys:
                if key in self._entries:
                    raise ValueError(f"{self.what} {key!r} is registered twice")
                self._entries[key] = entry
            return entry

        return enter

    def get(self, key: K) -> V | None:
        """Return the entry under `key`, or None."""
        return self._entries.get(key)

    def __getitem__(self, key: K) -> V:
        return self._entries[key]

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
