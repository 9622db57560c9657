/** Operations on one node: what they find, what they leave, and the stamps they tell. */
import { describe, expect, test } from "bun:test";
import { decodeText } from "../../../src/core/bytes.ts";
import { RecordKind } from "../../../src/core/record.ts";
import { executeOperation, type LocalOperation } from "../../../src/node/execute-operation.ts";
import type { OperationResult } from "../../../src/node/operation.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import { bytes, entryText } from "./router-cluster.ts";
import { TestNode } from "./test-node.ts";

const key = bytes("k");
const run = ({ node }: TestNode, operation: LocalOperation) => executeOperation(node, operation);
/** A node among others, which stamps every delete. */
function start(): TestNode {
  const test = new TestNode();
  test.node.outbox.addPeer("other");
  test.node.peersStable = 0;
  return test;
}
const set = (test: TestNode, value: string, more: object = {}) =>
  run(test, { kind: "set", key, value: bytes(value), ...more });

describe("set and get", () => {
  test("store and find all fields", () => {
    const test = start();
    const { nowMs } = test.node;
    const fields = { expiresAt: nowMs + 100, staleUntil: nowMs + 300, revalidateUntil: nowMs + 200 };
    const more = { ...fields, tags: [bytes("t1"), bytes("t2")], contentType: bytes("text/plain") };
    const written = set(test, "v", more);
    expect(written).toEqual({
      status: "ok",
      stamp: { version: test.node.clock.last, origin: test.node.clock.origin },
    });
    const found = run(test, { kind: "get", key });
    const flags = { isFill: false, isStale: false };
    expect(found).toEqual({
      status: "ok",
      entry: { value: bytes("v"), ...more, ...flags, stamp: written.stamp as object },
    } as OperationResult);
  });

  test("find stale entries only where they are wanted", () => {
    const test = start();
    const { nowMs } = test.node;
    set(test, "v", { expiresAt: nowMs + 100, staleUntil: nowMs + 300, revalidateUntil: nowMs + 200 });
    const ask = () =>
      (["no", "revalidate", "error"] as const).map((stale) => {
        const { status, entry } = run(test, { kind: "get", key, stale });
        return entry === undefined ? status : entry.isStale ? "stale" : "fresh";
      });
    expect(ask()).toEqual(["fresh", "fresh", "fresh"]);
    test.advance(150);
    expect(ask()).toEqual(["miss", "stale", "stale"]);
    test.advance(100);
    expect(ask()).toEqual(["miss", "miss", "stale"]);
    test.advance(100);
    expect(ask()).toEqual(["miss", "miss", "miss"]);
    expect(test.node.counters.staleHits).toBe(3);
  });

  test("a miss after a delete tells the delete's stamp", () => {
    const test = start();
    set(test, "v");
    const deleted = run(test, { kind: "delete", key });
    expect(deleted.existed).toBe(true);
    expect(run(test, { kind: "get", key })).toEqual({ status: "miss", stamp: deleted.stamp });
    expect(run(test, { kind: "get", key: bytes("other") })).toEqual({ status: "miss" });
  });

  test("what has a limit is refused with its reason, and what is there stays", () => {
    const test = start();
    set(test, "v");
    expect(set(test, "x", { tags: [bytes("")] })).toEqual({ status: "refused", refusal: Outcome.BAD_TAG });
    expect(set(test, "x", { staleUntil: 1, expiresAt: 5 })).toEqual({ status: "refused", refusal: Outcome.BAD_EXPIRY });
    expect(entryText(run(test, { kind: "get", key }).entry)).toBe("v");
  });
});

describe("conditions", () => {
  const version = (result: OperationResult) => result.stamp ?? { version: 1, origin: 1 };
  const cases: {
    name: string;
    before: string | undefined;
    condition: (v: OperationResult) => unknown;
    holds: boolean;
  }[] = [
    { name: "absent, and it is", before: undefined, condition: () => "absent", holds: true },
    { name: "absent, and it is not", before: "v", condition: () => "absent", holds: false },
    { name: "present, and it is", before: "v", condition: () => "present", holds: true },
    { name: "present, and it is not", before: undefined, condition: () => "present", holds: false },
    { name: "this version", before: "v", condition: version, holds: true },
    { name: "the version before", before: "v", condition: (v) => ({ ...version(v), version: 7 }), holds: false },
    { name: "another origin", before: "v", condition: (v) => ({ ...version(v), origin: 7 }), holds: false },
    { name: "a version, of nothing", before: undefined, condition: version, holds: false },
  ];
  for (const { name, before, condition, holds } of cases) {
    test(`of a set: ${name}`, () => {
      const test = start();
      const there = before === undefined ? ({ status: "miss" } as const) : set(test, before);
      const result = set(test, "new", { condition: condition(there) });
      expect(result.status).toBe(holds ? "ok" : "unmet");
      if (!holds) expect(result.stamp as unknown).toEqual(there.status === "ok" ? there.stamp : undefined);
      expect(entryText(run(test, { kind: "get", key }).entry)).toBe((holds ? "new" : before) as never);
    });
  }

  test("of a delete", () => {
    const test = start();
    const { stamp } = set(test, "v");
    const wrong = { version: 1, origin: 1 };
    expect(run(test, { kind: "delete", key, condition: wrong })).toEqual({ status: "unmet", stamp });
    expect(run(test, { kind: "delete", key, condition: stamp }).existed).toBe(true);
  });
});

