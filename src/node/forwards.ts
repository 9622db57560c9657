/**
 * Forwards: what another node is to carry out, and its answers.
 *
 *     FORWARD   id (6)   origin of the sender (4)   origin of the receiver (4)   deadline (6)   stamp (7)   executor (1)   request
 *     REPLY     id (6)   origin of the sender of the FORWARD (4)   stamp (7)   answer (1)   its content
 *
 * The stamp is the highest that the one who writes knows, and the reader's clock goes above it: what is written elsewhere after
 * something that was done here is newer everywhere.
 *
 * The executor is a number that says who reads the request: operations, or the raw commands of a protocol. Ids ascend within a
 * life, so the receiver executes each at most once: it remembers, for each life, a window of the last ids (replay-window.ts), and
 * refuses what is below it. A request for an earlier life of the receiver, or one that arrives after its deadline (by the wall
 * clock, and the clock skew that is allowed), is not executed either: a write must not come out of a queue long after its
 * client was told `unknown` and has written something else.
 *
 * The sender holds a request until its answer comes, its deadline passes, or its link or peer is lost; an answer to what it
 * does not hold is dropped. What was refused without being executed is told apart from what may have been executed: `Answer`.
 *
 * Limits: `MAX_SENT` requests under way; policy: nothing more is sent, `overloaded`. `MAX_RECEIVED` requests that are being
 * carried out for others, `MAX_RECEIVED_FROM_ONE` for one of them; policy: refused as overloaded. `MAX_LIVES` windows; policy:
 * one that is over and has been quiet longest is dropped, and what comes from lives that are not known is refused from then on.
 */

import { Channel, MAX_NAME_BYTES, MessageKind } from "../cluster/message.ts";
import type { PeerSender } from "../cluster/peers.ts";
import type { ByteReader } from "../core/byte-reader.ts";
import { ReadError } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { encodeText } from "../core/bytes.ts";
import type { Clock } from "../core/ports.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import { ReplayWindow } from "./replay-window.ts";

export const MAX_SENT = 65_536;
export const MAX_RECEIVED = 65_536;
export const MAX_RECEIVED_FROM_ONE = 16_384;
export const MAX_LIVES = 1_024;
/** Longest time that a request may take, ms. */
export const MAX_TIMEOUT_MS = 60_000;

/** Who reads a request. Numbers from 1 on are free for protocols. */
export const OPERATIONS = 0;

/** The answers; all but `DONE` say that nothing was done. */
const AnswerKind = { DONE: 0, REDIRECT: 1, NOT_HERE: 2, OVERLOADED: 3, LATE: 4, NOT_UNDERSTOOD: 5 } as const;
type AnswerKind = (typeof AnswerKind)[keyof typeof AnswerKind];

/** What became of a request. */
export type Answer =
  /** The content that the executor wrote; the reader's bytes are valid during the call. */
  | { readonly kind: "done"; readonly content: ByteReader }
  /** Ask that one instead. Nothing was done. */
  | { readonly kind: "redirect"; readonly peer: string }
  /** It cannot be done there now; or not in time, or not at all by that node's version. Nothing was done. */
  | { readonly kind: "not-here" | "overloaded" | "late" | "not-understood" }
  /** There was no link. Nothing was done. */
  | { readonly kind: "not-sent" }
  /** No answer came in time, or the link or the peer was lost: it may have been done. */
  | { readonly kind: "unknown" };

export type TakeAnswer = (answer: Answer) => void;

/** Answers a request once: exactly one of these is called, now or later. */
export interface Responder {
  done(write: (content: ByteWriter) => void): void;
  /** Nothing was done: ask that one. */
  redirect(peer: string): void;
  /** Nothing was done, and it cannot be done here for now. */
  notHere(): void;
}

/** Carries out the requests of one kind. */
export interface Executor {
  /**
   * @param request valid during the call
   * @param timeoutMs what is left of its time
   * @throws {ReadError} if it is not what it should be, before anything was done
   */
  execute(peer: string, request: ByteReader, timeoutMs: number, responder: Responder): void;
}

export interface ForwardsOptions {
  readonly clock: Clock;
  readonly peers: PeerSender;
  readonly deadlines: Deadlines;
  readonly origin: number;
  /** The origin of a peer's present life. */
  readonly originOf: (peer: string) => number | undefined;
  readonly maxClockSkewMs: number;
  /** The highest version that this node has stamped or seen. */
  readonly highest: () => number;
  /** All that is stamped from now on is to be above it, as far as the clock may go. */
  readonly observe: (version: number) => void;
}

