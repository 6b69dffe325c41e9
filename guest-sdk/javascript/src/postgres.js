import { host } from "#host";

import { ToolError } from "./error.js";

/** Rows that come back at most when a query does not say. */
const MAX_ROWS = 1000;

/** A statement that the host or the database refused. `index.d.ts` documents it. */
export class PostgresError extends ToolError {
  static of(thrown) {
    if (thrown instanceof Error) {
      return thrown;
    }
    const { failure, refusal } = thrown;
    const { message, code, causes, checkFirst, retryable } = ToolError.of(failure);
    const error = new PostgresError(code, message, { causes, checkFirst, retryable });
    if (refusal !== null && refusal !== undefined) {
      const { sqlstate, message, detail, hint, position } = refusal;
      const or = (value) => value ?? undefined;
      error.refusal = { sqlstate, message, detail: or(detail), hint: or(hint), position: or(position) };
    }
    return error;
  }

  get sqlstate() {
    return this.refusal?.sqlstate;
  }
}

export const postgres = {
  async query(database, sql, parameters = [], { maxRows = MAX_ROWS } = {}) {
    const written = parameters.map((parameter) => JSON.stringify(parameter ?? null));
    let answer;
    try {
      answer = host.run({ database, sql, parameters: written, maxRows, extra: null });
    } catch (error) {
      throw PostgresError.of(error);
    }
    const columns = answer.columns.map(({ name, typeName }) => ({ name, typeName }));
    const rows = answer.rows.map((row) => {
      const values = JSON.parse(row);
      return Object.fromEntries(columns.map(({ name }, index) => [name, values[index]]));
    });
    return { columns, rows, truncated: answer.truncated };
  },
};
