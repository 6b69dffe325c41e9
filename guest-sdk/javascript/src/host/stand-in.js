// What stands in for the host in a plugin's own tests. `testing.js` fills it; without that nothing is granted.

/** What the current test gives, and what the code under test did with it. */
let current = nothing();

/** What a test is given that gives nothing itself. */
export function nothing() {
  return {
    env: {},
    upstream: [],
    databases: [],
    logs: [],
    progress: [],
    requests: [],
    queries: [],
    cache: new Map(),
    nowMs: 0,
  };
}

/** Takes the place of what is given, and returns it. */
export function replace(given) {
  const before = current;
  current = given;
  return before;
}

export const host = {
  log: (level, message) => void current.logs.push({ level, message }),

  report: (done, total, message) => void current.progress.push({ done, total, message }),

  variable: (name) => (Object.hasOwn(current.env, name) ? current.env[name] : undefined),

  send(request) {
    const { method, url } = request;
    const at = current.upstream.findIndex((answer) => answer.method === method && answer.url === url);
    if (at < 0) {
      const left = current.upstream.map((answer) => `${answer.method} ${answer.url}`);
      throw new UnexpectedError("request", `${method} ${url}`, left);
    }
    current.requests.push(request);
    const [{ status, headers = {}, body, fail }] = current.upstream.splice(at, 1);
    if (fail !== undefined) {
      throw failed(fail, url);
    }
    return { status, headers: Object.entries(withType(headers, body)), body: bytesOf(body), extra: null };
  },

  run(query) {
    const asked = line(
      query.database,
      query.sql,
      query.parameters.map((json) => JSON.parse(json)),
    );
    const lines = current.databases.map(({ database, sql, parameters = [] }) => line(database, sql, parameters));
    const at = lines.indexOf(asked);
    if (at < 0) {
      throw new UnexpectedError("statement", asked, lines);
    }
    current.queries.push(query);
    const [{ columns = [], rows = [], truncated = false, error }] = current.databases.splice(at, 1);
    if (error !== undefined) {
      throw { failure: contractError(error), refusal: error.refusal ?? null };
    }
    return {
      columns: columns.map(({ name, type }) => ({ name, typeName: type })),
      rows: rows.map((row) => JSON.stringify(row)),
      truncated,
      extra: null,
    };
  },

  cacheGet(key) {
    const entry = current.cache.get(key);
    return entry === undefined || entry.untilMs <= current.nowMs
      ? null
      : { value: entry.value, ageMs: current.nowMs - entry.setMs };
  },

  cacheSet(key, value, ttlMs) {
    const keyBytes = new TextEncoder().encode(key).length;
    if (keyBytes < 1 || keyBytes > 512 || ttlMs < 1) {
      throw contractError({
        code: "invalid_entry",
        message: "an entry has a key of 1 to 512 bytes and a time to live",
        check_first: "Report it to the author of the plugin.",
      });
    }
    const { nowMs } = current;
    current.cache.set(key, { value: value.slice(), setMs: nowMs, untilMs: nowMs + ttlMs });
  },

  cacheDelete: (key) => void current.cache.delete(key),
};

/** Something was asked for that the test does not answer. It is no ToolError, so that no tool takes it for one. */
export class UnexpectedError extends Error {
  constructor(what, asked, left) {
    const answers = left.length === 0 ? " none" : left.map((answer) => `\n  ${answer}`).join("");
    super(`unexpected ${what}: ${asked}\nanswers are left for:${answers}`);
    this.name = "UnexpectedError";
  }
}

export const line = (database, sql, parameters) => `${database}: ${sql} ${JSON.stringify(parameters)}`;

function withType(headers, body) {
  const type = typeof body === "string" || body instanceof Uint8Array ? {} : { "content-type": "application/json" };
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { ...type, ...Object.fromEntries(lower) };
}

function bytesOf(body) {
  if (body instanceof Uint8Array) {
    return body;
  }
  return new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
}

/** What the host says of a server that gives no answer. */
function failed(fail, url) {
  const { protocol, hostname, port } = new URL(url);
  const at = `${hostname}:${port || (protocol === "http:" ? 80 : 443)}`;
  const code = "upstream_unreachable";
  return contractError(
    fail === "timeout"
      ? {
          code,
          message: `connecting to ${at} was given up after 10s`,
          likely_causes: ["a firewall drops the connection without a word", "the server is down or overloaded"],
          check_first: `whether the machine that runs toolcell reaches ${at}`,
          retryable: true,
        }
      : {
          code,
          message: `the connection to ${at} was refused`,
          likely_causes: [
            "the service is not running",
            "it listens on another port",
            "a firewall rejects the connection",
          ],
          check_first: `whether the service at ${at} is running`,
          retryable: true,
        },
  );
}

function contractError({ code, message, likely_causes = [], check_first, retryable = false }) {
  return { code, message, likelyCauses: likely_causes, checkFirst: check_first, retryable, extra: null };
}
