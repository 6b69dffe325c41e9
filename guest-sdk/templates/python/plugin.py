"""What the plugin does."""

from dataclasses import dataclass
from typing import Annotated

from toolcell import ToolError, tool


@dataclass
class Greeting:
    text: Annotated[str, "The greeting, one line."]


@tool(name="{{name}}", title="Greet", read_only=True)
def greet(name: str) -> Greeting:
    """Greets somebody by name. Use it to see that the plugin works. Reads nothing but its arguments, returns one line, and
    fails with `blank_name` when there is no name to greet.

    Args:
        name: Whom to greet, for example `Ada`.
    """
    name = name.strip()
    if not name:
        raise ToolError(
            "blank_name",
            "the name is blank",
            causes=["the argument `name` is empty or only spaces"],
            check_first="Ask the user whom to greet.",
        )
    return Greeting(text=f"Hello, {name}!")
