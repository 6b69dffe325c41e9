import assert from "node:assert/strict";
import { test } from "node:test";

import { Headers, Response, cache, env, fetch, log, postgres, progress } from "../src/index.js";
import { withHost } from "../src/testing.js";

const url = "https://example.com/a";

test("a request arrives as it was made, and its answer comes back", () =>
  withHost(
    { upstream: [{ method: "POST", url, status: 201, headers: { "X-A": "b" }, body: { ok: true } }] },
    async (host) => {
      const body = new URLSearchParams({ q: "a b" });
      const response = await fetch(new URL(url), { method: "post", headers: { Accept: "a/b" }, body, timeoutMs: 0.2 });
      assert.deepEqual([response.status, response.ok, response.headers.get("X-a")], [201, true, "b"]);
      assert.deepEqual(await response.clone().json(), { ok: true });
      assert.equal(response.ensureOk(), response);
      const [{ headers, body: sent, timeoutMs }] = host.requests;
      assert.deepEqual(headers, [
        ["accept", "a/b"],
        ["content-type", "application/x-www-form-urlencoded;charset=UTF-8"],
      ]);
      assert.deepEqual([new TextDecoder().decode(sent), timeoutMs], ["q=a+b", 1]);
    },
  ));

test("a refusal of the host comes back whole", () =>
  withHost({ upstream: [{ method: "GET", url, fail: "refused" }] }, () =>
    assert.rejects(fetch(url), {
      name: "ToolError",
      code: "upstream_unreachable",
      message: "the connection to example.com:443 was refused",
      retryable: true,
    }),
  ));

test("each status that is no success has its own advice", () => {
  for (const [status, headers, code, says] of [
    [
      302,
      { location: "https://user@other.example/secret" },
      "upstream_redirected",
      "to https://other.example, which was not",
    ],
    [302, { location: "/b" }, "upstream_redirected", "to another address on the same server, which was not followed"],
    [401, {}, "upstream_unauthorized", "does not know who is asking (401 Unauthorized). The body starts: a b"],
    [403, {}, "upstream_forbidden", "does not allow this"],
    [410, {}, "upstream_not_found", "has nothing under this address (410)"],
    [429, { "retry-after": "7" }, "upstream_rate_limited", "had too many requests"],
    [503, {}, "upstream_failed", "failed on its side (503)"],
    [422, {}, "upstream_refused", "does not accept the request (422)"],
  ]) {
    const response = new Response("a\n\u0007 b", {
      status,
      headers,
      url: "https://user:pass@example.com:8443/secret?token=x",
    });
    assert.throws(
      () => response.ensureOk(),
      (error) => {
        assert.equal(error.code, code);
        assert.ok(error.message.startsWith("https://example.com:8443 "), error.message);
        assert.ok(error.message.includes(says), error.message);
        assert.equal(error.retryable, status === 429 || status === 503);
        return true;
      },
    );
  }
  const wait = (headers) => new Response(null, { status: 429, headers });
  assert.throws(() => wait({ "retry-after": "7" }).ensureOk(), { checkFirst: "Wait 7 seconds, then call again." });
  assert.throws(() => wait({ "retry-after": "Fri" }).ensureOk(), { checkFirst: "Wait until Fri, then call again." });
  assert.throws(() => wait({}).ensureOk(), {
    checkFirst: "Wait a minute, then call again.",
    message: /The body is empty\.$/,
  });
});

test("a body in another form says how it starts", async () => {
  const page = new Response("<html>".padEnd(300, "x"), { url });
  await assert.rejects(page.json(), {
    code: "upstream_unexpected",
    message: /answered with status 200 and a body that is not JSON \(.*\)\. The body starts: <html>x{194}…$/s,
  });
  await assert.rejects(new Response(new Uint8Array([0xff]), { url }).text(), {
    message: /a body that is not UTF-8 text/,
  });
});

