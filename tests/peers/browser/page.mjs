// Looks at the status page as people do: with eyes, with the keyboard alone, with a screen reader's rules. The plan has
// `executable`, `libraries` and `url`, and `screenshots` where pictures are to be written; what was seen is printed as
// JSON.

import { readFileSync } from "node:fs";
import { json } from "node:stream/consumers";
import { chromium } from "playwright-core";

const PATIENCE = 90_000;
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

const plan = await json(process.stdin);
const seen = { errors: [], foreign: [], axe: {}, overflows: [] };
const home = new URL("/", plan.url).href;

const browser = await chromium.launch({
  executablePath: plan.executable,
  args: FLAGS,
  timeout: PATIENCE,
  env: plan.libraries ? { ...process.env, LD_LIBRARY_PATH: plan.libraries } : process.env,
});
const context = await browser.newContext({ viewport: { width: 1280, height: 1180 }, reducedMotion: "reduce" });
context.setDefaultTimeout(PATIENCE);
const page = await context.newPage();
page.on("console", (message) => message.type() !== "info"
  && seen.errors.push(`${message.location().url} ${message.text()}`));
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("request", (request) => request.url().startsWith(home) || seen.foreign.push(request.url()));
await page.addInitScript(() => {
  globalThis.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
});

const text = (selector) => page.locator(selector).first().innerText();
const settled = () => page.waitForFunction(() => document.querySelector("#connection").dataset.state === "live");
const go = async (view, selector) => {
  await page.goto(home + view);
  await page.waitForSelector(selector);
  await settled();
};

// Goes on with the Tab key until the focus is there, or at the field with this label.
async function reach(selector, label) {
  for (let presses = 0; presses < 80; presses += 1) {
    const is = ([wanted, name]) => document.activeElement.matches(wanted)
      && (name === undefined || document.activeElement.labels[0].textContent.startsWith(name));
    if (await page.evaluate(is, [selector, label])) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the Tab key does not lead to ${selector} ${label ?? ""}`);
}

async function press(selector, ...keys) {
  await reach(selector);
  for (const key of keys) await page.keyboard.press(key);
}

async function write(label, words) {
  await reach("input, textarea", label);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(words);
}

async function check(name) {
  const found = await page.evaluate(`${AXE}; axe.run()`);
  seen.axe[name] = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  seen.rules = Math.max(seen.rules ?? 0, found.passes.length);
}

// The address with the token leads to one without.
await page.goto(plan.url);
await page.waitForURL(home);
await settled();
seen.title = await page.title();

// A failing call.
const failure = page.locator(".failures li", { hasText: "denied_network" }).first();
await failure.locator("button").click();
await failure.locator(".explanation").waitFor();
seen.failure = await failure.innerText();
await page.mouse.move(0, 0);
for (const colorScheme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme });
  if (plan.screenshots) await page.screenshot({ path: `${plan.screenshots}/console-${colorScheme}.png` });
  await check(`overview, ${colorScheme}`);
}

// A call under way is cancelled, with the keyboard.
seen.underWay = await text("section:has(table) tbody");
await page.evaluate(() => document.querySelector("#main").focus());
await press("td.act button", "Enter");
await page.waitForFunction(() => !document.querySelector("td.act button"));
seen.news = await text("#news");
seen.afterCancel = await page.evaluate(() => document.activeElement.textContent);

// A tool is tried, with the keyboard alone.
await page.evaluate(() => document.querySelector(".skip").focus());
await press("nav a[href='#/tools']", "Enter");
await page.waitForSelector("tbody a");
await check("tools, dark");
await press("a[href='#/tools/forms']", "Enter");
await page.waitForSelector("form");
seen.toolTitle = await text("h1");
await write("Name", "x");
await write("size", "99");
await press("form button[type=submit]", "Enter");
await page.waitForSelector(".complaints li");
seen.complaints = await text(".complaints");
seen.invalid = await page.locator("[aria-invalid]").evaluateAll((fields) => fields.map((field) => {
  const said = field.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id).textContent);
  return [field.labels[0].textContent, said.at(-1)];
}));
seen.focused = await page.evaluate(() => document.activeElement.labels?.[0]?.textContent);
await check("form with complaints, dark");
await page.emulateMedia({ colorScheme: "light" });
await check("form with complaints, light");
await write("Name", "An <i>item</i>");
await write("size", "7");
await press("form input[type=checkbox]", "Space");
await press("form select", "End");
await press("form button.quiet", "Enter");
await page.keyboard.type("one");
await write("filter", "{\"a\": [1]}");
await press("form button[type=submit]", "Enter");
await page.waitForSelector("h2:has-text('Answer'):focus");
seen.answer = await text("section pre");
await page.waitForFunction(() => document.querySelector(".plots svg .dot"));
seen.plot = await page.locator(".plots svg").first().getAttribute("aria-label");
await check("answer, light");

for (const [name, width] of [["phone", 360], ["desk", 1600]]) {
  await page.setViewportSize({ width, height: 900 });
  for (const view of ["#/", "#/tools", "#/tools/forms", "#/plugins"]) {
    await go(view, "section");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    if (wide) seen.overflows.push(`${name}: ${view}`);
  }
  await check(`plugins, ${name}`);
}
seen.plugins = await text("main");

seen.images = await page.locator("main img").count();
seen.violations = await page.evaluate(() => violations);
seen.titleAtTheEnd = await page.title();
await browser.close();
console.log(JSON.stringify(seen));
