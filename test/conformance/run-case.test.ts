/** The runner of the cases and its client catch what is wrong: planted mistakes, each of which must be found. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Case, Step } from "./case.ts";
import { InProcessServer } from "./in-process.ts";
import { encodeCommand } from "./resp-client.ts";
import { NotResp, readFrame } from "./resp-reader.ts";
import { appliesTo, runCase } from "./run-case.ts";
import { atLeast, type Target } from "./targets.ts";

setDefaultTimeout(15_000);

const server = new InProcessServer();
afterAll(() => server.close());
const target = (protocol: 2 | 3): Target => ({ name: "", protocol, connect: () => server.connect(protocol) });
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

describe("a planted mistake is found", () => {
  const mistakes: { name: string; steps: Step[]; protocol?: 2 | 3 }[] = [
    { name: "a wrong value", steps: [{ send: ["ECHO", "a"], expect: "b" }] },
    { name: "a number instead of text", steps: [{ send: ["ECHO", "1"], expect: 1 }] },
    { name: "null instead of empty text", steps: [{ send: ["ECHO", ""], expect: null }] },
    { name: "no error", steps: [{ send: ["ECHO", "a"], error: "ERR x" }] },
    { name: "another error", steps: [{ send: ["ECHO"], error: "ERR x" }] },
    { name: "an error instead of a value", steps: [{ send: ["ECHO"], expect: "a" }] },
    { name: "no match", steps: [{ send: ["ECHO", "a"], match: /b/ }] },
    { name: "an array of another length", steps: [{ send: ["MGET", "a", "b"], expect: [null] }] },
    { name: "a value of RESP2 in RESP3", steps: [{ send: ["ECHO", "a"], expect: "a", expect3: "b" }], protocol: 3 },
    { name: "a reply instead of a push", steps: [{ send: ["ECHO", "a"], push: ["a"] }], protocol: 3 },
    {
      name: "another push",
      steps: [{ send: ["SUBSCRIBE", "a"], push: ["subscribe", "b", 1] }],
    },
    {
      name: "something left unread",
      steps: [
        { send: ["SUBSCRIBE", "a"], connection: 1, push: ["subscribe", "a", 1] },
        { send: ["PUBLISH", "a", "x"], expect: 1 },
      ],
    },
  ];
  test.each(mistakes)("$name", async ({ steps, protocol = 2 }) => {
    await expect(runCase({ name: "", steps }, target(protocol))).rejects.toThrow();
  });

  test("and what is right is not one", async () => {
    const steps: Step[] = [
      { send: ["ECHO", "a\u00ff"], expect: "a\u00ff" },
      { send: ["ECHO"], error: "ERR wrong number of arguments for 'echo' command" },
      { send: ["SUBSCRIBE", "a"], connection: 1, push: { ">": ["subscribe", "a", 1] } },
      { send: ["PUBLISH", "a", "x"], expect: 1 },
      { send: [], connection: 1, push: ["message", "a", "x"] },
      { send: ["GET", "nothing"], expect: null },
    ];
    for (const protocol of [2, 3] as const) await runCase({ name: "", steps }, target(protocol));
  });
});

describe("bytes that are not RESP are refused", () => {
  const texts = [
    "+a\n",
    "+a\rb\r\n",
    ":x\r\n",
    ":01\r\n",
    "$01\r\na\r\n",
    "$1\r\nab\r\n",
    "$-2\r\n",
    "?\r\n",
    "*+1\r\n",
  ];
  test.each(texts)("%j", (text) => {
    for (const protocol of [2, 3] as const) expect(() => readFrame(bytes(text), 0, protocol)).toThrow(NotResp);
  });

  const onlyIn = [
    { text: "$-1\r\n", protocol: 2 },
    { text: "*-1\r\n", protocol: 2 },
    { text: "_\r\n", protocol: 3 },
    { text: "#t\r\n", protocol: 3 },
    { text: ",1.5\r\n", protocol: 3 },
    { text: "%1\r\n+a\r\n+b\r\n", protocol: 3 },
    { text: ">1\r\n+a\r\n", protocol: 3 },
  ] as const;
  test.each(onlyIn)("$text is only in RESP$protocol", ({ text, protocol }) => {
    expect(readFrame(bytes(text), 0, protocol)?.next).toBe(text.length);
    expect(() => readFrame(bytes(text), 0, protocol === 2 ? 3 : 2)).toThrow(NotResp);
  });

  test("and every beginning of a frame is unfinished", () => {
    const text = "*3\r\n$2\r\nab\r\n:-12\r\n*2\r\n+x\r\n-ERR y\r\n";
    for (let end = 0; end < text.length; end++) expect(readFrame(bytes(text.slice(0, end)), 0, 2)).toBeUndefined();
    expect(readFrame(bytes(text), 0, 2)).toEqual({ value: ["ab", -12, ["x", { error: "ERR y" }]], next: text.length });
  });
});

test("requests are arrays of bulk strings", () => {
  expect(encodeCommand(["SET", "\u00ff", 12])).toEqual(bytes("*3\r\n$3\r\nSET\r\n$1\r\n\u00ff\r\n$2\r\n12\r\n"));
});

describe("which cases are asked of Redis", () => {
  const redis: Target = { ...target(2), redisVersion: "7.0.15" };
  const one = (more: Partial<Case>): Case => ({ name: "", steps: [], ...more });
  const table = [
    { more: {}, expected: true },
    { more: { shoalOnly: true }, expected: false },
    { more: { redis: "7.0" }, expected: true },
    { more: { redis: "7.0.16" }, expected: false },
    { more: { redis: "7.2" }, expected: false },
    { more: { redis: "6.2" }, expected: true },
    { more: { protocols: [3 as const] }, expected: false },
  ];
  test.each(table)("$more", ({ more, expected }) => {
    expect(appliesTo(one(more), redis)).toBe(expected);
    expect(atLeast("10.0", "9.9")).toBe(true);
  });
});
