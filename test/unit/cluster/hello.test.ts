import { describe, expect, test } from "bun:test";
import { Hello, type HelloContent } from "../../../src/cluster/hello.ts";
import { readHello, writeHello } from "../../../src/cluster/hello-codec.ts";
import { MemberState } from "../../../src/cluster/member.ts";
import { MessageKind, readFrame } from "../../../src/cluster/message.ts";
import { Peers } from "../../../src/cluster/peers.ts";
import { SlotSet } from "../../../src/cluster/slot-set.ts";
import { ByteReader } from "../../../src/core/byte-reader.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";

function content(id: string, origin: number): HelloContent {
  return {
    member: {
      id,
      origin,
      incarnation: 3,
      state: MemberState.ALIVE,
      region: "fra",
      zone: "z",
      weight: 1.5,
      replicas: 2,
      address: "x",
    },
    wallMs: 1_700_000_000_123,
    now: 2 ** 53 - 1,
    stable: 77,
    watermarks: [
      { origin: 4, version: 9 },
      { origin: 2 ** 32 - 1, version: 2 ** 53 - 1 },
    ],
    visible: SlotSet.of(3, 4, 16_383),
  };
}

function encode(change: Partial<HelloContent> = {}, greeting = 5): ByteWriter {
  const body = new ByteWriter();
  writeHello(body, { greeting, answers: 6, wantsAnswer: true }, { ...content("a", 1), ...change });
  return body;
}

class End {
  readonly peers = new Peers();
  readonly heard: number[] = [];
  readonly hello: Hello;
  readonly id: string;
  constructor(id: string, origin: number, clock: { nowMs: number }) {
    this.id = id;
    this.hello = new Hello({
      id,
      origin,
      peers: this.peers,
      clock: { now: () => clock.nowMs, monotonic: () => clock.nowMs },
      content: () => content(id, origin),
      onHello: (_, hello) => this.heard.push(hello.member.origin),
    });
  }
  link(peer: string): void {
    this.peers.link(peer);
    this.hello.linked(peer);
  }
  unlink(peer: string): void {
    this.peers.unlink(peer);
    this.hello.unlinked(peer);
  }
  /** Delivers what there is to say; returns how many messages that were. */
  sendTo(other: End): number {
    let count = 0;
    for (const { frame } of this.peers.take()) {
      readFrame(frame, (kind, body) => {
        other.hello.receive(this.id, kind, body);
        count++;
      });
    }
    return count;
  }
}

describe("hello", () => {
  test("says what it was given", () => {
    const body = encode();
    body.u8(1); // a field of a later version
    const { greeting, content: read } = readHello(new ByteReader(body.view()));
    expect(greeting).toEqual({ greeting: 5, answers: 6, wantsAnswer: true });
    const { visible, ...rest } = content("a", 1);
    expect({ ...read, visible: undefined }).toEqual({ ...rest, visible: undefined } as never);
    const slots: number[] = [];
    read.visible.forEach((slot) => {
      slots.push(slot);
    });
    expect(slots).toEqual([3, 4, 16_383]);
  });

  const wrong: { name: string; body: ByteWriter; says: string }[] = [
    { name: "another protocol", body: patched(encode(), 0, 9), says: "protocols 9 to 1" },
    { name: "no greeting", body: encode({}, 0), says: "a greeting has a number" },
    {
      name: "origins out of order",
      body: encode({
        watermarks: [
          { origin: 4, version: 1 },
          { origin: 4, version: 1 },
        ],
      }),
      says: "watermarks are not in the order",
    },
    { name: "nothing", body: new ByteWriter(), says: "1 bytes are expected" },
  ];
  for (const { name, body, says } of wrong) {
    test(`refuses ${name}`, () => {
      expect(() => readHello(new ByteReader(body.view()))).toThrow(says);
    });
  }

  test("is told once to each end, whatever is lost, and then there is silence", () => {
    for (const lost of [0, 1, 2, 3]) {
      const clock = { nowMs: 0 };
      const [a, b] = [new End("a", 10, clock), new End("b", 20, clock)];
      a.link("b");
      b.link("a");
      let messages = 0;
      for (let i = 0; i < 100; i++) {
        for (const [from, to] of [
          [a, b],
          [b, a],
        ] as const) {
          if (i < lost) from.peers.take();
          else messages += from.sendTo(to);
        }
        clock.nowMs += 100;
        a.hello.tick();
        b.hello.tick();
      }
      expect([a.heard, b.heard]).toEqual([[20], [10]]);
      expect([a.hello.isMutual("b"), b.hello.isMutual("a")]).toEqual([true, true]);
      expect(messages).toBeLessThanOrEqual(6);
      expect([a.sendTo(b), b.sendTo(a)]).toEqual([0, 0]);
    }
  });

  test("is told again on another link, and to another life", () => {
    const clock = { nowMs: 0 };
    const a = new End("a", 10, clock);
    let b = new End("b", 20, clock);
    const meet = () => {
      a.link("b");
      b.link("a");
      for (let i = 0; i < 3; i++) {
        a.sendTo(b);
        b.sendTo(a);
      }
    };
    meet();
    a.unlink("b");
    b.unlink("a");
    expect(a.hello.isMutual("b")).toBe(false);
    meet();
    expect([a.heard, b.heard]).toEqual([
      [20, 20],
      [10, 10],
    ]);
    b = new End("b", 30, clock);
    b.link("a");
    for (let i = 0; i < 3; i++) {
      b.sendTo(a);
      clock.nowMs += 5_000;
      a.hello.tick();
      a.sendTo(b);
    }
    expect([a.heard, b.heard]).toEqual([[20, 20, 30], [10]]);
    expect(b.hello.isMutual("a")).toBe(true);
  });

  test("of somebody else is refused", () => {
    const clock = { nowMs: 0 };
    const a = new End("a", 10, clock);
    const receive = (peer: string) => a.hello.receive(peer, MessageKind.HELLO, new ByteReader(encode().view()));
    expect(() => receive("c")).toThrow("a hello of a on the link to c");
    expect(() => receive("a")).toThrow("a hello of a, which is this node");
  });
});

function patched(body: ByteWriter, at: number, value: number): ByteWriter {
  body.bytes[at] = value;
  return body;
}
