// A failure in full, and what a call did.
import { bytes, h, moment, sentence, table, time, toolPath } from "./dom.js";

// `call`, `tool`, `user` and `endedMs` are there for calls of others.
export function explanation({ report, receipt, call, tool, plugin, user, endedMs }) {
  const waiting = report.retryAfterMs ? `Try again in ${time(report.retryAfterMs)}.` : "Trying again may help.";
  const facts = [
    ["Code", h("code", {}, report.code)],
    tool && ["Tool", h("a", { href: toolPath(tool) }, tool)],
    plugin && ["Plugin", plugin],
    user && ["User", user],
    endedMs && ["Ended", moment(endedMs)],
    ...figures(receipt),
    ["Call", h("code", {}, call ?? report.call)],
  ];
  return h("div", { class: "explanation" },
    h("div", { class: "prose" },
      part("What happened", h("p", {}, sentence(report.message))),
      report.mismatches && part("Where", mismatches(report.mismatches)),
      report.observed && part("The host saw", list(report.observed)),
      report.likelyCauses.length > 0 && part("Likely causes", list(report.likelyCauses)),
      h("div", { class: "first" },
        part("Check first", h("p", {}, sentence(report.checkFirst)),
          h("p", { class: "soft" }, report.retryable ? waiting : "Trying the same again will not help.")))),
    facts_of(facts),
    evidence(receipt, report.message));
}

// What a call did, whatever came of it.
export function receipt_of(receipt) {
  return h("div", { class: "explanation" }, h("div", { class: "prose" }, evidence(receipt)),
    facts_of([...figures(receipt), ["Call", h("code", {}, receipt.call)]]));
}

function figures(receipt) {
  const { cache, files } = receipt;
  return [
    ["Time", time(receipt.elapsedMs)],
    ["Computing", time(receipt.computingMs)],
    ["Waiting", time(receipt.waitingMs)],
    ["Memory", bytes(receipt.memoryPeak)],
    cache && ["Cache", `${cache.hits} found, ${cache.misses} not, ${cache.sets} set`],
    files && ["Files", `${files.opened} opened, ${files.written} written`],
  ];
}

function facts_of(facts) {
  return h("dl", { class: "facts" }, facts.filter(Boolean).map(([name, value]) => h("div", {},
    h("dt", {}, name), h("dd", {}, value))));
}

// What was said already is left out.
function evidence(receipt, said) {
  const { exchanges = [], queries = [], failed, unsetVariables, stderr } = receipt;
  const refused = receipt.refused.filter((refusal) => refusal !== said);
  return h("div", { class: "evidence" },
    refused.length > 0 && part("Refused", list(refused)),
    exchanges.length > 0 && part("Servers", servers(exchanges)),
    queries.length > 0 && part("Databases", databases(queries)),
    failed.length > 0 && part("Databases and cache", list(failed)),
    unsetVariables.length > 0 && part("Granted and not set on the host", list(unsetVariables)),
    stderr && part("End of what the plugin printed", h("pre", { tabindex: 0 }, stderr)));
}

function servers(exchanges) {
  const columns = [{ name: "Server" }, { name: "Outcome" }, { name: "Sent", kind: "figure" },
    { name: "Received", kind: "figure" }, { name: "Time", kind: "figure" }];
  return table("Servers", columns, h("tbody", {}, exchanges.map((exchange) => h("tr", {},
    h("th", { scope: "row" }, h("code", {}, exchange.server)),
    h("td", { class: exchange.answered ? "" : "failed" }, exchange.outcome),
    h("td", { class: "figure" }, bytes(exchange.sent)),
    h("td", { class: "figure" }, bytes(exchange.received)),
    h("td", { class: "figure" }, time(exchange.elapsedMs))))));
}

function databases(queries) {
  const columns = [{ name: "Database" }, { name: "Outcome" }, { name: "Rows", kind: "figure" },
    { name: "Bytes", kind: "figure" }, { name: "Time", kind: "figure" }];
  return table("Databases", columns, h("tbody", {}, queries.map((query) => h("tr", {},
    h("th", { scope: "row" }, h("code", {}, query.database)),
    h("td", {}, typeof query.end === "string" ? query.end : query.end.failed),
    h("td", { class: "figure" }, query.rows),
    h("td", { class: "figure" }, bytes(query.bytes)),
    h("td", { class: "figure" }, time(query.elapsedMs))))));
}

function mismatches(all) {
  return h("ul", {}, all.map(({ pointer, problem }) => h("li", {},
    h("code", {}, pointer || "the whole"), " ", problem)));
}

function part(title, ...children) {
  return h("div", { class: "part" }, h("h4", {}, title), children);
}

function list(texts) {
  return h("ul", {}, texts.map((text) => h("li", {}, sentence(text))));
}
