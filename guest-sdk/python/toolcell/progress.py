"""How far a call has come, for a client that asked to see it."""

from __future__ import annotations

from . import _host


def report(done: float, total: float | None = None, message: str | None = None) -> None:
    """Reports that `done` of `total` units are done, with a word on what is going on.

    The units are the tool's own. `done` has to grow from report to report; the host drops others, and sends only the newest
    when reports come faster than the client takes them. Returns at once.
    """
    _host.current().report(float(done), None if total is None else float(total), message or None)
