/**
 * The parser against hostile input: more than a million random, valid and mutated frames, seeded. Each pipeline is
 * parsed whole, and again in chunks cut at random, with the unfinished bytes moved to another buffer and parser now and
 * then, as sessions do it. Both must end the same way, with the same requests; nothing may throw, hang, or keep
 * more than it was given.
 */
import { describe, expect, test } from "bun:test";
import { encodeLatin1 } from "../../../../src/core/bytes.ts";
import type { Args } from "../../../../src/protocol/resp/args.ts";
import { ParseCode, RespParser } from "../../../../src/protocol/resp/parser.ts";
import { seededRandom } from "../../store/test-store.ts";
import { TestServer } from "./wire.ts";

const FRAMES_PER_SEED = 140_000;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const LIMIT = 16_384;
/** What protocols are made of, and what breaks them. */
const ALPHABET = encodeLatin1("*$0123456789-+:\r\n\r\n \"'\\xGETgetSET\0\xff");
const WORDS = ["GET", "SET", "get", "PING", "MSET", "POST", "Host:", "HTTP/1.1", "\\x41", '"a b"', "'c'", ""].map(
  encodeLatin1,
);

/** A cheap generator, because the reference one would take most of the time. */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 || 1;
  }
  /** A whole number below `n`. */
  below(n: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % n;
  }
}

/** Writes pipelines into one buffer. */
class Writer {
  readonly bytes = new Uint8Array(1 << 20);
  length = 0;
  readonly #dice: Dice;
  constructor(dice: Dice) {
    this.#dice = dice;
  }

  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  /** A frame that is valid, but that its words may hold anything. */
  frame(): void {
    const dice = this.#dice;
    const count = dice.below(20) === 0 ? dice.below(40) : 1 + dice.below(4);
    this.text(`*${count}\r\n`);
    for (let i = 0; i < count; i++) {
      const word = WORDS[dice.below(WORDS.length)] as Uint8Array;
      const random = dice.below(3) === 0 ? (dice.below(50) === 0 ? dice.below(3_000) : dice.below(20)) : -1;
      this.text(`$${random < 0 ? word.length : random}\r\n`);
      if (random < 0) for (const c of word) this.byte(c);
      for (let k = 0; k < random; k++) this.byte(dice.below(256));
      this.text("\r\n");
    }
  }

  inline(): void {
    const dice = this.#dice;
    for (let i = dice.below(5); i >= 0; i--) {
      for (const c of WORDS[dice.below(WORDS.length)] as Uint8Array) this.byte(c);
      this.byte(32);
    }
    this.text(dice.below(2) === 0 ? "\r\n" : "\n");
  }

  garbage(): void {
    const dice = this.#dice;
    for (let i = dice.below(40); i >= 0; i--) this.byte(ALPHABET[dice.below(ALPHABET.length)] as number);
  }

  /** Changes, drops or doubles a few bytes after `from`. */
  mutate(from: number): void {
    const dice = this.#dice;
    for (let i = dice.below(3); i >= 0 && this.length > from; i--) {
      const at = from + dice.below(this.length - from);
      const kind = dice.below(3);
      if (kind === 0) {
        this.bytes[at] = ALPHABET[dice.below(ALPHABET.length)] as number;
      } else if (kind === 1) {
        this.bytes.copyWithin(at, at + 1, this.length--);
      } else {
        this.bytes.copyWithin(at + 1, at, this.length++);
      }
    }
  }

  /** One pipeline; returns the number of frames in it. Mutated ones are short, since they end at the first error. */
  pipeline(): number {
    const dice = this.#dice;
    this.length = 0;
    const mutated = dice.below(2) === 0;
    const count = 1 + dice.below(mutated ? 3 : 20);
    for (let i = 0; i < count; i++) {
      const from = this.length;
      const kind = dice.below(20);
      if (kind === 0) this.inline();
      else if (kind === 1 && mutated) this.garbage();
      else this.frame();
      if (mutated && dice.below(2) === 0) this.mutate(from);
    }
    return count;
  }
}

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193);
}

function mixArgs(hash: number, { bytes, count, starts, ends }: Args): number {
  for (let i = 0; i < count; i++) {
    const end = ends[i] as number;
    hash = mix(hash, end - (starts[i] as number) + 1_000);
    for (let at = starts[i] as number; at < end; at++) hash = mix(hash, bytes[at] as number);
  }
  return hash;
}

/** How a pipeline ended (the code), all requests and the error as a hash, and where the unfinished one begins. */
interface Outcome {
  hash: number;
  requests: number;
  code: ParseCode;
  rest: number;
}

function finish(outcome: Outcome, code: ParseCode, parser: RespParser, rest: number): Outcome {
  outcome.code = code;
  outcome.rest = code === ParseCode.PARTIAL ? rest : 0;
  if (code === ParseCode.ERROR) for (const c of parser.error) outcome.hash = mix(outcome.hash, c.charCodeAt(0));
  return outcome;
}

