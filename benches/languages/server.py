"""The templates' tool without a sandbox: a server as people write it with the Python SDK."""

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

server = MCPServer("greet")


class Greeting(BaseModel):
    text: str = Field(description="The greeting, for example `Hello, Ada!`.")


@server.tool()
def greet(name: str) -> Greeting:
    """Greets somebody by name."""
    name = name.strip()
    if not name:
        raise ToolError("the name is blank")
    return Greeting(text=f"Hello, {name}!")


server.run()
