/**
 * One connection, and the way of its bytes:
 *
 *     socket -> receive(chunk) -> parser -> dispatch -> handler -> reply ... -> one connection.write per chunk
 *
 * Whole requests are parsed in the socket's own chunk. What is left of an unfinished one is copied into an
 * `InputBuffer`, which exists only until that request is complete. A session that may not go on (it is blocked, paused,
 * or its peer does not take its output) stops parsing, keeps what it was given, and asks the connection to stop
 * reading; it goes on where it stopped.
 *
 * The server runs one session at a time: everything between `server.begin` and `server.end` is a *turn*. Messages for
 * other sessions collect in buffers of their own and leave at the end of the turn; messages of a session to itself
 * follow the reply of the command that caused them.
 *
 * Limits: bytes of one request (protocol error), unsent output (see session-output.ts), age of an unfinished request
 * (closed; see server.ts), and what all sessions together hold (see held-bytes.ts).
 */
import { assert } from "../../core/assert.ts";
import { Outcome } from "../../store/outcome.ts";
import type { Args } from "./args.ts";
import type { Connection } from "./connection.ts";
import { dispatch } from "./dispatch.ts";
import type { InputBuffer } from "./input-buffer.ts";
import { ParseCode, type RespParser } from "./parser.ts";
import { refusalOfWrite } from "./refusal.ts";
import type { Reply } from "./reply.ts";
import type { RespServer } from "./server.ts";
import { FLUSH_BYTES, SessionOutput } from "./session-output.ts";
import { Halt } from "./session-state.ts";

/** The least that is appended to an unfinished request at a time. */
const PIECE_BYTES = 256;
/**
 * What a session that waits reads ahead. Reading goes on until then, because a peer that goes away is noticed by reading.
 * Policy: the connection stops reading.
 */
const READ_AHEAD_BYTES = 64 * 1_024;

const ENDED = Halt.CLOSED | Halt.CLOSING;
/** How a TLS connection begins: no request of this protocol does. */
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 3;

/** Ends a block; the handler's late reply is written by the function it is given. */
export type Unblock = (write?: (reply: Reply) => void) => void;

export class Session extends SessionOutput {
  readonly id: number;
  readonly createdAtMs: number;
  /** Wall-clock ms since when a request is unfinished; 0 if none is. */
  partialSince = 0;
  inputBytes = 0;
  commands = 0;
  /** A request of this turn had been kept in an input buffer. */
  ranFromInput = false;
  #input: InputBuffer | undefined;
  #blocks = 0;
  /** What is unsent is dropped when the turn ends. */
  #cut = false;

  constructor(server: RespServer, id: number, connection: Connection) {
    super(server, connection);
    this.id = id;
    this.createdAtMs = server.node.nowMs;
  }

  /** Bytes received and not executed yet. */
  get bufferedBytes(): number {
    return this.#input?.length ?? 0;
  }

  /** What is allocated for them. */
  get inputCapacity(): number {
    return this.#input?.capacity ?? 0;
  }

