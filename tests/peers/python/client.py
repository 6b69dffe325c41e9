"""Drives an MCP server with the Python SDK's client, as a plan on standard input says.

The plan is one JSON object: "command" (a list, for a server over stdio) or "url" (for one over HTTP) with "headers" for
each request if there are any, "era" ("auto" or "legacy"), and "steps":

    {"do": "list"}
    {"do": "call", "tool": "...", "arguments": {}, "progress": false}
    {"do": "cancel", "tool": "...", "arguments": {}, "after_ms": 200}
    {"do": "change", "tool": "...", "arguments": {}}     a call after which tools/list_changed must come
    {"do": "ping"}                                       the older era only

One line of JSON is printed for the connection and for each step.
"""

import json
import sys

import anyio
import httpx2
import mcp_types as types
from mcp import MCPError
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

STEP_SECONDS = 60


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def call(client, step):
    progress = []

    async def on_progress(done, total, message):
        progress.append({"progress": done, "total": total, "message": message})

    callback = on_progress if step.get("progress") else None
    result = await client.call_tool(step["tool"], step.get("arguments", {}), progress_callback=callback)
    return {"result": plain(result), "progress": progress}


async def cancel(client, step):
    with anyio.move_on_after(step.get("after_ms", 200) / 1000) as scope:
        return await call(client, step)
    return {"cancelled": scope.cancelled_caught}


async def change(client, step, changed):
    if client.protocol_version >= "2026-07-28":
        async with client.listen(tools_list_changed=True) as events:
            result = await call(client, step)
            async for event in events:
                return {**result, "event": type(event).__name__}
    result = await call(client, step)
    await changed.wait()
    return {**result, "event": "ToolsListChanged"}


async def run(client, step, changed):
    match step["do"]:
        case "list":
            return {"tools": plain(await client.list_tools(cache_mode="bypass"))["tools"]}
        case "call":
            return await call(client, step)
        case "cancel":
            return await cancel(client, step)
        case "change":
            return await change(client, step, changed)
        case "ping":
            return {"result": plain(await client.send_ping())}
        case unknown:
            raise ValueError(f"unknown step {unknown!r}")


def server(plan):
    if "url" in plan:
        client = httpx2.AsyncClient(headers=plan.get("headers", {}), timeout=STEP_SECONDS)
        return streamable_http_client(plan["url"], http_client=client)
    command, *arguments = plan["command"]
    return StdioServerParameters(command=command, args=arguments)


async def main():
    plan = json.load(sys.stdin)
    changed = anyio.Event()

    async def on_message(message):
        if isinstance(message, types.ToolListChangedNotification):
            changed.set()

    async with Client(server(plan), mode=plan.get("era", "auto"), message_handler=on_message) as client:
        version, instructions = client.protocol_version, client.instructions
        print(json.dumps({"version": version, "instructions": instructions}), flush=True)
        for step in plan["steps"]:
            try:
                with anyio.fail_after(STEP_SECONDS):
                    outcome = await run(client, step, changed)
            except MCPError as error:
                outcome = {"error": {"code": error.error.code, "message": error.error.message}}
            print(json.dumps(outcome), flush=True)


anyio.run(main)
