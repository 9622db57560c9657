/** The journal: when frames leave, in which order, with what numbers; who is told, and when; what a failure does. */
import { describe, expect, test } from "bun:test";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { readRecords } from "../../../src/core/record-stream.ts";
import { FRAME_BYTES, type Frame, readFrame } from "../../../src/journal/frame.ts";
import { type FsyncMode, GATHER_MS, Journal, SYNC_MS } from "../../../src/journal/journal.ts";
import type { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { RecordBatch } from "../../../src/journal/record-batch.ts";
import { StorageError } from "../../../src/journal/storage.ts";
import { World } from "../node/test-node.ts";
import { drain, FaultyStorage } from "./faulty-storage.ts";

const ORIGIN = 7;

class Pump {
  readonly world = new World();
  readonly storage = new FaultyStorage();
  readonly failures: StorageError[] = [];
  readonly journal: Journal;
  readonly told: string[] = [];
  #version = 0;

  constructor(mode: FsyncMode, preamble?: (frame: RecordBatch) => void) {
    const { storage } = this;
    this.journal = new Journal({
      storage,
      timer: this.world.timer,
      mode,
      onFailure: (error) => this.failures.push(error),
      ...(preamble === undefined ? {} : { preamble }),
    });
  }

  async open(last = 0): Promise<this> {
    void this.storage.open();
    await this.storage.settle();
    this.storage.calls.length = 0;
    this.journal.start(last);
    return this;
  }

  /** One turn with records of so many bytes each. */
  turn(count = 1, bytes = 10, origin = ORIGIN): void {
    const batch = new RecordBatch(1_024);
    const record = new MutableRecord();
    const value = new Uint8Array(bytes);
    for (let n = 0; n < count; n++) {
      record.stamp(RecordKind.SET, ++this.#version, origin);
      record.setEntry(value, 0, Math.min(4, bytes), value, 0, bytes, 0);
      batch.append(record);
    }
    this.journal.add(batch);
    this.journal.endTurn();
  }

  wait(name: string): void {
    this.journal.whenStored((error) => this.told.push(error === undefined ? name : `${name}: ${error.message}`));
  }

  /** What is stored: numbers of the frames, and versions of their records. */
  async stored(
    storage: MemoryStorage = this.storage.left,
  ): Promise<{ numbers: number[]; versions: number[]; frames: Frame[] }> {
    await storage.open();
    const numbers: number[] = [];
    const versions: number[] = [];
    const frames: Frame[] = [];
    for await (const { sequence, frame: bytes } of storage.readJournal(0)) {
      const frame = readFrame(bytes);
      const { count, error } = readRecords(bytes.subarray(frame.recordsStart), new MutableRecord(), (record) => {
        if (record.kind === RecordKind.SET) versions.push(record.version);
      });
      expect([count, error, frame.sequence]).toEqual([frame.records, undefined, sequence]);
      numbers.push(sequence);
      frames.push(frame);
    }
    return { numbers, versions, frames };
  }
}

const upTo = (n: number, first = 1): number[] => Array.from({ length: n - first + 1 }, (_, i) => first + i);

describe("records leave", () => {
  const cases: { mode: FsyncMode; atOnce: string[]; inTime: string[]; inASecond: string[] }[] = [
    { mode: "always", atOnce: ["append"], inTime: ["append"], inASecond: ["append"] },
    { mode: "everysec", atOnce: [], inTime: ["append"], inASecond: ["append", "sync"] },
    { mode: "no", atOnce: [], inTime: ["append"], inASecond: ["append"] },
  ];
  for (const { mode, atOnce, inTime, inASecond } of cases) {
    test(`in the mode ${mode}`, async () => {
      const pump = await new Pump(mode).open();
      pump.turn();
      await pump.storage.settle();
      expect(pump.storage.calls).toEqual(atOnce);
      expect(GATHER_MS).toBeLessThanOrEqual(50);
      pump.world.advance(GATHER_MS);
      await pump.storage.settle();
      expect(pump.storage.calls).toEqual(inTime);
      expect(pump.journal.idle).toBe(true);
      expect(SYNC_MS).toBeLessThan(1_000);
      pump.world.advance(SYNC_MS - GATHER_MS);
      await pump.storage.settle();
      expect(pump.storage.calls).toEqual(inASecond);
      // Where nothing comes nothing is done, and no timer is left.
      pump.world.advance(10_000);
      await pump.storage.settle();
      expect([pump.storage.calls, pump.world.waiting]).toEqual([inASecond, 0]);
      expect((await pump.stored()).versions).toEqual([1]);
    });
  }

  test("in groups while an append is under way (always), in order and without a gap", async () => {
    const pump = await new Pump("always").open(4);
    for (let n = 0; n < 5; n++) {
      pump.turn(2);
      pump.wait(`turn ${n}`);
    }
    expect(pump.storage.waiting).toEqual(["append"]);
    expect(pump.journal.backlogBytes).toBeGreaterThan(0);
    await pump.storage.step();
    expect([pump.told, pump.storage.waiting]).toEqual([["turn 0"], ["append"]]);
    await pump.storage.settle();
    expect(pump.told).toEqual(["turn 0", "turn 1", "turn 2", "turn 3", "turn 4"]);
    expect(pump.storage.calls).toEqual(["append", "append"]);
    const { numbers, versions } = await pump.stored();
    expect([numbers, versions]).toEqual([[5, 6], upTo(10)]);
    expect([pump.journal.backlogBytes, pump.journal.idle]).toEqual([0, true]);
  });

  test("once a second to be synced, under a steady load, and within a second of being written", async () => {
    const pump = await new Pump("everysec").open();
    let oldest = Number.POSITIVE_INFINITY;
    let syncs = 0;
    for (let ms = 0; ms < 10_000; ms += 10) {
      if (oldest === Number.POSITIVE_INFINITY) oldest = ms;
      pump.turn();
      pump.world.advance(10);
      await pump.storage.settle();
      if (pump.storage.calls.filter((name) => name === "sync").length > syncs) {
        syncs++;
        expect(ms + 10 - oldest).toBeLessThanOrEqual(1_000);
        oldest = Number.POSITIVE_INFINITY;
      }
    }
    expect([syncs >= 10, syncs <= 12]).toEqual([true, true]);
  });

  test("no second sync while one is under way, and what came meanwhile gets its own", async () => {
    const pump = await new Pump("everysec").open();
    pump.turn();
    pump.world.advance(SYNC_MS);
    expect(pump.storage.waiting).toEqual(["append", "sync"]);
    await pump.storage.step();
    pump.turn();
    pump.world.advance(5 * SYNC_MS);
    expect(pump.storage.waiting).toEqual(["sync", "append"]);
    await pump.storage.settle();
    pump.world.advance(SYNC_MS);
    await pump.storage.settle();
    expect(pump.storage.calls).toEqual(["append", "sync", "append", "sync"]);
    expect((await pump.stored(pump.storage.synced)).versions).toEqual([1, 2]);
  });

  test("at most four appends at a time, of at most some MiB each, and the rest together", async () => {
    const pump = await new Pump("no").open();
    for (let n = 0; n < 60; n++) {
      pump.turn(100, 3_000);
      await drain();
    }
    expect(pump.storage.waiting.length).toBe(4);
    pump.wait("all");
    await pump.storage.step(3);
    expect(pump.told).toEqual([]);
    pump.world.advance(GATHER_MS);
    await pump.storage.settle();
    expect(pump.told).toEqual(["all"]);
    expect(pump.storage.calls.length).toBeLessThan(12);
    expect((await pump.stored()).versions).toEqual(upTo(6_000));
  });

  test("before their time once closed frames have a MiB, in one append", async () => {
    const pump = await new Pump("everysec").open();
    // Two turns to a frame, and the next one closes it.
    for (let n = 0; n < 12; n++) pump.turn(10, 10_000);
    expect(pump.storage.waiting).toEqual([]);
    pump.turn(10, 10_000);
    await pump.storage.settle();
    expect((await pump.stored()).numbers).toEqual(upTo(6));
  });
});

describe("frames", () => {
  test("hold the records of one turn together, and are closed before they would be too long", async () => {
    const pump = await new Pump("everysec").open();
    const turns = [200_000, 100_000, 50_000, 120_000];
    for (const bytes of turns) pump.turn(100, bytes / 100);
    pump.journal.flush();
    await pump.storage.settle();
    const { frames, versions } = await pump.stored();
    expect(frames.map(({ records }) => records)).toEqual([100, 200, 100]);
    for (const { recordsStart, end } of frames) expect(end - recordsStart).toBeLessThanOrEqual(FRAME_BYTES);
    expect(versions).toEqual(upTo(400));
  });

  test("of a turn that is longer than a frame are filled one after the other; one record may be longer than a frame", async () => {
    const pump = await new Pump("everysec").open();
    pump.turn(1_000, 1_000);
    pump.turn(3, 600_000);
    pump.journal.flush();
    await pump.storage.settle();
    const { frames, versions } = await pump.stored();
    expect(versions).toEqual(upTo(1_003));
    expect(frames.length).toBeLessThanOrEqual(8);
    for (const { records, recordsStart, end, highest } of frames) {
      if (records > 1) expect(end - recordsStart).toBeLessThanOrEqual(FRAME_BYTES);
      expect(highest).toBeGreaterThan(0);
    }
  });

  test("tell the highest version of each origin, also where they are split", async () => {
    const pump = await new Pump("always").open();
    pump.turn(2, 10, 5);
    await pump.storage.settle();
    for (const origin of [5, 6, 5]) pump.turn(2, 10, origin);
    await pump.storage.settle();
    pump.turn(2, FRAME_BYTES - 100, 9);
    await pump.storage.settle();
    const { frames } = await pump.stored();
    const marks = frames.map(({ watermarks }) =>
      Object.fromEntries(watermarks.map((one) => [one.origin, one.version])),
    );
    expect(marks).toEqual([{ 5: 2 }, { 5: 4 }, { 5: 8, 6: 6 }, { 9: 9 }, { 9: 10 }]);
    expect(frames.map(({ highest }) => highest)).toEqual([2, 4, 8, 10, 10]);
  });

  test("begin with the preamble, and a preamble alone is no frame", async () => {
    const record = new MutableRecord();
    const pump = await new Pump("always", (frame) => {
      record.stamp(RecordKind.DATABASES, 99, 3);
      record.databases = Uint8Array.from({ length: 16 }, (_, n) => n);
      frame.append(record);
    }).open();
    for (const bytes of [10, 10, FRAME_BYTES]) {
      pump.turn(1, bytes);
      await pump.storage.settle();
    }
    pump.journal.flush();
    await pump.storage.settle();
    const { frames, versions } = await pump.stored();
    expect(versions).toEqual([1, 2, 3]);
    expect(frames.map(({ records }) => records)).toEqual([2, 2, 2]);
    expect(pump.journal.statistics.records).toBe(3);
  });
});

describe("who waits", () => {
  test("is told at once where there is nothing to wait for, and in the order of asking", async () => {
    const pump = await new Pump("everysec").open();
    pump.wait("nothing");
    expect(pump.told).toEqual(["nothing"]);
    pump.turn();
    pump.wait("first");
    pump.journal.flush();
    pump.turn();
    pump.wait("second");
    await pump.storage.settle();
    expect(pump.told).toEqual(["nothing", "first"]);
    pump.world.advance(GATHER_MS);
    await pump.storage.settle();
    expect(pump.told).toEqual(["nothing", "first", "second"]);
  });

  for (const fault of ["before", "after"] as const) {
    for (const failing of [0, 1, 2, 3]) {
      test(`is told of a failure of append ${failing}, ${fault} it took effect, and is not left waiting`, async () => {
        const pump = await new Pump("no").open();
        pump.storage.fault = (name, number) => (name === "append" && number === failing ? fault : undefined);
        for (let n = 0; n < 4; n++) {
          pump.turn();
          pump.wait(`${n}`);
          pump.journal.flush();
        }
        pump.turn();
        pump.wait("open");
        await pump.storage.settle();
        const good = upTo(failing - 1, 0).map(String);
        const bad = [...upTo(3, failing).map(String), "open"].map((name) => `${name}: append failed`);
        expect(pump.told).toEqual([...good, ...bad]);
        expect(pump.failures.map(({ message }) => message)).toEqual(["append failed"]);
        expect([pump.journal.backlogBytes, pump.world.waiting]).toEqual([0, 0]);
        pump.turn();
        pump.wait("later");
        expect(pump.told.at(-1)).toBe("later: append failed");
        expect(pump.journal.statistics.dropped).toBe(2);
      });
    }
  }

  test("is told when the journal is closed, by stop or by a reason found elsewhere", async () => {
    const pump = await new Pump("everysec").open();
    pump.turn();
    pump.wait("stored");
    const stopped = pump.journal.stop();
    await pump.storage.settle();
    await stopped;
    expect([pump.told, pump.storage.calls, pump.world.waiting]).toEqual([["stored"], ["append", "sync"], 0]);
    pump.wait("late");
    expect(pump.told.at(-1)).toBe("late: the journal is closed");
    const other = await new Pump("always").open();
    other.turn();
    other.turn();
    other.wait("a");
    other.journal.fail(new StorageError("corrupt", "found"));
    expect(other.told).toEqual(["a: found"]);
  });

  test("waits in stop for what comes while it waits", async () => {
    const pump = await new Pump("always").open();
    pump.turn();
    const stopped = pump.journal.stop();
    pump.turn();
    await pump.storage.settle();
    await stopped;
    expect((await pump.stored()).versions).toEqual([1, 2]);
  });
});

describe("after a failure", () => {
  test("nothing is written until it is resumed behind a gap, and answers of before mean nothing", async () => {
    const pump = await new Pump("no").open();
    pump.storage.fault = (name, number) => (name === "append" && number === 1 ? "before" : undefined);
    for (let n = 0; n < 3; n++) {
      pump.turn();
      pump.journal.flush();
    }
    await pump.storage.step(2);
    expect(pump.failures.length).toBe(1);
    pump.turn();
    expect(pump.journal.resume()).toBe(4);
    pump.wait("the gap");
    expect(pump.told).toEqual(["the gap"]);
    pump.turn();
    pump.wait("after it");
    pump.journal.flush();
    await pump.storage.step();
    expect(pump.told).toEqual(["the gap"]);
    await pump.storage.settle();
    expect(pump.told).toEqual(["the gap", "after it"]);
    const { numbers, versions } = await pump.stored();
    expect([numbers, versions]).toEqual([
      [1, 3, 5],
      [1, 3, 5],
    ]);
  });

  test("a failed sync is one, too", async () => {
    const pump = await new Pump("everysec").open();
    pump.storage.fault = (name) => (name === "sync" ? "after" : undefined);
    pump.turn();
    pump.world.advance(SYNC_MS);
    await pump.storage.settle();
    expect([pump.failures.length, pump.world.waiting]).toEqual([1, 0]);
  });

  test("resumed while it is open, it waits for what is under way, and leaves a number out all the same", async () => {
    const pump = await new Pump("always").open();
    pump.turn();
    pump.turn();
    expect(pump.journal.resume()).toBe(3);
    pump.wait("all before");
    expect(pump.told).toEqual([]);
    pump.turn();
    await pump.storage.settle();
    expect(pump.told).toEqual(["all before"]);
    expect((await pump.stored()).numbers).toEqual([1, 2, 4]);
  });
});

describe("another mode", () => {
  const modes: FsyncMode[] = ["always", "everysec", "no"];
  for (const from of modes) {
    for (const to of modes) {
      test(`from ${from} to ${to}: nothing is left behind`, async () => {
        const pump = await new Pump(from).open();
        pump.turn();
        pump.turn();
        pump.journal.mode = to;
        pump.turn();
        pump.wait("all");
        pump.world.advance(SYNC_MS);
        await pump.storage.settle();
        pump.world.advance(SYNC_MS);
        await pump.storage.settle();
        expect([pump.told, pump.world.waiting]).toEqual([["all"], 0]);
        expect((await pump.stored()).versions).toEqual([1, 2, 3]);
        if (to !== "no") expect((await pump.stored(pump.storage.synced)).versions).toEqual([1, 2, 3]);
      });
    }
  }
});