test("headers are read in any case and keep cookies apart", () => {
  const headers = new Headers([
    ["A", "1"],
    ["a", "2"],
    ["Set-Cookie", "x=1, y"],
    ["set-cookie", "z"],
  ]);
  assert.deepEqual([headers.get("a"), headers.get("b"), headers.has("A")], ["1, 2", null, true]);
  assert.deepEqual(headers.getSetCookie(), ["x=1, y", "z"]);
  assert.deepEqual(
    [...headers],
    [
      ["a", "1, 2"],
      ["set-cookie", "x=1, y"],
      ["set-cookie", "z"],
    ],
  );
  headers.set("a", "3");
  headers.delete("SET-COOKIE");
  assert.deepEqual([...headers.keys(), ...headers.values()], ["a", "3"]);
});

test("what a test does not answer fails it, and so does an answer that is left", async () => {
  const given = { upstream: [{ method: "GET", url, status: 200, body: "" }] };
  await assert.rejects(
    withHost(given, () => fetch("https://example.com/b")),
    {
      name: "UnexpectedError",
      message: `unexpected request: GET https://example.com/b\nanswers are left for:\n  GET ${url}`,
    },
  );
  await assert.rejects(
    withHost(given, () => {}),
    /these requests were expected and never sent:\n {2}GET https/,
  );
  await assert.rejects(
    withHost({ databases: [{ database: "replica", sql: "SELECT 1" }] }, () => {}),
    /never run/,
  );
  await assert.rejects(postgres.query("replica", "SELECT 1"), /unexpected statement: replica: SELECT 1 \[\]/);
});

test("rows are objects by the names of the columns", () => {
  const columns = [
    { name: "id", type: "int8" },
    { name: "name", type: "text" },
  ];
  const sql = "SELECT $1, $2";
  const databases = [
    { database: "replica", sql, parameters: ["it's", null], columns, rows: [[1, "Ada"]], truncated: true },
  ];
  return withHost({ databases }, async (host) => {
    const { rows, truncated, ...rest } = await postgres.query("replica", sql, ["it's", undefined], { maxRows: 1 });
    assert.deepEqual([rows, truncated, host.queries[0].maxRows], [[{ id: 1, name: "Ada" }], true, 1]);
    assert.deepEqual(rest.columns, [
      { name: "id", typeName: "int8" },
      { name: "name", typeName: "text" },
    ]);
  });
});

test("what a database says when it refuses is kept", () => {
  const refusal = { sqlstate: "42703", message: "no column", position: 8 };
  const error = {
    code: "database_refused",
    message: "refused",
    likely_causes: ["a"],
    check_first: "Read.",
    retryable: false,
    refusal,
  };
  return withHost({ databases: [{ database: "replica", sql: "SELECT x", error }] }, () =>
    assert.rejects(postgres.query("replica", "SELECT x"), {
      code: "database_refused",
      causes: ["a"],
      sqlstate: "42703",
    }),
  );
});

test("a value is kept until its time is over", () =>
  withHost({}, async (host) => {
    let fetched = 0;
    const next = () => cache.getOrFetch("key", 600, async () => ++fetched);
    assert.deepEqual(await next(), { value: 1, ageMs: undefined });
    host.advance(60);
    assert.deepEqual(await next(), { value: 1, ageMs: 60 });
    host.advance(540);
    assert.deepEqual(await next(), { value: 2, ageMs: undefined });
    await cache.delete("key");
    assert.equal(await cache.get("key"), undefined);
    await cache.set("key", "no JSON", 600);
    assert.deepEqual(await next(), { value: 3, ageMs: undefined });
    await assert.rejects(cache.set("", "", 1), { code: "invalid_entry" });
    assert.deepEqual(await cache.getOrFetch("", 1, () => 7), { value: 7, ageMs: undefined });
    assert.deepEqual(
      host.logs.map(({ level }) => level),
      ["debug", "warn"],
    );
  }));

test("variables, lines and progress reach the host", async () => {
  await withHost({ env: { TOKEN: "secret" } }, (host) => {
    assert.equal(env("TOKEN"), "secret");
    log.warn(7);
    progress(1, 2, "page 1");
    progress(2);
    assert.deepEqual(host.logs, [{ level: "warn", message: "7" }]);
    assert.deepEqual(host.progress, [
      { done: 1, total: 2, message: "page 1" },
      { done: 2, total: null, message: null },
    ]);
  });
  assert.throws(() => env("PATH"), { code: "missing_environment_variable", message: /`PATH`/ });
});