describe("increments", () => {
  const cases: { name: string; before: string | undefined; by: number; sum: number | undefined }[] = [
    { name: "nothing", before: undefined, by: 5, sum: 5 },
    { name: "a number", before: "41", by: 1, sum: 42 },
    { name: "below zero", before: "3", by: -10, sum: -7 },
    { name: "a negative number", before: "-3", by: 3, sum: 0 },
    { name: "to the highest safe integer", before: "9007199254740990", by: 1, sum: Number.MAX_SAFE_INTEGER },
    { name: "beyond it", before: "9007199254740991", by: 1, sum: undefined },
    { name: "from beyond it", before: "9007199254740993", by: -5, sum: undefined },
    { name: "text", before: "4x", by: 1, sum: undefined },
    { name: "zeros in front", before: "007", by: 1, sum: undefined },
    { name: "minus zero", before: "-0", by: 1, sum: undefined },
    { name: "an empty value", before: "", by: 1, sum: undefined },
    { name: "a part", before: "1.5", by: 1, sum: undefined },
    { name: "spaces", before: " 1", by: 1, sum: undefined },
  ];
  for (const { name, before, by, sum } of cases) {
    test(`of ${name}`, () => {
      const test = start();
      if (before !== undefined) set(test, before);
      const result = run(test, { kind: "increment", key, by });
      expect(result.status).toBe(sum === undefined ? "not-a-number" : "ok");
      expect(result.number).toBe(sum as never);
      const after = entryText(run(test, { kind: "get", key }).entry);
      expect(after).toBe((sum === undefined ? before : String(sum)) as never);
    });
  }

  test("keep expiry and tags, and a new one takes the expiry given", () => {
    const test = start();
    const { nowMs } = test.node;
    set(test, "1", { expiresAt: nowMs + 50, tags: [bytes("t")] });
    run(test, { kind: "increment", key, by: 1, expiresAt: nowMs + 999 });
    const { entry } = run(test, { kind: "get", key });
    expect([entry?.expiresAt, entry?.tags.length]).toEqual([nowMs + 50, 1]);
    run(test, { kind: "increment", key: bytes("new"), by: 1, expiresAt: nowMs + 999 });
    expect(run(test, { kind: "get", key: bytes("new") }).entry?.expiresAt).toBe(nowMs + 999);
  });
});

describe("touch", () => {
  test("moves the expiry, takes it away, or deletes", () => {
    const test = start();
    const { nowMs } = test.node;
    expect(run(test, { kind: "touch", key, expiresAt: 0 })).toEqual({ status: "miss" });
    const { stamp } = set(test, "v", { expiresAt: nowMs + 10 });
    expect(run(test, { kind: "touch", key, expiresAt: nowMs + 500 }).status).toBe("ok");
    const { entry } = run(test, { kind: "get", key });
    expect([entry?.expiresAt, entry?.stamp]).toEqual([nowMs + 500, stamp]);
    expect(run(test, { kind: "touch", key, expiresAt: 0 }).status).toBe("ok");
    test.advance(1_000);
    expect(run(test, { kind: "get", key }).status).toBe("ok");
    expect(run(test, { kind: "touch", key, expiresAt: nowMs }).status).toBe("ok");
    expect(run(test, { kind: "get", key }).status).toBe("miss");
  });
});

test("a write says how far it goes", () => {
  const test = start();
  const globals: boolean[] = [];
  const { append } = test.node.outbox;
  test.node.outbox.append = (record) => {
    if (record.kind === RecordKind.SET) globals.push(record.global);
    append.call(test.node.outbox, record);
  };
  set(test, "v");
  set(test, "v", { replicate: "region" });
  set(test, "v", { replicate: "global" });
  expect(globals).toEqual([true, false, true]);
});

describe("what is made of an entry goes as far as it does", () => {
  for (const replicate of ["region", "global"] as const) {
    test(replicate, () => {
      const test = start();
      const isGlobal: Record<string, boolean> = {};
      const { append } = test.node.outbox;
      test.node.outbox.append = (record) => {
        isGlobal[`${record.kind} ${decodeText(record.key, record.keyStart, record.keyEnd)}`] = record.global;
        append.call(test.node.outbox, record);
      };
      set(test, "1", { replicate });
      const id = () => test.node.peek(key, 0, key.length);
      expect(run(test, { kind: "touch", key, expiresAt: test.node.nowMs + 1_000 }).status).toBe("ok");
      expect(test.node.copy(id(), bytes("copy"), 0, 4)).toBe(Outcome.APPLIED);
      const expected = {
        "1 k": replicate === "global",
        "4 k": replicate === "global",
        "1 copy": replicate === "global",
      };
      expect(isGlobal).toEqual(expected);
      expect(run(test, { kind: "increment", key, by: 1 })).toMatchObject({ status: "ok", number: 2 });
      expect(isGlobal).toEqual(expected);
    });
  }
});