interface Sent {
  readonly peer: string;
  readonly take: TakeAnswer;
  deadline: Deadline;
}

interface Life {
  readonly window: ReplayWindow;
  running: number;
}

export class Forwards {
  readonly #options: ForwardsOptions;
  readonly #executors = new Map<number, Executor>();
  readonly #sent = new Map<number, Sent>();
  /** By peer and origin, the one that was quiet longest first. */
  readonly #lives = new Map<string, Life>();
  #forgotten = false;
  #id = 0;
  #running = 0;
  /** Since the start. */
  readonly counts = { sent: 0, received: 0, replayed: 0, late: 0, overloaded: 0, dropped: 0, unknown: 0 };

  constructor(options: ForwardsOptions) {
    this.#options = options;
  }

  /** Requests under way to others. */
  get sent(): number {
    return this.#sent.size;
  }

  /** Requests of others that are being carried out. */
  get running(): number {
    return this.#running;
  }

  /** Says who carries out requests of a kind, 0 to 255. */
  register(number: number, executor: Executor): void {
    this.#executors.set(number, executor);
  }

  /**
   * Sends a request; `take` is told once what became of it, maybe at once.
   *
   * @param timeoutMs 1 to 60,000
   * @returns gives up waiting: `take` is not called any more
   */
  send(peer: string, executor: number, timeoutMs: number, write: (request: ByteWriter) => void, take: TakeAnswer) {
    const { clock, peers, deadlines, origin, originOf } = this.#options;
    const target = originOf(peer);
    const nothing = () => {};
    if (target === undefined || !peers.isLinked(peer)) {
      take({ kind: "not-sent" });
      return nothing;
    }
    if (this.#sent.size >= MAX_SENT) {
      this.counts.overloaded++;
      take({ kind: "overloaded" });
      return nothing;
    }
    const id = ++this.#id;
    const until = Math.floor(clock.now() + timeoutMs);
    const wasSent = peers.send(
      peer,
      MessageKind.FORWARD,
      (body) => {
        body.u48(id);
        body.u32(origin);
        body.u32(target);
        body.u48(until);
        body.u56(this.#options.highest());
        body.u8(executor);
        write(body);
      },
      Channel.BULK,
    );
    if (!wasSent) {
      take({ kind: "not-sent" });
      return nothing;
    }
    this.counts.sent++;
    const deadline = deadlines.after(timeoutMs, () => this.#resolve(id, { kind: "unknown" }));
    this.#sent.set(id, { peer, take, deadline });
    return () => {
      if (this.#sent.delete(id)) deadline.cancel();
    };
  }

  /** @throws {ReadError} if the message is not well-formed */
  receive(peer: string, kind: number, body: ByteReader): void {
    if (kind === MessageKind.FORWARD) this.#receiveForward(peer, body);
    else this.#receiveReply(peer, body);
  }

  /** The link to a peer, or the peer itself, is lost: what was sent to it may have been done. */
  lost(peer: string): void {
    const lost: number[] = [];
    for (const [id, sent] of this.#sent) if (sent.peer === peer) lost.push(id);
    for (const id of lost) this.#resolve(id, { kind: "unknown" });
  }

  #resolve(id: number, answer: Answer): void {
    const sent = this.#sent.get(id);
    if (sent === undefined) return;
    this.#sent.delete(id);
    sent.deadline.cancel();
    if (answer.kind === "unknown") this.counts.unknown++;
    sent.take(answer);
  }

  #receiveReply(peer: string, body: ByteReader): void {
    const id = body.u48();
    const origin = body.u32();
    const stamp = body.u56();
    const kind = body.u8();
    const sent = origin === this.#options.origin ? this.#sent.get(id) : undefined;
    if (sent === undefined || sent.peer !== peer) {
      this.counts.dropped++;
      return;
    }
    if (stamp > 0) this.#options.observe(stamp);
    switch (kind) {
      case AnswerKind.DONE:
        return this.#resolve(id, { kind: "done", content: body });
      case AnswerKind.REDIRECT:
        return this.#resolve(id, { kind: "redirect", peer: body.text(MAX_NAME_BYTES) });
      case AnswerKind.NOT_HERE:
        return this.#resolve(id, { kind: "not-here" });
      case AnswerKind.OVERLOADED:
        return this.#resolve(id, { kind: "overloaded" });
      case AnswerKind.LATE:
        return this.#resolve(id, { kind: "late" });
      case AnswerKind.NOT_UNDERSTOOD:
        return this.#resolve(id, { kind: "not-understood" });
      default:
        throw new ReadError(`an answer of kind ${kind}`);
    }
  }

  #receiveForward(peer: string, body: ByteReader): void {
    const { clock, origin, maxClockSkewMs } = this.#options;
    const id = body.u48();
    const sender = body.u32();
    const target = body.u32();
    const until = body.u48();
    const stamp = body.u56();
    const executor = this.#executors.get(body.u8());
    // For a life of this node that is over: whoever sent it has learnt so by the link.
    if (target !== origin) return;
    const life = this.#lifeOf(peer, sender);
    if (life === undefined || !life.window.admit(id)) {
      this.counts.replayed++;
      return;
    }
    this.counts.received++;
    if (stamp > 0) this.#options.observe(stamp);
    const refuse = (kind: AnswerKind) => this.#reply(peer, id, sender, kind);
    const leftMs = Math.min(until - clock.now(), MAX_TIMEOUT_MS);
    if (leftMs <= -maxClockSkewMs) {
      this.counts.late++;
      return refuse(AnswerKind.LATE);
    }
    if (this.#running >= MAX_RECEIVED || life.running >= MAX_RECEIVED_FROM_ONE) {
      this.counts.overloaded++;
      return refuse(AnswerKind.OVERLOADED);
    }
    if (executor === undefined) return refuse(AnswerKind.NOT_UNDERSTOOD);
    this.#execute(executor, peer, id, sender, life, body, Math.max(1, leftMs));
  }

  #execute(
    executor: Executor,
    peer: string,
    id: number,
    sender: number,
    life: Life,
    body: ByteReader,
    timeoutMs: number,
  ): void {
    let open = true;
    this.#running++;
    life.running++;
    const end = (kind: AnswerKind, write?: (content: ByteWriter) => void) => {
      if (!open) return;
      open = false;
      this.#running--;
      life.running--;
      this.#reply(peer, id, sender, kind, write);
    };
    try {
      executor.execute(peer, body, timeoutMs, {
        done: (write) => end(AnswerKind.DONE, write),
        redirect: (to) => {
          const name = encodeText(to);
          end(AnswerKind.REDIRECT, (content) => {
            content.varint(name.length);
            content.range(name, 0, name.length);
          });
        },
        notHere: () => end(AnswerKind.NOT_HERE),
      });
    } catch (error) {
      end(AnswerKind.NOT_UNDERSTOOD);
      throw error;
    }
  }

