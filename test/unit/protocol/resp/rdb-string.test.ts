import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeLatin1, encodeLatin1 } from "../../../../src/core/bytes.ts";
import { hasCrc64, writeCrc64 } from "../../../../src/core/crc64.ts";
import { decodeDump, encodeDump } from "../../../../src/protocol/resp/rdb-string.ts";

const MAX = 1_048_576;

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The decoded value as text with one char per byte, or the fault. */
function decode(payload: Uint8Array, maxBytes = MAX): string {
  const decoded = decodeDump(payload, 0, payload.length, maxBytes);
  return typeof decoded === "string" ? `fault: ${decoded}` : decodeLatin1(decoded.bytes, decoded.start, decoded.end);
}

/** A payload with a right footer around any body. */
function seal(body: string, version = "0a00"): Uint8Array {
  const payload = hex(`${body}${version}0000000000000000`);
  writeCrc64(payload, 0, payload.length - 8, payload, payload.length - 8);
  return payload;
}

const DIGITS_AND_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const PANGRAM = "the quick brown fox jumps over the lazy dog and the quick brown fox jumps again over the lazy dog";
const LONG_RUN = `00c340c38000004074016262${"e0ff00".repeat(62)}e077000162620a00d4e84729c7c8c14d`;

/** What Redis 7.0.15 answered to DUMP. `packed`: with LZF, which is read and not written. */
const VECTORS: readonly { name: string; value: string; payload: string; packed?: boolean }[] = [
  { name: "nothing", value: "", payload: "00000a005d9b5c400f7fa2da" },
  { name: "text", value: "hello world", payload: "000b68656c6c6f20776f726c640a000bfc49b9a6c7a034" },
  { name: "0", value: "0", payload: "00c0000a009840a778f8500308" },
  { name: "1", value: "1", payload: "00c0010a002678e7b6d10111fc" },
  { name: "-1", value: "-1", payload: "00c0ff0a000c937e2485089dc5" },
  { name: "127", value: "127", payload: "00c07f0a000db5eb315254c514" },
  { name: "128", value: "128", payload: "00c180000a00eb7ab3b510cf4b65" },
  { name: "-129", value: "-129", payload: "00c17fff0a001760822854808480" },
  { name: "32767", value: "32767", payload: "00c1ff7f0a00495a37da17f4d52b" },
  { name: "32768", value: "32768", payload: "00c2008000000a0045d82eedd5bda910" },
  { name: "-32769", value: "-32769", payload: "00c2ff7fffff0a00aee34c4d06c68536" },
  { name: "2^31-1", value: "2147483647", payload: "00c2ffffff7f0a002c74e59ee02eada1" },
  { name: "-2^31", value: "-2147483648", payload: "00c2000000800a00c74f873e33558187" },
  { name: "2^31", value: "2147483648", payload: "000a323134373438333634380a00e7b129a34c1d76ee" },
  { name: "leading zeros", value: "007", payload: "00033030370a007258e27b4c69bad9" },
  { name: "-0", value: "-0", payload: "00022d300a00d5411fd9d6d050cc" },
  { name: "+1", value: "+1", payload: "00022b310a00c286f0d7439aee6f" },
  {
    name: "2^63-1",
    value: "9223372036854775807",
    payload: "0013393232333337323033363835343737353830370a003a657e9481e85f22",
  },
  { name: "any bytes", value: "\x00\xff\r\n\x80", payload: "000500ff0d0a800a00c8ffe38f0bdb8604" },
  {
    name: "63 bytes",
    value: `${DIGITS_AND_LETTERS}.`,
    payload: `003f${toHex(encodeLatin1(`${DIGITS_AND_LETTERS}.`))}0a00dbe02707f2173974`,
  },
  {
    name: "64 bytes",
    value: `${DIGITS_AND_LETTERS}.,`,
    payload: `004040${toHex(encodeLatin1(`${DIGITS_AND_LETTERS}.,`))}0a0042731f5c27e1906d`,
  },
  { name: "a run", value: "a".repeat(100), payload: "00c3094064016161e057000161610a00e8a3b507b06df271", packed: true },
  { name: "a long run", value: "b".repeat(16_500), payload: LONG_RUN, packed: true },
  {
    name: "a period",
    value: "abcdefghij".repeat(50),
    payload: "00c31541f40a6162636465666768696a61e0ff09e1d60d01696a0a00e25535c518362dcc",
    packed: true,
  },
  {
    name: "prose",
    value: PANGRAM,
    payload:
      "00c3404140611f74686520717569636b2062726f776e20666f78206a756d7073206f7665722074201e0b6c617a7920646f6720616e646010" +
      "e00d2f04616761696ee00735016f670a001ba3bb1959148cc5",
    packed: true,
  },
];

describe("payloads of Redis", () => {
  test.each(VECTORS.map((vector) => [vector.name, vector] as const))("%s", (_, { value, payload, packed }) => {
    expect(decode(hex(payload))).toBe(value);
    const bytes = encodeLatin1(value);
    const encoded = encodeDump(bytes, 0, bytes.length);
    if (packed === true) expect(decode(encoded)).toBe(value);
    else expect(toHex(encoded)).toBe(payload);
  });
});

