// What the compiler infers from schemas. It is checked and never run.

import {
  Output,
  anyOf,
  array,
  choice,
  integer,
  json,
  nullable,
  object,
  optional,
  record,
  string,
  tool,
} from "toolcell";
import type { Infer, Integer } from "toolcell";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_T extends true>(): void {}

const story = object({
  id: integer("Which."),
  kind: choice(["story", "comment"]),
  tags: optional(array(string())),
  by: nullable(object({ name: string() })),
  points: record(integer()),
  either: anyOf([string(), integer()]),
  raw: json(),
});
type Story = {
  id: number;
  kind: "story" | "comment";
  by: { name: string } | null;
  points: Record<string, number>;
  either: string | number;
  raw: unknown;
  tags?: string[];
};
holds<Equal<Infer<typeof story>["id"], number>>();
holds<Equal<Infer<typeof story>["kind"], "story" | "comment">>();
holds<Equal<Infer<typeof story>["tags"], string[] | undefined>>();
holds<Equal<Infer<typeof story>["by"], { name: string } | null>>();
holds<Equal<Infer<typeof story>["points"], Record<string, number>>>();
holds<Equal<Infer<typeof story>["either"], string | number>>();
export const complete: Infer<typeof story> = {
  id: 1,
  kind: "story",
  by: null,
  points: {},
  either: 1,
  raw: [],
} satisfies Story;
// @ts-expect-error: `id` is missing.
export const incomplete: Infer<typeof story> = { kind: "story", by: null, points: {}, either: 1, raw: [] };

const description = "Is checked.";
const input = object({ id: integer(), title: optional(string()) });
const output = object({ title: string() });

export const tools = [
  tool({ name: "a", description, input, output }, ({ id, title }) => ({ title: title ?? id.toFixed() })),
  tool({ name: "b", description, input, output }, async ({ id }) => ({ title: `${id}` })),
  tool({ name: "c", description, output }, () => new Output().structured({ title: "a" })),
  tool({ name: "d", description }, () => "text"),
  tool({ name: "e", description }, async () => ({ any: ["object"] })),
  // A schema that somebody wrote as JSON.
  tool({ name: "f", description, input: { type: "object", properties: { id: { type: "string" } } } }, () => "text"),
  // @ts-expect-error: there is no `name`.
  tool({ name: "g", description, input, output }, ({ name }) => ({ title: name })),
  // @ts-expect-error: the title is no number.
  tool({ name: "h", description, input, output }, ({ id }) => ({ title: id })),
  // @ts-expect-error: text is not what the schema says.
  tool({ name: "i", description, output }, () => "text"),
  // What a function says itself.
  tool({ name: "j" }, () => "text"),
  tool(function k({ id }: { id: Integer }): { title: string } {
    return { title: id.toFixed() };
  }),
  tool({ title: "L" }, async ({ id }: { id?: Integer }) => `${id}`),
  // @ts-expect-error: a tool has a function.
  tool({ name: "m", description }),
];
