/**
 * Frames of peers that are not what they should be: whatever is in them, the receiver says `ReadError` or takes them, and
 * nothing else. `FRAMES` says how many are tried.
 */
import { describe, expect, test } from "bun:test";
import { defaultClusterConfig } from "../../../src/cluster/cluster-config.ts";
import { MemberState } from "../../../src/cluster/member.ts";
import { Membership } from "../../../src/cluster/membership.ts";
import { MessageKind, readFrame } from "../../../src/cluster/message.ts";
import { Peers } from "../../../src/cluster/peers.ts";
import { type ByteReader, ReadError } from "../../../src/core/byte-reader.ts";
import { RecordKind } from "../../../src/core/record.ts";
import { sealRecords } from "../../../src/core/record-seal.ts";
import { World } from "./stream-nodes.ts";

const FRAMES = Number(process.env.FRAMES ?? 20_000);
const SEED = Number(process.env.SEED ?? 20_261_123);
/** Frames that one receiver gets, before it is replaced by one that was told nothing wrong yet. */
const FRAMES_EACH = 200;
/** Flag and `previous` of a STREAM message; its records follow. */
const STREAM_HEAD_BYTES = 8;
const KINDS = Object.values(MessageKind);

/** A generator (mulberry32) that gives the same numbers for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

type Draw = (below: number) => number;

/** Some bytes changed, cut out, doubled, or put in. */
function mutate(frame: Uint8Array, draw: Draw): Uint8Array {
  const bytes = [...frame];
  for (let n = 1 + draw(3); n > 0; n--) {
    const at = draw(bytes.length);
    switch (draw(6)) {
      case 0:
        bytes[at] ^= 1 << draw(8);
        break;
      case 1:
        bytes[at] = [0, 1, 0x7f, 0x80, 0xff][draw(5)];
        break;
      case 2:
        bytes.splice(at, 1 + draw(8));
        break;
      case 3:
        bytes.splice(at, 0, ...bytes.slice(at, at + 1 + draw(16)));
        break;
      case 4:
        bytes.length = at;
        break;
      default:
        bytes[1] = KINDS[draw(KINDS.length)];
    }
    if (bytes.length === 0) bytes.push(1);
  }
  return Uint8Array.from(bytes);
}

/** Makes checksums right again, so that what is wrong lies behind them. */
function seal(frame: Uint8Array): void {
  try {
    readFrame(frame, (kind, body) => {
      if (kind !== MessageKind.STREAM) return;
      for (let at = body.at + STREAM_HEAD_BYTES; at + 4 < body.end; ) {
        let next = at + 4;
        let length = 0;
        for (let shift = 0; ; shift += 7) {
          const byte = frame[next++];
          length |= (byte & 0x7f) << shift;
          if (byte < 0x80 || shift === 21) break;
        }
        next += length;
        if (next > body.end) return;
        frame.fill(0, at, at + 4);
        sealRecords(frame, at, next);
        at = next;
      }
    });
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
  }
}

/** What nodes with streams say to each other while all goes well, and one that hears it. */
function streams(): { frames: Uint8Array[]; receive: (frame: Uint8Array) => void } {
  const world = new World(2);
  const [sender, receiver] = world.nodes;
  const frames: Uint8Array[] = [];
  for (let round = 0; round < 8; round++) {
    world.nowMs += 50;
    sender.outgoing.mark("fra", round);
    for (const kind of [RecordKind.SET, RecordKind.DELETE, RecordKind.INVALIDATE]) {
      sender.write(kind, 2, 10);
      receiver.write(kind, 1, 300);
    }
    for (const node of world.nodes) {
      node.tick();
      node.pull();
    }
    world.endTurn();
    for (const { to, frame } of world.parcels) if (to === receiver) frames.push(frame);
    if (round !== 5) world.deliverAll();
    else world.parcels = [];
  }
  return { frames, receive: (frame) => receiver.receive(sender, frame) };
}

/** The same of memberships. */
function memberships(): { frames: Uint8Array[]; receive: (frame: Uint8Array) => void } {
  let nowMs = 1_700_000_000_000;
  const clock = { now: () => nowMs, monotonic: () => nowMs };
  const draw = generator(7);
  const random = { uint32: () => draw(2 ** 32) };
  const nodes = ["a", "b"].map((id, index) => {
    const peers = new Peers();
    const config = { ...defaultClusterConfig(), id, address: id };
    const membership = new Membership({ config, origin: index + 1, clock, random, peers, onChange: () => undefined });
    return { id, peers, membership };
  });
  const [a, b] = nodes;
  for (const [one, other] of [
    [a, b],
    [b, a],
  ]) {
    one.peers.link(other.id);
    one.membership.linked(other.id);
    one.membership.introduce({ ...other.membership.self, state: MemberState.ALIVE });
  }
  const frames: Uint8Array[] = [];
  for (let round = 0; round < 40; round++) {
    nowMs += 50;
    for (const [one, other] of [
      [a, b],
      [b, a],
    ]) {
      one.membership.tick();
      for (const { frame } of one.peers.take()) {
        if (other === b) frames.push(frame);
        readFrame(frame, (kind, body) => other.membership.receive(one.id, kind, body));
      }
    }
  }
  const receive = (frame: Uint8Array) => {
    readFrame(frame, (kind: number, body: ByteReader) => b.membership.receive("a", kind, body));
    b.peers.take();
  };
  return { frames, receive };
}

/** Each part that peers talk to. */
const RECEIVERS = { streams, memberships };

describe("frames that are not what they should be", () => {
  for (const [name, create] of Object.entries(RECEIVERS)) {
    test(`${name}: ReadError or nothing`, () => {
      const draw = generator(SEED);
      let [refused, taken] = [0, 0];
      let receiver = create();
      for (let i = 1; i <= FRAMES; i++) {
        if (i % FRAMES_EACH === 0) receiver = create();
        const frame = mutate(receiver.frames[draw(receiver.frames.length)], draw);
        if (draw(2) === 0) seal(frame);
        try {
          receiver.receive(frame);
          taken++;
        } catch (error) {
          if (!(error instanceof ReadError)) throw new Error(`frame ${i}: [${frame.join()}]`, { cause: error });
          refused++;
        }
      }
      // Both ways are taken: neither are all frames refused before anybody looks at them, nor is nothing checked.
      expect(refused).toBeGreaterThan(FRAMES / 10);
      expect(taken).toBeGreaterThan(FRAMES / 100);
    }, 600_000);
  }
});
