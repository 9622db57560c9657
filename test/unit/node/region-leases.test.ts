/** Leases among nodes: one holder for each key, fills where they were granted, and everybody else waits for one load. */
import { describe, expect, test } from "bun:test";
import { MemberState } from "../../../src/cluster/member.ts";
import { EpochMode } from "../../../src/core/record.ts";
import type { FillOperation, LeaseOperation, OperationResult } from "../../../src/node/operation.ts";
import { nameLease, readLeaseName } from "../../../src/node/region-leases.ts";
import { EMPTY_SESSION } from "../../../src/node/session-token.ts";
import { bytes, entryText, TestCluster } from "./router-cluster.ts";

const key = bytes("k");
const lease = (more: Partial<LeaseOperation> = {}): LeaseOperation => ({ kind: "lease", key, ttlMs: 10_000, ...more });
const tokenOf = (result: OperationResult | undefined) => result?.lease?.token ?? "";
const fill = (token: string, value: string, more: Partial<FillOperation> = {}): FillOperation => ({
  kind: "fill",
  key,
  token,
  value: bytes(value),
  ...more,
});

function start(): TestCluster {
  const cluster = new TestCluster({ places: [{ id: "a" }, { id: "b" }, { id: "c" }] });
  cluster.ring.set("eu", ["a", "b"]);
  return cluster;
}

describe("a lease", () => {
  test("has one holder, wherever it is asked for", () => {
    const cluster = start();
    const first = cluster.ask("c", lease());
    expect(first).toMatchObject({ status: "ok", by: "a" });
    expect(readLeaseName(tokenOf(first))?.origin).toBe(cluster.node("a").origin);
    for (const id of ["a", "b", "c"]) {
      expect(cluster.ask(id, lease())).toMatchObject({ status: "busy", retryAfterMs: 10_000 });
    }
    expect(cluster.ask("b", fill(tokenOf(first), "v"))).toMatchObject({ status: "ok", by: "a" });
    expect(entryText(cluster.ask("a", { kind: "get", key }).entry)).toBe("v");
    expect(cluster.ask("b", lease()).status).toBe("ok");
  });

  test("is filled where it was granted, whatever the ring says by then", () => {
    const cluster = start();
    const token = tokenOf(cluster.ask("c", lease()));
    cluster.ring.set("eu", ["b", "c"]);
    expect(cluster.ask("c", fill(token, "v"))).toMatchObject({ status: "ok", by: "a" });
    expect(cluster.node("a").test.get("k")).toBe("v");
  });

  const refused: { name: string; token: (good: string, cluster: TestCluster) => string; key?: string }[] = [
    { name: "no token", token: () => "" },
    { name: "a token with capitals", token: (good) => good.toUpperCase().replace("0", "A") },
    { name: "of another node", token: (good, cluster) => nameLease(cluster.node("b").origin, good.slice(8)) },
    { name: "of a life that nobody knows", token: (good) => nameLease(12_345, good.slice(8)) },
    { name: "for another key", token: (good) => good, key: "other" },
  ];
  for (const { name, token, key: other = "k" } of refused) {
    test(`is not filled by ${name}, and stays open`, () => {
      const cluster = start();
      const good = tokenOf(cluster.ask("c", lease()));
      const result = cluster.ask("c", fill(token(good, cluster), "v", { key: bytes(other) }));
      expect(result.status).toBe("no-lease");
      expect(cluster.ask("c", fill(good, "v")).status).toBe("ok");
      expect(cluster.ask("c", fill(good, "again")).status).toBe("no-lease");
    });
  }

  test("says what its fill has come too late for", () => {
    const cluster = start();
    const first = tokenOf(cluster.ask("c", lease()));
    cluster.ask("a", { kind: "invalidate", mode: EpochMode.PURGE, keys: [key], wait: "local" });
    expect(cluster.ask("c", fill(first, "old")).status).toBe("invalidated");
    const second = tokenOf(cluster.ask("c", lease()));
    cluster.ask("c", { kind: "set", key, value: bytes("newer") });
    expect(cluster.ask("c", fill(second, "old")).status).toBe("superseded");
    expect(entryText(cluster.ask("a", { kind: "get", key }).entry)).toBe("newer");
  });

  test("is free when it is released, when its time is up, and when its holder is dead", () => {
    const cluster = start();
    const first = tokenOf(cluster.ask("c", lease()));
    expect(cluster.ask("b", { kind: "release", token: first }).status).toBe("ok");
    expect(cluster.ask("b", { kind: "release", token: first }).status).toBe("no-lease");
    expect(cluster.ask("c", lease({ ttlMs: 100 })).status).toBe("ok");
    cluster.run(105);
    expect(cluster.ask("c", lease()).status).toBe("ok");
    expect(cluster.ask("b", lease()).status).toBe("busy");
    cluster.setState("c", MemberState.DEAD);
    expect(cluster.ask("b", lease()).status).toBe("ok");
    expect(cluster.ask("a", lease()).status).toBe("busy");
  });

  test("that this node holds itself outlives others", () => {
    const cluster = start();
    expect(cluster.ask("a", lease()).status).toBe("ok");
    cluster.setState("c", MemberState.DEAD);
    expect(cluster.ask("b", lease()).status).toBe("busy");
  });

  test("of a session: what was filled is in the token at its place in the stream, not at its beginning", () => {
    const cluster = start();
    const token = tokenOf(cluster.ask("c", lease()));
    const result = cluster.ask("c", fill(token, "v", { session: EMPTY_SESSION }));
    const pair = result.session?.pairs[0];
    expect(pair?.origin).toBe(cluster.node("a").origin);
    expect(pair?.version).toBeGreaterThan(result.stamp?.version ?? 0);
    expect(pair?.version).toBe(cluster.node("a").test.node.clock.last);
  });
});

