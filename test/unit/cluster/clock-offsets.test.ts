import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ClockOffsets } from "../../../src/cluster/clock-offsets.ts";
import { RoundTrips } from "../../../src/cluster/round-trips.ts";
import { MemberNetwork } from "./member-network.ts";

describe("offsets", () => {
  test("the truth lies within the uncertainty, however the round trip is divided", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.array(fc.tuple(fc.nat(500), fc.nat(500), fc.nat(10_000)), { minLength: 1, maxLength: 30 }),
        (offsetMs, trips) => {
          let nowMs = 0;
          const offsets = new ClockOffsets(() => nowMs);
          for (const [thereMs, backMs, pauseMs] of trips) {
            const peerMs = Math.floor(nowMs + thereMs + offsetMs);
            nowMs += thereMs + backMs;
            offsets.add("a", peerMs, nowMs, thereMs + backMs);
            nowMs += pauseMs;
          }
          const measured = offsets.of("a");
          expect(Math.abs((measured?.offsetMs ?? Number.NaN) - offsetMs)).toBeLessThanOrEqual(
            (measured?.uncertaintyMs ?? 0) + 1,
          );
        },
      ),
    );
  });

  test("the most certain sample counts, and becomes less certain", () => {
    let nowMs = 0;
    const offsets = new ClockOffsets(() => nowMs);
    expect(offsets.of("a")).toBeUndefined();
    offsets.add("a", 1_005, 1_000, 10);
    offsets.add("a", 1_000, 1_000, 200);
    expect(offsets.of("a")).toEqual({ offsetMs: 10, uncertaintyMs: 5.5 });
    nowMs = 100_000;
    expect(offsets.of("a")?.uncertaintyMs).toBeCloseTo(25.5);
    offsets.forget("a");
    expect(offsets.of("a")).toBeUndefined();
  });

  test("a clock that is set counts at once", () => {
    const offsets = new ClockOffsets(() => 0);
    for (let i = 0; i < 20; i++) offsets.add("a", 1_000, 1_000, 2);
    offsets.add("a", 9_000, 1_000, 100);
    expect(offsets.of("a")).toEqual({ offsetMs: 8_050, uncertaintyMs: 50.5 });
  });

  test("what is not a time is not taken", () => {
    const offsets = new ClockOffsets(() => 0);
    offsets.add("a", Number.NaN, 1_000, 2);
    offsets.add("a", Number.POSITIVE_INFINITY, 1_000, 2);
    offsets.add("a", 1_000, 1_000, -1);
    expect(offsets.of("a")).toBeUndefined();
  });

  test("probes measure them", () => {
    const network = new MemberNetwork();
    network.start("a");
    network.start("b", {}, { wallOffsetMs: 700 });
    network.run(5_000);
    const measured = network.node("a").offsets.of("b");
    expect(Math.abs((measured?.offsetMs ?? 0) - 700)).toBeLessThanOrEqual(measured?.uncertaintyMs ?? 0);
    expect(measured?.uncertaintyMs).toBeLessThan(30);
  });
});

describe("round trips", () => {
  const rows = [
    { name: "none yet", took: [], expected: 500 },
    { name: "near", took: Array(50).fill(1), expected: 50 },
    { name: "far", took: Array(50).fill(200), expected: 220 },
    { name: "further than is waited for", took: [5_000], expected: 500 },
  ];
  for (const { name, took, expected } of rows) {
    test(name, () => {
      const roundTrips = new RoundTrips(500);
      for (const ms of took) roundTrips.add("a", ms);
      expect(Math.round(roundTrips.timeoutMs("a"))).toBe(expected);
      roundTrips.forget("a");
      expect(roundTrips.timeoutMs("a")).toBe(500);
    });
  }
});
