// The frame around the views: which one is shown, and the connection that brings news.
import { h, plural, show } from "./dom.js";
import { overview, plugins, tool, tools } from "./views.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const news = document.getElementById("news");
const nothing = () => ({ node: h("div", {}, h("h1", {}, "There is no such view")), title: "No such view" });
const say = (text) => show(news, text);

let status;
let view;

function route() {
  const path = location.hash.slice(1) || "/";
  if (!path.startsWith("/")) return;
  const arriving = view !== undefined;
  const [, place, name] = path.split("/");
  const views = { "": overview, tools: name === undefined ? tools : tool, plugins };
  view?.leave?.();
  view = (Object.hasOwn(views, place) ? views[place] : nothing)({ name: decoded(name), say });
  main.replaceChildren(view.node);
  document.title = `${view.title} · Toolcell`;
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.getAttribute("href") === `#/${place}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (status) view.update?.(status);
  // As after loading another page. At the very first, the browser has its own place.
  if (arriving) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function decoded(name) {
  try {
    return decodeURIComponent(name ?? "");
  } catch {
    return "";
  }
}

function connected(state, words) {
  connection.dataset.state = state;
  show(connection, words);
}

// What failed since the status before, in one sentence for those who do not see the list.
function announce(before, after) {
  const known = new Set(before.failures.map(({ call }) => call));
  const fresh = after.failures.filter(({ call }) => !known.has(call));
  if (fresh.length === 1) say(`A call of ${fresh[0].tool} failed: ${fresh[0].code}`);
  else if (fresh.length > 1) say(`${plural(fresh.length, "call")} failed`);
}

function listen() {
  const source = new EventSource("/api/events");
  source.addEventListener("status", (event) => {
    const before = status;
    status = JSON.parse(event.data);
    connected("live", "Live");
    if (before) announce(before, status);
    view.update?.(status);
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) connected("gone", "Closed: open the address that toolcell printed");
    else connected("waiting", "Connecting");
  });
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", route);
route();
listen();
