"""`urllib.request` over the contract's `http`, for http and for https: a component has neither sockets nor TLS of its own."""

from __future__ import annotations

import email.message
import http.client
import io
import urllib.error
import urllib.request
import urllib.response
from typing import Any

from . import _host
from ._error import ToolError

# The host sets these itself and refuses requests that bring them.
_OF_THE_HOST = {"connection", "content-length", "host", "transfer-encoding"}


class _Handler(urllib.request.BaseHandler):
    """Sends a request as `HTTPHandler` does, by the host. What the host refuses is the reason of a `URLError`."""

    def http_open(self, request: urllib.request.Request) -> urllib.response.addinfourl:
        headers = [(name, value) for name, value in request.header_items() if name.lower() not in _OF_THE_HOST]
        body = _bytes(request.data)
        if body is not None and not request.has_header("Content-type"):
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        timeout = request.timeout if isinstance(request.timeout, (int, float)) else None
        timeout_ms = None if timeout is None else max(int(timeout * 1000), 1)
        try:
            answer = _host.current().send(
                _host.Request(request.get_method(), request.full_url.partition("#")[0], headers, body, timeout_ms)
            )
        except ToolError as error:
            # `reason` may be an exception; one that nobody catches becomes that error again.
            raise urllib.error.URLError(error) from error
        fields = email.message.Message()
        for name, value in answer.headers:
            fields[name] = value
        response = urllib.response.addinfourl(io.BytesIO(answer.body), fields, request.full_url, answer.status)
        # As the error handlers of urllib expect it.
        response.msg = http.client.responses.get(answer.status, "")  # type: ignore[attr-defined]
        return response

    https_open = http_open


def install() -> None:
    """Makes `urllib.request.urlopen` use the host."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        _Handler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    urllib.request.install_opener(opener)


def _bytes(data: Any) -> bytes | None:
    """What urllib takes for a body: bytes, a file, or an iterable of bytes."""
    if data is None or isinstance(data, bytes):
        return data
    if hasattr(data, "read"):
        data = data.read()
    return bytes(data) if isinstance(data, (bytes, bytearray, memoryview)) else b"".join(data)
