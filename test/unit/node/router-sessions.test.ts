/** Sessions through routers: own writes are read, nothing goes back in time, or it is told. */
import { describe, expect, test } from "bun:test";
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
