import { describe, expect, test } from "bun:test";
import { decodeText, encodeText } from "../../../../src/core/bytes.ts";
import { KEPT_REPLY_BYTES, Reply, ReplyTooLarge } from "../../../../src/protocol/resp/reply.ts";

const data = Uint8Array.of(0, 13, 10, 255);

/** What a call writes to a RESP2 and to a RESP3 client. */
const CASES: readonly { name: string; write: (reply: Reply) => void; resp2: string; resp3?: string }[] = [
  { name: "ok", write: (r) => r.ok(), resp2: "+OK\r\n" },
  { name: "simple", write: (r) => r.simple("PONG"), resp2: "+PONG\r\n" },
  { name: "simple, not ASCII", write: (r) => r.simple("a é"), resp2: "+a é\r\n" },
  { name: "error", write: (r) => r.error("ERR no"), resp2: "-ERR no\r\n" },
  { name: "error with line breaks", write: (r) => r.error("ERR a\r\nb"), resp2: "-ERR a  b\r\n" },
  { name: "integer 0", write: (r) => r.integer(0), resp2: ":0\r\n" },
  { name: "integer -0", write: (r) => r.integer(-0), resp2: ":0\r\n" },
  { name: "integer 1023", write: (r) => r.integer(1_023), resp2: ":1023\r\n" },
  { name: "integer 1024", write: (r) => r.integer(1_024), resp2: ":1024\r\n" },
  { name: "integer 9999", write: (r) => r.integer(9_999), resp2: ":9999\r\n" },
  { name: "integer 10000", write: (r) => r.integer(10_000), resp2: ":10000\r\n" },
  { name: "integer 2^31-1", write: (r) => r.integer(2 ** 31 - 1), resp2: ":2147483647\r\n" },
  { name: "integer 2^31", write: (r) => r.integer(2 ** 31), resp2: ":2147483648\r\n" },
  { name: "integer 2^32", write: (r) => r.integer(2 ** 32), resp2: ":4294967296\r\n" },
  { name: "integer 2^53-1", write: (r) => r.integer(2 ** 53 - 1), resp2: ":9007199254740991\r\n" },
  { name: "integer -1", write: (r) => r.integer(-1), resp2: ":-1\r\n" },
  { name: "integer -2^53", write: (r) => r.integer(-(2 ** 53)), resp2: ":-9007199254740992\r\n" },
  { name: "bigint", write: (r) => r.bigint(-9_223_372_036_854_775_808n), resp2: ":-9223372036854775808\r\n" },
  { name: "small bigint", write: (r) => r.bigint(42n), resp2: ":42\r\n" },
  { name: "bulk", write: (r) => r.bulk(encodeText("abcd"), 1, 3), resp2: "$2\r\nbc\r\n" },
  { name: "empty bulk", write: (r) => r.bulk(data, 2, 2), resp2: "$0\r\n\r\n" },
  { name: "text", write: (r) => r.text("abc"), resp2: "$3\r\nabc\r\n" },
  { name: "text, not ASCII", write: (r) => r.text("né"), resp2: "$3\r\nné\r\n" },
  { name: "long text", write: (r) => r.text("é".repeat(50)), resp2: `$100\r\n${"é".repeat(50)}\r\n` },
  { name: "null", write: (r) => r.null(), resp2: "$-1\r\n", resp3: "_\r\n" },
  { name: "null array", write: (r) => r.nullArray(), resp2: "*-1\r\n", resp3: "_\r\n" },
  { name: "array", write: (r) => r.array(2), resp2: "*2\r\n" },
  { name: "map", write: (r) => r.map(2), resp2: "*4\r\n", resp3: "%2\r\n" },
  { name: "set", write: (r) => r.set(2), resp2: "*2\r\n", resp3: "~2\r\n" },
  { name: "push", write: (r) => r.push(2), resp2: "*2\r\n", resp3: ">2\r\n" },
  { name: "double", write: (r) => r.double(1.5), resp2: "$3\r\n1.5\r\n", resp3: ",1.5\r\n" },
  { name: "infinite", write: (r) => r.double(-1 / 0), resp2: "$4\r\n-inf\r\n", resp3: ",-inf\r\n" },
  { name: "true", write: (r) => r.boolean(true), resp2: ":1\r\n", resp3: "#t\r\n" },
  { name: "false", write: (r) => r.boolean(false), resp2: ":0\r\n", resp3: "#f\r\n" },
  {
    name: "big number",
    write: (r) => r.bigNumber("1".repeat(30)),
    resp2: `$30\r\n${"1".repeat(30)}\r\n`,
    resp3: `(${"1".repeat(30)}\r\n`,
  },
  { name: "verbatim", write: (r) => r.verbatim("a é"), resp2: "$4\r\na é\r\n", resp3: "=8\r\ntxt:a é\r\n" },
  { name: "raw", write: (r) => r.raw(encodeText("+x\r\n")), resp2: "+x\r\n" },
];

