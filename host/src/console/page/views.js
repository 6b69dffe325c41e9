// The views. Each has `node`, `title`, and `update`, which is told the status whenever it changes.
import { ask, bytes, h, heading, keyed, moment, number, plural, post, sentence, show, table, time, toolPath }
  from "./dom.js";
import { explanation, receipt_of } from "./failure.js";
import { form } from "./form.js";
import { columns, latency, memory, small } from "./plot.js";

export function overview({ say }) {
  const figures = h("dl", { class: "figures" });
  const chart = columns(10);
  const live = underWay(say);
  const failed = failures();
  const aside = h("ul", { class: "plain" });
  const waiting = section("Plugins not served", aside);
  const node = h("div", {}, h("h1", {}, "Overview"), figures,
    h("div", { class: "columns" },
      h("div", {}, live.node, failed.node),
      h("div", {}, section("Last 10 minutes", chart.node, h("ul", { class: "legend" },
        h("li", { class: "good" }, "answered"), h("li", { class: "bad" }, "failed"))), waiting)));
  waiting.hidden = true;
  let edition;
  return {
    node,
    title: "Overview",
    leave: live.leave,
    update(status) {
      const figure = ({ name }) => h("div", {}, h("dt", {}, name), h("dd"), h("dd"));
      keyed(figures, glance(status), ({ name }) => name, figure,
        ({ children: [, value, beside] }, item) => {
          show(value, item.value);
          show(beside, item.beside);
        });
      chart.update(status.columns);
      live.update(status);
      failed.update(status);
      if (edition === status.edition) return;
      edition = status.edition;
      ask("/api/plugins").then((all) => {
        const unserved = all.plugins.filter((plugin) => !plugin.served);
        waiting.hidden = unserved.length === 0;
        aside.replaceChildren(...unserved.map((plugin) => h("li", {},
          h("strong", {}, plugin.name), unserved_because(plugin))));
      }).catch(() => {});
    },
  };
}

function glance(status) {
  const percent = Number((100 * status.failed / status.calls).toFixed(1));
  const share = status.calls === 0 ? "none yet" : `${percent} % of all`;
  const notServed = status.notServed > 0 ? `${status.notServed} not served` : "all served";
  const since = new Date(status.sinceMs).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
  return [
    { name: "Under way", value: number(status.underWay), beside: "calls at this moment" },
    { name: "Calls", value: number(status.calls), beside: `since ${since}` },
    { name: "Failed", value: number(status.failed), beside: share },
    { name: "Instances", value: number(status.slotsTaken), beside: `of ${number(status.slots)}` },
    { name: "Memory", value: bytes(status.memoryHeld), beside: `of ${bytes(status.memory)}` },
    { name: "Plugins", value: number(status.served), beside: notServed },
  ];
}

function section(title, ...children) {
  return h("section", {}, heading(2, title), children);
}

// Calls under way, whose time goes on between two messages.
function underWay(say) {
  const body = h("tbody");
  const none = h("p", { class: "none" }, "No call is under way.");
  const frame = table("Calls under way", [{ name: "Tool" }, { name: "User" }, { name: "Time", kind: "figure" },
    { name: "Call", kind: "minor" }, { name: h("span", { class: "unseen" }, "Cancel") }], body);
  const more = h("p", { class: "soft" });
  const tick = () => {
    for (const row of body.children) show(row.children[2], time(performance.now() - Number(row.dataset.since)));
  };
  const timer = setInterval(tick, matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 100);
  const cancel = async (call, button) => {
    if (button.hasAttribute("aria-disabled")) return;
    // Not `disabled`, which would take the focus away.
    button.setAttribute("aria-disabled", "true");
    try {
      await post(`/api/calls/${call.call}/cancel`, {});
      say(`The call of ${call.tool} was cancelled`);
    } catch (error) {
      button.removeAttribute("aria-disabled");
      say(`Not cancelled: ${error.message}`);
    }
  };
  const row = (readOnly) => (call) => h("tr", {},
    h("th", { scope: "row" }, h("a", { href: toolPath(call.tool) }, call.tool)),
    h("td", {}, call.user), h("td", { class: "figure" }),
    h("td", { class: "minor" }, h("code", {}, call.call)),
    h("td", { class: "act" }, !readOnly && h("button", {
      type: "button",
      "aria-label": `Cancel the call of ${call.tool}, ${call.call}`,
      click: (event) => cancel(call, event.currentTarget),
    }, "Cancel")));
  return {
    node: section("Under way", none, frame, more),
    leave: () => clearInterval(timer),
    update(status) {
      none.hidden = status.underWay > 0;
      frame.hidden = status.underWay === 0;
      keyed(body, status.live, ({ call }) => call, row(status.readOnly), (node, call) => {
        node.dataset.since ??= performance.now() - call.elapsedMs;
      });
      const others = status.underWay - status.live.length;
      more.hidden = others === 0;
      show(more, `and ${plural(others, "other")}`);
      tick();
    },
  };
}

