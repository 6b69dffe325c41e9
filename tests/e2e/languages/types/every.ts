// Every type that has a schema.

import * as toolcell from "toolcell";
import { Output, object, string, tool } from "toolcell";
import type { Integer } from "toolcell";

enum Heat {
  Mild = "mild",
  Hot = "hot",
}

/** A comment below a story. */
interface Comment {
  id: Integer;
  /**
   * Who wrote it,
   * if anybody.
   */
  by: string | null;
  replies: Comment[];
}

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

interface Query {
  /**
   * The words to look for.
   *
   * One after the other:
   * - in the title
   * - in the text
   *
   * @minLength 1
   * @example "rust"
   * @example memory safety
   */
  words: string;
  /**
   * @minimum 1
   * @maximum 50
   */
  limit?: Integer;
  /** @default 0.5 */
  share?: number;
  heat?: Heat;
  kind: "story" | "comment" | null;
  mixed: 1 | "one" | true;
  either: string | string[];
  flags: Record<string, boolean>;
  pair: [string, Integer?];
  open: readonly [string, ...Integer[]];
  /** @uniqueItems */
  ids: readonly Integer[];
  /** @pattern ^[a-z]+$ */
  marked: string & { readonly mark?: never };
  some: Partial<Record<"a" | "b", number>>;
  deep: Pick<Comment, "by"> & { more: Array<Integer | null> };
  /** @deprecated */
  old?: object;
  any: unknown;
  json?: Json;
}

/** Searches stories. */
export async function search({ words, limit = 10, kind: _ = null }: Query): Promise<{ found: Comment[] }> {
  return { found: [{ id: limit, by: words, replies: [] }] };
}

/** Answers with text. */
const text = ({ name }: { name: string }): string => name;

/** Answers with parts. */
async function parts(): Promise<Output | { count: number }> {
  return new Output().text("a");
}

const said = { description: "Says all of itself.", input: object({ a: string() }) };

export const tools = [
  tool(search),
  tool({ title: "Text", hints: { readOnly: true } }, text),
  toolcell.tool(
    { name: "renamed", output: { type: "object" } },
    parts,
  ),
  tool({ name: "said", ...said }, ({ a }) => a),
];