const REFUSED: readonly { name: string; payload: Uint8Array; fault: string; maxBytes?: number }[] = [
  { name: "nothing", payload: hex(""), fault: "footer" },
  { name: "too short for a footer", payload: hex("0a00000000000000"), fault: "footer" },
  { name: "a footer alone", payload: seal(""), fault: "format" },
  { name: "a version to come", payload: seal("000161", "0d00"), fault: "footer" },
  { name: "a wrong checksum", payload: hex("00000a005d9b5c400f7fa2db"), fault: "footer" },
  { name: "another type", payload: hex("1201020a0a0000000100816102ff0a0009b9edf594ded995"), fault: "type" },
  { name: "no type at all", payload: seal("fe00"), fault: "format" },
  { name: "a type without a value", payload: seal("00"), fault: "format" },
  { name: "a length beyond the end", payload: seal("000561"), fault: "format" },
  { name: "bytes behind the value", payload: seal("00016162"), fault: "format" },
  { name: "half a length", payload: seal("0040"), fault: "format" },
  { name: "half a long length", payload: seal("0080000000"), fault: "format" },
  { name: "a length of 2^64-1", payload: seal("0081ffffffffffffffff61"), fault: "format" },
  { name: "an unknown encoding", payload: seal("00c401"), fault: "format" },
  { name: "a reserved length", payload: seal("0082000000000161"), fault: "format" },
  { name: "half an integer", payload: seal("00c201"), fault: "format" },
  { name: "LZF of nothing", payload: seal("00c3"), fault: "format" },
  { name: "LZF without a full length", payload: seal("00c302"), fault: "format" },
  { name: "LZF beyond the end", payload: seal("00c305020161"), fault: "format" },
  { name: "LZF that yields too little", payload: seal("00c30205" + "0061"), fault: "format" },
  { name: "LZF that yields too much", payload: seal("00c30301" + "016161"), fault: "format" },
  { name: "LZF literals beyond the end", payload: seal("00c30205" + "0561"), fault: "format" },
  { name: "LZF that refers before its start", payload: seal("00c30403" + "00612005"), fault: "format" },
  { name: "LZF that ends within a reference", payload: seal("00c30303" + "0061e0"), fault: "format" },
  { name: "LZF that lies about a huge length", payload: seal("00c3028000100000" + "0061"), fault: "format" },
  { name: "a value above the limit", payload: seal("0003616263"), fault: "size", maxBytes: 2 },
  { name: "LZF above the limit", payload: hex(VECTORS.at(-4)?.payload ?? ""), fault: "size", maxBytes: 99 },
];

describe("payloads that are refused", () => {
  test.each(REFUSED.map((refused) => [refused.name, refused] as const))("%s", (_, { payload, fault, maxBytes }) => {
    expect(decode(payload, maxBytes)).toBe(`fault: ${fault}`);
  });
});

describe("versions", () => {
  test.each(["0100", "0600", "0a00", "0b00", "0c00"])("%s is read", (version) => {
    expect(decode(seal("000161", version))).toBe("a");
  });
});

describe("properties", () => {
  test("what is encoded decodes to itself, wherever it lies", () => {
    const values = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer().map((n) => encodeLatin1(String(n))),
    );
    fc.assert(
      fc.property(values, fc.nat(20), (value, before) => {
        const around = new Uint8Array(before + value.length + 3);
        around.set(value, before);
        const payload = encodeDump(around, before, before + value.length);
        expect(decode(payload)).toBe(decodeLatin1(value));
        expect(hasCrc64(payload, 0, payload.length - 8, payload, payload.length - 8)).toBe(true);
      }),
    );
  });

  test("lengths around the bounds of their forms", () => {
    for (const length of [0, 63, 64, 16_383, 16_384, 70_000]) {
      const value = new Uint8Array(length).fill(120);
      expect(decode(encodeDump(value, 0, length))).toBe("x".repeat(length));
    }
  });

  test("damage of any single byte is noticed", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...VECTORS),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        ({ payload }, at, change) => {
          const damaged = hex(payload);
          const index = at % damaged.length;
          damaged[index] = (damaged[index] as number) ^ change;
          expect(decode(damaged)).toBe("fault: footer");
        },
      ),
    );
  });

  test("any body with a right checksum gives a value within the limit, or a fault", () => {
    const bodies = fc.uint8Array({ minLength: 1, maxLength: 60 });
    const kinds = fc.constantFrom("00", "00c3", "00c30a20", "00c31440ff", "0040", "0080");
    fc.assert(
      fc.property(kinds, bodies, (kind, body) => {
        const payload = seal(kind + toHex(body));
        const decoded = decodeDump(payload, 0, payload.length, 200);
        if (typeof decoded === "string") expect(["format", "type", "size"]).toContain(decoded);
        else expect(decoded.end - decoded.start).toBeLessThanOrEqual(200);
      }),
      { numRuns: 5_000 },
    );
  });
});
