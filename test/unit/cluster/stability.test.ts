import { describe, expect, test } from "bun:test";
import { type Member, MemberState } from "../../../src/cluster/member.ts";
import { lowestJournaled, Stability } from "../../../src/cluster/stability.ts";
import { Watermarks } from "../../../src/cluster/watermarks.ts";

function member(id: string, origin: number, state: MemberState = MemberState.ALIVE): Member {
  return { id, origin, incarnation: 0, state, region: "fra", zone: "", weight: 1, replicas: 2, address: "" };
}

describe("stability", () => {
  const retentionMs = 1_000;
  const self = member("self", 1);

  test("is the lowest of all, and never goes back", () => {
    const stability = new Stability({ id: "self", retentionMs });
    const members = [member("a", 2), member("b", 3), self];
    stability.heard("a", 2, 50, 0);
    stability.heard("b", 3, 40, 0);
    expect(stability.stable(members, 60, 0)).toBe(40);
    expect(stability.stable(members, 30, 0)).toBe(40);
    stability.heard("b", 3, 70, 0);
    expect(stability.stable(members, 60, 0)).toBe(50);
    stability.heard("a", 2, 0, 0);
    expect(stability.stable(members, 60, 0)).toBe(50);
  });

  const rows: { name: string; other: Member; heard: [number, number, number][]; atMs: number; stable: number }[] = [
    { name: "who was never heard counts as 0", other: member("a", 2), heard: [], atMs: 0, stable: 0 },
    {
      name: "who died is waited for",
      other: member("a", 2, MemberState.DEAD),
      heard: [[2, 9, 0]],
      atMs: 1_000,
      stable: 9,
    },
    { name: "until it was silent for too long", other: member("a", 2), heard: [[2, 9, 0]], atMs: 1_001, stable: 99 },
    { name: "who left is not", other: member("a", 2, MemberState.LEFT), heard: [[2, 9, 0]], atMs: 0, stable: 99 },
    { name: "another life has nothing yet", other: member("a", 3), heard: [[2, 9, 0]], atMs: 0, stable: 0 },
    {
      name: "and says so again",
      other: member("a", 3),
      heard: [
        [2, 9, 0],
        [3, 7, 0],
      ],
      atMs: 0,
      stable: 7,
    },
  ];
  for (const { name, other, heard, atMs, stable } of rows) {
    test(name, () => {
      const stability = new Stability({ id: "self", retentionMs });
      for (const [origin, low, ms] of heard) stability.heard("a", origin, low, ms);
      stability.heard("third", 8, 200, atMs);
      expect(stability.stable([other, self, member("third", 8)], 99, atMs)).toBe(stable);
    });
  }

  test("who is silent for too long is waited for all the same where those that are heard are not the majority", () => {
    const stability = new Stability({ id: "self", retentionMs });
    const members = ["a", "b", "c"].map((id, n) => member(id, n + 2)).concat(self);
    for (const { id, origin } of members) if (id !== "self") stability.heard(id, origin, 9, 0);
    const hear = (id: string, origin: number, ms: number) => stability.heard(id, origin, 50, ms);
    hear("a", 2, 5_000);
    expect(stability.stable(members, 99, 5_000)).toBe(9);
    hear("b", 3, 5_000);
    expect(stability.stable(members, 99, 5_000)).toBe(50);
  });

  test("says what was forgotten without waiting for whom", () => {
    const stability = new Stability({ id: "self", retentionMs });
    const members = [member("a", 2), member("b", 3), self];
    const hear = (id: string, origin: number, low: number, ms: number) => stability.heard(id, origin, low, ms);
    hear("a", 2, 10, 0);
    hear("b", 3, 10, 0);
    expect(stability.stable(members, 99, 0)).toBe(10);
    hear("a", 2, 50, 2_000);
    expect(stability.stable(members, 99, 2_000)).toBe(50);
    expect([stability.forgottenFor("a"), stability.forgottenFor("b")]).toEqual([0, 50]);
    hear("b", 3, 60, 2_100);
    hear("a", 2, 70, 2_100);
    expect(stability.stable(members, 99, 2_100)).toBe(60);
    expect([stability.forgottenFor("a"), stability.forgottenFor("b")]).toEqual([0, 50]);
    expect(stability.forgottenFor("stranger")).toBe(60);
  });

  test("who is never heard is waited for as long as one that falls silent, from the first question on", () => {
    const stability = new Stability({ id: "self", retentionMs });
    const members = [member("a", 2), member("third", 8), self];
    stability.heard("third", 8, 200, 1_500);
    expect(stability.stable(members, 99, 500)).toBe(0);
    expect(stability.stable(members, 99, 1_500)).toBe(0);
    expect(stability.stable(members, 99, 1_501)).toBe(99);
    expect(stability.silentMs("a", 1_501)).toBe(1_001);
    expect(stability.silentMs("b", 1_501)).toBe(Number.POSITIVE_INFINITY);
  });

  test("who is no member any more is forgotten", () => {
    const stability = new Stability({ id: "self", retentionMs });
    for (const id of ["a", "b", "c"]) stability.heard(id, 2, 5, 0);
    expect(stability.stable([self], 99, 0)).toBe(99);
    expect(stability.silentMs("a", 0)).toBe(Number.POSITIVE_INFINITY);
  });

  test("a node's own low", () => {
    const watermarks = new Watermarks();
    const live = [member("a", 2), member("b", 3), self];
    const own = { id: "self", now: 100, hidden: false, oldestLease: Number.POSITIVE_INFINITY };
    watermarks.raise(2, 50);
    watermarks.raiseJournaled(2, 45);
    expect(lowestJournaled(watermarks, live, own)).toBe(0);
    watermarks.raise(3, 60);
    watermarks.raiseJournaled(3, 60);
    expect(lowestJournaled(watermarks, live, own)).toBe(45);
    expect(lowestJournaled(watermarks, live, { ...own, oldestLease: 31 })).toBe(30);
    expect(lowestJournaled(watermarks, live, { ...own, hidden: true })).toBe(0);
    expect(lowestJournaled(watermarks, [self], own)).toBe(100);
  });
});
