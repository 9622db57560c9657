/** Recovery, case by case: damage, the snapshot before, budgets, invalidations while loading, progress, reading again. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import { EpochMode } from "../../../src/core/record.ts";
import { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { Host } from "../../../src/node/host.ts";
import type { RecoveryReport } from "../../../src/node/persistence-status.ts";
import { FaultyStorage } from "../journal/faulty-storage.ts";
import { stored } from "./stored-node.ts";
import { TestNode, World } from "./test-node.ts";

type Stored = Awaited<ReturnType<typeof stored>>;

async function saved(one: Stored): Promise<void> {
  void one.persistence.snapshot();
  await one.advance(200);
  expect(one.persistence.status().lastSnapshotFailed).toBe(false);
}

/** Each in a frame of its own. */
async function frames(one: Stored, ...turns: (() => unknown)[]): Promise<void> {
  for (const work of turns) {
    await one.turn(() => void work(), "w", true);
    await one.storage.settle();
  }
}

function reportOf({ persistence }: Stored): RecoveryReport {
  const { report } = persistence.status();
  if (report === undefined) throw new Error("recovery is not over");
  return report;
}

describe("a damaged journal", () => {
  const cases: { name: string; byte: number; found: (string | undefined)[] }[] = [
    {
      name: "in the last record of a frame: those before it count",
      byte: 1,
      found: ["v", "v", "v", undefined, undefined],
    },
    {
      name: "in the frame's head: none of it counts",
      byte: 10_000,
      found: ["v", "v", undefined, undefined, undefined],
    },
  ];
  for (const { name, byte, found } of cases) {
    test(`${name}; nothing behind it does; it is reported, and whole again at once`, async () => {
      const first = await stored();
      await frames(
        first,
        () => first.test.set("a", "v"),
        () => first.test.set("b", "v"),
        () => [first.test.set("c", "v"), first.test.set("d", "v")],
        () => first.test.set("e", "v"),
      );
      const storage = new FaultyStorage(first.storage.left);
      storage.damages = (call, sequence) => call === "readJournal" && sequence === 3;
      storage.damagedByte = byte;
      const second = await stored({}, storage);
      const { test, persistence, world, host } = second;
      expect(["a", "b", "c", "d", "e"].map((key) => test.get(key))).toEqual(found);
      expect(reportOf(second).damage.map(({ where }) => where)).toEqual(["journal frame 3"]);
      expect([host.healthy, persistence.status().failure?.code]).toEqual([false, "corrupt"]);
      const logged = world.logged.filter(({ event }) => event === "stored data is damaged");
      expect(logged).toMatchObject([{ level: "error", fields: { where: "journal frame 3" } }]);
      await second.turn(() => void test.set("new", "v"));
      await second.advance(200);
      expect([host.healthy, persistence.status().heals]).toEqual([true, 1]);
      const third = await stored({}, new FaultyStorage(storage.left));
      expect(reportOf(third).damage).toEqual([]);
      expect(third.test.contents()).toEqual(test.contents());
    });
  }

  test("where a frame is missing ends before it", async () => {
    for (const missing of [1, 2, 3]) {
      const first = await stored();
      await frames(first, ...["a", "b", "c"].map((key) => () => first.test.set(key, "v")));
      const inner = first.storage.left;
      const read = inner.readJournal.bind(inner);
      inner.readJournal = async function* (after) {
        for await (const one of read(after)) if (one.sequence !== missing) yield one;
      };
      const second = await stored({}, new FaultyStorage(inner));
      expect(Object.keys(second.test.contents())).toEqual(["a", "b", "c"].slice(0, missing - 1));
      expect(reportOf(second).damage.map(({ where }) => where)).toEqual([`journal frame ${missing}`]);
    }
  });
});