// The newest failures, each of which opens into its explanation.
function failures() {
  const items = h("ol", { class: "failures" });
  const none = h("p", { class: "none" }, "No call has failed.");
  const open = async (button, place, { call }) => {
    const opening = place.hidden;
    button.setAttribute("aria-expanded", opening);
    place.hidden = !opening;
    if (!opening || place.firstChild) return;
    try {
      place.replaceChildren(explanation(await ask(`/api/failures/${call}`)));
    } catch (error) {
      place.append(h("p", {}, error.message));
    }
  };
  const item = (failure) => {
    const place = h("div", { class: "opened", id: `failure-${failure.call}`, hidden: true });
    const button = h("button", {
      type: "button",
      "aria-expanded": "false",
      "aria-controls": place.id,
      click: () => open(button, place, failure),
    }, moment(failure.endedMs), h("strong", {}, failure.tool), h("code", {}, failure.code),
    h("span", {}, failure.message));
    return h("li", {}, h("h3", {}, button), place);
  };
  return {
    node: section("Recent failures", none, items),
    update(status) {
      none.hidden = status.failures.length > 0;
      keyed(items, status.failures, ({ call }) => call, item);
    },
  };
}

export function tools() {
  const body = h("tbody");
  const columns = [["Tool"], ["Plugin", "minor"], ["Running", "figure minor"], ["Calls", "figure"],
    ["Failed", "figure"], ["Median", "figure minor"], ["95 % within", "figure"], ["Most memory", "figure minor"],
    ["Newest calls", "minor"]];
  const frame = table("Tools", columns.map(([name, kind]) => ({ name, kind })), body);
  const row = (tool) => h("tr", {}, h("th", { scope: "row" }, h("a", { href: toolPath(tool.name) }, tool.name)),
    columns.slice(1).map(([, kind]) => h("td", { class: kind })));
  return {
    node: h("div", {}, h("h1", {}, "Tools"), h("p", { class: "lead" },
      "Times and memory are those of the newest 120 calls of each tool."), h("section", {}, frame)),
    title: "Tools",
    update(status) {
      keyed(body, status.tools, ({ name }) => name, row, (node, tool) => {
        const { newest } = tool;
        const none = ["–", "–", "–"];
        const figures = newest ? [time(newest.p50Ms), time(newest.p95Ms), bytes(newest.memoryPeak)] : none;
        const running = `${tool.running} of ${tool.concurrency}${tool.waiting > 0 ? `, ${tool.waiting} wait` : ""}`;
        const cells = [tool.plugin, running, number(tool.calls), number(tool.failed), ...figures];
        cells.forEach((text, index) => show(node.children[index + 1], text));
        node.children[4].classList.toggle("failed", tool.failed > 0);
        if (node.dataset.calls === String(tool.calls)) return;
        node.dataset.calls = tool.calls;
        node.lastChild.replaceChildren(small(newest?.elapsedMs ?? []));
      });
    },
  };
}

export function tool({ name, say }) {
  const back = h("p", { class: "back" }, h("a", { href: "#/tools" }, "All tools"));
  const node = h("div", {}, back, h("h1", {}, name));
  const [times, memories] = [latency(), memory()];
  const running = h("dd");
  let calls;
  const refresh = async () => {
    const known = await ask(`/api/tools/${encodeURIComponent(name)}`);
    times.update(known.points);
    memories.update(known.points);
    return known;
  };
  const failed = (error) => node.append(h("p", { class: "none" }, error.message));
  refresh().then((known) => node.append(
    h("p", { class: "lead" }, known.description),
    h("dl", { class: "facts wide" }, [["Plugin", known.plugin], ["Running", running],
      ["Deadline", time(known.deadlineMs)], ["Memory", bytes(known.memory)], ["Effects", effects(known.hints)]]
      .map(([term, value]) => h("div", {}, h("dt", {}, term), value instanceof Node ? value : h("dd", {}, value)))),
    h("div", { class: "plots" }, section("Time of each call", times.node),
      section("Most memory of each call", memories.node)),
    attempt(known, say))).catch(failed);
  return {
    node,
    title: name,
    update(status) {
      const own = status.tools.find((tool) => tool.name === name);
      if (!own) return;
      show(running, `${own.running} of ${own.concurrency}${own.waiting > 0 ? `, ${own.waiting} wait` : ""}`);
      if (calls !== undefined && calls !== own.calls) refresh().catch(() => {});
      calls = own.calls;
    },
  };
}

function effects({ readOnly, destructive, idempotent, openWorld }) {
  const change = readOnly ? "changes nothing" : destructive ? "may change and delete" : "adds, deletes nothing";
  const again = !readOnly && idempotent ? ", once however often it is called" : "";
  return `${change}${again}; ${openWorld ? "talks to other systems" : "stays within the host"}`;
}

