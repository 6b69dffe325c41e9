// Types and texts as JSDoc has them.

import { tool } from "toolcell";

/** @import { Integer } from "toolcell" */

/**
 * @typedef {object} Story A story.
 * @property {string} title Its title.
 * @property {Integer | null} points What it got.
 * @property {Story[]} [more] Those that it refers to.
 */

/**
 * Finds stories.
 *
 * @param {object} query
 * @param {string} query.words What to look for,
 *   in the title.
 * @param {import("toolcell").Integer} [query.limit] How many at most.
 * @param {"new" | "best"} [query.order]
 * @returns {Promise<{ stories: Story[] }>}
 */
export async function find({ words, limit = 3, order = "new" }) {
  return { stories: [{ title: `${words} ${order}`, points: limit }] };
}

/** Says nothing of what it returns. */
export const plain = () => ({ a: 1 });

export const tools = [tool(find), tool(plain)];
