// UTF-8, the only encoding here.

import { utf8fromStringLoose, utf8toString, utf8toStringLoose } from "@exodus/bytes/utf8.js";

export class TextEncoder {
  encoding = "utf-8";

  encode(text = "") {
    return utf8fromStringLoose(String(text));
  }
}

export class TextDecoder {
  encoding = "utf-8";

  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*utf-?8\s*$/i.test(label)) {
      throw new RangeError(`${label} cannot be decoded here: only UTF-8 can`);
    }
    Object.assign(this, { fatal, ignoreBOM });
  }

  decode(bytes = new Uint8Array()) {
    const whole = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes);
    const text = this.fatal ? utf8toString(whole) : utf8toStringLoose(whole);
    return !this.ignoreBOM && text.startsWith("\ufeff") ? text.slice(1) : text;
  }
}
