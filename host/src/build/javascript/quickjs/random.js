// Random numbers. The engine's own start where the build left them: they would be the same in every call.

import { getRandomBytes } from "wasi:random/random@0.2.12";

globalThis.crypto = {
  getRandomValues(array) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    bytes.set(getRandomBytes(bytes.length));
    return array;
  },

  randomUUID() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    // RFC 9562, section 5.4: version 4, and its variant.
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  },
};

Math.random = () => {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  // 53 bits, as many as a number below 1 has.
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
};