describe("a damaged snapshot", () => {
  /** Two snapshots, with changes before, between and behind them. */
  async function twice(keepPrevious: boolean): Promise<{ left: MemoryStorage; contents: object; world: World }> {
    const one = await stored({}, new FaultyStorage({ keepPrevious }));
    const { test } = one;
    const touch = (key: string, ms: number) => test.node.expireAt(test.id(key), test.node.nowMs + ms);
    await frames(
      one,
      () => ["kept", "gone", "purged", "touched", "twice", "newer"].map((key) => test.set(key, "1", { tags: [key] })),
      () => touch("twice", 500_000),
    );
    await saved(one);
    await frames(
      one,
      () => test.delete("gone"),
      () => test.invalidate({ tags: ["purged"] }),
      () => touch("touched", 100_000),
      () => touch("twice", 400_000),
      () => test.set("newer", "2"),
      () => test.set("between", "1"),
    );
    await saved(one);
    await frames(
      one,
      () => touch("twice", 90_000),
      () => test.set("later", "1"),
    );
    return { left: one.storage.left, contents: test.contents(), world: one.world };
  }

  for (const keepPrevious of [true, false]) {
    test(`is ${keepPrevious ? "made good for by the one before it, with its journal" : "used as far as it goes"}`, async () => {
      const { left, contents, world } = await twice(keepPrevious);
      const storage = new FaultyStorage(left);
      const newest = (await left.copy().open()).snapshots[0];
      let chunks = 0;
      storage.damages = (name) => name === "readSnapshot" && ++chunks === 1;
      storage.damagedByte = 10_000;
      const one = await stored({}, storage, true, world);
      expect(reportOf(one).damage.map(({ where }) => where)).toEqual([`chunk 1 of snapshot ${newest?.id}`]);
      expect([one.host.healthy, one.persistence.state]).toEqual([false, "ok"]);
      if (keepPrevious) expect(one.test.contents()).toEqual(contents as never);
      else expect(Object.keys(one.test.contents())).toEqual(["later"]);
      await one.advance(200);
      expect([one.host.healthy, one.persistence.status().snapshots]).toEqual([true, 1]);
      const again = await stored({}, new FaultyStorage(storage.left), true, world);
      expect(reportOf(again).damage).toEqual([]);
      expect(again.test.contents()).toEqual(one.test.contents());
    });
  }

  test("is not made good for where what was done in between is not known", async () => {
    const one = await stored({}, new FaultyStorage({ keepPrevious: true }));
    const { test, storage } = one;
    await frames(one, () => [test.set("a", "1"), test.set("b", "1")]);
    await saved(one);
    storage.fault = (name) => (name === "append" ? "before" : undefined);
    await one.turn(() => void test.delete("a"));
    await one.advance(100);
    storage.fault = () => undefined;
    await one.advance(2_000);
    expect([one.persistence.state, one.persistence.status().heals]).toEqual(["ok", 1]);
    await frames(one, () => test.set("c", "1"));
    const damaged = new FaultyStorage(storage.left);
    let chunks = 0;
    damaged.damages = (name) => name === "readSnapshot" && ++chunks === 1;
    damaged.damagedByte = 10_000;
    const two = await stored({}, damaged);
    expect(two.test.get("a")).toBe(undefined);
    expect(Object.keys(two.test.contents())).toEqual(["c"]);
    expect(two.world.logged.map(({ event }) => event)).toContain(
      "the snapshot before is not used, because the journal after it is not whole",
    );
  });

  test("counts up to the damage within a chunk", async () => {
    const one = await stored();
    await frames(one, () => ["a", "b", "c"].map((key) => one.test.set(key, "1")));
    await saved(one);
    const storage = new FaultyStorage(one.storage.left);
    storage.damages = (name) => name === "readSnapshot";
    const two = await stored({}, storage);
    expect(Object.keys(two.test.contents())).toEqual(["a", "b"]);
    expect(reportOf(two).damage.length).toBe(1);
  });
});