  /** Runs every request that `chunk` completes. The chunk may be overwritten, and is not kept. */
  receive(chunk: Uint8Array, sharedTime = false): void {
    const { server } = this;
    assert(server.current === undefined, "a session received bytes while another one was running");
    if ((this.halt & ENDED) !== 0) return;
    this.inputBytes += chunk.length;
    if (chunk[0] === TLS_HANDSHAKE && chunk[1] === TLS_MAJOR && this.#input === undefined) return this.#refuseTls();
    server.begin(this, sharedTime);
    try {
      const at = this.#input === undefined ? 0 : this.#continueInput(this.#input, chunk);
      if (at < chunk.length) this.#runChunk(chunk, at);
    } catch (cause) {
      this.fail(cause);
    } finally {
      server.end(this);
    }
  }

  /** The connection has sent everything: parsing goes on. */
  drained(): void {
    this.resumeReading();
  }

  /** The connection is gone. */
  disconnected(): void {
    this.#end();
    this.server.held.gone(this);
  }

  /** What cannot happen did, outside of any handler: this connection ends, the others go on. */
  fail(cause: unknown): void {
    this.server.statistics.internalErrors++;
    this.node.ports.log.write("error", "session failed", { from: this.connection.remoteAddress, cause });
    this.cut();
  }

  /** Ends a reason not to go on; if it was the last one, what has been buffered is run now. */
  override release(reason: number, write?: (reply: Reply) => void): void {
    if (this.closed) return;
    const { server } = this;
    if (server.busy && server.current !== this) {
      server.later(() => this.release(reason, write));
      return;
    }
    this.halt &= ~reason;
    if (server.current === this) {
      write?.(this.reply);
      if (this.halt === 0) this.connection.resume();
      return;
    }
    server.begin(this);
    try {
      write?.(this.reply);
      if (this.halt === 0) this.#proceed();
    } catch (cause) {
      this.fail(cause);
    } finally {
      server.end(this);
    }
    if (this.halt === 0) this.connection.resume();
  }

  /** Stops parsing after the command that is running; it replies, once, through the function that is returned. */
  block(): Unblock {
    const ticket = ++this.#blocks;
    const silent = this.replyMode !== "on";
    this.stop(Halt.BLOCKED);
    return (write) => {
      if (ticket !== this.#blocks || (this.halt & Halt.BLOCKED) === 0) return;
      this.release(Halt.BLOCKED, silent ? undefined : write);
    };
  }

  /** For the dispatcher: the request at hand is not run now but again when the pause ends. */
  hold(): void {
    this.stop(Halt.PAUSED);
  }

  protected override stop(reason: number): void {
    this.halt |= reason;
    if (reason === Halt.CONGESTED) this.connection.pause();
  }

  /** Closes when the replies of this turn have been written; requests that follow are not run. */
  closeAfterReply(): void {
    this.halt |= Halt.CLOSING;
    if (this.server.current !== this) this.kill();
  }

  /** Closes at once. A session that kills itself still sends the replies written so far. */
  override kill(): void {
    if (this.closed) return;
    if (this.server.current === this) {
      this.halt |= Halt.CLOSING;
      return;
    }
    this.connection.close();
    this.#end();
  }

  override cut(): void {
    if (this.running) {
      this.halt |= Halt.CLOSING;
      this.#cut = true;
      return;
    }
    this.connection.cut();
    this.#end();
  }

  #end(): void {
    if (this.closed) return;
    this.halt |= Halt.CLOSED;
    this.#dropInput();
    this.dropOutput();
    this.server.remove(this);
  }

  #dropInput(): void {
    this.partialSince = 0;
    if (this.#input === undefined) return;
    this.server.inputs.release(this.#input);
    this.#input = undefined;
  }

  // ---- Input

  #runChunk(chunk: Uint8Array, at: number): void {
    const { parser } = this.server;
    parser.begin(at);
    const stopped = this.#run(parser, chunk, at, chunk.length);
    if (stopped < chunk.length && (this.halt & ENDED) === 0) {
      const input = this.server.inputs.take(this.node.config.maxRequestBytes);
      input.append(chunk, stopped, chunk.length);
      input.parser.adopt(parser, stopped);
      this.#input = input;
      if (this.halt !== 0) this.#readAhead(input);
    }
  }

  /** Uses up to all of `chunk` to complete the request in `input`; returns how much of it was used. */
  #continueInput(input: InputBuffer, chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && (this.halt & ENDED) === 0) {
      if (this.halt !== 0) return this.#keepForLater(input, chunk, at);
      const { parser } = input;
      const size = Math.min(Math.max(parser.needed, PIECE_BYTES), chunk.length - at);
      input.append(chunk, at, at + size);
      at += size;
      const next = this.#step(parser, input.bytes, parser.position, input.length);
      if (next < 0) continue;
      this.ranFromInput = true;
      // Only the piece just appended can hold the request's end and anything behind it.
      at -= input.length - next;
      this.#dropInput();
      return at;
    }
    const used = input.parser.frameStart;
    if (used === input.length) this.#dropInput();
    else input.discard(used);
    return chunk.length;
  }

  #keepForLater(input: InputBuffer, chunk: Uint8Array, at: number): number {
    input.append(chunk, at, chunk.length);
    this.#readAhead(input);
    const limit = this.node.config.maxRequestBytes;
    if (input.length > limit) {
      this.server.statistics.inputLimitReached++;
      this.closeAfterReply();
    }
    return chunk.length;
  }

  #readAhead(input: InputBuffer): void {
    if (input.length > READ_AHEAD_BYTES) this.connection.pause();
  }

  /** Goes on with what was kept. */
  #proceed(): void {
    const input = this.#input;
    if (input === undefined) return;
    this.ranFromInput = true;
    const stopped = this.#run(input.parser, input.bytes, input.parser.position, input.length);
    if (stopped === input.length) this.#dropInput();
    else if ((this.halt & ENDED) === 0) input.discard(stopped);
  }

  /** Runs requests until the bytes end or something stops the session; returns where the first unused byte is. */
  #run(parser: RespParser, bytes: Uint8Array, at: number, end: number): number {
    while (this.halt === 0) {
      at = this.#step(parser, bytes, at, end);
      if (at < 0) return parser.frameStart;
      if (at === end) break;
    }
    // At the end of the bytes nothing begins: the arguments stay, for the slow log.
    if (at < end) parser.begin(at);
    return at;
  }

  /** Parses and runs one request; returns where the next one begins, or -1 if this one did not run. */
  #step(parser: RespParser, bytes: Uint8Array, at: number, end: number): number {
    parser.restricted = !this.authenticated;
    const code = parser.parse(bytes, at, end);
    if (code !== ParseCode.COMPLETE) {
      if (code !== ParseCode.PARTIAL) this.#refuse(parser, code);
      return -1;
    }
    const { reply } = this;
    dispatch(this, parser.args);
    if ((this.halt & Halt.PAUSED) !== 0) {
      parser.begin(parser.frameStart);
      return -1;
    }
    this.commands++;
    if (this.pushes !== undefined) this.takeOwnPushes();
    if (reply.length >= FLUSH_BYTES) this.flush();
    return parser.position;
  }

  #refuse(parser: RespParser, code: ParseCode): void {
    if (code === ParseCode.HTTP) {
      this.refuseHttp();
    } else {
      this.server.statistics.protocolErrors++;
      this.reply.error(parser.error);
    }
    this.halt |= Halt.CLOSING;
  }

  /** HTTP on this port is at best a mistake, and at worst a browser made to send requests: no answer, no more input. */
  refuseHttp(): void {
    this.server.statistics.httpRefused++;
    this.node.ports.log.write("warn", "HTTP request on the RESP port: closed", { from: this.connection.remoteAddress });
    this.halt |= Halt.CLOSING;
  }

  /** A client that speaks TLS would wait for an answer until the time limit. */
  #refuseTls(): void {
    this.server.statistics.protocolErrors++;
    const { remoteAddress } = this.connection;
    this.node.ports.log.write("warn", "TLS on the RESP port, which speaks plain text: closed", { from: remoteAddress });
    this.kill();
  }

  // ---- The end of a turn

  /** For the server, at the end of this session's turn. */
  finishTurn(): void {
    this.takeOwnPushes();
    if (!this.#cut) this.flush();
    this.lastCommandMs = this.node.nowMs;
    if ((this.halt & ENDED) !== 0) {
      // What is held leaves first; then `settle` closes.
      if (this.holdsReplies && !this.#cut && !this.closed) return this.reportHeld();
      if (this.#cut) this.connection.cut();
      else if (!this.closed) this.connection.close();
      this.#end();
      return;
    }
    if (this.#input === undefined || this.halt !== 0) this.partialSince = 0;
    else if (this.partialSince === 0) this.partialSince = this.node.nowMs;
    this.reportHeld();
  }

  protected override reportHeld(): void {
    this.server.held.note(this);
  }

  /** Answers a refused write with its error; true if it did. */
  replyOutcome(outcome: Outcome, args?: Args): boolean {
    if (outcome >= Outcome.IGNORED) return false;
    this.reply.error(refusalOfWrite(this.node.config, outcome, args));
    return true;
  }
}
