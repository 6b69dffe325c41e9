// `setTimeout` and the queue of what is to be done: a call blocks until the next timer only when nothing else is left.

import { subscribeDuration } from "wasi:clocks/monotonic-clock@0.2.12";

const jobs = [];
/** Those that wait, by the time that is left to them in milliseconds. */
let timers = [];
let lastId = 0;

globalThis.queueMicrotask = (job) => void jobs.push(job);

globalThis.setTimeout = (callback, ms = 0, ...values) => {
  const id = ++lastId;
  timers.push({ id, ms: Math.max(0, Number(ms) || 0), callback: () => callback(...values) });
  // Sorting is stable: of two that are due at once the one set first comes first.
  timers.sort((a, b) => a.ms - b.ms);
  return id;
};

globalThis.clearTimeout = (id) => {
  timers = timers.filter((timer) => timer.id !== id);
};

/** Runs all jobs, or else waits for a timer and runs it. Returns whether there was something to do. */
export function step() {
  if (jobs.length > 0) {
    for (const job of jobs.splice(0)) {
      job();
    }
    return true;
  }
  const next = timers.shift();
  if (next === undefined) {
    return false;
  }
  if (next.ms > 0) {
    // Nanoseconds.
    subscribeDuration(Math.round(next.ms * 1e6)).block();
  }
  for (const timer of timers) {
    timer.ms -= next.ms;
  }
  next.callback();
  return true;
}
