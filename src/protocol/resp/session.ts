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
 * Limits: bytes of one request (protocol error), unsent output (first stop parsing; closed where pushes alone exceed
 * the limit, or where the peer takes nothing for too long), age of an unfinished request (closed; see server.ts).
 */
import { assert } from "../../core/assert.ts";
import { Outcome } from "../../store/outcome.ts";
import type { Args } from "./args.ts";
import type { Connection } from "./connection.ts";
import { dispatch } from "./dispatch.ts";
import type { InputBuffer } from "./input-buffer.ts";
import { ParseCode, type RespParser } from "./parser.ts";
import type { Reply } from "./reply.ts";
import type { RespServer } from "./server.ts";
import { Halt, SessionState } from "./session-state.ts";

/** A batch's output is sent early when it has grown to this. */
const FLUSH_BYTES = 256 * 1_024;
/** The least that is appended to an unfinished request at a time. */
const PIECE_BYTES = 256;

const ENDED = Halt.CLOSED | Halt.CLOSING;

/** Ends a block; the handler's late reply is written by the function it is given. */
export type Unblock = (write?: (reply: Reply) => void) => void;

export class Session extends SessionState {
  readonly id: number;
  readonly server: RespServer;
  readonly connection: Connection;
  readonly createdAtMs: number;
  /** The server's shared buffer: only valid while this session runs. */
  readonly reply: Reply;
  /** Wall-clock ms since when a request is unfinished; 0 if none is. */
  partialSince = 0;
  /** Since when the peer has taken nothing of a backlog, and how large that was. */
  congestedSince = 0;
  congestedBytes = 0;
  inputBytes = 0;
  outputBytes = 0;
  commands = 0;
  /** Bits of `Halt`. */
  halt = 0;
  /** A request of this turn had been kept in an input buffer. */
  ranFromInput = false;
  #input: InputBuffer | undefined;
  #pushes: Reply | undefined;
  #blocks = 0;

  constructor(server: RespServer, id: number, connection: Connection) {
    super(server.node, server.node.config.secrets.length === 0);
    this.id = id;
    this.server = server;
    this.connection = connection;
    this.reply = server.reply;
    this.createdAtMs = server.node.nowMs;
  }

  get closed(): boolean {
    return (this.halt & Halt.CLOSED) !== 0;
  }

  /** Bytes received and not executed yet. */
  get bufferedBytes(): number {
    return this.#input?.length ?? 0;
  }

  protected override protocolChanged(protocol: 2 | 3): void {
    if (this.server.current === this) this.reply.protocol = protocol;
  }

  /** Runs every request that `chunk` completes. The chunk may be overwritten, and is not kept. */
  receive(chunk: Uint8Array): void {
    const { server } = this;
    assert(server.current === undefined, "a session received bytes while another one was running");
    if ((this.halt & ENDED) !== 0) return;
    this.inputBytes += chunk.length;
    server.begin(this);
    try {
      const at = this.#input === undefined ? 0 : this.#continueInput(this.#input, chunk);
      if (at < chunk.length) this.#runChunk(chunk, at);
    } finally {
      server.end(this);
    }
  }

  /** The connection has sent everything: parsing goes on. */
  drained(): void {
    if ((this.halt & Halt.CONGESTED) !== 0) this.release(Halt.CONGESTED);
  }

  /** The connection is gone. */
  disconnected(): void {
    this.#end();
  }

