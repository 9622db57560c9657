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
import { EMPTY_BYTES, releaseBytes } from "../../core/bytes.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const CLOSE = { connection: "close" };
const RETRY_AFTER_SECONDS = "1";
/** How often the timer looks within one time limit. */
const LOOKS = 16;
/** The smallest body whose memory is given back at once: that takes a few hundred ns. */
const MIN_RELEASED_BYTES = 4_096;
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

/**
 * A body that is being read, and who waits for it: one object for both, since every PUT makes one. Exactly one of `received`
 * and `failed` is called, once, and never before `receive` has returned. What else is in here is the reader's.
 */
export abstract class PendingBody {
  /** True from its beginning to its end; its neighbours among all that are under way, in the order of their beginning. */
  underWay = false;
  before: PendingBody | undefined;
  after: PendingBody | undefined;
  /** Looks of the timer before it began. */
  look = 0;
  /** Bytes that count for it so far. */
  heldBytes = 0;
  /** False if nobody needs the bytes any more when `received` has returned. */
  readonly keepsBytes: boolean = true;
  /** Where it comes from, if it comes in pieces. */
  source: ReadableStreamDefaultReader<Uint8Array> | undefined;

  abstract received(bytes: Uint8Array): void;
  abstract failed(problem: Problem): void;
}

/** One that a promise stands for. */
class PromisedBody extends PendingBody {
  readonly received: (bytes: Uint8Array) => void;
  readonly failed: (problem: Problem) => void;

  constructor(resolve: (bytes: Uint8Array) => void, reject: (problem: Problem) => void) {
    super();
    this.received = resolve;
    this.failed = reject;
  }
}

/** All bodies that a server is reading. */
export class BodyReader {
  readonly #server: HttpServer;
  /** Those under way that began first and last. */
  #first: PendingBody | undefined;
  #last: PendingBody | undefined;
  #size = 0;
  #watching = false;
  /** How often the timer has looked. */
  #looks = 0;

  constructor(server: HttpServer) {
    this.#server = server;
  }

  /** Bodies under way. */
  get size(): number {
    return this.#size;
  }

  /** See `readBody`. */
  read(request: Request, limitBytes: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.receive(request, limitBytes, new PromisedBody(resolve, reject));
    });
  }

  /** The same without a promise. Throws what is known before anything is read. */
  receive(request: Request, limitBytes: number, pending: PendingBody): void {
    const length = request.headers.get("content-length");
    if (length !== null) {
      this.#receiveDeclared(request, declaredBytes(length, limitBytes), pending);
      return;
    }
    const { body } = request;
    if (body !== null) this.#receivePieces(body, limitBytes, pending);
    else Promise.resolve(EMPTY_BYTES).then((bytes) => pending.received(bytes));
  }

  #receiveDeclared(request: Request, declared: number, pending: PendingBody): void {
    this.#begin(declared, pending);
    request.arrayBuffer().then(
      (buffer) => {
        if (buffer.byteLength === declared) {
          const bytes = new Uint8Array(buffer);
          this.#finish(pending, bytes);
          // Memory that waits for the garbage collector has left the processor's caches when it is used again.
          if (!pending.keepsBytes && declared >= MIN_RELEASED_BYTES) releaseBytes(bytes);
        } else this.#fail(pending, incomplete(`${buffer.byteLength} of ${declared} bytes arrived`));
      },
      () => this.#fail(pending, incomplete(CUT_OFF)),
    );
  }

  #receivePieces(body: ReadableStream<Uint8Array>, limitBytes: number, pending: PendingBody): void {
    // Before it counts as begun: a body that somebody else reads throws here.
    const source = body.getReader();
    this.#begin(0, pending);
    pending.source = source;
    this.#collect(source, pending, limitBytes).then(
      (bytes) => this.#finish(pending, bytes),
      (error) => this.#fail(pending, error instanceof Problem ? error : incomplete(CUT_OFF)),
    );
  }

  async #collect(source: ReadableStreamDefaultReader<Uint8Array>, pending: PendingBody, limitBytes: number) {
    const whole = new GrowingBytes(limitBytes);
    for (;;) {
      const { done, value } = await source.read();
      if (done) break;
      if (pending.heldBytes + value.length > limitBytes) throw tooLarge(limitBytes);
      // After its end, nobody counts for it any more.
      if (!pending.underWay) break;
      this.#hold(pending, value.length);
      whole.add(value);
    }
    return whole.bytes;
  }

  #begin(heldBytes: number, pending: PendingBody): void {
    this.#hold(pending, heldBytes);
    pending.look = this.#looks;
    pending.underWay = true;
    const last = this.#last;
    pending.before = last;
    if (last === undefined) this.#first = pending;
    else last.after = pending;
    this.#last = pending;
    this.#size++;
    if (!this.#watching) this.#watch();
  }

  #finish(pending: PendingBody, bytes: Uint8Array): void {
    if (!this.#end(pending)) return;
    this.#server.statistics.receivedBytes += bytes.length;
    pending.received(bytes);
  }

  #fail(pending: PendingBody, problem: Problem): void {
    if (!this.#end(pending)) return;
    // Nobody waits for the rest, nor for how its end goes.
    pending.source?.cancel().catch(() => {});
    pending.failed(problem);
  }

  /** True if it was still under way. */
  #end(pending: PendingBody): boolean {
    if (!pending.underWay) return false;
    const { before, after } = pending;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    pending.before = undefined;
    pending.after = undefined;
    pending.underWay = false;
    this.#size--;
    this.#server.statistics.bodyBytes -= pending.heldBytes;
    return true;
  }

  #hold(pending: PendingBody, bytes: number): void {
    const { statistics, config } = this.#server;
    if (statistics.bodyBytes + bytes > config.maxClientMemory) throw overloaded(config.maxClientMemory);
    statistics.bodyBytes += bytes;
    pending.heldBytes += bytes;
  }

  #watch(): void {
    const { node, config } = this.#server;
    if (config.requestTimeoutMs === 0) return;
    this.#watching = true;
    node.ports.timer.after(Math.ceil(config.requestTimeoutMs / LOOKS), () => {
      this.#watching = false;
      this.#looks++;
      this.#failLate();
      if (this.#size > 0) this.#watch();
    });
  }

  #failLate(): void {
    const { requestTimeoutMs } = this.#server.config;
    for (let oldest = this.#first; oldest !== undefined; oldest = this.#first) {
      if (requestTimeoutMs === 0 || this.#looks - oldest.look <= LOOKS) return;
      this.#fail(oldest, timedOut(requestTimeoutMs));
    }
  }
}

/** What Content-Length says. */
function declaredBytes(length: string, limitBytes: number): number {
  const declared = isDigits(length) ? Number(length) : undefined;
  if (declared === undefined) {
    throw new Problem("bad-header", {
      detail: "the length is no number",
      field: "Content-Length",
      allowed: "whole bytes",
    });
  }
  if (declared > limitBytes) throw tooLarge(limitBytes);
  return declared;
}

/** True for one digit or more: half of what a regular expression takes. */
function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text !== "";
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
