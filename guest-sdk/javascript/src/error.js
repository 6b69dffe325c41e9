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

  /** From the contract's `host-error` or `tool-error`. */
  static of({ code, message, likelyCauses, checkFirst, retryable }) {
    return new ToolError(code, message, { causes: [...likelyCauses], checkFirst: checkFirst ?? undefined, retryable });
  }

  /** The contract's `tool-error`. */
  crossing() {
    const { code, message, causes, checkFirst, retryable } = this;
    return { code, message, likelyCauses: causes, checkFirst: checkFirst ?? null, retryable, extra: null };
  }
}
