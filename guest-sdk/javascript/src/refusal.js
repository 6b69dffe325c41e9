// What a tool says of a server's answer that it cannot use. Errors name the server, never the path, the query or a header.

import { ToolError } from "./error.js";

/** How many characters of an unexpected body an error shows. */
const EXCERPT_CHARS = 200;

/** The error for a status that is no success. */
export function refusal(response, body) {
  const { status } = response;
  const server = serverOf(response.url);
  const refused = (code, what, more) => new ToolError(code, `${server} ${what}. ${excerpt(body)}`, more);
  if (status >= 300 && status < 400) {
    const location = response.headers.get("location") ?? "";
    const target = location.includes("://") ? serverOf(location) : "another address on the same server";
    const message = `${server} answered with a redirect (${status}) to ${target}, which was not followed`;
    return new ToolError("upstream_redirected", message, {
      checkFirst: "Use the address that the server redirects to.",
    });
  }
  if (status === 401) {
    return refused("upstream_unauthorized", "does not know who is asking (401 Unauthorized)", {
      causes: ["the token is missing, wrong or expired"],
      checkFirst: "A person checks the credentials that the plugin is given in its environment.",
    });
  }
  if (status === 403) {
    return refused("upstream_forbidden", "does not allow this (403 Forbidden)", {
      causes: ["the account or token has no right to it", "the server blocks automated requests"],
      checkFirst: "Ask for something that the account may see, or have a person check its rights.",
    });
  }
  if (status === 404 || status === 410) {
    return refused("upstream_not_found", `has nothing under this address (${status})`, {
      causes: ["the id or address is wrong, or what it named is gone"],
      checkFirst: "Check the ids and names in the arguments.",
    });
  }
  if (status === 429) {
    return refused("upstream_rate_limited", "had too many requests (429 Too Many Requests)", {
      causes: ["many calls in a short time, perhaps by others with the same address or token"],
      checkFirst: `Wait ${retryAfter(response) ?? "a minute"}, then call again.`,
      retryable: true,
    });
  }
  if (status === 408 || (status >= 500 && status < 600)) {
    const wait = retryAfter(response) ?? "a moment";
    return refused("upstream_failed", `failed on its side (${status})`, {
      causes: ["the server is overloaded, in maintenance or has a bug"],
      checkFirst: `Wait ${wait}, then call again. If it stays, see the server's status page.`,
      retryable: true,
    });
  }
  return refused("upstream_refused", `does not accept the request (${status})`, {
    causes: ["an argument has a value that the server does not take"],
    checkFirst: "Read the start of the server's answer and correct the arguments.",
  });
}

/** The error for a body in a form that the tool did not expect. */
export function unexpected(response, what, body) {
  const message = `${serverOf(response.url)} answered with status ${response.status} and ${what}. ${excerpt(body)}`;
  return new ToolError("upstream_unexpected", message, {
    causes: [
      "the server changed the form of its answers",
      "the answer came from something in between, such as a proxy or a login page",
    ],
    checkFirst: "Compare the start of the body with the documentation of the server.",
  });
}

/** Scheme, server and port of a URL: what an error may show of it. */
export function serverOf(url) {
  const found = /^([^:]*):\/\/([^/?#\\]*)/.exec(url);
  return found === null ? "the server" : `${found[1]}://${found[2].split("@").at(-1)}`;
}

/** RFC 9110, section 10.2.3: seconds or a date. A date is rare, and shown as it came. */
function retryAfter(response) {
  const value = printable(response.headers.get("retry-after") ?? "", 40);
  if (value === "") {
    return undefined;
  }
  return /^\d+$/.test(value) ? `${value} seconds` : `until ${value}`;
}

function excerpt(body) {
  const start = printable(body, EXCERPT_CHARS);
  return start === "" ? "The body is empty." : `The body starts: ${start}`;
}

/** The start of `text` on one line, without control characters, at most `maxChars` long. */
function printable(text, maxChars) {
  const line = text
    .split(/[\s\u0000-\u001f\u007f-\u009f]+/)
    .filter((word) => word !== "")
    .join(" ");
  const chars = [...line.slice(0, 2 * maxChars + 2)];
  return chars.length > maxChars ? `${chars.slice(0, maxChars).join("")}…` : line;
}
