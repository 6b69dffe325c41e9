/** A failure that the tool itself foresaw. `index.d.ts` documents it. */
export class ToolError extends Error {
  constructor(code, message, { causes = [], checkFirst, retryable = false } = {}) {
    super(message);
    this.name = "ToolError";
    this.code = code;
    this.causes = causes;
    this.checkFirst = checkFirst;
    this.retryable = retryable;
  }

  /** From the contract's `host-error`. What is a bug, and no answer of the host, stays what it is. */
  static of(thrown) {
    if (thrown instanceof Error) {
      return thrown;
    }
    const { code, message, likelyCauses, checkFirst, retryable } = thrown;
    return new ToolError(code, message, { causes: [...likelyCauses], checkFirst: checkFirst ?? undefined, retryable });
  }

  /** The contract's `tool-error`. */
  crossing() {
    const { code, message, causes, checkFirst, retryable } = this;
    return { code, message, likelyCauses: causes, checkFirst: checkFirst ?? null, retryable, extra: null };
  }
}
