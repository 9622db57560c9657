/**
 * An audit of a whole store: everything that is counted is counted again from the entries themselves, and everything
 * that points to an entry is followed. Slow, for tests only.
 */
import { expect } from "bun:test";
import { Flag } from "../../../src/store/entry-table.ts";
import { tagCount, tagIdAt } from "../../../src/store/extras.ts";
import { itemBytes, TAG_MARK } from "../../../src/store/segments.ts";
import type { Store } from "../../../src/store/store.ts";

export function auditStore(store: Store): void {
  const { entries, table } = store;
  const { segments } = entries;
  const found = { size: 0, tombstones: 0, live: 0, wheel: 0, used: 0 };
  const counts = new Array(16).fill(0);
  const expiring = new Array(16).fill(0);
  const references = new Map<number, number>();
  const extents = new Map<number, number>();
  for (let id = 1; id < table.limit; id++) {
    const flags = table.flags(id);
    if ((flags & Flag.LIVE) === 0) continue;
    found.used++;
    const address = table.address(id) >>> 0;
    store.locate(id);
    const key = store.bytes.slice(store.keyStart, store.keyEnd);
    expect(store.lookup(key, 0, key.length), "the index finds the entry").toBe(id);
    expect(table.hash(id)).toBe(entries.hashOf(key, 0, key.length));
    expect(extents.has(address), "two entries share an address").toBe(false);
    extents.set(address, segments.itemBytes(address));
    found.live += segments.itemBytes(address);
    expect(entries.wheel.has(id), "expiring entries are in the wheel").toBe((flags & Flag.EXPIRES) !== 0);
    if (entries.wheel.has(id)) found.wheel++;
    if ((flags & Flag.TOMBSTONE) !== 0) {
      found.tombstones++;
      continue;
    }
    found.size++;
    if (entries.isCounted(id)) counts[store.databaseOf(id)]++;
    if (entries.isCounted(id) && (flags & Flag.EXPIRES) !== 0) expiring[store.databaseOf(id)]++;
    if ((flags & Flag.EXTRAS) === 0) continue;
    for (let i = tagCount(store.bytes, store.keyEnd); i-- > 0; ) {
      const tag = tagIdAt(store.bytes, store.keyEnd, i);
      references.set(tag, (references.get(tag) ?? 0) + 1);
    }
  }
  let tags = 0;
  for (const [address, id] of namesIn(store)) {
    tags++;
    expect(extents.has(address), "a name shares an address").toBe(false);
    found.live += segments.itemBytes(address);
    const own = entries.tags.newestOf(id) === 0 ? 0 : 1;
    expect(entries.tags.references(id), "references of a tag").toBe((references.get(id) ?? 0) + own);
    references.delete(id);
  }
  expect(references.size, "every tag of an entry is in the dictionary").toBe(0);
  expect(tags).toBe(entries.tags.size);
  expect(found.used).toBe(table.used);
  expect(found.size).toBe(store.size);
  expect(counts).toEqual(entries.counts);
  expect(expiring).toEqual(entries.expiring);
  expect(found.tombstones).toBe(entries.tombstones.size);
  expect(found.wheel).toBe(entries.wheel.size);
  expect(found.live).toBe(segments.liveBytes);
  auditSegments(store);
}

/** Names of live tags: address and id. */
function namesIn(store: Store): Map<number, number> {
  const { segments, tags } = store.entries;
  const names = new Map<number, number>();
  for (let segment = 0; segment < segments.bytes.length; segment++) {
    for (let at = 0; at < segments.filled[segment]; ) {
      const address = segments.addressAt(segment, at);
      if (segments.keyLength(address) === TAG_MARK) {
        const name = segments.bytes[segment].slice(at + 4, at + 4 + segments.restLength(address));
        const id = tags.find(name);
        if (id !== 0 && tags.addressOf(id) === address) names.set(address, id);
      }
      at += segments.itemBytes(address);
    }
  }
  return names;
}

function auditSegments(store: Store): void {
  const { segments } = store.entries;
  const sum = { filled: 0, dead: 0, allocated: segments.spareCount * segments.segmentBytes };
  for (let segment = 0; segment < segments.bytes.length; segment++) {
    sum.filled += segments.filled[segment];
    sum.dead += segments.dead[segment];
    sum.allocated += segments.bytes[segment].length;
    expect(segments.filled[segment]).toBeLessThanOrEqual(segments.bytes[segment].length);
    expect(segments.words[segment].length * 4).toBe(segments.bytes[segment].length & ~3);
    let walked = 0;
    while (walked < segments.filled[segment]) walked += segments.itemBytes(segments.addressAt(segment, walked));
    expect(walked, "items fill a segment without gaps").toBe(segments.filled[segment]);
  }
  expect(sum.dead).toBe(segments.deadBytes);
  expect(sum.filled).toBe(segments.liveBytes + segments.deadBytes);
  expect(sum.allocated).toBe(segments.allocatedBytes);
  expect(itemBytes(1, 3)).toBe(8);
}