function parseWhole(parser: RespParser, bytes: Uint8Array, length: number): Outcome {
  const outcome: Outcome = { hash: 0, requests: 0, code: ParseCode.COMPLETE, rest: 0 };
  parser.begin(0);
  for (;;) {
    const code = parser.parse(bytes, parser.position, length);
    if (code !== ParseCode.COMPLETE) return finish(outcome, code, parser, length - parser.frameStart);
    outcome.requests++;
    outcome.hash = mixArgs(mix(outcome.hash, 7), parser.args);
  }
}

/** The same bytes in random chunks; the unfinished part moves between two buffers and parsers. */
function parseChunked(
  parsers: RespParser[],
  buffers: Uint8Array[],
  source: Uint8Array,
  size: number,
  dice: Dice,
): Outcome {
  const outcome: Outcome = { hash: 0, requests: 0, code: ParseCode.COMPLETE, rest: 0 };
  let side = 0;
  let length = 0;
  const most = dice.below(4) === 0 ? 3 : 1 + dice.below(200);
  (parsers[0] as RespParser).begin(0);
  for (let at = 0; ; ) {
    const taken = Math.min(1 + dice.below(most), size - at);
    (buffers[side] as Uint8Array).set(source.subarray(at, at + taken), length);
    at += taken;
    length += taken;
    const parser = parsers[side] as RespParser;
    let code: ParseCode;
    for (;;) {
      code = parser.parse(buffers[side] as Uint8Array, parser.position, length);
      if (code !== ParseCode.COMPLETE) break;
      outcome.requests++;
      outcome.hash = mixArgs(mix(outcome.hash, 7), parser.args);
    }
    if (code !== ParseCode.PARTIAL || at === size) return finish(outcome, code, parser, length - parser.frameStart);
    if (dice.below(3) > 0) continue;
    const shift = parser.frameStart;
    (buffers[1 - side] as Uint8Array).set((buffers[side] as Uint8Array).subarray(shift, length));
    (parsers[1 - side] as RespParser).adopt(parser, shift);
    length -= shift;
    side = 1 - side;
  }
}

describe("RespParser under fuzzing", () => {
  test.each(SEEDS)("seed %d: chunks do not change the outcome", (seed) => {
    const dice = new Dice(seed);
    const writer = new Writer(dice);
    const [whole, ...halves] = [0, 1, 2].map(() => new RespParser(LIMIT)) as [RespParser, RespParser, RespParser];
    const buffers = [new Uint8Array(1 << 20), new Uint8Array(1 << 20)];
    const endings = [0, 0, 0, 0];
    for (let frames = 0; frames < FRAMES_PER_SEED; ) {
      frames += writer.pipeline();
      const restricted = dice.below(4) === 0;
      for (const parser of [whole, ...halves]) parser.restricted = restricted;
      const expected = parseWhole(whole, writer.bytes, writer.length);
      const actual = parseChunked(halves, buffers, writer.bytes, writer.length, dice);
      endings[expected.code] = (endings[expected.code] as number) + 1;
      if (JSON.stringify(actual) === JSON.stringify(expected)) continue;
      const shown = JSON.stringify(String.fromCharCode(...writer.bytes.subarray(0, writer.length)));
      expect({ actual, shown }).toEqual({ actual: expected, shown });
    }
    // Every way to end was seen, so the comparison was not of nothing.
    for (const code of [ParseCode.PARTIAL, ParseCode.ERROR, ParseCode.HTTP]) expect(endings[code]).toBeGreaterThan(100);
    for (const { args } of [whole, ...halves]) expect(args.starts.length).toBeLessThan(1_024);
  });
});

describe("Session under fuzzing", () => {
  test("chunks do not change the replies, and nothing is kept", () => {
    const dice = new Dice(99);
    const writer = new Writer(dice);
    const random = seededRandom(5);
    const { server } = new TestServer({ maxRequestBytes: LIMIT });
    const run = (cut: () => number): string => {
      let replies = "";
      let closed = false;
      server.node.flush(-1);
      const session = server.accept({
        remoteAddress: "a",
        localAddress: "b",
        pendingBytes: 0,
        write: (bytes) => {
          replies += String.fromCharCode(...bytes);
        },
        pause: () => {},
        resume: () => {},
        close: () => {
          closed = true;
        },
        cut: () => {
          closed = true;
        },
      });
      for (let at = 0; at < writer.length; ) {
        const end = Math.min(writer.length, at + cut());
        session.receive(writer.bytes.slice(at, end));
        at = end;
      }
      expect(session.bufferedBytes).toBeLessThanOrEqual(LIMIT + 65_536);
      session.disconnected();
      return `${replies}${closed ? "closed" : "open"}`;
    };
    for (let frames = 0; frames < 30_000; ) {
      frames += writer.pipeline();
      const most = 1 + (random.uint32() % 300);
      expect(run(() => 1 + (random.uint32() % most))).toBe(run(() => writer.length));
    }
    expect(server.sessions.size).toBe(0);
    expect(server.statistics.internalErrors).toBe(0);
    expect(server.statistics.protocolErrors).toBeGreaterThan(100);
  });
});
