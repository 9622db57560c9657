/** What the workload of the crash test asks for. */
import { expect, test } from "bun:test";
import type { ModelEntry } from "./crash-model.ts";
import { Draw, Workload } from "./crash-workload.ts";

const EPOCH_MS = 1_000_000;

test("a workload asks for another expiry only where the one before cannot have come", () => {
  const HOUR_MS = 3_600_000;
  const workload = new Workload(new Draw(3));
  const left = new Map<string, ModelEntry>();
  let asked = 0;
  for (let life = 0; life < 20; life++) {
    workload.recovered(left, EPOCH_MS);
    for (let n = 0; n < 300; n++) {
      const action = workload.next(0);
      if (!("key" in action) || !action.key.includes(":e")) continue;
      const expires = "ttlMs" in action ? { from: EPOCH_MS + action.ttlMs, to: EPOCH_MS + action.ttlMs } : undefined;
      if (action.kind === "expire") {
        asked++;
        expect(left.get(action.key)?.expires?.from).toBe(EPOCH_MS + HOUR_MS);
      }
      left.set(action.key, { value: "", expires, tags: [], madeBy: -1 });
    }
    // Everything of this life is lost, and what was before it is back.
    for (const key of left.keys())
      left.set(key, { value: "", expires: { from: EPOCH_MS + 5, to: EPOCH_MS + 5 }, tags: [], madeBy: -1 });
  }
  expect(asked).toBeGreaterThan(20);
});

test("a workload without receipts asks for nothing that makes what was before it durable", () => {
  const workload = new Workload(new Draw(4));
  const kinds = () => new Set(Array.from({ length: 2_000 }, (_, n) => workload.next(n % 6).kind));
  const durable = ["purge", "invalidate", "save"];
  const all = kinds();
  expect(durable.filter((kind) => all.has(kind as never))).toEqual(durable);
  workload.receipts = false;
  expect(new Set([...all].filter((kind) => !durable.includes(kind)))).toEqual(kinds());
});
