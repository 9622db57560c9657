import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SlotSet } from "../../../src/cluster/slot-set.ts";
import {
  readCancel,
  readEnd,
  readHead,
  readPlace,
  readRequest,
  SyncSide,
  writeCancel,
  writeEnd,
  writeHead,
  writePlace,
  writeRequest,
} from "../../../src/cluster/sync-messages.ts";
import { ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { SLOT_COUNT } from "../../../src/core/limits.ts";

const request = {
  id: 7,
  origin: 0xffff_ffff,
  received: 300,
  region: "fra",
  ring: 2 ** 53 - 1,
  lastResort: false,
  gather: true,
  slots: SlotSet.of(1, 2, 16_383),
  required: [{ origin: 9, version: 2 ** 52 }],
  pull: { origin: 5, above: 10, fillsAbove: 3 },
};
const floors = new Float64Array(SLOT_COUNT);
floors[3] = 2 ** 50;
floors[16_383] = 1;
const set = SlotSet.of(4);
const head = {
  stable: 5,
  bound: 2 ** 52,
  granted: SlotSet.where((slot) => slot > 9),
  later: set,
  retained: new SlotSet(),
};

const messages: {
  name: string;
  write: (body: ByteWriter) => void;
  read: (body: ByteReader) => unknown;
  value: unknown;
}[] = [
  { name: "request", write: (body) => writeRequest(body, request), read: readRequest, value: request },
  {
    name: "request of slots",
    write: (body) => writeRequest(body, { ...request, pull: undefined, gather: false, lastResort: true }),
    read: readRequest,
    value: { ...request, pull: undefined, gather: false, lastResort: true },
  },
  { name: "head", write: (body) => writeHead(body, head), read: readHead, value: head },
  {
    name: "place",
    write: (body) => writePlace(body, { id: 1, run: 2, number: 3 }),
    read: readPlace,
    value: { id: 1, run: 2, number: 3 },
  },
  {
    name: "end",
    write: (body) => writeEnd(body, { watermark: 12, floors }),
    read: readEnd,
    value: { watermark: 12, floors },
  },
  {
    name: "cancel",
    write: (body) => writeCancel(body, { side: SyncSide.TARGET, id: 3, later: set, retained: head.granted }),
    read: readCancel,
    value: { side: SyncSide.TARGET, id: 3, later: set, retained: head.granted },
  },
];

/** Sets compare by what they hold. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, one) => (one instanceof SlotSet ? [...bitsOf(one)] : one)));
}

function* bitsOf(slots: SlotSet): Iterable<number> {
  for (let slot = slots.next(0); slot >= 0; slot = slots.next(slot + 1)) yield slot;
}

describe("what a sync says", () => {
  for (const { name, write, read, value } of messages) {
    test(`${name}: comes back, and no part of it is anything`, () => {
      const out = new ByteWriter();
      write(out);
      const bytes = out.take();
      const reader = new ByteReader(bytes);
      expect(plain(read(reader))).toEqual(plain(value));
      expect(reader.left).toBe(0);
      for (const length of [0, 1, bytes.length >> 1, bytes.length - 1]) {
        expect(() => read(new ByteReader(bytes, 0, length))).toThrow(ReadError);
      }
    });

    test(`${name}: whatever bytes come, it is read or a ReadError`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
          try {
            read(new ByteReader(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(ReadError);
          }
        }),
      );
    });
  }
});
