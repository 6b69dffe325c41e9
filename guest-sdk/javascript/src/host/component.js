// What the host gives, over the contract's imports.

import * as cache from "toolcell:plugin/cache@0.1.0";
import * as http from "toolcell:plugin/http@0.1.0";
import * as log from "toolcell:plugin/log@0.1.0";
import * as postgres from "toolcell:plugin/postgres@0.1.0";
import * as progress from "toolcell:plugin/progress@0.1.0";
import * as environment from "wasi:cli/environment@0.2.12";

export const host = {
  log: (level, message) => log.log(level, message),
  report: (done, total, message) => progress.report(done, total, message),
  send: (request) => asked(() => http.send(request)),
  run: (query) => asked(() => postgres.run(query)),
  variable: (name) => environment.getEnvironment().find(([known]) => known === name)?.[1],
  cacheGet: (key) => asked(() => cache.get(key)),
  cacheSet: (key, value, ttlMs) => asked(() => cache.set(key, value, ttlMs)),
  cacheDelete: (key) => asked(() => cache.delete(key)),
};

/** Engines differ in whether they throw the contract's error itself or wrap it. */
function asked(ask) {
  try {
    return ask();
  } catch (thrown) {
    throw thrown?.payload ?? thrown;
  }
}
