"""The stand-in for the host's cache in unit tests."""

from __future__ import annotations

from ._error import ToolError

_MAX_KEY = 512
# As the host has them: entries of one plugin, and what each takes of the room besides its key and its value, in bytes.
_MAX_ENTRIES = 10_000
_ENTRY = 512


class FakeCache:
    """A cache in memory with the bounds of the host's: what was not used for longest makes room for what is new.

    `max` is the room in bytes, `ttl_max` the longest time to live in seconds. With `fail` every request raises that error. Its
    clock stands until `testing.advance` moves it.
    """

    def __init__(self, max: int = 16 << 20, ttl_max: float = 3600, fail: ToolError | None = None) -> None:
        self._max = max
        self._ttl_max_ms = round(ttl_max * 1000)
        self._failure = fail
        self._now = 0
        # In the order they were used last: value, since when, until when.
        self._entries: dict[str, tuple[bytes, int, int]] = {}

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * 1000)

    def get(self, key: str) -> tuple[bytes, int] | None:
        self._tidy()
        if key not in self._entries:
            return None
        value, since, until = self._entries.pop(key)
        self._entries[key] = (value, since, until)
        return value, self._now - since

    def set(self, key: str, value: bytes, ttl_ms: int) -> None:
        self._tidy()
        size, cost = len(key.encode()), self._cost(key, value)
        if not 1 <= size <= _MAX_KEY:
            raise _invalid(f"the key has {size} bytes, not 1 to {_MAX_KEY}")
        if ttl_ms == 0:
            raise _invalid("the entry has no time to live")
        if cost > self._max:
            raise _invalid(f"the entry takes {cost} bytes, all the room is {self._max}")
        self._entries.pop(key, None)
        while sum(self._cost(key, kept[0]) for key, kept in self._entries.items()) + cost > self._max:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (value, self._now, self._now + min(ttl_ms, self._ttl_max_ms))

    def delete(self, key: str) -> None:
        self._tidy()
        self._entries.pop(key, None)

    def _tidy(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._entries = {key: kept for key, kept in self._entries.items() if self._now < kept[2]}

    def _cost(self, key: str, value: bytes) -> int:
        # At least a share that makes the most entries there can be fill the room.
        return max(_ENTRY + len(key.encode()) + len(value), -(-self._max // _MAX_ENTRIES))


def _invalid(what: str) -> ToolError:
    return ToolError(
        "invalid_entry", what, check_first="The plugin's author keeps less, under a shorter key, for a time."
    )
