/**
 * The output half of a session: replies of its own turn, and messages that reach it out of band.
 *
 * Replies are written into the server's shared buffer and leave at the end of the turn, or earlier when there are many.
 * Messages go to a buffer of the session's own: those it causes itself follow the reply of the command that caused them,
 * those of others leave at the end of their turn. Replies to writes that are promised to be stored wait for that, and
 * everything behind them does (held-replies.ts, durability.ts).
 *
 * Limits: unsent output above `outputSoftBytes` stops parsing; messages above `maxOutputBytes`, waiting or unsent, cut the
 * connection, because nothing else bounds what others send; and so does a peer that takes nothing for too long
 * (server.ts). What all sessions hold together has a limit too (held-bytes.ts).
 */
import type { Connection } from "./connection.ts";
import { type HeldPart, HeldReplies } from "./held-replies.ts";
import type { Reply } from "./reply.ts";
import type { RespServer } from "./server.ts";
import { Halt, SessionState } from "./session-state.ts";

/** A batch's output is sent early when it has grown to this. */
export const FLUSH_BYTES = 256 * 1_024;

const ENDED = Halt.CLOSED | Halt.CLOSING;

export abstract class SessionOutput extends SessionState {
  readonly server: RespServer;
  readonly connection: Connection;
  /** The server's shared buffer: only valid while this session runs. */
  readonly reply: Reply;
  outputBytes = 0;
  /** Bits of `Halt`. */
  halt = 0;
  /** What the server has counted for this session: see held-bytes.ts. */
  heldBytes = 0;
  /** Messages that wait for the end of a command or of a turn. */
  protected pushes: Reply | undefined;
  /** Output that waits for storage, and what is behind it. */
  #held: HeldReplies | undefined;
  /** Bytes that the peer had taken when it last took some, and since when it takes nothing; ms, 0 while nothing waits. */
  #takenBytes = 0;
  #stalledSince = 0;

  constructor(server: RespServer, connection: Connection) {
    super(server.node, server.access.anonymous);
    this.server = server;
    this.connection = connection;
    this.reply = server.reply;
  }

  get closed(): boolean {
    return (this.halt & Halt.CLOSED) !== 0;
  }

  /** True during this session's turn. */
  get running(): boolean {
    return (this.server.current as SessionOutput | undefined) === this;
  }

  /** Bytes that the connection has not sent, and those that it was not even given yet. */
  get unsentBytes(): number {
    return this.connection.pendingBytes + (this.#held?.bytes ?? 0);
  }

  /** True while replies wait for storage. */
  get holdsReplies(): boolean {
    return this.#held !== undefined;
  }

  /** True if nothing more will be sent: closed, or about to be. */
  get ended(): boolean {
    return (this.halt & ENDED) !== 0;
  }

  protected override protocolChanged(protocol: 2 | 3): void {
    if (this.running) this.reply.protocol = protocol;
  }

  /** Stops parsing for a reason of `Halt`, and ends that reason. */
  protected abstract stop(reason: number): void;
  abstract release(reason: number): void;

  /** Closes at once. */
  abstract kill(): void;

  /** Tells the server what this session holds now. */
  protected abstract reportHeld(): void;

  /** Closes at once and drops what is unsent; a running session at the end of its turn. */
  abstract cut(): void;

  /** Sends the replies written so far, and stops parsing if the peer is behind. */
  flush(): void {
    const { reply } = this;
    if (reply.length === 0) return;
    const { durability } = this.server;
    if (durability.holds) durability.await(this, this.#hold(reply.view(), true));
    else this.#send(reply.view());
    reply.reset();
    if (this.unsentBytes <= this.node.config.outputSoftBytes) return;
    if ((this.halt & Halt.CONGESTED) === 0) this.stop(Halt.CONGESTED);
  }

  /** Sends bytes, behind those that are held. */
  #send(bytes: Uint8Array): void {
    if (this.#held !== undefined) {
      this.#hold(bytes, false);
      return;
    }
    this.outputBytes += bytes.length;
    this.connection.write(bytes);
  }

  #hold(bytes: Uint8Array, waits: boolean): HeldPart {
    this.#held ??= new HeldReplies();
    return this.#held.add(bytes, waits);
  }

