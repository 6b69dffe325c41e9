"""HTTP requests over the contract's `http`.

    http.get(f"https://hn.algolia.com/api/v1/items/{id}").raise_for_status().json()

A request goes out only to servers that the manifest asks for and the operator granted. Redirects are not followed: a plugin
that follows one sends a new request, which is checked again. Every error names the server, never the path, the query or a
header. `urllib.request.urlopen` goes the same way.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from . import _host
from ._error import ToolError
from ._form import to_plain

Query = Mapping[str, Any] | Sequence[tuple[str, Any]]

_EXCERPT = 200


@dataclass(frozen=True)
class Response:
    """The answer of a server, complete."""

    status: int
    """The HTTP status, for example 200."""
    headers: list[tuple[str, str]]
    """Names in lower case, in the order the server sent them."""
    body: bytes
    """The body as it came: the host decompresses nothing."""
    _server: str

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def raise_for_status(self) -> Response:
        """The response itself when its status is a success (2xx).

        Otherwise raises one code for each kind of refusal: `upstream_redirected` (3xx), `upstream_unauthorized` (401),
        `upstream_forbidden` (403), `upstream_not_found` (404, 410), `upstream_rate_limited` (429), `upstream_failed` (408 and
        5xx) and `upstream_refused` (any other). A tool that can say more looks at `status` first.
        """
        if not 200 <= self.status < 300:
            raise self._refusal()
        return self

    def text(self) -> str:
        """The body as text. Raises `upstream_unexpected` when it is not UTF-8."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise self._unexpected(f"a body that is not UTF-8 text ({error.reason} at byte {error.start})") from error

    def json(self) -> Any:
        """The body read as JSON.

        Raises `upstream_unexpected` when it is not JSON. The error shows the status and the start of the body.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise self._unexpected(f"a body that is not JSON ({error})") from error

    def _unexpected(self, what: str) -> ToolError:
        return ToolError(
            "upstream_unexpected",
            f"{self._server} answered with status {self.status} and {what}. {self._excerpt()}",
            causes=[
                "the server changed the form of its answers",
                "the answer came from something in between, such as a proxy or a login page",
            ],
            check_first="Compare the start of the body with the documentation of the server.",
        )

    def _refusal(self) -> ToolError:
        status = self.status
        if 300 <= status < 400:
            location = self.header("location") or ""
            target = server_of(location) if "://" in location else "another address on the same server"
            return ToolError(
                "upstream_redirected",
                f"{self._server} answered with a redirect ({status}) to {target}, which was not followed",
                causes=["what the plugin asked for has moved"],
                check_first="Use the address that the server redirects to.",
            )
        if status == 401:
            return self._refused(
                "upstream_unauthorized",
                "does not know who is asking (401 Unauthorized)",
                ["the token is missing, wrong or expired"],
                "A person checks the credentials that the plugin is given in its environment.",
            )
        if status == 403:
            return self._refused(
                "upstream_forbidden",
                "does not allow this (403 Forbidden)",
                ["the account or token has no right to it", "the server blocks automated requests"],
                "Ask for something that the account may see, or have a person check its rights.",
            )
        if status in (404, 410):
            return self._refused(
                "upstream_not_found",
                f"has nothing under this address ({status})",
                ["the id or address is wrong, or what it named is gone"],
                "Check the ids and names in the arguments.",
            )
        if status == 429:
            return self._refused(
                "upstream_rate_limited",
                "had too many requests (429 Too Many Requests)",
                ["many calls in a short time, perhaps by others with the same address or token"],
                f"Wait {self._retry_after() or 'a minute'}, then call again.",
                retryable=True,
            )
        if status == 408 or 500 <= status < 600:
            return self._refused(
                "upstream_failed",
                f"failed on its side ({status})",
                ["the server is overloaded, in maintenance or has a bug"],
                f"Wait {self._retry_after() or 'a moment'}, then call again. If it stays, see the server's status page.",
                retryable=True,
            )
        return self._refused(
            "upstream_refused",
            f"does not accept the request ({status})",
            ["an argument has a value that the server does not take"],
            "Read the start of the server's answer and correct the arguments.",
        )

    def _refused(
        self, code: str, what: str, causes: list[str], check_first: str, *, retryable: bool = False
    ) -> ToolError:
        message = f"{self._server} {what}. {self._excerpt()}"
        return ToolError(code, message, causes=causes, check_first=check_first, retryable=retryable)

    def _retry_after(self) -> str | None:
        # RFC 9110, section 10.2.3: seconds or a date. A date is rare, and shown as it came.
        value = _printable(self.header("retry-after") or "", 40)
        return (f"{value} seconds" if value.isdigit() else f"until {value}") if value else None

    def _excerpt(self) -> str:
        start = _printable(self.body[: 8 * _EXCERPT].decode(errors="replace"), _EXCERPT)
        return f"The body starts: {start}" if start else "The body is empty."


def request(
    method: str,
    url: str,
    *,
    query: Query | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
    json: Any = None,
    timeout: float | None = None,
) -> Response:
    """Sends one request and waits for the whole answer, whatever its status.

    Args:
        method: `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or `OPTIONS`.
        url: Absolute, `http` or `https`.
        query: Added to that of the URL, percent-encoded.
        headers: Fields beside those that the host sets.
        body: What is sent; its `content-type` is one of `headers`.
        json: A value that is sent as JSON, with the `content-type` that says so.
        timeout: Seconds for the whole request. The call's own deadline holds in any case.

    Raises the errors of the host: `denied_network`, `upstream_unreachable`, `upstream_limit` and `invalid_request`.
    """
    fields = list((headers or {}).items())
    if json is not None:
        fields.append(("content-type", "application/json"))
        body = _json_body(url, json)
    content = body.encode() if isinstance(body, str) else body
    # At least one: zero would read as no time at all.
    timeout_ms = None if timeout is None else min(max(math.ceil(timeout * 1000), 1), 2**32 - 1)
    answer = _host.current().send(_host.Request(method, _with_query(url, query), fields, content, timeout_ms))
    return Response(answer.status, answer.headers, answer.body, server_of(url))


def get(url: str, **options: Any) -> Response:
    """`request` with the method `GET`."""
    return request("GET", url, **options)


def head(url: str, **options: Any) -> Response:
    """`request` with the method `HEAD`."""
    return request("HEAD", url, **options)


def post(url: str, **options: Any) -> Response:
    """`request` with the method `POST`."""
    return request("POST", url, **options)


def put(url: str, **options: Any) -> Response:
    """`request` with the method `PUT`."""
    return request("PUT", url, **options)


def patch(url: str, **options: Any) -> Response:
    """`request` with the method `PATCH`."""
    return request("PATCH", url, **options)


def delete(url: str, **options: Any) -> Response:
    """`request` with the method `DELETE`."""
    return request("DELETE", url, **options)


def server_of(url: str) -> str:
    """Scheme, server and port of a URL: what an error may show of it."""
    scheme, found, rest = url.partition("://")
    if not found:
        return "the server"
    for end in "/?#\\":
        rest = rest.partition(end)[0]
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _json_body(url: str, value: Any) -> bytes:
    try:
        return json.dumps(value, default=to_plain, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ToolError(
            "invalid_request",
            f"the request to {server_of(url)} cannot be written as JSON: {error}",
            causes=["a bug in the plugin: a type that JSON does not have"],
            check_first="Report it to the author of the plugin.",
        ) from error


def _with_query(url: str, query: Query | None) -> str:
    if not query:
        return url
    # A fragment never reaches a server.
    base = url.partition("#")[0]
    separator = "" if base.endswith("?") else "&" if "?" in base else "?"
    return f"{base}{separator}{urlencode(query, doseq=True)}"


def _printable(text: str, most: int) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[:most] + "…"
