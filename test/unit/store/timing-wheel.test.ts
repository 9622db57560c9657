/** The wheel against a sorted list, under a clock that creeps, leaps, stops and goes back. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EntryTable } from "../../../src/store/entry-table.ts";
import { TimingWheel } from "../../../src/store/timing-wheel.ts";
import { START_MS } from "./test-store.ts";

const TICK_MS = 16;
const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

/** A wheel whose entries are put in again, as the store does it, if they are met too early. */
class Timers {
  readonly table = new EntryTable();
  readonly deadlines = new Map<number, number>();
  /** When each was added. */
  readonly added = new Map<number, number>();
  readonly fired: number[] = [];
  readonly wheel: TimingWheel;
  nowMs: number;
  steps = 0;

  constructor(nowMs = START_MS) {
    this.nowMs = nowMs;
    this.wheel = new TimingWheel(this.table, nowMs, (id) => this.deadlines.get(id) as number);
  }

  add(atMs: number): number {
    const id = this.table.acquire();
    this.deadlines.set(id, atMs);
    this.added.set(id, this.nowMs);
    this.wheel.add(id, atMs);
    return id;
  }

  cancel(id: number): void {
    this.wheel.remove(id);
    this.deadlines.delete(id);
    this.table.release(id);
  }

  advance(ms: number, limit = 1_000): void {
    this.nowMs += ms;
    while (this.step(limit) >= limit) {}
  }

  step(limit: number): number {
    this.steps++;
    return this.wheel.advance(this.nowMs, limit, (id) => {
      const at = this.deadlines.get(id) as number;
      if (at > this.nowMs) return this.wheel.add(id, at);
      this.fired.push(id);
      this.deadlines.delete(id);
      this.table.release(id);
    });
  }

  /** What is left although it was due, and in the wheel, more than `ticks` ago. */
  late(ticks = 1): number[] {
    const dueSince = ([id, at]: [number, number]) => Math.max(at, this.added.get(id) as number);
    return [...this.deadlines].map(dueSince).filter((at) => at + ticks * TICK_MS <= this.nowMs);
  }
}

describe("the wheel fires when time has come", () => {
  const cases: { name: string; inMs: number }[] = [
    { name: "in the past", inMs: -5_000 },
    { name: "long ago", inMs: -START_MS },
    { name: "now", inMs: 0 },
    { name: "within a tick", inMs: 3 },
    { name: "on the first wheel", inMs: 4_000 },
    { name: "at its edge", inMs: 256 * TICK_MS },
    { name: "on the second wheel", inMs: 600_000 },
    { name: "at its edge", inMs: 65_536 * TICK_MS },
    { name: "on the third wheel", inMs: 70 * HOUR },
    { name: "at its edge", inMs: 2 ** 24 * TICK_MS },
    { name: "on the fourth wheel", inMs: YEAR },
    { name: "at its edge", inMs: 2 ** 32 * TICK_MS },
    { name: "beyond the last wheel", inMs: 5 * YEAR },
  ];
  for (const { name, inMs } of cases) {
    test(`${name} (${inMs} ms)`, () => {
      const timers = new Timers();
      const id = timers.add(timers.nowMs + inMs);
      expect(timers.wheel.has(id)).toBe(true);
      if (inMs > 0) {
        timers.advance(inMs - 1);
        expect(timers.fired).toEqual([]);
        timers.advance(1);
      }
      timers.advance(TICK_MS);
      expect(timers.fired).toEqual([id]);
      expect(timers.wheel.size).toBe(0);
    });
  }

  test("the latest expiry that an entry can have neither fires nor breaks anything", () => {
    const timers = new Timers();
    timers.add(2 ** 48 - 1);
    timers.advance(12 * YEAR);
    expect(timers.fired).toEqual([]);
    expect(timers.wheel.size).toBe(1);
  });
});

type Step = { kind: "add"; inMs: number } | { kind: "cancel"; which: number } | { kind: "move"; ms: number };