  #reply(peer: string, id: number, sender: number, kind: AnswerKind, write?: (content: ByteWriter) => void): void {
    this.#options.peers.send(
      peer,
      MessageKind.REPLY,
      (body) => {
        body.u48(id);
        body.u32(sender);
        body.u56(this.#options.highest());
        body.u8(kind);
        write?.(body);
      },
      Channel.BULK,
    );
  }

  /** What is remembered of a sender's life; undefined if it may be one that was forgotten. */
  #lifeOf(peer: string, origin: number): Life | undefined {
    const name = `${origin} ${peer}`;
    let life = this.#lives.get(name);
    if (life === undefined) {
      if (this.#forgotten && this.#options.originOf(peer) !== origin) return undefined;
      if (this.#lives.size >= MAX_LIVES && !this.#forgetOne()) return undefined;
      life = { window: new ReplayWindow(), running: 0 };
    } else {
      this.#lives.delete(name);
    }
    this.#lives.set(name, life);
    return life;
  }

  /** Forgets the life that has been quiet longest among those that are over. False if there is none. */
  #forgetOne(): boolean {
    for (const [name, life] of this.#lives) {
      const [origin, peer] = [Number.parseInt(name, 10), name.slice(name.indexOf(" ") + 1)];
      if (life.running > 0 || this.#options.originOf(peer) === origin) continue;
      this.#lives.delete(name);
      this.#forgotten = true;
      return true;
    }
    return false;
  }
}
