/** A restart: the journal is replayed to the same state, and damage is reported and nothing behind it used. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import type { Storage } from "../../../src/core/ports.ts";
import { versionToMs } from "../../../src/core/version.ts";
import { Host } from "../../../src/node/host.ts";
import { MemoryStorage } from "../../../src/node/memory-storage.ts";
import { MemoryNetwork } from "../../../src/node/memory-transport.ts";
import { region, run, steps, turn } from "./region.ts";
import { TestNode, World } from "./test-node.ts";

describe("a restart", () => {
  async function restarted(storage: Storage, world: World, seed = 900): Promise<TestNode> {
    const test = new TestNode(world, seed);
    await new Host(test.node, { storage }).start();
    return test;
  }

  test("replays the journal to the same state, its own records and those of peers (I9)", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const network = new MemoryNetwork();
        const members = region(new World(), network, ["a", "b", "c"]);
        for (const [n, step] of list.entries()) run(members, network, step, n);
        turn(members);
        network.deliver();
        turn(members);
        for (const { test, storage } of members) {
          const again = await restarted(storage, test.world);
          for (const key of ["a1", "a2", "b1"]) {
            const now = again.get(key);
            // A fill may be lost to the clock skew that another life's stamps are allowed, and nothing may come back.
            if (now !== undefined) expect(now).toBe(test.get(key) as string);
          }
        }
      }),
      {
        numRuns: Number(process.env.RUNS ?? 100),
        seed: Number(process.env.SEED ?? 20_261_123),
        includeErrorInReport: true,
      },
    );
  });

  test("keeps values, expiry, stale times, tags and databases", async () => {
    const world = new World();
    const storage = new MemoryStorage();
    const test = new TestNode(world, 1);
    const host = new Host(test.node, { storage });
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
    host.afterTurn();
    const again = await restarted(storage, world);
    expect(again.contents()).toEqual(test.contents());
    expect(again.node.databases.permutation).toEqual(test.node.databases.permutation);
    expect(Object.keys(again.contents()).sort()).toEqual(["all", "copy", "plain", "touched"]);
  });

  test("keeps what was loaded after an invalidation: it is as fresh as before", async () => {
    const world = new World();
    const storage = new MemoryStorage();
    const test = new TestNode(world, 1);
    const host = new Host(test.node, { storage });
    test.set("k", "old", { tags: ["red"] });
    test.invalidate({ tags: ["red"] });
    test.advance(1_000);
    expect(test.fill(test.lease("k"), "loaded", { tags: ["red"] })).toBe("stored");
    host.afterTurn();
    world.advance(60_000);
    expect((await restarted(storage, world)).get("k")).toBe("loaded");
  });

  test("stamps above everything in the journal, though its clock was set back", async () => {
    const world = new World();
    const storage = new MemoryStorage();
    const test = new TestNode(world, 1);
    const host = new Host(test.node, { storage });
    test.set("k", "first life");
    host.afterTurn();
    world.nowMs -= 3_600_000;
    const again = await restarted(storage, world);
    again.node.beginTurn();
    expect(again.get("k")).toBe("first life");
    again.set("k", "second life");
    expect(again.get("k")).toBe("second life");
    expect(versionToMs(again.node.clock.last)).toBeGreaterThan(world.nowMs);
  });

  test("ends at the first damage, says so once, and writes nothing behind it", async () => {
    const world = new World();
    const storage = new MemoryStorage();
    const test = new TestNode(world, 1);
    const host = new Host(test.node, { storage });
    const batches: Uint8Array[] = [];
    for (const key of ["a", "b", "c"]) {
      test.set(key, "v");
      host.afterTurn();
    }
    for await (const batch of storage.replay()) batches.push(batch.slice());
    batches[1][batches[1].length - 1] ^= 1;
    const damaged = new MemoryStorage();
    for (const batch of batches) await damaged.append(batch);
    const again = new TestNode(world, 5);
    const second = new Host(again.node, { storage: damaged });
    await second.start();
    expect([again.get("a"), again.get("b"), again.get("c")]).toEqual(["v", undefined, undefined]);
    expect(second.healthy).toBe(false);
    expect(world.logged.map(({ level, event }) => [level, event])).toEqual([["error", "journal damaged"]]);
    again.set("d", "v");
    second.afterTurn();
    let count = 0;
    for await (const _ of damaged.replay()) count++;
    expect(count).toBe(3);
    await second.stop();
  });
});
