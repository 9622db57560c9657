/** What comes of records of other nodes whose clocks, or this node's own, are off: they keep nothing out that others write. */
import { describe, expect, test } from "bun:test";
import { encodeText } from "../../../src/core/bytes.ts";
import { keySlot } from "../../../src/core/crc16.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { msToVersion } from "../../../src/core/version.ts";
import { applyCopied, applyHeld } from "../../../src/node/streamed.ts";
import { TestNode } from "./test-node.ts";

const PEER = 77;
const SKEW_MS = 500;

/** A node with the entries k (tagged t) and other, 100 ms ago. */
function filled(): TestNode {
  const one = new TestNode();
  one.node.peersStable = 0;
  one.advance(1_000);
  one.set("k", "old", { tags: ["t"] });
  one.set("other", "kept");
  one.advance(100);
  return one;
}

function stamped({ node }: TestNode, kind: RecordKind, aheadMs: number, key = "k"): MutableRecord {
  const record = new MutableRecord();
  const bytes = encodeText(key);
  record.stamp(kind, msToVersion(node.nowMs + aheadMs), PEER);
  record.setKey(bytes, 0, bytes.length);
  return record;
}

function valued(one: TestNode, kind: RecordKind, aheadMs: number): MutableRecord {
  const record = stamped(one, kind, aheadMs);
  const value = encodeText("new");
  record.setValue(value, 0, value.length);
  return record;
}

function epoch(one: TestNode, aheadMs: number, appliedAheadMs: number): MutableRecord {
  const record = stamped(one, RecordKind.INVALIDATE, aheadMs, "t");
  record.setEpoch(EpochMode.PURGE, InvalidateScope.TAG);
  record.applied = msToVersion(one.node.nowMs + appliedAheadMs);
  return record;
}

function floor(one: TestNode, aheadMs: number): MutableRecord {
  const record = stamped(one, RecordKind.FLOOR, aheadMs, "");
  record.slot = keySlot(encodeText("k"), 0, 1);
  record.floor = record.version;
  return record;
}

describe("a copy of what another node holds", () => {
  const cases: {
    name: string;
    copy: (one: TestNode) => MutableRecord;
    exemptTo?: number;
    expected: string | undefined;
  }[] = [
    { name: "a set of now", copy: (one) => valued(one, RecordKind.SET, 0), expected: "new" },
    { name: "a set within the bound", copy: (one) => valued(one, RecordKind.SET, SKEW_MS), expected: "new" },
    { name: "a set beyond it", copy: (one) => valued(one, RecordKind.SET, SKEW_MS + 1), expected: undefined },
    {
      name: "the same as a source's entry",
      copy: (one) => valued(one, RecordKind.SET, 9_000),
      exemptTo: 1,
      expected: undefined,
    },
    { name: "a fill beyond it", copy: (one) => valued(one, RecordKind.FILL, 9_000), expected: undefined },
    { name: "a delete beyond it", copy: (one) => stamped(one, RecordKind.DELETE, 9_000), expected: undefined },
    { name: "an invalidation beyond it", copy: (one) => epoch(one, 9_000, 9_000), expected: undefined },
    { name: "an older invalidation received beyond it", copy: (one) => epoch(one, -150, 9_000), expected: "old" },
    { name: "a floor beyond it", copy: (one) => floor(one, 9_000), expected: "old" },
  ];
  for (const { name, copy, exemptTo, expected } of cases) {
    test(name, () => {
      const one = filled();
      applyCopied(one.node, copy(one), SKEW_MS, exemptTo);
      expect([one.get("k"), one.get("other")]).toEqual([expected, "kept"]);
      expect(one.node.clock.last).toBeLessThanOrEqual(msToVersion(one.node.nowMs + SKEW_MS) + 4_095);
      // Whatever it was, what is written, or loaded, a moment later counts.
      one.advance(2 * SKEW_MS);
      one.set("k", "next", { tags: ["t"] });
      expect(one.get("k")).toBe("next");
      one.delete("k");
      expect(one.fill(one.lease("k"), "loaded", { tags: ["t"] })).toBe("stored");
      expect(one.get("k")).toBe("loaded");
    });
  }
});

describe("a copy at or below stable", () => {
  const cases = [
    { name: "takes away what is older, and is not stored", exemptTo: undefined, expected: undefined },
    { name: "is stored where its sender is the source of a sync", exemptTo: 1, expected: "new" },
  ];
  for (const { name, exemptTo, expected } of cases) {
    test(name, () => {
      const one = filled();
      one.node.peersStable = msToVersion(one.node.nowMs);
      applyCopied(one.node, valued(one, RecordKind.SET, -50), SKEW_MS, exemptTo);
      expect([one.get("k"), one.get("other")]).toEqual([expected, "kept"]);
    });
  }
});

test("of a held peer only what it takes away counts, under a stamp that is not that of its receipt", () => {
  const one = filled();
  const before = one.node.clock.last;
  applyHeld(one.node, valued(one, RecordKind.SET, 9_000));
  expect([one.get("k"), one.node.clock.last]).toEqual(["old", before]);
  const removal = stamped(one, RecordKind.DELETE, 9_000);
  applyHeld(one.node, removal);
  expect([one.get("k"), one.get("other")]).toEqual([undefined, "kept"]);
  expect([removal.origin, removal.version > before, removal.applied > removal.version]).toEqual([
    one.node.clock.origin,
    true,
    true,
  ]);
});