describe("who waits for a lease", () => {
  const waiting = (cluster: TestCluster, timeoutMs = 1_000) => {
    const answers = ["a", "b", "c", "c"].map((id) => cluster.node(id).start(lease({ wait: true, timeoutMs })));
    cluster.deliver();
    expect(answers.flat()).toEqual([]);
    return answers;
  };

  test("is given what was stored, all at once", () => {
    const cluster = start();
    const token = tokenOf(cluster.ask("c", lease()));
    const answers = waiting(cluster);
    expect(cluster.node("a").router.leases.waiting).toBe(4);
    cluster.ask("c", fill(token, "v"));
    expect(answers.map(([one]) => [one?.status, entryText(one?.entry)])).toEqual(answers.map(() => ["filled", "v"]));
    expect(cluster.node("a").router.leases.waiting).toBe(0);
  });

  const ends: { name: string; end: (cluster: TestCluster, token: string) => void }[] = [
    { name: "released", end: (cluster, token) => cluster.ask("c", { kind: "release", token }) },
    { name: "its holder is dead", end: (cluster) => cluster.setState("c", MemberState.DEAD) },
    { name: "flushed", end: (cluster) => cluster.node("a").test.node.flush(-1) },
    { name: "its time is up", end: (cluster) => cluster.run(600) },
    {
      name: "its fill came too late",
      end: (cluster, token) => {
        cluster.ask("a", { kind: "invalidate", mode: EpochMode.PURGE, keys: [key], wait: "local" });
        expect(cluster.ask("c", fill(token, "old")).status).toBe("invalidated");
      },
    },
  ];
  for (const { name, end } of ends) {
    test(`is told that it is over: ${name}`, () => {
      const cluster = start();
      const token = tokenOf(cluster.ask("c", lease({ ttlMs: 500 })));
      const answers = cluster.node("b").start(lease({ wait: true, timeoutMs: 2_000 }));
      cluster.deliver();
      end(cluster, token);
      cluster.run(10);
      expect(answers.map(({ status }) => status)).toEqual(["ended"]);
    });
  }

  test("is told that it is busy when the time is up", () => {
    const cluster = start();
    cluster.ask("c", lease());
    const answers = waiting(cluster, 100);
    cluster.run(110);
    const [local, ...remote] = answers.map(([one]) => one?.status);
    expect(local).toBe("busy");
    // Over the network the time may be up here before the answer comes.
    for (const status of remote) expect(["busy", "unknown"]).toContain(status as string);
    expect(cluster.node("a").router.leases.waiting).toBe(0);
  });

  test("is not shown what a fenced node must not show", () => {
    const cluster = start();
    const token = tokenOf(cluster.ask("c", lease()));
    const answers = waiting(cluster);
    cluster.node("a").fenced = true;
    cluster.ask("c", fill(token, "v"));
    expect(answers.map(([one]) => one?.status)).toEqual(answers.map(() => "ended"));
  });
});
