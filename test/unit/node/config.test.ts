/** The configuration: what is accepted, how it is read, and that every mistake is named at once. */
import { describe, expect, test } from "bun:test";
import {
  CONFIG_FIELDS,
  defaultConfig,
  formatSize,
  isLoopback,
  parseConfig,
  parseSize,
  refusePublicWithoutSecret,
} from "../../../src/node/config.ts";

describe("sizes are read as Redis writes them", () => {
  const cases = [
    { input: "0", expected: 0 },
    { input: "1000", expected: 1_000 },
    { input: "1b", expected: 1 },
    { input: "1k", expected: 1_000 },
    { input: "1kb", expected: 1_024 },
    { input: "3m", expected: 3_000_000 },
    { input: "256mb", expected: 268_435_456 },
    { input: "256MB", expected: 268_435_456 },
    { input: " 1 gb ", expected: 1_073_741_824 },
    { input: "1.5kb", expected: 1_536 },
    { input: "1tb", expected: Number.NaN },
    { input: "-1", expected: Number.NaN },
    { input: "1e3", expected: Number.NaN },
    { input: "mb", expected: Number.NaN },
    { input: "", expected: Number.NaN },
  ];
  test.each(cases)("$input", ({ input, expected }) => {
    expect(parseSize(input)).toBe(expected);
  });
});

describe("sizes are written without loss", () => {
  const cases = [
    { input: 0, expected: "0" },
    { input: 1_000, expected: "1000" },
    { input: 1_024, expected: "1kb" },
    { input: 1_536, expected: "1536" },
    { input: 268_435_456, expected: "256mb" },
    { input: 2 ** 30, expected: "1gb" },
  ];
  test.each(cases)("$input", ({ input, expected }) => {
    expect(formatSize(input)).toBe(expected);
    expect(parseSize(expected)).toBe(input);
  });
});

test("nothing given is a configuration", () => {
  const { config } = parseConfig({});
  expect(config).toEqual(defaultConfig());
  expect(config).toMatchObject({
    host: "127.0.0.1",
    respPort: 7_379,
    maxMemory: 2 ** 28,
    policy: "tinylfu",
    secrets: [],
  });
  expect(Object.keys(defaultConfig()).sort()).toEqual([...CONFIG_FIELDS].sort());
});

describe("a value is accepted", () => {
  const cases = [
    { name: "a size as text", input: { maxMemory: "1gb" }, expected: { maxMemory: 2 ** 30 } },
    { name: "a size as number", input: { maxMemory: 2 ** 24 }, expected: { maxMemory: 2 ** 24 } },
    { name: "a number as text", input: { respPort: "0" }, expected: { respPort: 0 } },
    { name: "a boolean as text", input: { enableDebugCommand: "Yes" }, expected: { enableDebugCommand: true } },
    { name: "secrets as list", input: { secrets: ["a", "b,c"] }, expected: { secrets: ["a", "b,c"] } },
    { name: "secrets as text", input: { secrets: "a,b" }, expected: { secrets: ["a", "b"] } },
    {
      name: "a public address with a secret",
      input: { host: "0.0.0.0", secrets: ["s"] },
      expected: { host: "0.0.0.0" },
    },
    {
      name: "a public address with a token",
      input: { host: "0.0.0.0", tokens: [{ name: "a", secret: "s", roles: ["read"] }] },
      expected: { tokens: [{ name: "a", secrets: ["s"], roles: ["read"] as const, prefixes: [] }] },
    },
    { name: "both files of TLS", input: { tlsCert: "a", tlsKey: "b" }, expected: { tlsCert: "a", tlsKey: "b" } },
    { name: "no timeout", input: { requestTimeoutMs: 0 }, expected: { requestTimeoutMs: 0 } },
    { name: "undefined is not given", input: { policy: undefined }, expected: { policy: "tinylfu" as const } },
  ];
  test.each(cases)("$name", ({ input, expected }) => {
    const { config, mistakes } = parseConfig(input);
    expect(mistakes).toEqual([]);
    expect(config).toMatchObject(expected);
  });
});

