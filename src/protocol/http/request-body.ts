/**
 * Bodies of requests, read into memory: with a limit of their length, a limit of what all of them hold, and a time by which
 * they have to be complete.
 *
 * A body whose length was declared is refused before it is read if that is too much, and otherwise left to the runtime to
 * collect, which is the fastest way; what then arrived is compared with what was declared, so that a body which was cut
 * off is never taken for a whole one. A body of unknown length is read and put together piece by piece, and counted.
 *
 * Time is watched by one timer for all bodies under way, and by none while there are none. It looks 16 times in a time limit,
 * and a body that has seen 17 looks is late: so it ends never early, at most a sixteenth of the limit late, and no clock
 * is read for it.
 *
 * Limits: `limitBytes` of a body (413); `maxClientMemory` of all (503, come again); `requestTimeoutMs` (408, closed).
 */
import { EMPTY_BYTES } from "../../core/bytes.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const CLOSE = { connection: "close" };
const RETRY_AFTER_SECONDS = "1";
/** How often the timer looks within one time limit. */
const LOOKS = 16;
const CUT_OFF = "the connection, or the stream, ended within the body";

/**
 * The body of a request.
 *
 * @param limitBytes The longest that is accepted.
 * @returns Bytes that the caller owns.
 * @throws Problem (or rejects with one): `too-large`, `overloaded`, `request-timeout`, `incomplete-body`.
 */
export function readBody(server: HttpServer, request: Request, limitBytes: number): Promise<Uint8Array> {
  return server.bodies.read(request, limitBytes);
}

/** Who waits for a body: exactly one of the two is called, once, and never before `receive` has returned. */
export interface BodyReceiver {
  received(bytes: Uint8Array): void;
  failed(problem: Problem): void;
}

/** A body that is being read. */
class Reading {
  /** Looks of the timer before it began. */
  readonly look: number;
  readonly receiver: BodyReceiver;
  /** Bytes that count for it so far. */
  heldBytes = 0;
  /** Where it comes from, if it comes in pieces. */
  source: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(look: number, receiver: BodyReceiver) {
    this.look = look;
    this.receiver = receiver;
  }
}

/** All bodies that a server is reading. */
export class BodyReader {
  readonly #server: HttpServer;
  /** In the order in which they began. */
  readonly #readings = new Set<Reading>();
  #watching = false;
  /** How often the timer has looked. */
  #looks = 0;

  constructor(server: HttpServer) {
    this.#server = server;
  }

  /** Bodies under way. */
  get size(): number {
    return this.#readings.size;
  }