describe("what is done while a snapshot is being loaded", () => {
  const cases: { name: string; act: (one: Stored) => unknown; left: string[] }[] = [
    { name: "a flush", act: ({ test }) => test.node.flush(-1), left: [] },
    { name: "a flush of one database", act: ({ test }) => test.node.flush(0), left: [] },
    { name: "a purge by tag", act: ({ test }) => test.invalidate({ tags: ["red"] }), left: ["b"] },
    { name: "a purge by pattern", act: ({ test }) => test.invalidate({ patterns: ["a*"] }), left: ["b"] },
    { name: "a purge by key", act: ({ test }) => test.invalidate({ keys: ["a"] }), left: ["b"] },
    { name: "a delete", act: ({ test }) => test.delete("a"), left: ["b"] },
    {
      name: "a soft invalidation",
      act: ({ test }) => test.invalidate({ tags: ["red"] }, EpochMode.STALE),
      left: ["b"],
    },
    { name: "a fill that was leased then", act: ({ test }) => test.fill(test.lease("a"), "filled"), left: ["a", "b"] },
    { name: "a write", act: ({ test }) => test.set("a", "filled"), left: ["a", "b"] },
  ];
  for (const { name, act, left } of cases) {
    test(`counts for what comes later: ${name}`, async () => {
      const first = await stored();
      await frames(first, () => [first.test.set("a", "1", { tags: ["red"] }), first.test.set("b", "1")]);
      await saved(first);
      for (const moment of [0, 1, 2]) {
        const storage = new FaultyStorage(first.storage.left);
        const one = await stored({}, storage, false);
        await storage.step(moment);
        await one.turn(() => void act(one), "w", true);
        await storage.settle();
        await one.advance(100);
        const fresh = ["a", "b"].filter((key) => one.test.get(key) !== undefined);
        expect(fresh).toEqual(left);
        if (left.includes("a")) expect(one.test.get("a")).toBe("filled");
        const again = await stored({}, new FaultyStorage(storage.left));
        expect(["a", "b"].filter((key) => again.test.get(key) !== undefined)).toEqual(left);
      }
    });
  }
});

describe("what keeps a peer's older records out", () => {
  const SETTINGS = { maxMemory: 2 ** 20, policy: "lru" as const };

  async function started(inner: MemoryStorage, world: World, seed: number, settings = SETTINGS, loads = true) {
    const storage = new FaultyStorage(inner);
    const test = new TestNode(world, seed, settings);
    const host = new Host(test.node, { storage, peers: ["b"] });
    const start = host.start();
    await storage.step();
    while (host.persistence?.state === "closed") await storage.step();
    await start;
    if (loads) await storage.settle();
    return { storage, test, host };
  }

  async function save({ storage, host }: { storage: FaultyStorage; host: Host }, world: World): Promise<void> {
    host.afterTurn();
    void host.persistence?.snapshot();
    for (let n = 0; n < 40; n++) {
      world.advance(20);
      await storage.settle();
    }
    expect(host.persistence?.status().snapshots).toBe(1);
  }

  test("is known before anything of the journal is served", async () => {
    const world = new World();
    const one = await started(new MemoryStorage(), world, 1);
    const peer = new TestNode(world, 99);
    peer.node.outbox.addPeer("a");
    const token = peer.lease("k");
    one.test.invalidate({ tags: ["red"] });
    await save(one, world);
    // It began before the invalidation, and arrives late: ignored, and journaled all the same.
    peer.node.beginTurn();
    expect(peer.fill(token, "loaded", { tags: ["red"] })).toBe("stored");
    const [sent] = peer.node.outbox.take();
    expect(one.test.node.receive("b", sent?.frame ?? new Uint8Array())).toBe(true);
    expect(one.test.get("k")).toBe(undefined);
    one.host.afterTurn();
    await one.host.persistence?.journal.flush();
    await one.storage.settle();
    const two = await started(one.storage.left, world, 2, SETTINGS, false);
    while (two.host.persistence?.state === "recovering") {
      expect(two.test.get("k")).toBe(undefined);
      await two.storage.step();
    }
    expect(two.host.persistence?.status().report).toMatchObject({ journalRecords: 1, damage: [] });
    expect(two.test.get("k")).toBe(undefined);
  });

  test("is loaded when the budget has no room for entries, too", async () => {
    const world = new World();
    const one = await started(new MemoryStorage(), world, 1, { ...SETTINGS, maxMemory: 4 * 2 ** 20 });
    for (let n = 0; n < 600; n++) one.test.set(`k${n}`, "v".repeat(9_000));
    expect(one.test.node.store.entries.guards.size).toBeGreaterThan(0);
    await save(one, world);
    const two = await started(one.storage.left, world, 2);
    expect(two.host.persistence?.status().report?.leftOut).toBeGreaterThan(0);
    expect(two.test.node.store.entries.guards.highest).toBeGreaterThan(0);
  });
});

