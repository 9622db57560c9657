/** The outbox: each record once, in order, to the journal and to every peer; bounded; nothing where nobody wants it. */
import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { sealRecords } from "../../../src/core/record-seal.ts";
import { readRecords } from "../../../src/core/record-stream.ts";
import { MAX_OUTBOX_BYTES, Outbox, type PeerFrame } from "../../../src/node/outbox.ts";

function record(version: number, valueBytes = 3): MutableRecord {
  const made = new MutableRecord();
  made.stamp(RecordKind.SET, version, 1);
  const value = new Uint8Array(valueBytes);
  made.setEntry(encodeText("k"), 0, 1, value, 0, value.length, 0);
  return made;
}

function versionsIn(bytes: Uint8Array): number[] {
  const versions: number[] = [];
  readRecords(bytes, new MutableRecord(), (one) => versions.push(one.version));
  return versions;
}

/** Takes everything; the journal's part is copied and sealed, as the journal and storage do. */
function taken(outbox: Outbox): { journal: Uint8Array; frames: readonly PeerFrame[]; counted: number } {
  const out = new ByteWriter();
  let counted = 0;
  const frames = outbox.take({
    add: (batch) => {
      out.range(batch.writer.bytes, 0, batch.length);
      counted += batch.count;
    },
  });
  const journal = out.take();
  sealRecords(journal, 0, journal.length);
  return { journal, frames, counted };
}

describe("the outbox", () => {
  const cases = [
    { name: "nobody", journaling: false, peers: [] },
    { name: "the journal", journaling: true, peers: [] },
    { name: "a peer", journaling: false, peers: ["b"] },
    { name: "the journal and two peers", journaling: true, peers: ["b", "c"] },
  ];
  for (const { name, journaling, peers } of cases) {
    test(`has for ${name} what was appended, in order, once`, () => {
      const outbox = new Outbox();
      outbox.journaling = journaling;
      for (const peer of peers) outbox.addPeer(peer);
      expect(outbox.wanted).toBe(journaling || peers.length > 0);
      for (const version of [5, 6, 7]) if (outbox.wanted) outbox.append(record(version));
      expect(outbox.empty).toBe(!outbox.wanted);
      const { journal, frames, counted } = taken(outbox);
      expect(counted).toBe(journaling ? 3 : 0);
      expect(versionsIn(journal)).toEqual(journaling ? [5, 6, 7] : []);
      expect(frames.map(({ peer }) => peer)).toEqual(outbox.wanted ? peers : []);
      for (const { frame } of frames) expect(versionsIn(frame)).toEqual([5, 6, 7]);
      expect(outbox.empty).toBe(true);
      expect(taken(outbox).journal.length + taken(outbox).frames.length).toBe(0);
    });
  }

  test("journals what peers sent before its own records, and sends it to nobody", () => {
    const outbox = new Outbox();
    outbox.journaling = true;
    outbox.addPeer("b");
    outbox.append(record(9));
    outbox.journal(record(3));
    outbox.journal(record(4));
    const { journal, frames } = taken(outbox);
    expect(versionsIn(journal)).toEqual([3, 4, 9]);
    expect(versionsIn(frames[0].frame)).toEqual([9]);
    outbox.journal(record(5));
    const second = taken(outbox);
    expect(versionsIn(second.journal)).toEqual([5]);
    expect(second.frames).toEqual([]);
  });

  test("gives frames away: what it does later does not change them", () => {
    const outbox = new Outbox();
    outbox.addPeer("b");
    outbox.append(record(9));
    const [{ frame }] = outbox.take();
    outbox.append(record(11));
    outbox.take();
    expect(versionsIn(frame)).toEqual([9]);
  });

  test("forgets what was received once nobody journals", () => {
    const outbox = new Outbox();
    outbox.journaling = true;
    outbox.journal(record(3));
    outbox.journaling = false;
    expect(taken(outbox).journal.length).toBe(0);
    expect(outbox.empty).toBe(true);
  });

  test("says when it is full, and is not when it was taken", () => {
    const outbox = new Outbox();
    outbox.journaling = true;
    const large = record(1, 2_000_000);
    while (!outbox.full) outbox.append(large);
    expect(taken(outbox).journal.length).toBeGreaterThanOrEqual(MAX_OUTBOX_BYTES);
    expect(outbox.full as boolean).toBe(false);
  });

  test("sends nothing to a peer that was removed", () => {
    const outbox = new Outbox();
    outbox.addPeer("b");
    outbox.addPeer("c");
    outbox.append(record(1));
    outbox.removePeer("b");
    expect(outbox.take().map(({ peer }) => peer)).toEqual(["c"]);
  });
});
