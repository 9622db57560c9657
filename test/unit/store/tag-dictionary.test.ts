/** The tag dictionary against a Map: names keep their numbers, references are counted, epochs hold one. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeText, encodeText } from "../../../src/core/bytes.ts";
import { EpochMode } from "../../../src/core/record.ts";
import { Fate } from "../../../src/store/epochs.ts";
import { itemBytes, Segments } from "../../../src/store/segments.ts";
import { TagDictionary } from "../../../src/store/tag-dictionary.ts";

class Dictionary {
  readonly segments = new Segments(16_384);
  readonly tags = new TagDictionary(this.segments, 11, 22);

  add(name: string): number {
    const bytes = encodeText(name);
    if (!this.segments.fits(0, itemBytes(0, bytes.length))) this.segments.open(0);
    return this.tags.add(bytes);
  }

  find(name: string): number {
    return this.tags.find(encodeText(name));
  }
}

const steps = fc.array(
  fc.record({ what: fc.constantFrom("retain", "retain", "release", "raise", "forget"), n: fc.nat(40) }),
  { maxLength: 400, size: "max" },
);

describe("the tag dictionary", () => {
  test("agrees with a map of names and references", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const dictionary = new Dictionary();
        const { tags } = dictionary;
        const model = new Map<string, { id: number; references: number; epoch: boolean }>();
        for (const { what, n } of list) {
          const name = `tag:${n}${"-".repeat(n * 6)}`;
          const known = model.get(name);
          if (what === "retain") {
            const id = known?.id ?? dictionary.add(name);
            tags.retain(id);
            model.set(name, { id, references: (known?.references ?? 0) + 1, epoch: known?.epoch ?? false });
          } else if (known !== undefined && what === "release" && known.references > 0) {
            tags.release(known.id);
            known.references--;
          } else if (known !== undefined && what === "raise") {
            tags.raise(known.id, EpochMode.PURGE, n + 1, n + 1);
            known.epoch = true;
          } else if (known !== undefined && what === "forget") {
            tags.forget(known.id);
            known.epoch = false;
          }
          if (known !== undefined && known.references === 0 && !known.epoch) model.delete(name);
        }
        expect(tags.size).toBe(model.size);
        expect(tags.epochs.count).toBe([...model.values()].filter((one) => one.epoch).length);
        for (const [name, { id, references, epoch }] of model) {
          expect(dictionary.find(name)).toBe(id);
          expect(decodeText(tags.nameOf(id))).toBe(name);
          expect(tags.references(id)).toBe(references + (epoch ? 1 : 0));
          expect(tags.hasEpoch(id)).toBe(epoch);
          expect(tags.isCarried(id)).toBe(references > 0);
        }
        for (let n = 0; n <= 40; n++) {
          const name = `tag:${n}${"-".repeat(n * 6)}`;
          if (!model.has(name)) expect(dictionary.find(name)).toBe(0);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("never adds more than growthBytes said", () => {
    const dictionary = new Dictionary();
    for (let n = 0; n < 5_000; n++) {
      const before = dictionary.tags.allocatedBytes + dictionary.tags.growthBytes;
      dictionary.tags.retain(dictionary.add(`tag:${n}`));
      expect(dictionary.tags.allocatedBytes).toBeLessThanOrEqual(before);
    }
    for (let n = 0; n < 5_000; n++) dictionary.tags.release(dictionary.find(`tag:${n}`));
    expect(dictionary.tags.size).toBe(0);
    expect(dictionary.segments.liveBytes).toBe(0);
  });

  test("tells names apart that collide in all but one byte or their length", () => {
    const dictionary = new Dictionary();
    const names = ["a", "aa", "aaa", "b", "ab", "ba", "a\u0000", "\u0000a", ""];
    const ids = names.map((name) => dictionary.add(name));
    for (const id of ids) dictionary.tags.retain(id);
    expect(names.map((name) => dictionary.find(name))).toEqual(ids);
    expect(new Set(ids).size).toBe(names.length);
  });

  test("an epoch ends with `forget`, and a tag that comes back has none", () => {
    const dictionary = new Dictionary();
    const { tags } = dictionary;
    const id = dictionary.add("red");
    tags.raise(id, EpochMode.PURGE, 10, 12);
    tags.raise(id, EpochMode.STALE, 20, 20);
    expect(tags.newestOf(id)).toBe(20);
    expect(tags.fate(id, 10, false, 0)).toBe(Fate.DEAD);
    expect(tags.fate(id, 11, false, 0)).toBe(Fate.STALE);
    expect(tags.fate(id, 11, true, 0)).toBe(Fate.DEAD);
    tags.forget(id);
    expect(dictionary.find("red")).toBe(0);
    const again = dictionary.add("red");
    tags.retain(again);
    expect(tags.fate(again, 1, true, 1_000)).toBe(Fate.ALIVE);
    expect(tags.newestOf(again)).toBe(0);
  });

  test("the cleaner can move a name that lives, and not one that is gone", () => {
    const dictionary = new Dictionary();
    const { tags, segments } = dictionary;
    const kept = dictionary.add("kept");
    const gone = dictionary.add("gone");
    tags.retain(kept);
    tags.retain(gone);
    const [keptAt, goneAt] = [tags.addressOf(kept), tags.addressOf(gone)];
    tags.release(gone);
    expect(tags.relocate(goneAt, () => 0)).toBe(false);
    segments.open(1);
    expect(tags.relocate(keptAt, () => segments.move(keptAt, 1))).toBe(true);
    expect(tags.addressOf(kept)).not.toBe(keptAt);
    expect(decodeText(tags.nameOf(kept))).toBe("kept");
  });

  test("clear forgets all", () => {
    const dictionary = new Dictionary();
    for (let n = 0; n < 3_000; n++) dictionary.tags.raise(dictionary.add(`tag:${n}`), EpochMode.PURGE, 5, 5);
    const { allocatedBytes } = new Dictionary().tags;
    dictionary.tags.clear();
    expect(dictionary.tags.allocatedBytes).toBe(allocatedBytes);
    expect(dictionary.tags.epochs.newest).toBe(0);
    expect(dictionary.find("tag:1")).toBe(0);
  });
});
