/** Deadlines: in order of time, once each, and not those that were cancelled. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Deadline, Deadlines } from "../../../src/node/deadlines.ts";

function start() {
  const time = { ms: 0 };
  const deadlines = new Deadlines({ now: () => 0, monotonic: () => time.ms });
  return { time, deadlines };
}

describe("deadlines", () => {
  test("agree with a list that is sorted each time", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ what: fc.constant("set" as const), n: fc.nat(50) }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant("cancel" as const), n: fc.nat(1_000) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant("pass" as const), n: fc.nat(30) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
        const { time, deadlines } = start();
        let model: { id: number; atMs: number }[] = [];
        const all: Deadline[] = [];
        const called: number[] = [];
        for (const { what, n } of steps) {
          if (what === "set") {
            const id = all.length;
            all.push(deadlines.after(n, () => called.push(id)));
            model.push({ id, atMs: time.ms + n });
          } else if (what === "cancel") {
            const id = n % Math.max(1, all.length);
            all[id]?.cancel();
            model = model.filter((one) => one.id !== id);
          } else {
            time.ms += n;
            const due = model.filter(({ atMs }) => atMs <= time.ms).sort((a, b) => a.atMs - b.atMs || a.id - b.id);
            model = model.filter(({ atMs }) => atMs > time.ms);
            called.length = 0;
            deadlines.run();
            expect(called).toEqual(due.map(({ id }) => id));
          }
          expect(deadlines.size).toBe(model.length);
        }
      }),
    );
  });

  test("set during a run wait for the next one, and one may cancel another of the same run", () => {
    const { time, deadlines } = start();
    const called: string[] = [];
    deadlines.after(1, () => {
      called.push("first");
      second.cancel();
      deadlines.after(0, () => called.push("new"));
    });
    const second = deadlines.after(1, () => called.push("second"));
    time.ms = 5;
    deadlines.run();
    expect(called).toEqual(["first"]);
    expect(deadlines.size).toBe(1);
    deadlines.run();
    expect(called).toEqual(["first", "new"]);
    expect(deadlines.size).toBe(0);
  });
});
