// Types that have no schema.

import { tool } from "toolcell";

interface Event {
  when: Date;
}
type Grows<T> = { more?: Grows<T[]> };

function date(event: Event) {
  return event.when.toISOString();
}
function map({ id }: { id: bigint }): { found: Map<string, bigint> } {
  return { found: new Map([["id", id]]) };
}
function list(names: string[]) {
  return names.join();
}
function either(one: { a: string } | { b: string }) {
  return Object.keys(one).join();
}
function run({ job }: { job(): string }) {
  return job();
}
function tags(limits: {
  /** @minimum few */
  least: number;
}) {
  return `${limits.least}`;
}
function wrong(limits: {
  /** @minimum 1 */
  words: string;
}) {
  return limits.words;
}
function grows(value: Grows<string>) {
  return typeof value.more;
}

export const tools = [
  tool(date),
  tool(map),
  tool(list),
  tool(either),
  tool(run),
  tool(tags),
  tool(wrong),
  tool(grows),
  tool({ name: "untyped" }, (input) => Object.keys(input).join()),
];
