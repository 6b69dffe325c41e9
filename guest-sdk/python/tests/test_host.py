"""What a tool has beside its result: HTTP, databases, the cache, variables, lines and progress, all by their stand-ins."""

from __future__ import annotations

import json
import pathlib
import tempfile
import unittest
import urllib.error
import urllib.request
from datetime import timedelta
from typing import TypedDict

from toolcell import ToolError, cache, env, http, log, postgres, progress, testing, tool

URL = "https://example.com/a"
DENIED = ToolError("denied_network", "https://example.com:443 is not granted", causes=["not asked for"])


class Http(unittest.TestCase):
    def test_the_request_arrives_as_it_was_built(self) -> None:
        with testing.http().answer("POST", "https://example.com/a?x=1&q=a+%26+b&n=7", 201, {}) as fake:
            url = "https://example.com/a?x=1#part"
            response = http.post(url, query={"q": "a & b", "n": 7}, headers={"accept": "a/b"}, json={"k": [1]}, timeout=1.5)
        self.assertEqual((response.status, response.header("Content-Type")), (201, "application/json"))
        [sent] = fake.requests
        self.assertEqual(sent.headers, [("accept", "a/b"), ("content-type", "application/json")])
        self.assertEqual((sent.body, sent.timeout_ms), (b'{"k": [1]}', 1500))

    def test_each_function_sends_its_method(self) -> None:
        fake = testing.http()
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            fake.answer(method, URL, 204)
        with fake:
            for send in (http.get, http.head, http.post, http.put, http.patch, http.delete):
                self.assertEqual(send(URL).status, 204)

    def test_each_refusal_has_a_code_and_says_what_to_check_first(self) -> None:
        cases = [
            (301, "upstream_redirected", "redirects to", False),
            (401, "upstream_unauthorized", "credentials", False),
            (403, "upstream_forbidden", "rights", False),
            (410, "upstream_not_found", "ids", False),
            (429, "upstream_rate_limited", "Wait 30 seconds", True),
            (503, "upstream_failed", "Wait 30 seconds", True),
            (422, "upstream_refused", "start of the server's answer", False),
        ]
        for status, code, check_first, retryable in cases:
            headers = {"Retry-After": "30", "location": "https://user:pw@other.example/secret"}
            with self.subTest(status), testing.http().answer("GET", f"{URL}?token=x", status, "no\nway", headers):
                with self.assertRaises(ToolError) as raised:
                    http.get(f"{URL}?token=x").raise_for_status()
                error = raised.exception
                self.assertEqual((error.code, error.retryable), (code, retryable))
                self.assertIn(check_first, error.check_first or "")
                self.assertTrue(error.causes and error.message.startswith("https://example.com "))
                for secret in ("token", "user", "pw", "secret", "\n"):
                    self.assertNotIn(secret, error.message)

    def test_a_body_that_is_not_as_expected_is_shown(self) -> None:
        with testing.http().answer("GET", URL, 200, "<html>").answer("GET", URL, 200, b"\xff"):
            for read in ("json", "text"):
                with self.assertRaises(ToolError) as raised:
                    getattr(http.get(URL), read)()
                self.assertEqual(raised.exception.code, "upstream_unexpected")

    def test_a_body_without_json_form_is_told_and_not_sent(self) -> None:
        with self.assertRaises(ToolError) as raised:
            http.post("https://u:p@example.com/secret", json={"a": 1j})
        self.assertEqual(raised.exception.code, "invalid_request")
        self.assertIn("the request to https://example.com cannot", raised.exception.message)

    def test_urllib_goes_the_same_way(self) -> None:
        fake = testing.http().answer("POST", URL, 200, "hé", {"X-A": "b"}).answer("GET", URL, 302, "", {"location": "/b"})
        with fake.answer("GET", "https://example.com/b", 404, "gone"):
            request = urllib.request.Request(URL, data=b"a=1", headers={"X-Token": "t"})
            with urllib.request.urlopen(request, timeout=2) as response:
                self.assertEqual((response.status, response.read().decode(), response.headers["x-a"]), (200, "hé", "b"))
            # A redirect is a new request, and an answer that is no success raises.
            with self.assertRaises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(URL)
            self.assertEqual((raised.exception.code, raised.exception.read()), (404, b"gone"))
            raised.exception.close()
        sent = fake.requests[0]
        self.assertEqual((sent.method, sent.body, sent.timeout_ms), ("POST", b"a=1", 2000))
        names = [name.lower() for name, _ in sent.headers]
        self.assertIn("x-token", names)
        self.assertIn("content-type", names)
        self.assertNotIn("content-length", names)

    def test_a_refusal_of_the_host_comes_back_whole(self) -> None:
        with testing.http().fail("GET", URL, DENIED).fail("GET", URL, DENIED):
            with self.assertRaises(ToolError) as raised:
                http.get(URL)
            self.assertEqual(raised.exception, DENIED)
            with self.assertRaises(urllib.error.URLError):
                urllib.request.urlopen(URL)

        @tool
        def asks() -> str:
            """Asks."""
            return urllib.request.urlopen(URL).read().decode()  # type: ignore[no-any-return]

        with testing.http().fail("GET", URL, DENIED), self.assertRaises(ToolError) as raised:
            testing.call("asks", {})
        self.assertEqual(raised.exception, DENIED)
        with self.assertRaises(testing.Unexpected):
            testing.call("asks", {})

    def test_what_is_not_expected_fails_the_test(self) -> None:
        with self.assertRaisesRegex(AssertionError, "unexpected request: GET https://example.com/a\n.* none"):
            http.get(URL)
        with self.assertRaisesRegex(AssertionError, "never sent:\n  GET https://example.com/a"):
            with testing.http().answer("GET", URL, 200):
                pass


