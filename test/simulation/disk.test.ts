/** The simulated disk: what a crash leaves of it. */
import { describe, expect, test } from "bun:test";
import { encodeFrame, FrameKind } from "../../src/journal/frame.ts";
import type { StorageState } from "../../src/journal/storage.ts";
import { Disk } from "./disk.ts";
import { Machine } from "./machine.ts";
import { Scheduler } from "./scheduler.ts";
import { SeededRandom } from "./seeded-random.ts";

function frame(sequence: number): Uint8Array {
  const header = { kind: FrameKind.JOURNAL, heat: 0, sequence, records: 1, highest: 1, watermarks: [] };
  return encodeFrame(header, new Uint8Array(4), 0, 4);
}

function start(seed = 1) {
  const scheduler = new Scheduler();
  const disk = new Disk(new SeededRandom(seed, "disk"));
  const boot = () => {
    const machine = new Machine(scheduler, () => {});
    return { machine, storage: disk.open(machine) };
  };
  const wait = (ms = 100) => scheduler.runUntil(scheduler.nowMs + ms);
  /** What a new life finds. */
  const found = (): number => {
    let state: StorageState | undefined;
    void boot()
      .storage.open()
      .then((opened) => {
        state = opened;
      });
    wait();
    return state?.last ?? -1;
  };
  return { disk, boot, wait, found };
}

/** One synced frame and three that are not. */
function written(seed: number) {
  const disk = start(seed);
  const { machine, storage } = disk.boot();
  void storage.open();
  void storage.append([frame(1)], true);
  for (const sequence of [2, 3, 4]) void storage.append([frame(sequence)], false);
  disk.wait();
  return { ...disk, machine, storage };
}

describe("disk", () => {
  test("a process that ends leaves what was carried out, and nothing of what waited", () => {
    const { machine, storage, found } = written(1);
    void storage.append([frame(5)], false);
    machine.end();
    expect(found()).toBe(4);
  });

  test("a power cut leaves what was synced and a prefix of the rest", () => {
    const left = new Set<number>();
    for (let seed = 1; seed <= 40; seed++) {
      const { machine, disk, found } = written(seed);
      machine.end();
      disk.cutPower();
      left.add(found());
    }
    expect([...left].sort()).toEqual([1, 2, 3, 4]);
  });

  test("what was synced since then survives every power cut", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { disk, storage, wait, found } = written(seed);
      void storage.sync();
      wait();
      disk.cutPower();
      expect(found()).toBe(4);
    }
  });

  test("a disk that is lost is empty", () => {
    const { disk, found } = written(1);
    disk.erase();
    expect(found()).toBe(0);
  });

  test("faults are answered as errors, and happen before or after the effect", () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const { disk, storage, wait, found } = written(seed);
      disk.faultRate = 1;
      let answer = "";
      storage.append([frame(5)], true).then(
        () => {
          answer = "done";
        },
        (error: unknown) => {
          answer = String(error);
        },
      );
      wait();
      outcomes.add(`${answer} ${found()}`);
    }
    expect([...outcomes].sort()).toEqual(["StorageError: append failed 4", "StorageError: append failed 5"]);
  });
});