  /** Ends a reason not to go on; if it was the last one, what has been buffered is run now. */
  release(reason: number, write?: (reply: Reply) => void): void {
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
    } finally {
      server.end(this);
    }
    if (this.halt === 0) this.connection.resume();
  }

  /** Stops parsing after the command that is running; it replies, once, through the function that is returned. */
  block(): Unblock {
    const ticket = ++this.#blocks;
    this.#stop(Halt.BLOCKED);
    return (write) => {
      if (ticket !== this.#blocks || (this.halt & Halt.BLOCKED) === 0) return;
      this.release(Halt.BLOCKED, write);
    };
  }

  /** For the dispatcher: the request at hand is not run now but again when the pause ends. */
  hold(): void {
    this.#stop(Halt.PAUSED);
  }

  #stop(reason: number): void {
    this.halt |= reason;
    this.connection.pause();
  }

  /** Closes when the replies of this turn have been written; requests that follow are not run. */
  closeAfterReply(): void {
    this.halt |= Halt.CLOSING;
    if (this.server.current !== this) this.kill();
  }

  /** Closes at once. A session that kills itself still sends the replies written so far. */
  kill(): void {
    if (this.closed) return;
    if (this.server.current === this) {
      this.halt |= Halt.CLOSING;
      return;
    }
    this.connection.close();
    this.#end();
  }

  #end(): void {
    if (this.closed) return;
    this.halt |= Halt.CLOSED;
    this.#dropInput();
    if (this.#pushes !== undefined) this.server.replies.release(this.#pushes);
    this.#pushes = undefined;
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
    const limit = this.node.config.maxRequestBytes;
    if (input.length > limit) {
      this.server.statistics.inputLimitReached++;
      this.closeAfterReply();
    }
    return chunk.length;
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
    parser.begin(at);
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
    if (this.#pushes !== undefined) this.#takeOwnPushes(this.#pushes);
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

  // ---- Output

  /** Sends the replies written so far, and stops parsing if the peer is behind. */
  flush(): void {
    const { reply, connection } = this;
    if (reply.length > 0) {
      this.outputBytes += reply.length;
      connection.write(reply.view());
      reply.reset();
      if (connection.pendingBytes > this.node.config.outputSoftBytes) this.#congest();
    }
  }

  #congest(): void {
    if ((this.halt & Halt.CONGESTED) !== 0) return;
    this.congestedSince = this.node.nowMs;
    this.congestedBytes = this.connection.pendingBytes;
    this.#stop(Halt.CONGESTED);
  }

  /** How long the peer has taken nothing of a backlog. */
  stalledMs(nowMs: number): number {
    const { pendingBytes } = this.connection;
    if (pendingBytes !== this.congestedBytes) {
      this.congestedBytes = pendingBytes;
      this.congestedSince = nowMs;
    }
    return nowMs - this.congestedSince;
  }

  /** For the server, at the end of this session's turn. */
  finishTurn(): void {
    if (this.#pushes !== undefined) this.#takeOwnPushes(this.#pushes);
    this.flush();
    this.lastCommandMs = this.node.nowMs;
    if ((this.halt & ENDED) !== 0) {
      if (!this.closed) this.connection.close();
      this.#end();
      return;
    }
    if (this.#input === undefined || this.halt !== 0) this.partialSince = 0;
    else if (this.partialSince === 0) this.partialSince = this.node.nowMs;
  }

  /**
   * Sends a message out of band: to this session's own running command after its reply, to another session at the end
   * of the turn, and at once if nobody is running.
   */
  push(write: (reply: Reply) => void): void {
    if ((this.halt & ENDED) !== 0) return;
    const { server } = this;
    let pushes = this.#pushes;
    if (pushes === undefined) {
      pushes = server.replies.take();
      this.#pushes = pushes;
      if (server.current !== this) server.pushed(this);
    }
    pushes.protocol = this.protocol;
    write(pushes);
    if (pushes.length >= FLUSH_BYTES && server.current !== this) this.flushPushes();
    else if (!server.busy) server.flushPushes();
  }

  /** For the server: sends what was pushed, and closes a reader that is too slow for it. */
  flushPushes(): void {
    const pushes = this.#pushes;
    if (pushes === undefined) return;
    this.#pushes = undefined;
    this.outputBytes += pushes.length;
    this.connection.write(pushes.view());
    this.server.replies.release(pushes);
    if (this.connection.pendingBytes <= this.node.config.maxOutputBytes) return;
    this.server.statistics.outputLimitReached++;
    this.kill();
  }

  #takeOwnPushes(pushes: Reply): void {
    this.#pushes = undefined;
    this.reply.commandStart = this.reply.length;
    this.reply.raw(pushes.bytes, 0, pushes.length);
    this.server.replies.release(pushes);
  }

  /** Answers a refused write with its error; true if it did. */
  replyOutcome(outcome: Outcome, args?: Args): boolean {
    if (outcome >= Outcome.IGNORED) return false;
    this.reply.error(this.server.refusal(outcome, args));
    return true;
  }
}
