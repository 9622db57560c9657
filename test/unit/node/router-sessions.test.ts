/** Sessions through routers: own writes are read, nothing goes back in time, or it is told. */
import { describe, expect, test } from "bun:test";
import { keySlot } from "../../../src/core/crc16.ts";
import type { GetOperation, SetOperation } from "../../../src/node/operation.ts";
import { EMPTY_SESSION } from "../../../src/node/session-token.ts";
import { bytes, entryText, TestCluster } from "./router-cluster.ts";

const key = bytes("k");
const get = (more: Partial<GetOperation> = {}): GetOperation => ({ kind: "get", key, ...more });
const set = (value: string, more: Partial<SetOperation> = {}): SetOperation => ({
  kind: "set",
  key,
  value: bytes(value),
  ...more,
});
const add = { kind: "increment", key, by: 1 } as const;

/** a is the primary, b a replica, c no owner; all in one region. */
function start(): TestCluster {
  const cluster = new TestCluster({ places: [{ id: "a" }, { id: "b" }, { id: "c" }] });
  cluster.ring.set("eu", ["a", "b"]);
  return cluster;
}

describe("sessions", () => {
  const session = EMPTY_SESSION;

  test("read their own writes: a replica waits until it has them", () => {
    const cluster = start();
    const written = cluster.ask("c", set("v", { session }));
    expect(written.session?.pairs).toEqual([written.stamp as never]);
    const answers = cluster.node("b").start(get({ session: written.session }));
    cluster.run(100);
    expect(answers).toEqual([]);
    cluster.replicate("a");
    cluster.run(10);
    expect(answers).toMatchObject([{ status: "ok", session: written.session }]);
    expect(entryText(answers[0]?.entry)).toBe("v");
  });

  test("or asks the origin", () => {
    const cluster = start();
    const written = cluster.ask("c", set("v", { session }));
    const answers = cluster.node("b").start(get({ session: written.session }));
    cluster.run(400);
    expect(answers).toMatchObject([{ status: "ok", by: "a" }]);
  });

  test("or says that it cannot", () => {
    const cluster = start();
    const written = cluster.ask("c", set("v", { session }));
    cluster.cut("a", "b");
    const answers = cluster.node("b").start(get({ session: written.session }));
    cluster.run(400);
    expect(answers).toMatchObject([{ status: "stale", session: written.session }]);
    // Who asks from elsewhere is answered by the one that knows.
    const others = cluster.node("c").start(get({ session: written.session }));
    cluster.run(5);
    expect(others).toMatchObject([{ status: "ok", by: "a" }]);
  });

  test("wait for what a live node stamped by a ring that was not known", () => {
    const cluster = start();
    const written = cluster.ask("a", set("v", { session }));
    const [a, b] = [cluster.node("a"), cluster.node("b")];
    b.watermarks.set(a.origin, a.test.node.clock.last + 4_096);
    b.detouredTo.set(a.origin, (written.stamp?.version ?? 0) - 1);
    const answers = b.start(get({ session: written.session }));
    cluster.run(100);
    expect(answers).toEqual([]);
    cluster.replicate("a");
    b.detouredTo.clear();
    cluster.run(10);
    expect(answers).toMatchObject([{ status: "ok" }]);
    expect(entryText(answers[0]?.entry)).toBe("v");
  });

  test("are told where what they have seen is still on its way, and nobody can be asked", () => {
    const cluster = start();
    const written = cluster.ask("a", set("v", { session }));
    const b = cluster.node("b");
    b.hidden.set(keySlot(key, 0, key.length), undefined);
    cluster.cut("a", "b");
    expect(cluster.ask("b", get({ session: written.session }))).toMatchObject({ status: "stale" });
    expect(cluster.ask("b", get({ session }))).toMatchObject({ status: "miss" });
  });

  const GONE = 77;
  const losses: { name: string; lose: (cluster: TestCluster, version: number) => void; expected: string }[] = [
    { name: "nothing is lost", lose: () => {}, expected: "ok" },
    {
      name: "others received more of its stream",
      lose: (cluster, version) => cluster.node("a").streamedTo.set(GONE, version - 1),
      expected: "stale",
    },
    {
      name: "its stream came all here",
      lose: (cluster, version) => cluster.node("a").streamedTo.set(GONE, version),
      expected: "ok",
    },
    {
      name: "there was nobody to get the slot from",
      lose: (cluster, version) => cluster.node("a").aloneSince.set(keySlot(key, 0, key.length), version + 1),
      expected: "stale",
    },
    {
      name: "there was nobody, long before",
      lose: (cluster, version) => cluster.node("a").aloneSince.set(keySlot(key, 0, key.length), version - 1),
      expected: "ok",
    },
  ];
  for (const { name, lose, expected } of losses) {
    test(`are told what a node that is gone may have lost: ${name}`, () => {
      const cluster = start();
      cluster.ring.set("eu", ["a"]);
      cluster.ask("a", set("old"));
      const a = cluster.node("a");
      const version = a.test.node.clock.last + 10;
      const seen = { pairs: [{ version, origin: GONE }], scalar: 0 };
      a.watermarks.set(GONE, version);
      lose(cluster, version);
      const answers = a.start(get({ session: seen }));
      cluster.run(400);
      expect(answers).toMatchObject([{ status: expected }]);
      // What is newer than all that was seen is no step back, and a load is not stopped.
      expect(cluster.ask("a", { kind: "lease", key: bytes("other"), ttlMs: 1_000, session: seen }).status).not.toBe(
        "stale",
      );
      cluster.ask("a", set("new", { session: seen }));
      expect(cluster.ask("a", get({ session: seen }))).toMatchObject({ status: "ok" });
    });
  }

  test("never go back: what was read is in the token, a delete as well", () => {
    const cluster = start();
    const first = cluster.ask("a", set("v"));
    expect(cluster.ask("a", get({ session })).session?.pairs).toEqual([first.stamp as never]);
    const deleted = cluster.ask("a", { kind: "delete", key });
    expect(cluster.ask("a", get({ session })).session?.pairs).toEqual([deleted.stamp as never]);
  });

  test("write above what they have seen, whatever the clock of who stamps it says", () => {
    const cluster = start();
    const version = cluster.node("a").test.node.clock.last + 4_096 * 300;
    const seen = { pairs: [{ version, origin: 77 }], scalar: 0 };
    const result = cluster.ask("c", set("v", { session: seen }));
    expect(result.stamp?.version).toBeGreaterThan(version);
    const far = { pairs: [{ version: version + 4_096 * 10_000, origin: 77 }], scalar: 0 };
    expect(cluster.ask("c", set("w", { session: far }))).toMatchObject({ status: "clock", session: far });
    expect(entryText(cluster.ask("a", get()).entry)).toBe("v");
  });

  test("of an atomic operation wait, or are told that it would be stale", () => {
    const cluster = start();
    const other = { pairs: [{ version: cluster.node("a").test.node.clock.last + 1, origin: 77 }], scalar: 0 };
    const answers = cluster.node("a").start({ ...add, session: other });
    cluster.run(300);
    expect(answers).toEqual([{ status: "stale", session: other }]);
    cluster.node("a").watermarks.set(77, other.pairs[0]?.version ?? 0);
    expect(cluster.ask("a", { ...add, session: other }).number).toBe(1);
  });
});