  /**
   * For `Durability`, outside of any turn: storage has answered for a part that waited. If what it tells of may not be
   * stored, an error takes the place of all that is held, and the connection is closed.
   */
  settle(part: HeldPart, error: string | undefined): void {
    const held = this.#held;
    if (held === undefined || this.closed) return;
    if (error !== undefined) {
      this.server.statistics.unstoredClosed++;
      this.#held = undefined;
      const refusal = this.server.replies.take();
      refusal.error(error);
      this.#send(refusal.view());
      this.server.replies.release(refusal);
      this.kill();
      return;
    }
    part.waits = false;
    for (let bytes = held.take(); bytes !== undefined; bytes = held.take()) {
      this.outputBytes += bytes.length;
      this.connection.write(bytes);
    }
    if (held.empty) this.#held = undefined;
    if (held.empty && this.ended) this.kill();
    else this.resumeReading();
  }

  /** Goes on parsing where unsent output had stopped it, once that is small enough. */
  protected resumeReading(): void {
    if ((this.halt & Halt.CONGESTED) === 0) this.reportHeld();
    else if (this.unsentBytes <= this.node.config.outputSoftBytes) this.release(Halt.CONGESTED);
  }

  /** For how long the peer has taken nothing of what waits for it; 0 if nothing does. */
  stalledMs(nowMs: number): number {
    const { pendingBytes } = this.connection;
    const taken = this.outputBytes - pendingBytes;
    if (pendingBytes === 0 || taken !== this.#takenBytes || this.#stalledSince === 0) {
      this.#takenBytes = taken;
      this.#stalledSince = pendingBytes === 0 ? 0 : nowMs;
      return 0;
    }
    return nowMs - this.#stalledSince;
  }

  /**
   * Sends a message out of band: to this session's own running command after its reply, to another session at the end
   * of the turn, and at once if nobody is running.
   */
  push(write: (reply: Reply) => void): void {
    if (this.ended) return;
    const { server } = this;
    let pushes = this.pushes;
    if (pushes === undefined) {
      pushes = server.replies.take();
      this.pushes = pushes;
      if (!this.running) server.pushed(this);
    }
    pushes.protocol = this.protocol;
    write(pushes);
    if (this.running) {
      if (pushes.length > Math.min(this.node.config.maxOutputBytes, this.reply.limitBytes)) this.#overflow();
    } else if (pushes.length >= FLUSH_BYTES) this.flushPushes();
    else if (!server.busy) server.flushPushes();
  }

  /** For the server: sends what was pushed, and cuts off a reader that is too slow for it. */
  flushPushes(): void {
    const { pushes } = this;
    if (pushes === undefined) return;
    this.pushes = undefined;
    this.#send(pushes.view());
    this.server.replies.release(pushes);
    if (this.unsentBytes > this.node.config.maxOutputBytes) this.#overflow();
    else this.reportHeld();
  }

  #overflow(): void {
    this.server.statistics.outputLimitReached++;
    this.#dropPushes();
    this.cut();
  }

  /** Appends what the running command sent to its own session. */
  protected takeOwnPushes(): void {
    const { pushes, reply } = this;
    if (pushes === undefined) return;
    this.pushes = undefined;
    reply.commandStart = reply.length;
    reply.raw(pushes.bytes, 0, pushes.length);
    this.server.replies.release(pushes);
  }

  /** Forgets what is unsent, for a session that has ended. */
  protected dropOutput(): void {
    this.#held = undefined;
    this.#dropPushes();
  }

  #dropPushes(): void {
    if (this.pushes !== undefined) this.server.replies.release(this.pushes);
    this.pushes = undefined;
  }
}