class Postgres(unittest.TestCase):
    def test_rows_have_the_names_of_their_columns(self) -> None:
        columns = [("id", "int8"), ("name", "text")]
        fake = testing.postgres().answer("replica", "SELECT $1, $2", ["NZ", None], columns, [[1, "Ada"]], truncated=True)
        with fake:
            rows = postgres.query("replica", "SELECT $1, $2", "NZ", None, max_rows=5)
        self.assertEqual((rows.dicts(), rows.truncated), ([{"id": 1, "name": "Ada"}], True))
        self.assertEqual(rows.columns[0], postgres.Column("id", "int8"))
        self.assertEqual((fake.queries[0].parameters, fake.queries[0].max_rows), (['"NZ"', "null"], 5))

    def test_what_the_database_said_is_kept_beside_the_hosts_words(self) -> None:
        refusal = postgres.Refusal("42703", "column does not exist", position=8)
        error = postgres.DatabaseError("database_refused", "refused", refusal=refusal)
        with testing.postgres().fail("replica", "SELECT x", [], error), self.assertRaises(ToolError) as raised:
            postgres.query("replica", "SELECT x")
        self.assertIs(raised.exception, error)
        with self.assertRaisesRegex(AssertionError, 'unexpected statement: replica SELECT y \\["a"\\]'):
            postgres.query("replica", "SELECT y", "a")


