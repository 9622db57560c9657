/** Who asks to be told when it is synced: found after a power cut, told within about a second, whatever happens meanwhile. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeText } from "../../../src/core/bytes.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { readRecords } from "../../../src/core/record-stream.ts";
import { readFrame } from "../../../src/journal/frame.ts";
import { type FsyncMode, GATHER_MS, SYNC_MS } from "../../../src/journal/journal.ts";
import type { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { drain } from "../journal/faulty-storage.ts";
import { stored } from "./stored-node.ts";

/** Keys of all entries that are in a storage's journal and snapshots. */
async function keysIn(storage: MemoryStorage): Promise<Set<string>> {
  const keys = new Set<string>();
  const record = new MutableRecord();
  const { snapshots } = await storage.open();
  for (const frames of [storage.readJournal(0), ...snapshots.map(({ id }) => storage.readSnapshot(id))]) {
    for await (const { frame: bytes } of frames) {
      readRecords(bytes.subarray(readFrame(bytes).recordsStart), record, ({ kind, key, keyStart, keyEnd }) => {
        if (kind === RecordKind.SET) keys.add(decodeText(key, keyStart, keyEnd));
      });
    }
  }
  return keys;
}

async function asking(fsync: FsyncMode) {
  const own = await stored({ fsync });
  const { test, host, persistence, storage } = own;
  const told: string[] = [];
  const wrong: string[] = [];
  let checks: Promise<void> = Promise.resolve();
  /** Writes a key, unless that was done before, and asks. */
  const ask = async (key: string, writes = true) => {
    test.node.beginTurn();
    if (writes) test.set(key, "v");
    persistence.whenSynced((error) => {
      told.push(error === undefined ? key : `${key}: ${error.message}`);
      if (error !== undefined) return;
      const { synced } = storage;
      checks = checks.then(async () => {
        if (!(await keysIn(synced)).has(key)) wrong.push(key);
      });
    });
    host.afterTurn();
    await drain();
  };
  const checked = async () => {
    await checks;
    return wrong;
  };
  return { ...own, told, ask, checked };
}

describe("who asks for it to be synced", () => {
  const cases: { mode: FsyncMode; atOnce: string[]; written: string[]; inASecond: string[] }[] = [
    { mode: "always", atOnce: ["k"], written: ["k"], inASecond: ["k"] },
    { mode: "everysec", atOnce: [], written: [], inASecond: ["k"] },
    { mode: "no", atOnce: [], written: [], inASecond: [] },
  ];
  for (const { mode, atOnce, written, inASecond } of cases) {
    test(`in the mode ${mode}`, async () => {
      const { ask, told, advance, checked, persistence, storage } = await asking(mode);
      expect(persistence.synced).toBe(true);
      await ask("k");
      expect(persistence.synced).toBe(false);
      await storage.settle();
      expect(told).toEqual(atOnce);
      await advance(GATHER_MS);
      expect([persistence.status().backlogBytes, told]).toEqual([0, written]);
      await advance(SYNC_MS);
      expect([told, persistence.synced]).toEqual([inASecond, mode !== "no"]);
      expect(await checked()).toEqual([]);
    });
  }

  test("in the mode no: a snapshot stands for it, or another mode syncs it", async () => {
    for (const end of ["snapshot", "always", "everysec"] as const) {
      const { ask, told, advance, checked, persistence } = await asking("no");
      await ask("k");
      await advance(2_000);
      expect(told).toEqual([]);
      if (end === "snapshot") void persistence.snapshot();
      else persistence.configure({ fsync: end });
      await advance(1_000);
      expect([told, persistence.synced]).toEqual([["k"], true]);
      expect(await checked()).toEqual([]);
    }
  });

  test("is told of what is written while it is being synced only by the next one", async () => {
    const { ask, told, world, storage } = await asking("everysec");
    await ask("first");
    world.advance(SYNC_MS);
    await drain();
    while (storage.waiting[0] !== "sync") await storage.step();
    await ask("second");
    await storage.settle();
    expect(told).toEqual(["first"]);
    world.advance(SYNC_MS);
    await storage.settle();
    expect(told).toEqual(["first", "second"]);
  });

  test("is told of a failure of the sync, and asks again when what is stored is whole", async () => {
    const { ask, told, advance, storage, persistence, checked } = await asking("everysec");
    storage.fault = (name) => (name === "sync" ? "before" : undefined);
    await ask("k");
    await advance(SYNC_MS);
    expect(told).toEqual(["k: sync failed"]);
    storage.fault = () => undefined;
    await advance(3_000);
    expect(persistence.state).toBe("ok");
    await ask("l");
    await advance(1_000);
    expect([told.at(-1), persistence.synced]).toEqual(["l", true]);
    expect(await checked()).toEqual([]);
  });
});

const mode = fc.constantFrom<FsyncMode>("always", "everysec", "no");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constantFrom("ask" as const, "ask again" as const) }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant("time" as const), ms: fc.constantFrom(10, 45, 400, 950) }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant("storage" as const), calls: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("mode" as const), mode }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("snapshot" as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("fault" as const), how: fc.constantFrom("before", "after") }) },
);

test("whoever was told finds it after a power cut, and everybody is told", async () => {
  await fc.assert(
    fc.asyncProperty(mode, fc.array(step, { maxLength: 40 }), async (first, steps) => {
      const { ask, told, world, advance, storage, persistence, checked } = await asking(first);
      let written = 0;
      let asked = 0;
      for (const one of steps) {
        if (one.what === "ask" || (one.what === "ask again" && written > 0)) {
          const writes = one.what === "ask";
          if (writes) written++;
          await ask(`k${written - 1}`, writes);
          asked++;
        } else if (one.what === "time") world.advance(one.ms);
        else if (one.what === "storage") await storage.step(one.calls);
        else if (one.what === "mode") persistence.configure({ fsync: one.mode });
        else if (one.what === "snapshot") void persistence.snapshot().catch(() => {});
        else if (one.what === "fault") {
          const number = storage.calls.length;
          storage.fault = (_, n) => (n === number ? (one.how as "before" | "after") : undefined);
        }
        await drain();
      }
      storage.fault = () => undefined;
      persistence.configure({ fsync: "everysec" });
      // The longest pause before an attempt to heal is 30 s.
      for (let n = 0; n < 320 && !(persistence.state === "ok" && persistence.synced); n++) await advance(100);
      expect(await checked()).toEqual([]);
      expect(told.length).toBe(asked);
      expect([persistence.state, persistence.synced]).toEqual(["ok", true]);
    }),
    { seed: 11, numRuns: 200 },
  );
});
