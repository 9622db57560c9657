/** Acknowledgements: each wait ends once, when its peer has come so far, unless it was given up. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Acknowledgements, type AcknowledgementWait } from "../../../src/node/acknowledgements.ts";

describe("acknowledgements", () => {
  test("agree with a list", () => {
    const step = fc.record({
      what: fc.constantFrom("wait", "wait", "wait", "give up", "acknowledge"),
      peer: fc.constantFrom("a", "b"),
      n: fc.nat(200),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 500, size: "max" }), (steps) => {
        const reached = new Map<string, number>();
        const acknowledgements = new Acknowledgements((peer) => reached.get(peer) ?? 0);
        let model: { id: number; peer: string; version: number }[] = [];
        const waits: AcknowledgementWait[] = [];
        const called: number[] = [];
        for (const { what, peer, n } of steps) {
          const from = reached.get(peer) ?? 0;
          if (what === "wait") {
            const id = waits.length;
            const version = from + 1 + (n % 20);
            waits.push(acknowledgements.wait(peer, version, () => called.push(id)));
            model.push({ id, peer, version });
          } else if (what === "give up") {
            const id = n % Math.max(1, waits.length);
            waits[id]?.giveUp();
            model = model.filter((one) => one.id !== id);
          } else {
            const to = from + (n % 7);
            reached.set(peer, to);
            const done = model.filter((one) => one.peer === peer && one.version <= to);
            model = model.filter((one) => !done.includes(one));
            called.length = 0;
            acknowledgements.advance(peer);
            expect(called.sort((a, b) => a - b)).toEqual(done.map(({ id }) => id));
          }
          expect(acknowledgements.size).toBe(model.length);
        }
      }),
    );
  });

  test("one that ends may give up others that end with it", () => {
    let version = 0;
    const acknowledgements = new Acknowledgements(() => version);
    const called: string[] = [];
    acknowledgements.wait("a", 1, () => {
      called.push("first");
      second.giveUp();
    });
    const second = acknowledgements.wait("a", 2, () => called.push("second"));
    acknowledgements.wait("a", 3, () => called.push("third"));
    version = 2;
    acknowledgements.advance("a");
    expect(called).toEqual(["first"]);
    expect(acknowledgements.size).toBe(1);
    version = 3;
    acknowledgements.advance("a");
    expect(called).toEqual(["first", "third"]);
  });
});
