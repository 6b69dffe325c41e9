// Nodes, words and requests. What guests wrote becomes text and attributes here, and never markup.

export function h(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

// Touches the page only where something changed: what a screen reader or a selection is at stays.
export function show(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

// One child for each item, kept as long as its key is there.
export function keyed(parent, items, key, create, update) {
  const keys = new Set(items.map(key));
  for (const child of [...parent.children]) {
    if (keys.has(child.dataset.key)) continue;
    const focused = child.contains(document.activeElement);
    child.remove();
    // Whoever was at it goes on from the heading above, not from the top of the page.
    if (focused) parent.closest("section")?.querySelector("h2")?.focus();
  }
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    let child = known.get(id);
    if (!child) {
      child = create(item);
      child.dataset.key = id;
    }
    update?.(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
}

// A heading that focus can be put on.
export function heading(level, ...children) {
  return h(`h${level}`, { tabindex: -1 }, children);
}

// A wide table scrolls in its frame, and with the keyboard, too.
export function table(label, columns, body) {
  const head = columns.map(({ name, kind }) => h("th", { scope: "col", class: kind }, name));
  return h("div", { class: "frame", role: "region", "aria-label": label, tabindex: 0 },
    h("table", {}, h("thead", {}, h("tr", {}, head)), body));
}

export async function ask(path, options) {
  const answer = await fetch(path, options);
  const body = await answer.json().catch(() => ({ error: `the server answered with status ${answer.status}` }));
  if (!answer.ok) throw new Error(body.error);
  return body;
}

export function post(path, body, signal) {
  const headers = { "content-type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

export function time(ms) {
  if (ms < 10) return `${trimmed(ms, 2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${trimmed(ms / 1000, 1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${trimmed(count, count < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}

function trimmed(value, digits) {
  return String(Number(value.toFixed(digits)));
}

export function number(value) {
  return value.toLocaleString("en");
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

export function clock(ms) {
  return new Date(ms).toLocaleTimeString("en-GB");
}

export function moment(ms) {
  return h("time", { datetime: new Date(ms).toISOString(), title: new Date(ms).toLocaleString("en-GB") }, clock(ms));
}

export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

export const toolPath = (name) => `#/tools/${encodeURIComponent(name)}`;
