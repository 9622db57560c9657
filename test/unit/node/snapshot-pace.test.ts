/** What snapshots take from requests: short slices far apart while some come, and space that is given back in quiet times. */
import { describe, expect, test } from "bun:test";
import type { Ports } from "../../../src/core/ports.ts";
import { FaultyStorage } from "../journal/faulty-storage.ts";
import { outcomeOf, stored } from "./stored-node.ts";
import { World } from "./test-node.ts";

const ENTRIES = 4_000;

/** Each look at the clock takes some time, so that slices end. */
class SlowWorld extends World {
  lookMs = 0;

  override ports(seed: number, skewMs = 0): Ports {
    const ports = super.ports(seed, skewMs);
    const monotonic = () => {
      this.monotonicMs += this.lookMs;
      return this.monotonicMs;
    };
    return { ...ports, clock: { now: ports.clock.now, monotonic } };
  }
}

async function filled() {
  const world = new SlowWorld();
  const options = { snapshotJournalBytes: 2 ** 40, snapshotIntervalMs: 0 };
  const node = await stored(options, new FaultyStorage(), true, world);
  await node.turn(() => {
    for (let n = 0; n < ENTRIES; n++) node.test.set(`key ${n}`, "value");
  });
  await node.advance(100);
  node.storage.calls.length = 0;
  const saved = outcomeOf(node.persistence.snapshot());
  await node.storage.settle();
  return { ...node, world, saved };
}

describe("a snapshot", () => {
  test("waits between its slices while requests come, and does not where none do", async () => {
    const { world, test: node, persistence } = await filled();
    world.lookMs = 0.05;
    const tick = (requests: boolean): number => {
      if (requests) node.set("key 1", "value");
      persistence.tick();
      return persistence.status().snapshotProgress;
    };
    const first = tick(true);
    expect(first).toBeGreaterThan(0);
    expect(tick(true)).toBe(first);
    world.advance(5);
    const second = tick(true);
    expect(second).toBeGreaterThan(first);
    const third = tick(false);
    expect(third - second).toBeGreaterThan(2 * (second - first));
    expect(tick(false)).toBeGreaterThan(third);
  });

  test("hurries once much is journaled beside it", async () => {
    const { world, test: node, persistence, turn } = await filled();
    world.lookMs = 0.05;
    const tick = async (bytes: number): Promise<number> => {
      await turn(() => node.set("key 1", "v".repeat(bytes)));
      persistence.tick();
      return persistence.status().snapshotProgress;
    };
    const first = await tick(10);
    expect(await tick(10)).toBe(first);
    await tick(200_000);
    // The journal counts a frame when it is closed.
    expect(await tick(200_000)).toBeGreaterThan(first);
  });

  const cases = [
    { name: "is followed at once by giving space back where little is journaled", bytes: 1_000, quiet: true },
    { name: "leaves space to the journal that comes, until that is quiet", bytes: 300_000, quiet: false },
  ];
  for (const { name, bytes, quiet } of cases) {
    test(name, async () => {
      const { world, test: node, persistence, storage, turn, saved } = await filled();
      await turn(() => node.set("large", "v".repeat(bytes)));
      while (saved.text === "") {
        persistence.tick();
        await storage.settle();
      }
      expect(saved.text).toBe("done");
      expect(storage.calls.includes("compact")).toBe(quiet);
      await turn(() => node.set("large", "w".repeat(bytes)));
      world.advance(250);
      await storage.settle();
      expect(storage.calls.includes("compact")).toBe(quiet);
      world.advance(250);
      await storage.settle();
      expect(storage.calls.includes("compact")).toBe(true);
    });
  }
});