describe("Reply", () => {
  for (const { name, write, resp2, resp3 } of CASES) {
    test(name, () => {
      // A buffer of one byte has to grow everywhere.
      for (const initialBytes of [1, 1_024]) {
        for (const [protocol, expected] of [[2, resp2] as const, [3, resp3 ?? resp2] as const]) {
          const reply = new Reply(initialBytes);
          reply.protocol = protocol;
          reply.raw(encodeText("before"));
          write(reply);
          expect(decodeText(reply.view())).toBe(`before${expected}`);
        }
      }
    });
  }

  test("bytes are copied as they are, of any length", () => {
    const reply = new Reply();
    for (const size of [0, 1, 47, 48, 999, 1_000, 1_023, 1_024, 70_000]) {
      const source = Uint8Array.from({ length: size + 2 }, (_, i) => i * 31);
      reply.reset();
      reply.bulk(source, 1, size + 1);
      const header = encodeText(`$${size}\r\n`);
      expect(reply.length).toBe(header.length + size + 2);
      expect(reply.bytes.slice(header.length, header.length + size)).toEqual(source.slice(1, size + 1));
    }
  });

  test("counts errors, by their first word", () => {
    const reply = new Reply();
    reply.error("ERR a");
    reply.error("WRONGTYPE b");
    reply.error("ERR c");
    reply.error("LOADING");
    expect(reply.errors).toBe(4);
    expect([...reply.errorCodes]).toEqual([
      ["ERR", 2],
      ["WRONGTYPE", 1],
      ["LOADING", 1],
    ]);
    for (let i = 0; i < 1_000; i++) reply.error(`E${i} x`);
    expect(reply.errorCodes.size).toBe(128);
  });

  test("one command's reply is limited; what came before it is not counted", () => {
    const reply = new Reply(16, 1_000);
    const value = new Uint8Array(700);
    reply.bulk(value, 0, 700);
    reply.commandStart = reply.length;
    reply.bulk(value, 0, 700);
    expect(() => reply.bulk(value, 0, 700)).toThrow(ReplyTooLarge);
    reply.truncate(reply.commandStart);
    reply.ok();
    expect(decodeText(reply.view()).endsWith("\r\n+OK\r\n")).toBe(true);
  });

  test("a large buffer is given back, an ordinary one is kept", () => {
    const reply = new Reply();
    reply.raw(new Uint8Array(100_000));
    const { bytes } = reply;
    reply.reset();
    expect(reply.bytes).toBe(bytes);
    reply.raw(new Uint8Array(KEPT_REPLY_BYTES + 1));
    reply.reset();
    expect(reply.bytes.length).toBe(1_024);
    expect(reply.view().length).toBe(0);
  });

  test("a view is of the bytes as they are now", () => {
    const reply = new Reply(16);
    reply.ok();
    expect(decodeText(reply.view())).toBe("+OK\r\n");
    reply.reset();
    reply.simple("NO");
    expect(decodeText(reply.view())).toBe("+NO\r\n");
    reply.raw(new Uint8Array(100));
    reply.truncate(5);
    expect(decodeText(reply.view())).toBe("+NO\r\n");
  });
});