const spans = fc.oneof(
  fc.integer({ min: -100, max: 5_000 }),
  fc.integer({ min: 0, max: 20 * 60_000 }),
  fc.integer({ min: 0, max: 80 * HOUR }),
  fc.integer({ min: 0, max: 3 * YEAR }),
);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("add" as const), inMs: spans }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which: fc.nat(50) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("move" as const),
        ms: fc.oneof(
          fc.integer({ min: 0, max: 40 }),
          fc.integer({ min: 0, max: 10_000 }),
          fc.integer({ min: 0, max: 5 * HOUR }),
        ),
      }),
    },
  ),
  { maxLength: 60, size: "max" },
);

function play(timers: Timers, list: readonly Step[], limit: number): void {
  for (const step of list) {
    if (step.kind === "add") timers.add(timers.nowMs + step.inMs);
    if (step.kind === "move") timers.advance(step.ms, limit);
    if (step.kind === "cancel") {
      const id = [...timers.deadlines.keys()][step.which];
      if (id !== undefined) timers.cancel(id);
    }
    expect(timers.wheel.size).toBe(timers.deadlines.size);
  }
}

describe("the wheel agrees with a sorted list", () => {
  test("while time goes on", () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 3, 1_000), (list, limit) => {
        const timers = new Timers();
        play(timers, list, limit);
        timers.advance(TICK_MS, limit);
        expect(timers.late()).toEqual([]);
        timers.advance(4 * HOUR);
        expect(timers.late()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("also after the clock was set back, by however much", () => {
    fc.assert(
      fc.property(steps, fc.array(spans, { maxLength: 4 }), steps, (first, jumps, second) => {
        const timers = new Timers();
        play(timers, first, 100);
        for (const jump of jumps) {
          timers.nowMs -= Math.abs(jump);
          timers.advance(0);
          play(timers, second, 100);
          timers.advance(TICK_MS);
          // What had been due at once sits in the bucket of the tick from which the clock was set back: one tick more.
          expect(timers.late(2)).toEqual([]);
        }
        timers.advance(90 * HOUR);
        expect(timers.late()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("a clock that leapt ahead and came back stops nothing", () => {
    const timers = new Timers();
    timers.advance(10 * YEAR);
    timers.nowMs -= 10 * YEAR;
    const id = timers.add(timers.nowMs + 1_000);
    // It was put in before the wheel knew of the time; it is found within one round of the finest wheel.
    timers.advance(0);
    timers.advance(256 * TICK_MS);
    expect(timers.fired).toEqual([id]);
  });
});

describe("the wheel works in slices", () => {
  test("whatever falls due at once, or is dealt out from a coarse wheel at once, no call does more than its limit", () => {
    const timers = new Timers();
    const count = 5_000;
    // All of them are in one bucket of the fourth wheel, whose turn comes once in 75 hours.
    const at = (Math.floor(START_MS / TICK_MS / 2 ** 24) + 2) * 2 ** 24 * TICK_MS + 90 * 60_000;
    for (let i = 0; i < count; i++) timers.add(at + (i % 7));
    timers.nowMs = at + 1_000;
    let most = 0;
    for (;;) {
      let touched = 0;
      const done = timers.wheel.advance(timers.nowMs, 64, (id) => {
        touched++;
        timers.fired.push(id);
        timers.deadlines.delete(id);
      });
      most = Math.max(most, touched);
      if (done < 64) break;
    }
    expect(timers.fired.length).toBe(count);
    expect(most).toBeLessThanOrEqual(64);
  });

  test("a bucket of a coarse wheel is dealt out in slices", () => {
    const table = new EntryTable();
    let asked = 0;
    const at = (Math.floor(START_MS / TICK_MS / 65_536) + 2) * 65_536 * TICK_MS + 60_000;
    const wheel = new TimingWheel(table, START_MS, () => {
      asked++;
      return at;
    });
    for (let i = 0; i < 1_000; i++) wheel.add(table.acquire(), at);
    let most = 0;
    let before = 0;
    while (wheel.advance(at - 1_000, 50, () => {}) >= 50) {
      most = Math.max(most, asked - before);
      before = asked;
    }
    expect(asked).toBeGreaterThanOrEqual(1_000);
    expect(most).toBeLessThanOrEqual(50);
  });
});
