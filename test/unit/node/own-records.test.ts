/** What a node stamps gets into its log in order, once it is stored, and whoever waits for that is told then. */
import { expect, test } from "bun:test";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { OwnRecords } from "../../../src/node/own-records.ts";

function turn(...versions: number[]): Uint8Array {
  const out = new ByteWriter();
  const record = new MutableRecord();
  for (const version of versions) {
    record.stamp(RecordKind.DELETE, version, 7);
    record.setKey(encodeText("k"), 0, 1);
    encodeRecord(record, out);
  }
  return out.take();
}

test("turns wait for storage, and those that wait for them too", () => {
  const told: string[] = [];
  const outgoing = {
    append: (_bytes: Uint8Array, _start: number, _end: number, version: number) => void told.push(`log ${version}`),
  };
  const sync = {
    applied: ({ version }: MutableRecord) => void told.push(`sync ${version}`),
  };
  const own = new OwnRecords(outgoing, sync);
  const stored: (() => void)[] = [];
  const later = (callback: () => void) => void stored.push(callback);
  own.whenLogged(() => told.push("nothing waits"));
  own.add(
    turn(1),
    (callback) => callback(),
    () => told.push("never"),
  );
  own.add(turn(2, 3), later, () => told.push("later 3"));
  expect(own.areLogged).toBe(false);
  own.whenLogged(() => told.push("logged up to 3"));
  own.add(turn(4), later, () => told.push("later 4"));
  own.whenLogged(() => told.push("logged up to 4"));
  expect(told).toEqual(["nothing waits", "log 1", "sync 1"]);
  stored[0]?.();
  expect(told.splice(3)).toEqual(["log 2", "sync 2", "log 3", "sync 3", "logged up to 3", "later 3"]);
  expect(own.areLogged).toBe(false);
  stored[1]?.();
  expect(told.splice(3)).toEqual(["log 4", "sync 4", "logged up to 4", "later 4"]);
  expect(own.areLogged).toBe(true);
});
