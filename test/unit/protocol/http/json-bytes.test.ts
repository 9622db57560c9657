/** Bytes in JSON: whatever the bytes are, they come back; what is no text or no base64 is refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../../src/core/bytes.ts";
import { base64OfBytes, bytesOfJson, isBase64, jsonOfBytes } from "../../../../src/protocol/http/json-bytes.ts";

describe("bytes in JSON", () => {
  test("come back, of any kind", () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.string({ unit: "binary" }).map(encodeText));
    fc.assert(
      fc.property(bytes, (given) => {
        const plain = new Uint8Array(given);
        expect(bytesOfJson(JSON.parse(JSON.stringify(jsonOfBytes(plain))))).toEqual(plain);
        expect(bytesOfJson(base64OfBytes(plain))).toEqual(plain);
      }),
    );
  });

  test("are a string exactly if they are UTF-8", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const isText = (bytes: Uint8Array) => {
      try {
        strict.decode(bytes);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        expect(typeof jsonOfBytes(bytes) === "string").toBe(isText(bytes));
      }),
    );
  });

  const texts = [
    { name: "nothing", bytes: [], json: "" },
    { name: "ASCII", bytes: [0x61, 0], json: "a\0" },
    { name: "a leading byte order mark", bytes: [0xef, 0xbb, 0xbf, 0x61], json: "\ufeffa" },
    { name: "a replacement character that was meant", bytes: [0xef, 0xbf, 0xbd], json: "\ufffd" },
    { name: "a broken sequence", bytes: [0xc3], json: { base64: "ww==" } },
    {
      name: "a broken sequence beside a replacement character",
      bytes: [0xef, 0xbf, 0xbd, 0xff],
      json: { base64: "77+9/w==" },
    },
    { name: "a replacement character that was cut off", bytes: [0xef, 0xbf], json: { base64: "778=" } },
    { name: "an encoded surrogate", bytes: [0xed, 0xa0, 0x80], json: { base64: "7aCA" } },
  ];
  test.each(texts)("$name", ({ bytes, json }) => {
    expect(jsonOfBytes(Uint8Array.from(bytes))).toEqual(json);
    expect(bytesOfJson(json)).toEqual(Uint8Array.from(bytes));
  });
});

describe("base64", () => {
  const cases = [
    { text: "", good: true },
    { text: "AA==", good: true },
    { text: "AA", good: true },
    { text: "AAA=", good: true },
    { text: "AAA", good: true },
    { text: "AAAA", good: true },
    { text: "+/+/", good: true },
    { text: "A", good: false },
    { text: "AAAAA", good: false },
    { text: "A=", good: false },
    { text: "AA=", good: false },
    { text: "A===", good: false },
    { text: "AAAA=", good: false },
    { text: "AAAA==", good: false },
    { text: "=", good: false },
    { text: "==", good: false },
    { text: "A-_A", good: false },
    { text: "AA A", good: false },
    { text: "AAAA\n", good: false },
    { text: "AA==AA==", good: false },
  ];
  test.each(cases)("$text", ({ text, good }) => {
    expect(isBase64(text)).toBe(good);
    if (good) expect(bytesOfJson({ base64: text }).length).toBe(Math.floor((text.replace(/=/g, "").length * 3) / 4));
  });
});
