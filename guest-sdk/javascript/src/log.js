import { host } from "#host";

export const log = {
  debug: (message) => host.log("debug", String(message)),
  info: (message) => host.log("info", String(message)),
  warn: (message) => host.log("warn", String(message)),
  error: (message) => host.log("error", String(message)),
};

export function progress(done, total, message) {
  host.report(done, total ?? null, message || null);
}
