/** A restart: the journal is replayed to the same state, own records and those of peers. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { versionToMs } from "../../../src/core/version.ts";
import { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { Host } from "../../../src/node/host.ts";
import { MemoryNetwork } from "../../../src/node/memory-transport.ts";
import { persist, region, run, steps, turn } from "./region.ts";
import { TestNode, World } from "./test-node.ts";

async function started(storage: MemoryStorage, world: World, seed: number): Promise<{ test: TestNode; host: Host }> {
  const test = new TestNode(world, seed);
  const host = new Host(test.node, { storage });
  await persist(host);
  return { test, host };
}

async function restarted(storage: MemoryStorage, world: World): Promise<TestNode> {
  return (await started(storage, world, 900)).test;
}

describe("a restart", () => {
  test("brings nothing back, and loses at most fills: its own records and those of peers (I9)", async () => {
    let held = 0;
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const network = new MemoryNetwork();
        const members = region(new World(), network, ["a", "b", "c"]);
        for (const { host } of members) await persist(host);
        for (const [n, step] of list.entries()) run(members, network, step, n);
        turn(members);
        network.deliver();
        turn(members);
        for (const { test, host, storage } of members) {
          await host.stop();
          const again = await restarted(storage, test.world);
          for (const key of ["a1", "a2", "b1"]) {
            const before = test.get(key);
            const now = again.get(key);
            if (before !== undefined) held++;
            if (now !== undefined) kept++;
            // A fill may be lost to the clock skew that another life's stamps are allowed, and nothing may come back.
            if (now !== undefined) expect(now).toBe(before as string);
          }
        }
      }),
      {
        numRuns: Number(process.env.RUNS ?? 100),
        seed: Number(process.env.SEED ?? 20_261_123),
        includeErrorInReport: true,
      },
    );
    expect(held).toBeGreaterThan(100);
    expect(kept / held).toBeGreaterThan(0.9);
  });

  test("keeps values, expiry, stale times, tags and databases", async () => {
    const world = new World();
    const storage = new MemoryStorage();
    const { test, host } = await started(storage, world, 1);
    test.set("plain", "v");
    test.set("all", "v", { ttlMs: 5_000, staleMs: 1_000, tags: ["red", "green"] });
    test.set("touched", "v");
    test.node.expireAt(test.id("touched"), world.nowMs + 777);
    test.set("gone", "v");
    test.delete("gone");
    test.set("purged", "v", { tags: ["old"] });
    test.invalidate({ tags: ["old"] });
    test.node.copy(test.id("all"), encodeText("copy"), 0, 4);
    test.node.swapDatabases(2, 9);
    await host.stop();
    const again = await restarted(storage, world);
    expect(again.contents()).toEqual(test.contents());
    expect(again.node.databases.permutation).toEqual(test.node.databases.permutation);
    expect(Object.keys(again.contents()).sort()).toEqual(["all", "copy", "plain", "touched"]);
  });

  test("keeps what was loaded after an invalidation: it is as fresh as before", async () => {
    const world = new World();
    const storage = new MemoryStorage();
    const { test, host } = await started(storage, world, 1);
    test.set("k", "old", { tags: ["red"] });
    test.invalidate({ tags: ["red"] });
    test.advance(1_000);
    expect(test.fill(test.lease("k"), "loaded", { tags: ["red"] })).toBe("stored");
    await host.stop();
    world.advance(60_000);
    expect((await restarted(storage, world)).get("k")).toBe("loaded");
  });

  test("stamps above everything in the journal, though its clock was set back", async () => {
    const world = new World();
    const storage = new MemoryStorage();
    const { test, host } = await started(storage, world, 1);
    test.set("k", "first life");
    await host.stop();
    world.nowMs -= 3_600_000;
    const again = await restarted(storage, world);
    again.node.beginTurn();
    expect(again.get("k")).toBe("first life");
    again.set("k", "second life");
    expect(again.get("k")).toBe("second life");
    expect(versionToMs(again.node.clock.last)).toBeGreaterThan(world.nowMs);
  });
});
