/** What persistence does when storage fails, until it works again; and when the node stops. */
import { describe, expect, test } from "bun:test";
import { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { drain, FaultyStorage } from "../journal/faulty-storage.ts";
import { outcomeOf, stored } from "./stored-node.ts";

describe("healing", () => {
  test("is tried after 1 s, 2 s, 4 s and so on, at most 30 s; meanwhile the node serves, and says what is wrong", async () => {
    for (const fsync of ["always", "everysec"] as const) {
      const { storage, test, turn, persistence, advance, host, world, told } = await stored({ fsync });
      storage.fault = (name) => (/append|begin/.test(name) ? "before" : undefined);
      await turn(() => void test.set("k", "v"), "w", true);
      const began = world.nowMs;
      const attempts: number[] = [];
      for (let n = 0; n < 1_500; n++) {
        const before = storage.calls.filter((name) => name === "beginSnapshot").length;
        await advance(100);
        const after = storage.calls.filter((name) => name === "beginSnapshot").length;
        if (after > before) attempts.push(Math.round((world.nowMs - began) / 1_000));
      }
      expect(attempts).toEqual([1, 3, 7, 15, 31, 61, 91, 121]);
      expect([told, host.healthy, persistence.state]).toEqual([["w failed"], false, "failed"]);
      expect(persistence.refusal).toBe(fsync === "always" ? "beginSnapshot failed" : undefined);
      expect(world.logged.filter(({ event }) => event === "journal failed").length).toBe(1);
      await turn(() => void test.set("later", "v"));
      expect(test.get("later")).toBe("v");
      storage.fault = () => undefined;
      await advance(30_000);
      expect([host.healthy, persistence.state, persistence.refusal]).toEqual([true, "ok", undefined]);
      expect(persistence.status()).toMatchObject({ heals: 1, snapshots: 1 });
      const again = await stored({}, new FaultyStorage(storage.left));
      expect(again.test.contents()).toEqual(test.contents());
      expect(again.persistence.status().report?.damage).toEqual([]);
    }
  });

  test("waits for the end of recovery: a snapshot retires what is being loaded", async () => {
    const first = await stored();
    for (const key of ["a", "b", "c"]) {
      await first.turn(() => void first.test.set(key, "v"), "w", true);
      await first.storage.settle();
    }
    const { storage, test, turn, persistence, world, advance } = await stored(
      {},
      new FaultyStorage(first.storage.left),
      false,
    );
    storage.fault = (name) => (name === "append" ? "before" : undefined);
    await turn(() => void test.set("new", "v"), "w", true);
    while (storage.calls.at(-1) !== "append") await storage.step();
    expect(persistence.status()).toMatchObject({ state: "failed", recovery: { journalLoaded: false } });
    storage.fault = () => undefined;
    world.advance(5_000);
    await drain();
    expect(storage.waiting).not.toContain("beginSnapshot");
    await advance(200);
    expect([persistence.state, persistence.status().heals]).toEqual(["ok", 1]);
    const again = await stored({}, new FaultyStorage(storage.left));
    expect(Object.keys(again.test.contents()).sort()).toEqual(["a", "b", "c", "new"]);
  });

  test("can be asked for: a snapshot by hand is an attempt", async () => {
    const { storage, test, turn, persistence, advance } = await stored({ fsync: "always" });
    storage.fault = (name) => (name === "append" ? "before" : undefined);
    await turn(() => void test.set("k", "v"));
    await storage.settle();
    storage.fault = (name) => (name === "beginSnapshot" ? "before" : undefined);
    const failing = outcomeOf(persistence.snapshot());
    await storage.settle();
    expect(failing.text).toContain("beginSnapshot failed");
    expect(persistence.state).toBe("failed");
    storage.fault = () => undefined;
    const saved = persistence.snapshot();
    await advance(100);
    await saved;
    expect([persistence.state, persistence.failure]).toEqual(["ok", undefined]);
  });

  test("holds receipts until it is over", async () => {
    const { storage, test, turn, told, world, advance } = await stored({ fsync: "everysec" });
    storage.fault = (name, number) => (name === "append" && number < 10 ? "before" : undefined);
    await turn(() => void test.set("k", "v"), "lost", true);
    await storage.settle();
    storage.fault = () => undefined;
    world.advance(1_000);
    await turn(() => void test.invalidate({ keys: ["k"] }), "purge", true);
    while (storage.waiting[0] !== "append") await storage.step();
    await storage.step();
    expect(told).toEqual(["lost failed"]);
    await advance(100);
    expect(told).toEqual(["lost failed", "purge"]);
  });
});

describe("stop", () => {
  test("at any moment ends everything: no timer, nobody left waiting, and all that was done is found", async () => {
    for (const fsync of ["always", "everysec", "no"] as const) {
      for (let moment = 0; moment < 14; moment++) {
        const inner = new MemoryStorage();
        const first = await stored({ fsync }, new FaultyStorage(inner));
        await first.turn(() => void first.test.set("old", "v"));
        await first.storage.settle();
        void first.persistence.snapshot();
        await first.advance(50);
        const left = new FaultyStorage(first.storage.left);
        const { storage, test, turn, told, host, world, persistence } = await stored({ fsync }, left, false);
        await turn(() => void test.set("k", "v"), "w", true);
        if (moment > 7) await storage.settle();
        else await storage.step(moment);
        const saved = moment > 7 ? persistence.snapshot() : Promise.resolve();
        const settled = outcomeOf(saved);
        if (moment > 7) {
          world.advance(20);
          await drain();
          await storage.step(moment - 7);
        }
        const stopped = host.stop();
        const twice = host.stop();
        await storage.settle();
        await stopped;
        await twice;
        await host.recovered;
        expect([world.waiting, told.length, settled.text !== ""]).toEqual([0, 1, true]);
        const again = await stored({}, new FaultyStorage(storage.left));
        expect([again.test.get("old"), again.test.get("k")]).toEqual(["v", "v"]);
        expect(again.persistence.status().report?.damage).toEqual([]);
      }
    }
  });
});
