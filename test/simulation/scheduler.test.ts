/** The scheduler, the clocks and the machines of the simulator. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Machine } from "./machine.ts";
import { Scheduler } from "./scheduler.ts";
import { SeededRandom } from "./seeded-random.ts";
import { START_MS, VirtualClock } from "./virtual-clock.ts";

describe("scheduler", () => {
  test("events happen in the order of time, and of asking at the same time", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (times) => {
        const scheduler = new Scheduler();
        const happened: [number, number][] = [];
        for (const [i, atMs] of times.entries()) scheduler.at(atMs, () => happened.push([scheduler.nowMs, i]));
        scheduler.runUntil(100);
        expect(happened).toEqual(
          times.map((atMs, i): [number, number] => [atMs, i]).sort((a, b) => a[0] - b[0] || a[1] - b[1]),
        );
        expect(scheduler.nowMs).toBe(100);
      }),
    );
  });

  test("what was cancelled does not happen, and what is asked for late happens now", () => {
    const scheduler = new Scheduler();
    const happened: string[] = [];
    const cancel = scheduler.after(5, () => happened.push("cancelled"));
    scheduler.after(3, () => {
      cancel();
      scheduler.at(1, () => happened.push(`late at ${scheduler.nowMs}`));
    });
    scheduler.runUntil(10);
    expect(happened).toEqual(["late at 3"]);
  });

  test("promises that an event settles are carried on within it", () => {
    const scheduler = new Scheduler();
    const happened: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    void (async () => {
      await promise;
      await undefined;
      happened.push("waited");
    })();
    scheduler.after(1, resolve);
    scheduler.after(2, () => happened.push("next"));
    scheduler.runUntil(3);
    expect(happened).toEqual(["waited", "next"]);
  });
});

describe("clocks", () => {
  test("the wall clock is off, drifts and jumps; the monotonic one never goes back", () => {
    const scheduler = new Scheduler();
    const clock = new VirtualClock(scheduler, 100, 1_000);
    expect(clock.now()).toBe(START_MS + 100);
    let before = clock.monotonic();
    scheduler.after(10_000, () => clock.jump(-5_000));
    for (let ms = 1_000; ms <= 20_000; ms += 1_000) {
      scheduler.runUntil(ms);
      const now = clock.monotonic();
      expect(now).toBeGreaterThan(before);
      expect(clock.monotonic() - now).toBeLessThan(1);
      before = now;
    }
    expect(clock.now()).toBe(START_MS + 100 + 20_000 + 20 - 5_000);
    expect([clock.leastMs, clock.mostMs].map(Math.round)).toEqual([-4_890, 110]);
  });
});

describe("machine", () => {
  test("a pause delays what comes, in its order; an end drops it", () => {
    const scheduler = new Scheduler();
    const errors: unknown[] = [];
    const machine = new Machine(scheduler, (error) => errors.push(error));
    const happened: string[] = [];
    machine.after(5, () => happened.push(`timer at ${scheduler.nowMs}`));
    machine.pause();
    machine.run(() => happened.push(`frame at ${scheduler.nowMs}`));
    scheduler.after(8, () => machine.resume());
    scheduler.runUntil(10);
    expect(happened).toEqual(["frame at 8", "timer at 8"]);
    machine.run(() => {
      throw new Error("unexpected");
    });
    expect(errors).toHaveLength(1);
    machine.after(5, () => happened.push("never"));
    machine.end();
    scheduler.runUntil(30);
    expect(happened).toHaveLength(2);
  });
});

describe("random", () => {
  test("a seed and a name give the same numbers, and other ones others", () => {
    const draw = (seed: number, name: string) => {
      const random = new SeededRandom(seed, name);
      return Array.from({ length: 8 }, () => random.uint32());
    };
    expect(draw(1, "a")).toEqual(draw(1, "a"));
    const all = [draw(1, "a"), draw(1, "b"), draw(2, "a"), draw(2 ** 40 + 1, "a")].map(String);
    expect(new Set(all).size).toBe(4);
  });

  test("what one part draws changes nothing for another", () => {
    const a = new SeededRandom(7, "world");
    const b = new SeededRandom(7, "world");
    a.uint32();
    expect(a.fork("x").uint32()).toBe(b.fork("x").uint32());
  });

  test("all choices are made about equally often", () => {
    const random = new SeededRandom(3, "fair");
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 40_000; i++) counts[random.below(4)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });
});