describe("recovery", () => {
  test("tells how far it is", async () => {
    const first = await stored();
    for (let n = 0; n < 30; n++) await frames(first, () => first.test.set(`k${n}`, "v".repeat(500)));
    await saved(first);
    for (let n = 0; n < 30; n++) await frames(first, () => first.test.set(`k${n}`, "w".repeat(500)));
    const one = await stored({}, new FaultyStorage(first.storage.left), false);
    const seen: number[] = [];
    while (one.persistence.state === "recovering") {
      const { recovery } = one.persistence.status();
      seen.push(recovery?.progress ?? -1);
      await one.storage.step();
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect([seen[0], new Set(seen).size > 20, one.persistence.status().recovery?.progress]).toEqual([0, true, 1]);
    expect(reportOf(one)).toMatchObject({ entries: 30, frames: 30, journalRecords: 30, leftOut: 0, damage: [] });
    expect(one.persistence.status().changes).toBe(30);
  });

  test("reads again what could not be read, and reports it only if it never can be", async () => {
    for (const failing of ["readJournal", "readSnapshot"]) {
      for (const times of [5, 1_000]) {
        const first = await stored();
        await frames(first, () => first.test.set("a", "v"));
        await saved(first);
        await frames(first, () => first.test.set("b", "v"));
        const storage = new FaultyStorage(first.storage.left);
        let left = times;
        const one = await stored({}, storage, false);
        storage.fault = (name) => (name === failing && left-- > 0 ? "before" : undefined);
        await one.advance(12_000);
        const isFound = times === 5;
        expect([failing, reportOf(one).damage.length]).toEqual([failing, isFound ? 0 : 1]);
        expect(one.test.get(failing === "readJournal" ? "b" : "a")).toBe(isFound ? "v" : undefined);
      }
    }
  });

  test("with a budget smaller than what is stored leaves the coldest out, counts that, and still knows what was purged", async () => {
    const inner = new MemoryStorage();
    const first = await stored({}, new FaultyStorage(inner));
    const { test } = first;
    test.node.configure({ maxMemory: 64 * 2 ** 20 });
    for (let n = 0; n < 40; n++) {
      await frames(first, () => Array.from({ length: 100 }, (_, i) => test.set(`k${n}.${i}`, "v".repeat(3_000))));
    }
    first.world.nowMs += 7_200_000;
    test.node.beginTurn();
    for (let i = 0; i < 100; i++) test.node.find(encodeText(`k7.${i}`), 0, `k7.${i}`.length);
    await saved(first);
    await frames(first, () => test.invalidate({ keys: ["k7.3"] }));
    const world = first.world;
    const small = new TestNode(world, 5, { maxMemory: 6 * 2 ** 20, policy: "tinylfu" });
    const host = new Host(small.node, { storage: first.storage.left });
    await host.start();
    for (let n = 0; n < 1_000 && host.persistence?.state === "recovering"; n++) {
      world.advance(5);
      for (let i = 0; i < 20; i++) await Promise.resolve();
    }
    const report = host.persistence?.status().report;
    expect([report?.damage.length, (report?.leftOut ?? 0) > 5]).toEqual([0, true]);
    const hot = Array.from({ length: 100 }, (_, i) => small.get(`k7.${i}`)).filter((value) => value !== undefined);
    expect(hot.length).toBe(99);
    expect(small.get("k7.3")).toBe(undefined);
    await host.stop();
  });
});