// The form that calls the tool.
function attempt(known, say) {
  if (known.readOnly) return h("p", { class: "none" }, "Tools can be watched here and not called: toolcell.toml says so.");
  const fields = form(known.inputSchema);
  const call = h("button", { type: "submit", class: "main" }, "Call");
  const stop = h("button", { type: "button", hidden: true, click: () => running?.abort() }, "Cancel");
  const result = h("section", {}, waiting());
  let running;
  const submit = async (event) => {
    event.preventDefault();
    const values = running ? undefined : fields.read();
    if (values === undefined) return;
    running = new AbortController();
    call.setAttribute("aria-disabled", "true");
    stop.hidden = false;
    say(`${known.name} runs`);
    try {
      const answer = await post(`/api/tools/${encodeURIComponent(known.name)}/call`, values, running.signal);
      const refused = answer.report?.code === "invalid_arguments";
      if (refused) {
        result.replaceChildren(waiting());
        fields.complain(answer.report.mismatches ?? []);
      } else shown(answer);
    } catch (error) {
      shown({ problem: running.signal.aborted ? "The call was cancelled." : error.message });
    }
    running = undefined;
    call.removeAttribute("aria-disabled");
    stop.hidden = true;
  };
  const shown = (answer) => {
    const title = heading(2, answer.content ? "Answer" : "No answer");
    result.replaceChildren(title, ...answered(answer));
    title.focus();
  };
  return h("div", { class: "attempt" },
    h("section", {}, heading(2, "Try it"),
      h("p", { class: "soft" }, "This calls the tool as a client would, with all that its plugin was granted."),
      h("form", { novalidate: true, submit }, fields.node, h("div", { class: "buttons" }, call, stop))),
    result);
}

const waiting = () => h("p", { class: "none" }, "What the tool answers is shown here.");

function answered({ content, structured, report, receipt, problem }) {
  if (problem) return [h("p", {}, problem)];
  if (report) return [explanation({ report, receipt })];
  const parts = content.map(({ kind, text, uri, mediaType, bytes: size }) => text === undefined
    ? h("p", {}, `${kind}${mediaType ? `, ${mediaType}` : ""}, ${bytes(size)}`)
    : h("div", {}, uri && h("p", { class: "soft" }, uri), h("pre", { tabindex: 0 }, text)));
  return [...parts, structured && h("h3", {}, "Structured"), structured && h("pre", { tabindex: 0 }, structured),
    receipt_of(receipt)].filter(Boolean);
}

export function plugins() {
  const list = h("div", { class: "plugins" });
  const folder = h("p", { class: "lead" });
  const warnings = h("ul", { class: "warnings" });
  let edition;
  return {
    node: h("div", {}, h("h1", {}, "Plugins"), folder, warnings, list),
    title: "Plugins",
    update(status) {
      if (edition === status.edition) return;
      edition = status.edition;
      ask("/api/plugins").then((all) => {
        show(folder, `In the folder ${all.folder}`);
        warnings.replaceChildren(...all.warnings.map((text) => h("li", {}, text)));
        list.replaceChildren(...all.plugins.map(plugin));
      }).catch(() => {});
    },
  };
}

function plugin(its) {
  const digest = (value) => h("code", {}, value);
  const { limits } = its;
  const words = limits && `${limits.memory} of memory, ${limits.deadline} per call, ${limits.concurrency} calls at `
    + `once, answers up to ${limits.result}, ${limits.log} of log`;
  const links = its.tools.flatMap((name, index) => [index > 0 && ", ", h("a", { href: toolPath(name) }, name)]);
  const rows = [
    its.component && ["Component", digest(its.component)],
    its.reviewed && its.reviewed !== its.component && ["Reviewed", digest(its.reviewed)],
    its.language && ["Language", its.language],
    its.tools.length > 0 && ["Tools", links],
    words && ["Limits", words],
  ].filter(Boolean);
  const asked = ({ what, granted }) => h("li", { class: granted ? "granted" : "declined" },
    h("span", { class: "state" }, granted ? "may" : "may not"), " ", what);
  const asks = its.asks?.length === 0 ? h("p", { class: "soft" }, "Asks for nothing: it computes and answers.")
    : its.asks && h("ul", { class: "grants" }, its.asks.map(asked));
  return h("section", {},
    h("h2", {}, its.name, " ", h("span", { class: its.served ? "badge good" : "badge bad" },
      its.served ? "served" : "not served")),
    its.description && h("p", {}, its.description),
    !its.served && unserved_because(its),
    its.warnings.length > 0 && h("ul", { class: "warnings" },
      its.warnings.map((text) => h("li", {}, text))),
    asks,
    rows.length > 0 && h("dl", { class: "rows" },
      rows.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value)))));
}

function unserved_because({ reason, mend, byHand }) {
  const advice = byHand ? `To mend: ${sentence(byHand)}` : mend && ["To mend: ", h("code", {}, mend)];
  return [h("p", { class: "reason" }, sentence(reason)), advice && h("p", { class: "mend" }, advice)];
}
