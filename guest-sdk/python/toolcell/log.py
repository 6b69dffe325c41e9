"""Lines for the operator. They go to the host's log with plugin, tool and call id, never to the model.

A call may write 64 KiB; the host counts and drops the rest.
"""

from __future__ import annotations

from . import _host


def debug(message: object) -> None:
    """What helps the plugin's author."""
    _host.current().log("debug", str(message))


def info(message: object) -> None:
    """What an operator may want to know."""
    _host.current().log("info", str(message))


def warning(message: object) -> None:
    """What an operator should look at some day."""
    _host.current().log("warn", str(message))


def error(message: object) -> None:
    """What an operator should look at now."""
    _host.current().log("error", str(message))
