/**
 * Hello: the first thing that two nodes say on each link: who I am, what my clocks show, how far I have received everybody,
 * and which slots are visible here.
 *
 * Each end repeats its hello until it is answered. A hello answers by naming the other's greeting, so both know what has
 * arrived; what has arrived twice is answered again if that is wanted, and otherwise ignored. A greeting's number is another one for
 * each link and life, so that an old answer answers nothing. On a new life of the peer everything begins anew.
 *
 * Limit: one state for each linked peer. A hello of somebody else than the peer that the link leads to is a `ReadError`.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import type { Clock } from "../core/ports.ts";
import { type HelloContent, readHello, writeHello } from "./hello-codec.ts";
import { MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";

export type { HelloContent } from "./hello-codec.ts";

/** Time after which a hello without an answer is repeated; doubled each time, up to the longest. */
const FIRST_REPEAT_MS = 250;
const LONGEST_REPEAT_MS = 2_000;

export interface HelloOptions {
  /** This node's name: a hello that bears it has come back by a link to itself. */
  readonly id: string;
  /** This life of this node. */
  readonly origin: number;
  readonly peers: PeerSender;
  readonly clock: Clock;
  /** What this node says, now. */
  readonly content: () => HelloContent;
  /** Once for each link and life of the peer, whether it has heard of this node yet or not. What it throws is passed on. */
  readonly onHello: (peer: string, hello: HelloContent) => void;
}

interface Conversation {
  /** Number of our greeting. */
  readonly greeting: number;
  isAnswered: boolean;
  /** The peer's life and greeting that arrived, 0 before. */
  origin: number;
  arrived: number;
  repeatMs: number;
  dueMs: number;
}

export class Hello {
  readonly #options: HelloOptions;
  readonly #conversations = new Map<string, Conversation>();
  #greetings = 0;

  constructor(options: HelloOptions) {
    this.#options = options;
  }

  /** There is a link to the peer: it is told hello. */
  linked(peer: string): void {
    this.#greetings++;
    const conversation = {
      greeting: (this.#options.origin + this.#greetings) >>> 0 || 1,
      isAnswered: false,
      origin: 0,
      arrived: 0,
      repeatMs: FIRST_REPEAT_MS,
      dueMs: 0,
    };
    this.#conversations.set(peer, conversation);
    this.#greet(peer, conversation);
  }

  unlinked(peer: string): void {
    this.#conversations.delete(peer);
  }

  /** True if both have heard each other on this link. */
  isMutual(peer: string): boolean {
    const conversation = this.#conversations.get(peer);
    return conversation?.isAnswered === true && conversation.arrived !== 0;
  }

  /** @throws {ReadError} if the body is no hello, or not the peer's */
  receive(peer: string, kind: number, body: ByteReader): void {
    if (kind !== MessageKind.HELLO) return;
    const { greeting: said, content } = readHello(body);
    if (content.member.id !== peer) throw new ReadError(`a hello of ${content.member.id} on the link to ${peer}`);
    if (peer === this.#options.id) throw new ReadError(`a hello of ${peer}, which is this node`);
    const conversation = this.#conversations.get(peer);
    if (conversation === undefined) return;
    const isNew = said.greeting !== conversation.arrived || content.member.origin !== conversation.origin;
    // Who restarted has not heard what its earlier life has heard.
    if (conversation.arrived !== 0 && content.member.origin !== conversation.origin) conversation.isAnswered = false;
    conversation.arrived = said.greeting;
    conversation.origin = content.member.origin;
    if (said.answers === conversation.greeting) conversation.isAnswered = true;
    if (said.wantsAnswer) this.#greet(peer, conversation);
    if (isNew) this.#options.onHello(peer, content);
  }

  /** Repeats what has not been answered. */
  tick(): void {
    const monotonicMs = this.#options.clock.monotonic();
    for (const [peer, conversation] of this.#conversations) {
      if (conversation.isAnswered || monotonicMs < conversation.dueMs) continue;
      this.#greet(peer, conversation);
      conversation.repeatMs = Math.min(2 * conversation.repeatMs, LONGEST_REPEAT_MS);
    }
  }

  #greet(peer: string, conversation: Conversation): void {
    const { clock, content, peers } = this.#options;
    conversation.dueMs = clock.monotonic() + conversation.repeatMs;
    peers.send(peer, MessageKind.HELLO, (body) => {
      const { greeting, arrived: answers, isAnswered } = conversation;
      writeHello(body, { greeting, answers, wantsAnswer: !isAnswered }, content());
    });
  }
}
