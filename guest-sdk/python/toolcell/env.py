"""Environment variables that the operator has granted."""

from __future__ import annotations

from . import _host
from ._error import ToolError


def var(name: str) -> str:
    """The value of the environment variable `name`.

    The plugin's manifest asks for it by name (`[capabilities] env`), the operator grants it and sets it on the host. In plain
    Python the value is what `testing.env` has set. Raises `missing_environment_variable` when it is not set or not granted.
    The value itself is never part of an error.
    """
    value = _host.current().variable(name)
    if value is None:
        raise ToolError(
            "missing_environment_variable",
            f"the plugin needs the environment variable `{name}`, which it cannot see",
            causes=[
                f"`{name}` is not set where the host runs",
                f"`{name}` is not listed under [capabilities] env in the plugin's plugin.toml, or not granted",
            ],
            check_first=f"A person sets `{name}` for the host and reviews the plugin's permissions.",
        )
    return value
