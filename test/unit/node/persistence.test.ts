/** Persistence, case by case: who is told what and when, triggers, bounds, databases, and peers. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import type { Transport } from "../../../src/core/ports.ts";
import { Host } from "../../../src/node/host.ts";
import type { PersistenceOptions } from "../../../src/node/persistence.ts";
import { drain, FaultyStorage } from "../journal/faulty-storage.ts";
import { outcomeOf, stored } from "./stored-node.ts";
import { TestNode, World } from "./test-node.ts";

describe("who is told, and when", () => {
  const cases: { fsync: PersistenceOptions["fsync"]; receipt: boolean; before: string[]; calls: string[] }[] = [
    { fsync: "always", receipt: false, before: [], calls: ["append"] },
    { fsync: "everysec", receipt: false, before: ["w"], calls: [] },
    { fsync: "no", receipt: false, before: ["w"], calls: [] },
    { fsync: "always", receipt: true, before: [], calls: ["append"] },
    { fsync: "everysec", receipt: true, before: [], calls: ["append"] },
    { fsync: "no", receipt: true, before: [], calls: ["append"] },
  ];
  for (const { fsync, receipt, before, calls } of cases) {
    test(`in the mode ${fsync}${receipt ? ", of a receipt" : ""}`, async () => {
      const { storage, test, told, turn } = await stored({ fsync });
      await turn(() => void test.set("k", "v"), "w", receipt);
      expect([told, storage.waiting]).toEqual([before, calls]);
      await storage.settle();
      expect(told).toEqual(["w"]);
    });
  }

  test("also where it is asked before the outbox was emptied, and nobody is told twice", async () => {
    const { storage, test, told, turn, persistence } = await stored({ fsync: "always" });
    await turn(() => {
      test.set("a", "1");
      persistence.whenPromised(() => told.push("inside"));
    }, "w");
    expect(told).toEqual([]);
    await storage.settle();
    expect(told).toEqual(["inside", "w"]);
  });

  test("while the journal is being loaded: once its end has been seen, and before the snapshot is loaded", async () => {
    const first = await stored({ fsync: "always" });
    await first.turn(() => void first.test.set("k", "v"));
    await first.storage.settle();
    void first.persistence.snapshot();
    await first.advance(100);
    await first.turn(() => void first.test.set("other", "v"));
    await first.storage.settle();
    const { told, turn, test, storage, persistence } = await stored(
      { fsync: "always" },
      new FaultyStorage(first.storage.left),
      false,
    );
    await turn(() => void test.set("new", "v"), "w");
    expect([persistence.state, told]).toEqual(["recovering", []]);
    const seen: string[] = [];
    while (persistence.state === "recovering") {
      await storage.step();
      const { recovery } = persistence.status();
      seen.push(
        `${told.length > 0 ? "told" : "waiting"}, ${recovery?.journalLoaded === true ? "after" : "before"} the end`,
      );
    }
    expect(new Set(seen)).toEqual(new Set(["waiting, before the end", "told, after the end"]));
  });

  test("while the journal is being loaded, and it turns out to be damaged: it failed, and the mode refuses", async () => {
    const first = await stored({ fsync: "always" });
    for (const key of ["a", "b", "c"]) {
      await first.turn(() => void first.test.set(key, "v"));
      await first.storage.settle();
    }
    const storage = new FaultyStorage(first.storage.left);
    storage.damages = (name, sequence) => name === "readJournal" && sequence === 2;
    const { told, turn, test, persistence, advance, world } = await stored({ fsync: "always" }, storage, false);
    await turn(() => void test.set("new", "v"), "w");
    await storage.settle();
    expect(told).toEqual(["w failed"]);
    expect(persistence.refusal).toContain("journal frame 2");
    expect(persistence.status().failure?.code).toBe("corrupt");
    expect([test.get("a"), test.get("b"), test.get("c"), test.get("new")]).toEqual(["v", undefined, undefined, "v"]);
    await advance(100);
    expect([persistence.state, persistence.refusal, persistence.failure]).toEqual(["ok", undefined, undefined]);
    expect(world.logged.map(({ event }) => event)).toContain("stored data is damaged");
    const again = await stored({}, new FaultyStorage(storage.left));
    expect(again.persistence.status().report?.damage).toEqual([]);
    expect(again.test.contents()).toEqual(test.contents());
  });
});

describe("a fill that came too late", () => {
  test("leaves nothing to be stored", async () => {
    const { test, turn, host } = await stored();
    await turn(() => {
      const token = test.lease("k");
      test.invalidate({ tags: ["red"] });
      host.afterTurn();
      expect(test.fill(token, "loaded", { tags: ["red"] })).toBe("invalidated");
      expect(test.node.outbox.empty).toBe(true);
    });
  });
});

describe("databases", () => {
  test("that were exchanged are known before anything is loaded, also while more are being exchanged", async () => {
    for (const saves of [false, true]) {
      const first = await stored({ fsync: "always" });
      await first.turn(() => first.test.node.swapDatabases(1, 2));
      await first.storage.settle();
      if (saves) {
        void first.persistence.snapshot();
        await first.advance(100);
        expect(first.persistence.status().snapshots).toBe(1);
      } else {
        await first.turn(() => void first.test.set("k", "v"));
        await first.storage.settle();
      }
      const { test, turn, storage } = await stored({}, new FaultyStorage(first.storage.left), false);
      expect(test.node.databases.physical(1)).toBe(2);
      await turn(() => test.node.swapDatabases(3, 4));
      await storage.settle();
      expect([1, 2, 3, 4].map((n) => test.node.databases.physical(n))).toEqual([2, 1, 4, 3]);
    }
  });
});

describe("a snapshot", () => {
  test("is finished only when everything that it may have met is stored", async () => {
    const { storage, test, turn, persistence, world } = await stored({ fsync: "everysec" });
    await turn(() => void test.set("k", "1"));
    void persistence.snapshot();
    await storage.step(2);
    await turn(() => void test.set("k", "2"));
    world.advance(20);
    await drain();
    expect(storage.waiting).toEqual(["writeChunk", "append"]);
    await storage.step();
    expect(storage.waiting).toEqual(["append"]);
    await storage.step();
    expect(storage.waiting).toEqual(["finishSnapshot"]);
  });

  const faults = ["beginSnapshot", "writeChunk", "finishSnapshot"];
  for (const name of faults) {
    test(`that fails at ${name} is reported, given up, and tried again after a pause that grows`, async () => {
      const { storage, test, turn, persistence, advance, world } = await stored({ snapshotJournalBytes: 1 });
      storage.fault = (one) => (one === name ? "before" : undefined);
      await turn(() => void test.set("k", "v"));
      await advance(20_000);
      const attempts = storage.calls.filter((one) => one === "beginSnapshot").length;
      expect([attempts >= 4, attempts <= 6]).toEqual([true, true]);
      expect(persistence.status()).toMatchObject({
        state: "ok",
        snapshots: 0,
        lastSnapshotFailed: true,
        snapshotting: false,
      });
      expect(world.logged.map(({ event }) => event)).toEqual(["snapshot failed"]);
      expect((await storage.left.open()).snapshots).toEqual([]);
      expect(storage.calls.includes("dropSnapshot")).toBe(name !== "beginSnapshot");
      storage.fault = () => undefined;
      await advance(31_000);
      expect(persistence.status()).toMatchObject({ snapshots: 1, lastSnapshotFailed: false, changes: 0 });
      expect((await storage.left.open()).snapshots.length).toBe(1);
    });
  }

  test("is written when the journal is long enough, and at the interval if anything changed", async () => {
    const { test, turn, persistence, advance } = await stored({
      snapshotJournalBytes: 3_000,
      snapshotIntervalMs: 60_000,
    });
    const written = async (count: number) => {
      for (let n = 0; n < count; n++) await turn(() => void test.set("k", `${n}`.repeat(50)));
      await advance(500);
      return persistence.status().snapshots;
    };
    expect([await written(5), await written(40), await written(2)]).toEqual([0, 1, 1]);
    await advance(61_000);
    expect(persistence.status().snapshots).toBe(2);
    await advance(200_000);
    expect(persistence.status().snapshots).toBe(2);
  });

  test("begins once at a time, and not before everything is loaded", async () => {
    const { persistence, storage, test, turn, advance } = await stored();
    await turn(() => void test.set("k", "v"));
    const first = persistence.snapshot();
    expect(persistence.snapshotting).toBe(true);
    const second = outcomeOf(persistence.snapshot());
    await storage.settle();
    expect(second.text).toContain("is being written already");
    const other = await stored({}, new FaultyStorage(storage.left), false);
    const third = outcomeOf(other.persistence.snapshot());
    await drain();
    expect(third.text).toContain("before everything is loaded");
    await advance(100);
    await first;
  });
});

describe("congestion", () => {
  test("begins above the limit of what storage has not taken, and ends below half of it", async () => {
    const { storage, test, turn, persistence } = await stored({ fsync: "always", maxJournalBacklog: 10_000 });
    const seen: boolean[] = [];
    for (let n = 0; n < 12; n++) {
      await turn(() => void test.set(`k${n}`, "v".repeat(1_000)));
      seen.push(persistence.congested);
    }
    expect(seen.indexOf(true)).toBe(9);
    // The first append was one record; the second takes all the others.
    await storage.step();
    expect(persistence.congested).toBe(true);
    await storage.step();
    expect(persistence.congested).toBe(false);
  });

  test("begins with the file at its bound while a snapshot is being written, and ends with that", async () => {
    const { storage, test, turn, persistence, advance, world } = await stored();
    const { inner } = storage;
    const append = inner.append.bind(inner);
    const finish = inner.finishSnapshot.bind(inner);
    let fileBytes = 200 * 2 ** 20;
    inner.append = async (frames, sync) => ({ ...(await append(frames, sync)), fileBytes });
    inner.finishSnapshot = async (id, summary) => ({ ...(await finish(id, summary)), fileBytes });
    await turn(() => void test.set("k", "v"));
    await advance(100);
    expect(persistence.congested).toBe(false);
    void persistence.snapshot();
    world.advance(20);
    await drain();
    expect(persistence.congested).toBe(true);
    await advance(100);
    expect([persistence.congested, persistence.status().snapshots]).toEqual([false, 1]);
    // What is given back later is heard of, though nothing is written.
    fileBytes = 1_000;
    void persistence.snapshot();
    await advance(100);
    expect(persistence.status().usage.fileBytes).toBe(1_000);
  });
});

describe("peers", () => {
  test("are sent what is stored, in the mode always; and what could not be, since it is served; in order", async () => {
    const sent: number[] = [];
    const transport: Transport = {
      send: (_, frame) => void sent.push(frame.length),
      onReceive: () => {},
      close: async () => {},
    };
    const world = new World();
    const storage = new FaultyStorage();
    const test = new TestNode(world, 3);
    const host = new Host(test.node, { storage, transport, peers: ["b"], persistence: { fsync: "always" } });
    const started = host.start();
    await storage.settle();
    await started;
    await storage.settle();
    storage.fault = (name, number) => (name === "append" && number > 1 ? "before" : undefined);
    for (let n = 1; n <= 3; n++) {
      test.set("k", "v".repeat(n));
      host.afterTurn();
      await drain();
    }
    expect(sent).toEqual([]);
    await storage.settle();
    expect(sent.length).toBe(3);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    test.set("k", "later");
    host.afterTurn();
    expect(sent.length).toBe(4);
    expect(test.node.receive("b", encodeText("no frame"))).toBe(false);
  });
});
