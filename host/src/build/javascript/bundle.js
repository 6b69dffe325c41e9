// node bundle.js ENGINE MAIN BUNDLE, run in a plugin's folder: bundles the plugin, whose module MAIN exports its tools, with
// all that it imports and what the engine needs.

import { appendFileSync, readFileSync } from "node:fs";
import { dirname, extname, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { TraceMap, eachMapping } from "@jridgewell/trace-mapping";
import { build } from "esbuild";
import { Problems, described } from "./described.js";

const [engine, main, outfile] = process.argv.slice(2);

const options = {
  stdin: {
    sourcefile: "entry.js",
    resolveDir: ".",
    contents: `
      import { component } from "toolcell/component";
      import { tools } from ${JSON.stringify(`./${main}`)};
      const exported = component(tools, globalThis[Symbol.for("toolcell:settle")]);
      export { exported as tools };`,
  },
  outfile,
  bundle: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["toolcell", "module"],
  external: ["toolcell:*", "wasi:*"],
  // The stand-in for a global may import a package of the project.
  nodePaths: [resolve("node_modules")],
  sourcemap: "external",
  logLevel: "warning",
};

if (engine === "quickjs") {
  const own = (path) => fileURLToPath(new URL(path, import.meta.url));
  // A global's stand-in becomes part of the bundle where something names the global.
  const globals = ["clone", "encoding", "fetch", "url"].map((name) => own(`globals/${name}.js`));
  options.inject = [own("prelude.js"), ...globals];
  // See prelude.js.
  const promises = ["async-await", "async-generator", "for-await", "top-level-await"];
  options.supported = Object.fromEntries(promises.map((feature) => [feature, false]));
}

/** For each line of the bundle that came from the plugin's own source: from which. So an error can name it. */
function places() {
  const places = {};
  eachMapping(new TraceMap(readFileSync(`${outfile}.map`, "utf8")), ({ generatedLine, source, originalLine }) => {
    const path = source === null ? ".." : relative(".", resolve(dirname(outfile), source));
    const isOwn = path !== "entry.js" && !path.split(sep).some((part) => part === ".." || part === "node_modules");
    if (isOwn) {
      places[generatedLine] ??= `${path}:${originalLine}`;
    }
  });
  return places;
}

/** Gives esbuild these texts of files in the place of the files. */
function instead(texts) {
  const load = ({ path }) => {
    const contents = texts.get(path);
    return contents === undefined ? undefined : { contents, loader: extname(path).replace(/^\.[cm]?/, "") };
  };
  return { name: "instead", setup: ({ onLoad }) => onLoad({ filter: /\.[cm]?[jt]sx?$/ }, load) };
}

try {
  options.plugins = [instead(described(main))];
  await build(options);
  appendFileSync(outfile, `\nglobalThis[Symbol.for("toolcell:places")] = ${JSON.stringify(places())};\n`);
} catch (error) {
  // esbuild has told its own errors.
  if (error instanceof Problems) {
    console.error(error.message);
  } else if (error.errors === undefined) {
    throw error;
  }
  process.exitCode = 1;
}
