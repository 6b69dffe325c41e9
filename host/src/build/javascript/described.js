// What the comments and types of a plugin's functions say of its tools: name, description, and the schemas of arguments and
// result. TypeScript's compiler reads both, also those of JSDoc.

import { relative, resolve } from "node:path";
import ts from "typescript";
import { Schemas, Unwritable, meant } from "./schemas.js";

const DEFAULTS = { target: "esnext", module: "esnext", moduleResolution: "bundler", strict: true };

/**
 * For each file of the plugin that has calls of the SDK's `tool`: its text, with what was read as one more argument of
 * these calls. Lines stay where they are. Throws a `Problems`.
 */
export function described(main) {
  const program = programOf(main);
  const checker = program.getTypeChecker();
  const problems = [];
  const texts = new Map();
  for (const file of program.getSourceFiles()) {
    const sdk = file.isDeclarationFile ? undefined : sdkOf(file, checker);
    if (sdk !== undefined) {
      const calls = callsOf(file, checker, sdk.get("tool"));
      const insertions = calls.map((call) => insertion(call, { checker, program, sdk, problems }));
      texts.set(resolve(file.fileName), inserted(file.text, insertions.filter(Boolean)));
    }
  }
  if (problems.length > 0) {
    throw new Problems(problems);
  }
  return texts;
}

/** What cannot be read, each with its place. */
export class Problems extends Error {
  constructor(problems) {
    super(problems.join("\n"));
  }
}

function programOf(main) {
  const path = resolve("tsconfig.json");
  const { config = {} } = ts.sys.fileExists(path) ? ts.readConfigFile(path, ts.sys.readFile) : {};
  const { options } = ts.parseJsonConfigFileContent(
    { ...config, files: [main], include: [], compilerOptions: { ...DEFAULTS, ...config.compilerOptions } },
    ts.sys,
    resolve("."),
  );
  // Without `strictNullChecks`, `null` would vanish from types.
  return ts.createProgram([main], { ...options, allowJs: true, strictNullChecks: true, noEmit: true });
}

/** What this file's import of "toolcell" exports, by name. */
function sdkOf(file, checker) {
  const isImport = (statement) => ts.isImportDeclaration(statement) && statement.moduleSpecifier.text === "toolcell";
  const found = file.statements.find(isImport);
  const module = found && checker.getSymbolAtLocation(found.moduleSpecifier);
  return module && new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]));
}

function callsOf(file, checker, tool) {
  const calls = [];
  const visit = (node) => {
    if (ts.isCallExpression(node) && meant(node.expression, checker) === tool) {
      calls.push(node);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return calls;
}

/** Where in the text something is to be inserted, and what. Nothing where the call has no function. */
function insertion(call, { checker, program, sdk, problems }) {
  const run = call.arguments.at(-1);
  const definition = call.arguments.length > 1 ? checker.getTypeAtLocation(call.arguments[0]) : undefined;
  const signature = run && checker.getTypeAtLocation(run).getCallSignatures()[0];
  // One of several functions is none that could be read.
  if (signature?.declaration === undefined || signature.parameters.some((symbol) => !symbol.valueDeclaration)) {
    return undefined;
  }
  const has = (name) => definition?.getProperty(name) !== undefined;
  const schema = (what, write) => {
    try {
      return write(new Schemas(checker, program, sdk));
    } catch (error) {
      if (!(error instanceof Unwritable)) {
        throw error;
      }
      problems.push(`${placeOf(error.node ?? call)}: no schema for the ${what} of this tool: ${error.message}`);
      return undefined;
    }
  };
  const { declaration } = signature;
  const said = {
    name: declaration.name?.text ?? (ts.isIdentifier(run) ? run.text : undefined),
    description: ts.displayPartsToString(signature.getDocumentationComment(checker)) || undefined,
    input: has("input") ? undefined : schema("arguments", (schemas) => schemas.ofArguments(signature)),
    output: has("output") ? undefined : schema("result", (schemas) => schemas.ofResult(signature)),
  };
  const json = JSON.stringify(JSON.stringify(said));
  const before = call.arguments.length > 1 ? ", " : ", undefined, ";
  return { at: run.getEnd(), text: `${before}JSON.parse(${json})` };
}

function inserted(text, insertions) {
  let [result, from] = ["", 0];
  for (const { at, text: more } of insertions.sort((a, b) => a.at - b.at)) {
    result += text.slice(from, at) + more;
    from = at;
  }
  return result + text.slice(from);
}

function placeOf(node) {
  const file = node.getSourceFile();
  const { line, character } = file.getLineAndCharacterOfPosition(node.getStart());
  return `${relative(".", file.fileName)}:${line + 1}:${character + 1}`;
}
