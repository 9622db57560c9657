/** Leases: one holder per key, an end by time, fill or release, and a table that is never full of leases that are over. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeText } from "../../../src/core/bytes.ts";
import { MAX_LEASES } from "../../../src/core/limits.ts";
import { Leases } from "../../../src/node/leases.ts";
import { seededRandom } from "../store/test-store.ts";
import { TestNode } from "./test-node.ts";

const key = (name: string): [Uint8Array, number, number] => [encodeText(`--${name}`), 2, 2 + encodeText(name).length];

describe("leases", () => {
  test("agree with a model", () => {
    const step = fc.record({
      what: fc.constantFrom("grant", "grant", "take", "expire", "expireAll", "holder"),
      name: fc.constantFrom("a", "b", "c", "d"),
      ttl: fc.constantFrom(1, 5, 50),
      passes: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const leases = new Leases(seededRandom(7));
        const open = new Map<string, { token: string; expiresAt: number; began: number }>();
        let now = 1_000;
        let began = 0;
        for (const { what, name, ttl, passes } of steps) {
          now += passes;
          const known = open.get(name);
          const live = known !== undefined && known.expiresAt > now;
          if (what === "holder") {
            expect(leases.holder(...key(name), now)?.token).toBe(live ? known.token : (undefined as never));
            if (!live) open.delete(name);
          } else if (what === "grant") {
            if (leases.holder(...key(name), now) !== undefined) continue;
            const lease = leases.grant(...key(name), ++began, now + ttl);
            open.set(name, { token: lease?.token ?? "", expiresAt: now + ttl, began });
          } else if (what === "take") {
            expect(leases.take(known?.token ?? "none", now)?.began).toBe(live ? known.began : (undefined as never));
            open.delete(name);
          } else {
            if (what === "expire") leases.expire(now);
            else leases.expireAll(now);
          }
          const oldest = Math.min(
            Number.POSITIVE_INFINITY,
            ...[...open.values()].filter((one) => one.expiresAt > now).map((one) => one.began),
          );
          // What is over may still be counted, which is the safe side.
          expect(leases.oldest).toBeLessThanOrEqual(oldest);
        }
      }),
    );
  });

  test("that are over make room in a full table, though a longer one stands before them", () => {
    const leases = new Leases(seededRandom(7));
    leases.grant(...key("long"), 1, 1_000_000);
    for (let n = 1; n < MAX_LEASES; n++) leases.grant(...key(`k${n}`), n + 1, 100 + n);
    expect(leases.full).toBe(true);
    expect(leases.grant(...key("one more"), 99, 100)).toBe(undefined);
    leases.expire(50);
    leases.expireAll(50);
    expect(leases.full).toBe(true);
    leases.expire(200);
    expect(leases.full).toBe(true);
    leases.expireAll(200);
    expect(leases.size).toBe(MAX_LEASES - 100);
    expect(leases.grant(...key("one more"), 99_999, 100)?.began).toBe(99_999);
    expect(leases.expired).toBe(100);
  });

  test("have tokens of 16 hexadecimal digits, all different", () => {
    const leases = new Leases(seededRandom(7));
    const tokens = Array.from({ length: 1_000 }, (_, n) => leases.grant(...key(`k${n}`), n + 1, 10)?.token ?? "");
    expect(new Set(tokens).size).toBe(1_000);
    for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe("a node's leases", () => {
  test("are one for each key, until they end", () => {
    const test = new TestNode();
    const first = test.lease("k", 1_000);
    expect(test.lease("k")).toBe(undefined);
    expect(test.lease("other")).not.toBe(undefined);
    test.advance(999);
    expect(test.lease("k")).toBe(undefined);
    test.advance(1);
    const second = test.lease("k");
    expect(second).not.toBe(undefined);
    expect(test.fill(first, "late")).toBe("unknown");
    expect(test.get("k")).toBe(undefined);
    expect(test.node.release(second ?? "")).toBe(true);
    expect(test.node.release(second ?? "")).toBe(false);
    const { leasesBusy, leasesGranted } = test.node.counters;
    expect({ leasesBusy, leasesGranted }).toEqual({ leasesBusy: 2, leasesGranted: 3 });
  });

  test("last no longer than the configuration allows", () => {
    const test = new TestNode(undefined, 1, { maxLeaseMs: 500 });
    const token = test.lease("k", 60_000);
    test.advance(500);
    expect(test.fill(token, "v")).toBe("unknown");
    expect(test.lease("k")).not.toBe(undefined);
  });

  test("hold back what may be forgotten, exactly while they are open", () => {
    const test = new TestNode();
    const { entries } = test.node.store;
    test.set("k", "v");
    test.delete("k");
    expect([entries.tombstones.size, entries.stable]).toEqual([0, Number.POSITIVE_INFINITY]);
    const token = test.lease("other", 1_000);
    test.set("k", "v");
    test.delete("k");
    test.invalidate({ keys: ["a"], tags: ["red"], patterns: ["p*"] });
    test.tick();
    expect([entries.tombstones.size, test.node.store.pendingEpochs]).toEqual([1, 3]);
    test.node.release(token ?? "");
    test.tick();
    expect([entries.tombstones.size, test.node.store.pendingEpochs, entries.newestEpoch]).toEqual([0, 0, 0]);
    test.lease("other", 1_000);
    test.delete("k");
    test.advance(1_000);
    test.tick();
    expect([entries.tombstones.size, entries.stable]).toEqual([0, Number.POSITIVE_INFINITY]);
    expect(test.node.counters.leasesExpired).toBe(1);
    test.tick();
    expect(test.node.counters.leasesExpired).toBe(1);
    test.node.counters.reset();
    test.tick();
    expect(test.node.counters.leasesExpired).toBe(0);
  });
});