describe("a mistake is named with what is allowed", () => {
  const loopback = "a loopback address (127.0.0.1, ::1, localhost), unless a secret or a token is set";
  const size = 'a size from 4mb to 16gb, such as "256mb" or 268435456';
  const list = "a list of up to 16 different texts of 1 to 512 bytes without control characters";
  const port = "-1 or a whole number from 0 to 65535";
  const tls = (other: string) => `a path, because ${other} is set; or neither of them`;
  const cases = [
    { input: { maxMemory: "1tb" }, path: "maxMemory", given: '"1tb"', allowed: size },
    { input: { maxMemory: 1 }, path: "maxMemory", given: "1", allowed: size },
    { input: { maxMemory: null }, path: "maxMemory", given: "null", allowed: size },
    { input: { respPort: 65_536 }, path: "respPort", given: "65536", allowed: port },
    { input: { respPort: 1.5 }, path: "respPort", given: "1.5", allowed: port },
    { input: { respPort: "" }, path: "respPort", given: '""', allowed: port },
    { input: { policy: "lfu" }, path: "policy", given: '"lfu"', allowed: "one of tinylfu, lru, noeviction" },
    { input: { enableDebugCommand: 1 }, path: "enableDebugCommand", given: "1", allowed: "true or false" },
    { input: { secrets: [""] }, path: "secrets", given: "(not shown)", allowed: list },
    { input: { secrets: "a,,b" }, path: "secrets", given: "(not shown)", allowed: list },
    { input: { secrets: Array.from({ length: 17 }, String) }, path: "secrets", given: "(not shown)", allowed: list },
    { input: { secrets: ["a", "b", "a"] }, path: "secrets", given: "(not shown)", allowed: list },
    { input: { secrets: ["ü".repeat(257)] }, path: "secrets", given: "(not shown)", allowed: list },
    { input: { secrets: ["a\n"] }, path: "secrets", given: "(not shown)", allowed: list },
    { input: { tlsCert: "a.pem" }, path: "tlsKey", given: '""', allowed: tls("tlsCert") },
    { input: { tlsKey: "a.pem", tlsCert: "" }, path: "tlsCert", given: '""', allowed: tls("tlsKey") },
    { input: { host: "0.0.0.0" }, path: "host", given: '"0.0.0.0"', allowed: loopback },
    { input: { host: "::" }, path: "host", given: '"::"', allowed: loopback },
    { input: { host: "a b" }, path: "host", given: '"a b"', allowed: "a host name or an IP address" },
    { input: { polcy: "lru" }, path: "polcy", given: '"lru"', allowed: "no such field; did you mean policy?" },
    { input: { "max-memory": 1 }, path: "max-memory", given: "1", allowed: "no such field; did you mean maxMemory?" },
    { input: { port: 1 }, path: "port", given: "1", allowed: "no such field; did you mean respPort?" },
    { input: { zzzz: 1 }, path: "zzzz", given: "1", allowed: "no such field" },
    { input: { secret: "s" }, path: "secret", given: "(not shown)", allowed: "no such field; did you mean secrets?" },
    {
      input: { maxMemory: "4mb", maxValueBytes: 2_093_055, outputSoftBytes: "64mb" },
      path: "outputSoftBytes",
      given: "64mb",
      allowed: "at most maxOutputBytes, which is 32mb",
    },
    { input: [], path: "", given: "[]", allowed: "an object with fields" },
    { input: undefined, path: "", given: "undefined", allowed: "an object with fields" },
  ];
  test.each(cases)("$path $given", ({ input, path, given, allowed }) => {
    const { config, mistakes } = parseConfig(input);
    expect(config).toBeUndefined();
    expect(mistakes).toEqual([{ path, given, allowed }]);
  });
});

test("all mistakes are named at once, also those between fields", () => {
  const { mistakes } = parseConfig({
    host: "::",
    respPort: -2,
    maxClients: "x",
    outputSoftBytes: "1gb",
    nope: 1,
    policy: "x",
  });
  const paths = mistakes.map(({ path }) => path);
  expect(paths.sort()).toEqual(["host", "maxClients", "nope", "outputSoftBytes", "policy", "respPort"]);
});

test("a secret is never shown", () => {
  const given = { secrets: ["hunter2hunter2", ""], secret: "hunter2hunter2", password: "hunter2hunter2" };
  expect(JSON.stringify(parseConfig(given).mistakes)).not.toContain("hunter2");
});

describe("loopback addresses", () => {
  const cases = [
    { host: "127.0.0.1", expected: true },
    { host: "127.1.2.3", expected: true },
    { host: "localhost", expected: true },
    { host: "::1", expected: true },
    { host: "0.0.0.0", expected: false },
    { host: "::", expected: false },
    { host: "10.0.0.1", expected: false },
    { host: "127.0.0.1.example.com", expected: false },
    { host: "localhost.example.com", expected: false },
  ];
  test.each(cases)("$host", ({ host, expected }) => {
    expect(isLoopback(host)).toBe(expected);
    const listens = () => refusePublicWithoutSecret(host, []);
    if (expected) listens();
    else expect(listens).toThrow("set a secret");
    refusePublicWithoutSecret(host, ["secret"]);
    refusePublicWithoutSecret(host, [], [{ name: "a", secrets: ["secret"], roles: ["read"], prefixes: [] }]);
  });
});
