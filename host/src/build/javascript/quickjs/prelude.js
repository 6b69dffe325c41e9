// What programs expect of any engine and QuickJS does not have; esbuild puts it before all else.
//
// The contract's calls are synchronous, and the engine runs no jobs of promises before such a call returns. So promises
// here are a library's, with a queue of ours, and esbuild rewrites `async` and `await` into them.

import "./random.js";
import { step } from "./timers.js";
import Promise from "promise-polyfill";
import * as log from "toolcell:plugin/log@0.1.0";

Promise._immediateFn = globalThis.queueMicrotask;
// A rejection that nobody handles is told by whoever awaits it.
Promise._unhandledRejectionFn = () => {};
globalThis.Promise = Promise;

/** Runs what is to be done until the promise is settled. Returns its value or throws its reason. */
globalThis[Symbol.for("toolcell:settle")] = (promise) => {
  let outcome;
  promise.then(
    (value) => (outcome = { value }),
    (reason) => (outcome = { reason }),
  );
  while (outcome === undefined && step()) {
    // The next step follows.
  }
  if (outcome === undefined) {
    throw new Error("the tool waits for a promise that nothing settles");
  }
  if ("reason" in outcome) {
    throw outcome.reason;
  }
  return outcome.value;
};

/** Lines go to the operator's log. */
const write =
  (level) =>
  (...parts) =>
    log.log(level, parts.map(shown).join(" "));
globalThis.console = {
  debug: write("debug"),
  log: write("info"),
  info: write("info"),
  warn: write("warn"),
  error: write("error"),
};

function shown(part) {
  if (typeof part === "string" || part instanceof Error) {
    return String(part);
  }
  try {
    return JSON.stringify(part) ?? String(part);
  } catch {
    return String(part);
  }
}