  /** See `readBody`. */
  read(request: Request, limitBytes: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.receive(request, limitBytes, { received: resolve, failed: reject });
    });
  }

  /** The same for a receiver: one promise less. Throws what is known before anything is read. */
  receive(request: Request, limitBytes: number, receiver: BodyReceiver): void {
    const length = request.headers.get("content-length");
    if (length !== null) {
      this.#receiveDeclared(request, declaredBytes(length, limitBytes), receiver);
      return;
    }
    const { body } = request;
    if (body !== null) this.#receivePieces(body, limitBytes, receiver);
    else Promise.resolve(EMPTY_BYTES).then((bytes) => receiver.received(bytes));
  }

  #receiveDeclared(request: Request, declared: number, receiver: BodyReceiver): void {
    const reading = this.#begin(declared, receiver);
    request.arrayBuffer().then(
      (buffer) => {
        if (buffer.byteLength === declared) this.#finish(reading, new Uint8Array(buffer));
        else this.#fail(reading, incomplete(`${buffer.byteLength} of ${declared} bytes arrived`));
      },
      () => this.#fail(reading, incomplete(CUT_OFF)),
    );
  }

  #receivePieces(body: ReadableStream<Uint8Array>, limitBytes: number, receiver: BodyReceiver): void {
    // Before it counts as begun: a body that somebody else reads throws here.
    const source = body.getReader();
    const reading = this.#begin(0, receiver);
    reading.source = source;
    this.#collect(source, reading, limitBytes).then(
      (bytes) => this.#finish(reading, bytes),
      (error) => this.#fail(reading, error instanceof Problem ? error : incomplete(CUT_OFF)),
    );
  }

  async #collect(source: ReadableStreamDefaultReader<Uint8Array>, reading: Reading, limitBytes: number) {
    const whole = new GrowingBytes(limitBytes);
    for (;;) {
      const { done, value } = await source.read();
      if (done) break;
      if (reading.heldBytes + value.length > limitBytes) throw tooLarge(limitBytes);
      // After its end, nobody counts for it any more.
      if (!this.#readings.has(reading)) break;
      this.#hold(reading, value.length);
      whole.add(value);
    }
    return whole.bytes;
  }

  #begin(heldBytes: number, receiver: BodyReceiver): Reading {
    const reading = new Reading(this.#looks, receiver);
    this.#hold(reading, heldBytes);
    this.#readings.add(reading);
    if (!this.#watching) this.#watch();
    return reading;
  }

  #finish(reading: Reading, bytes: Uint8Array): void {
    if (!this.#end(reading)) return;
    this.#server.statistics.receivedBytes += bytes.length;
    reading.receiver.received(bytes);
  }

  #fail(reading: Reading, problem: Problem): void {
    if (!this.#end(reading)) return;
    // Nobody waits for the rest, nor for how its end goes.
    reading.source?.cancel().catch(() => {});
    reading.receiver.failed(problem);
  }

  /** True if it was still under way. */
  #end(reading: Reading): boolean {
    if (!this.#readings.delete(reading)) return false;
    this.#server.statistics.bodyBytes -= reading.heldBytes;
    return true;
  }

  #hold(reading: Reading, bytes: number): void {
    const { statistics, config } = this.#server;
    if (statistics.bodyBytes + bytes > config.maxClientMemory) throw overloaded(config.maxClientMemory);
    statistics.bodyBytes += bytes;
    reading.heldBytes += bytes;
  }

  #watch(): void {
    const { node, config } = this.#server;
    if (config.requestTimeoutMs === 0) return;
    this.#watching = true;
    node.ports.timer.after(Math.ceil(config.requestTimeoutMs / LOOKS), () => {
      this.#watching = false;
      this.#looks++;
      this.#failLate();
      if (this.#readings.size > 0) this.#watch();
    });
  }

  #failLate(): void {
    const { requestTimeoutMs } = this.#server.config;
    for (const reading of this.#readings) {
      if (requestTimeoutMs === 0 || this.#looks - reading.look <= LOOKS) return;
      this.#fail(reading, timedOut(requestTimeoutMs));
    }
  }
}

/** What Content-Length says. */
function declaredBytes(length: string, limitBytes: number): number {
  if (!/^\d+$/.test(length)) {
    throw new Problem("bad-header", {
      detail: "the length is no number",
      field: "Content-Length",
      allowed: "whole bytes",
    });
  }
  const declared = Number(length);
  if (declared > limitBytes) throw tooLarge(limitBytes);
  return declared;
}

/**
 * Pieces put together as they come, in memory that doubles: so a body of many small ones takes no more than one of a few
 * large ones, where an object for each would take a hundred times its bytes.
 */
class GrowingBytes {
  readonly #maxBytes: number;
  #memory: Uint8Array = EMPTY_BYTES;
  #length = 0;

  /** @param maxBytes What all pieces together do not exceed. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  /** The first piece is kept as it is, since it is nearly always the only one. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (this.#length === 0) {
      this.#memory = piece;
    } else if (piece.length > 0) {
      if (length > this.#memory.length) this.#grow(length);
      this.#memory.set(piece, this.#length);
    }
    this.#length = length;
  }

  #grow(length: number): void {
    const larger = new Uint8Array(Math.max(length, Math.min(2 * this.#memory.length, this.#maxBytes)));
    larger.set(this.bytes);
    this.#memory = larger;
  }
}

function incomplete(detail: string): Problem {
  return new Problem("incomplete-body", { detail }, CLOSE);
}

function tooLarge(limitBytes: number): Problem {
  return new Problem("too-large", { detail: "the body is too large", allowed: `at most ${limitBytes} bytes` }, CLOSE);
}

function overloaded(maxClientMemory: number): Problem {
  const detail = `the bodies of all requests together would exceed ${maxClientMemory} bytes (maxClientMemory)`;
  return new Problem("overloaded", { detail }, { ...CLOSE, "retry-after": RETRY_AFTER_SECONDS });
}

function timedOut(requestTimeoutMs: number): Problem {
  const detail = `the body was not complete after ${requestTimeoutMs} ms (requestTimeoutMs)`;
  return new Problem("request-timeout", { detail }, CLOSE);
}
