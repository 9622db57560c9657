import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeLatin1 } from "../../../../src/core/bytes.ts";
import { Durations } from "../../../../src/core/durations.ts";
import { Args } from "../../../../src/protocol/resp/args.ts";
import { ALL_KEYS, command, keyIndexes, NO_KEYS, ONE_KEY } from "../../../../src/protocol/resp/command.ts";
import { CommandTable, KeyMode, Route, RouteBit } from "../../../../src/protocol/resp/command-table.ts";

const names = [
  "get",
  "set",
  "del",
  "ttl",
  "pttl",
  "ping",
  "mget",
  "mset",
  "shoal.set",
  "shoal.get",
  "bitfield_ro",
  "a",
];
const define = (name: string, extra: object = {}) =>
  command({ name, arity: -1, group: "test", handler: () => {}, ...extra });
const client = define("client", { arity: -2, subcommands: [define("client|id"), define("client|list")] });
const table = new CommandTable([...names.map((name) => define(name)), client]);

function find(word: string): string | undefined {
  const bytes = encodeLatin1(`..${word}..`);
  return table.find(bytes, 2, 2 + word.length)?.command.name;
}

describe("CommandTable", () => {
  test.each(names)("finds %s in any case", (name) => {
    expect(find(name)).toBe(name);
    expect(find(name.toUpperCase())).toBe(name);
    expect(find(name.slice(0, 1).toUpperCase() + name.slice(1))).toBe(name);
  });

  // "[" and "{", "." and 0x0E differ from each other only in the bit that letters' cases differ in.
  test.each(["", "ge", "gets", "gex", "shoal\x0eset", "bitfield\x7fro", "GET ", " GET", "g\xe5t", "x".repeat(1_000)])(
    "does not find %j",
    (word) => expect(find(word)).toBeUndefined(),
  );

  test("finds exactly what is there", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 0, maxLength: 8, unit: fc.constantFrom(..."GETSgets.mpl") }), (word) => {
        const lower = word.toLowerCase();
        expect(find(word)).toBe(names.includes(lower) ? lower : undefined);
      }),
    );
  });

  test("two commands of one name are a mistake", () => {
    expect(() => new CommandTable([define("a"), define("a")])).toThrow("two commands named a");
  });

  test("subcommands", () => {
    expect(table.resolve(Args.of("CLIENT", "List"))?.command.name).toBe("client|list");
    expect(table.resolve(Args.of("client"))?.command.name).toBe("client");
    expect(table.resolve(Args.of("client", "x"))).toBeUndefined();
    expect(table.resolve(Args.of("nothing"))).toBeUndefined();
    expect(table.named("client|id")?.command.name).toBe("client|id");
    expect(table.named("client|x")).toBeUndefined();
    expect(table.named("get")?.command.name).toBe("get");
    expect([...table.all()].map((route) => route.command.name)).toEqual([
      ...names,
      "client",
      "client|id",
      "client|list",
    ]);
  });
});

describe("Route", () => {
  const cases = [
    {
      definition: define("get", { arity: 2, flags: ["readonly", "fast"], keys: ONE_KEY }),
      bits: 0,
      min: 2,
      max: 2,
      mode: KeyMode.FIRST,
    },
    {
      definition: define("set", { arity: -3, flags: ["write"], keys: ONE_KEY }),
      bits: RouteBit.WRITE | RouteBit.STORED,
      min: 3,
      max: Number.MAX_SAFE_INTEGER,
      mode: KeyMode.FIRST,
    },
    {
      definition: define("mget", { flags: ["fast"], keys: ALL_KEYS }),
      bits: 0,
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      mode: KeyMode.SEVERAL,
    },
    {
      definition: define("lcs", { keys: () => [1] }),
      bits: RouteBit.TIMED,
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      mode: KeyMode.SEVERAL,
    },
    {
      definition: define("auth", { flags: ["fast", "no_auth"] }),
      bits: RouteBit.NO_AUTH | RouteBit.SECRET | RouteBit.UNLOGGED,
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      mode: KeyMode.NONE,
    },
    {
      definition: define("multi", { arity: 1, flags: ["fast", "no_multi"] }),
      bits: RouteBit.NO_MULTI | RouteBit.IMMEDIATE,
      min: 1,
      max: 1,
      mode: KeyMode.NONE,
    },
  ];
  test.each(cases)("$definition.name", ({ definition, bits, min, max, mode }) => {
    const route = new Route(definition);
    expect([route.bits, route.minCount, route.maxCount, route.keyMode]).toEqual([bits, min, max, mode]);
  });

  test("estimates the time of all calls from those that were timed", () => {
    const route = new Route(define("get"));
    expect(route.totalUs).toBe(0);
    route.calls = 100;
    route.durations = new Durations();
    route.durations.record(2_000);
    route.durations.record(3_000);
    expect(route.totalUs).toBe(250);
    route.resetStatistics();
    expect([route.calls, route.totalUs]).toEqual([0, 0]);
  });
});

describe("keyIndexes", () => {
  const cases = [
    { name: "none", keys: NO_KEYS, count: 5, expected: [] },
    { name: "the first", keys: ONE_KEY, count: 5, expected: [1] },
    { name: "all", keys: ALL_KEYS, count: 4, expected: [1, 2, 3] },
    { name: "every second", keys: { first: 1, last: -1, step: 2 }, count: 5, expected: [1, 3] },
    { name: "but the last", keys: { first: 1, last: -2, step: 1 }, count: 4, expected: [1, 2] },
    { name: "more than there are", keys: { first: 2, last: 3, step: 1 }, count: 3, expected: [2] },
    { name: "by a function", keys: () => [2], count: 5, expected: [2] },
  ];
  test.each(cases)("$name", ({ keys, count, expected }) => {
    expect(keyIndexes(keys, Args.of(...Array.from({ length: count }, () => "x")))).toEqual(expected);
  });
});
