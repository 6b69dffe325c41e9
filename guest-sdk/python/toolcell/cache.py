"""What a plugin keeps from one call to the next, over the contract's `cache`.

Each call runs in a fresh instance, so that what should be kept has to be kept by the host. The manifest asks for it under
`[capabilities.cache]`, with `max` and `ttl-max`. The entries are the plugin's own: no other plugin and no other user sees
them. An entry is gone when its time is over, when others needed the room, and at the latest when the host ends, so a plugin
works without it, too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from . import _host, log
from ._error import ToolError

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """What was kept under a key: the bytes as they were set, and how many seconds ago."""

    value: bytes
    age: float


@dataclass(frozen=True)
class Cached(Generic[T]):
    """A value, and how many seconds ago it was fetched; `None` when it was fetched just now."""

    value: T
    age: float | None


def get_or_fetch(key: str, ttl: float | timedelta, fetch: Callable[[], T]) -> Cached[T]:
    """The value kept under `key`, or what `fetch` returns, which is then kept for `ttl` seconds.

    The value is anything that JSON has, and comes back as JSON brings it. A cache only saves work: one that is not granted or
    cannot be reached, or a value that it does not take, costs a line in the operator's log and the fetch, and never fails the
    tool. What `fetch` raises is raised, and not kept: the next call fetches again.
    """
    try:
        kept = get(key)
    except ToolError as error:
        # To set it would fail, too, perhaps only after another wait.
        log.warning(f"fetched without the cache: {error}")
        return Cached(fetch(), None)
    if kept is not None:
        try:
            return Cached(json.loads(kept.value), kept.age)
        except ValueError as error:
            log.debug(f"fetched anew, the cached value is not JSON: {error}")
    value = fetch()
    try:
        set(key, json.dumps(value, allow_nan=False).encode(), ttl)
    except (ToolError, TypeError, ValueError) as error:
        log.warning(f"fetched and not cached: {error}")
    return Cached(value, None)


def get(key: str) -> Entry | None:
    """The entry of `key`, unless it was never set, was deleted, made room for others or is past its time.

    Raises `denied_cache` or `cache_unreachable`.
    """
    kept = _host.current().cache_get(key)
    return None if kept is None else Entry(kept[0], kept[1] / 1000)


def set(key: str, value: bytes, ttl: float | timedelta) -> None:
    """Sets the entry of `key` for `ttl` seconds, or for the longest time that was granted, if that is shorter.

    Raises `denied_cache`, `cache_unreachable`, or `invalid_entry` for a key of no or over 512 bytes, no time to live, or a
    value that is larger than all the room.
    """
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    # Rounded up, so that a short time is not taken for none.
    _host.current().cache_set(key, bytes(value), min(max(math.ceil(seconds * 1000), 0), 2**64 - 1))


def delete(key: str) -> None:
    """Deletes the entry of `key`, if there is one. Raises `denied_cache` or `cache_unreachable`."""
    _host.current().cache_delete(key)