class Cache(unittest.TestCase):
    def test_a_value_is_fetched_once_while_its_time_lasts(self) -> None:
        with testing.cache():

            def fetch() -> cache.Cached[dict[str, int]]:
                return cache.get_or_fetch("k", timedelta(minutes=10), lambda: {"n": 1})

            self.assertEqual(fetch(), cache.Cached({"n": 1}, None))
            testing.advance(60)
            self.assertEqual(fetch(), cache.Cached({"n": 1}, 60))
            testing.advance(540)
            self.assertIsNone(fetch().age)
            cache.delete("k")
            self.assertIsNone(cache.get("k"))

    def test_a_cache_that_fails_never_fails_the_tool(self) -> None:
        testing.take_logs()
        with testing.cache(testing.FakeCache(fail=ToolError("denied_cache", "not granted"))):
            self.assertEqual(cache.get_or_fetch("k", 1, lambda: 7).value, 7)
        with testing.cache(testing.FakeCache(max=600)):
            self.assertEqual(cache.get_or_fetch("k", 1, lambda: "x" * 100).value, "x" * 100)
        lines = testing.take_logs()
        self.assertEqual(lines[0], ("warn", "fetched without the cache: not granted"))
        self.assertEqual(lines[1], ("warn", "fetched and not cached: the entry takes 615 bytes, all the room is 600"))

    def test_the_stand_in_has_the_bounds_of_the_hosts(self) -> None:
        # Three entries of 512 bytes, a key of 1 and a value of 9.
        with testing.cache(testing.FakeCache(max=3 * 522, ttl_max=60)):
            for key in ("a", "b", "c", "a"):
                cache.set(key, bytes(9), 3600) if cache.get(key) is None else None
            cache.set("d", bytes(9), 3600)
            self.assertEqual([cache.get(key) is not None for key in "abcd"], [True, False, True, True])
            testing.advance(60)
            self.assertIsNone(cache.get("d"))
            for key, ttl in (("", 1), ("k" * 513, 1), ("k", 0)):
                with self.assertRaises(ToolError) as raised:
                    cache.set(key, b"", ttl)
                self.assertEqual(raised.exception.code, "invalid_entry")


class Others(unittest.TestCase):
    def test_a_variable_is_visible_where_it_is_set(self) -> None:
        with testing.env("HN_TOKEN", "secret"):
            self.assertEqual(env.var("HN_TOKEN"), "secret")
        for name in ("HN_TOKEN", "PATH"):
            with self.assertRaises(ToolError) as raised:
                env.var(name)
            self.assertEqual(raised.exception.code, "missing_environment_variable")
            self.assertIn(f"`{name}`", raised.exception.check_first or "")

    def test_lines_and_progress_reach_the_host(self) -> None:
        testing.take_logs()
        for write in (log.debug, log.info, log.warning, log.error):
            write("line")
        self.assertEqual(testing.take_logs(), [(level, "line") for level in ("debug", "info", "warn", "error")])
        progress.report(1, 2, "page 1")
        progress.report(2)
        self.assertEqual(testing.take_progress(), [(1.0, 2.0, "page 1"), (2.0, None, None)])


class Greeting(TypedDict):
    text: str


@tool
def exemplary(name: str) -> Greeting:
    """Greets somebody whom a server knows."""
    answer = http.get(f"https://example.com/{name}").raise_for_status().json()
    return {"text": f"{env.var('WORD')}, {answer['name']}"}


class Examples(unittest.TestCase):
    def run_example(self, **changes: object) -> None:
        example = {
            "tool": "exemplary",
            "arguments": {"name": "ada"},
            "env": {"WORD": "Hello"},
            "upstream": [{"method": "GET", "url": "https://example.com/ada", "status": 200, "body": {"name": "Ada"}}],
            "expect": {"structured": {"text": "Hello, Ada"}},
            **changes,
        }
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "one.json").write_text(json.dumps(example), encoding="utf-8")
            testing.examples(folder)

    def test_an_example_that_holds_passes(self) -> None:
        self.run_example()
        refused = [{"method": "GET", "url": "https://example.com/ada", "fail": "refused"}]
        error = {"code": "upstream_unreachable", "message": "the connection to example.com:443 was refused"}
        self.run_example(upstream=refused, expect={"error": error})

    def test_one_that_does_not_says_where(self) -> None:
        cases: list[tuple[dict[str, object], str]] = [
            ({"expect": {"structured": {"text": "Hi"}}}, '/structured/text is "Hello, Ada", expected "Hi"'),
            ({"expect": {"error": {}}}, "/error is missing"),
            ({"upstream": []}, "unexpected request: GET https://example.com/ada"),
            ({"env": {}}, "/structured is missing"),
            ({"arguments": {"name": "bob"}}, "unexpected request: GET https://example.com/bob"),
            ({"expects": {}}, "an example has no member expects"),
        ]
        for changes, message in cases:
            with self.subTest(message), self.assertRaises(AssertionError) as raised:
                self.run_example(**changes)
            self.assertIn(message, str(raised.exception))
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(AssertionError, "holds no"):
            testing.examples(folder)
