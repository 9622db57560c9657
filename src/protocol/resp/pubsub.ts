/**
 * Publish and subscribe: which sessions listen to which channels, and how a message reaches them.
 *
 * There are three kinds of topics, each with a table of its own from name to sessions: channels, patterns (globs over
 * channel names), and shard channels, which are told apart only because Redis Cluster routes them by slot. Names are
 * held as text with one char per byte, so any bytes are a name.
 *
 * A message is rendered at most once per protocol and topic, never once per subscriber: the first session that speaks
 * RESP2 or RESP3 renders it into a buffer of this registry, and every session copies from there. Publishing where
 * nobody listens allocates nothing but the name.
 *
 * Limits: topics of one session and the length of a name (policy: the whole request is answered with an error that names
 * the limit, and changes nothing). What a slow subscriber does not take is bounded by its session, which
 * is closed at the limit; messages are never queued here, and never kept for later.
 */
import { decodeLatin1, encodeLatin1 } from "../../core/bytes.ts";
import { matchGlob } from "../../core/glob.ts";
import { MAX_PATTERN_BYTES } from "../../core/limits.ts";
import { Reply } from "./reply.ts";
import type { Session } from "./session.ts";

/** Channels, and again shard channels, of one session. Policy: refuse. */
export const MAX_CHANNELS_PER_SESSION = 16_384;
/** Patterns of one session; every message is compared with every pattern. Policy: refuse. */
export const MAX_PATTERNS_PER_SESSION = 1_024;
/** Bytes of a channel's name. Policy: refuse. */
export const MAX_CHANNEL_BYTES = 4_096;

/** What a topic costs a session beside its name, which is held as text and as bytes: measured, rounded up. */
const TOPIC_COST = 256;

export type TopicKind = "channel" | "pattern" | "shard";

/** What one kind of topic is called on the wire, and how many and how long its names may be. */
interface TopicWords {
  readonly subscribe: string;
  readonly unsubscribe: string;
  readonly message: string;
  readonly noun: string;
  readonly maxCount: number;
  readonly maxBytes: number;
}

export const TOPIC_WORDS: Readonly<Record<TopicKind, TopicWords>> = {
  channel: {
    subscribe: "subscribe",
    unsubscribe: "unsubscribe",
    message: "message",
    noun: "channel",
    maxCount: MAX_CHANNELS_PER_SESSION,
    maxBytes: MAX_CHANNEL_BYTES,
  },
  pattern: {
    subscribe: "psubscribe",
    unsubscribe: "punsubscribe",
    message: "pmessage",
    noun: "pattern",
    maxCount: MAX_PATTERNS_PER_SESSION,
    maxBytes: MAX_PATTERN_BYTES,
  },
  shard: {
    subscribe: "ssubscribe",
    unsubscribe: "sunsubscribe",
    message: "smessage",
    noun: "shard channel",
    maxCount: MAX_CHANNELS_PER_SESSION,
    maxBytes: MAX_CHANNEL_BYTES,
  },
};

/** What one session listens to: `session.subscriptions`, which is undefined for as long as it listens to nothing. */
export class Subscriptions {
  readonly channel = new Set<string>();
  readonly pattern = new Set<string>();
  readonly shard = new Set<string>();
  /** What the names cost, estimated. */
  bytes = 0;

  /** The number that confirmations of a kind carry: channels and patterns count together, shard channels alone. */
  count(kind: TopicKind): number {
    return kind === "shard" ? this.shard.size : this.channel.size + this.pattern.size;
  }

  /** True if the session listens to nothing any more. */
  get empty(): boolean {
    return this.channel.size + this.pattern.size + this.shard.size === 0;
  }
}

/** One topic: its name as bytes, to match and to render, and who listens, in the order of subscribing. */
interface Topic {
  readonly name: Uint8Array;
  readonly sessions: Set<Session>;
}

/** A range of bytes that is only valid during the call. */
export interface Range {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** A message that is being delivered, rendered on first use. */
class Rendering {
  readonly #replies: readonly [Reply, Reply];
  readonly #writers: readonly [(reply: Reply) => void, (reply: Reply) => void];

  constructor() {
    const [second, third] = [new Reply(), new Reply()];
    second.protocol = 2;
    third.protocol = 3;
    this.#replies = [second, third];
    this.#writers = [
      (reply) => reply.raw(second.bytes, 0, second.length),
      (reply) => reply.raw(third.bytes, 0, third.length),
    ];
  }

  /** Forgets the last message, and gives the memory of a large one back. */
  begin(): void {
    for (const reply of this.#replies) reply.reset();
  }

  /** Sends to one session; `render` is called if it is the first of its protocol that can still be sent anything. */
  send(session: Session, render: (reply: Reply) => void): void {
    if (session.ended) return;
    const index = session.protocol === 3 ? 1 : 0;
    const reply = this.#replies[index];
    if (reply.length === 0) render(reply);
    session.push(this.#writers[index]);
  }
}

/** The registry of one server. */
export class PubSub {
  readonly #topics: Readonly<Record<TopicKind, Map<string, Topic>>> = {
    channel: new Map(),
    pattern: new Map(),
    shard: new Map(),
  };
  readonly #rendering = new Rendering();

  /** True if no message of `publish` would reach anybody. */
  get silent(): boolean {
    return this.#topics.channel.size === 0 && this.#topics.pattern.size === 0;
  }

  /** Number of distinct topics of a kind that somebody listens to. */
  size(kind: TopicKind): number {
    return this.#topics[kind].size;
  }

  /** Number of sessions that listen to a topic, named as latin-1 text. */
  listeners(kind: TopicKind, name: string): number {
    return this.#topics[kind].get(name)?.sessions.size ?? 0;
  }

  /** Names of the topics of a kind that match a glob, or of all. */
  names(kind: TopicKind, glob?: Range): Uint8Array[] {
    const names: Uint8Array[] = [];
    for (const { name } of this.#topics[kind].values()) {
      if (glob === undefined || matchGlob(glob.bytes, glob.start, glob.end, name, 0, name.length)) names.push(name);
    }
    return names;
  }

  /** The text of an error if a limit forbids a session to listen to these topics as well, else undefined. */
  refusal(session: Session, kind: TopicKind, names: readonly string[]): string | undefined {
    const { noun, maxBytes, maxCount } = TOPIC_WORDS[kind];
    const tooLong = names.find((name) => name.length > maxBytes);
    if (tooLong !== undefined) return `ERR ${noun} is too long: ${tooLong.length} bytes, the limit is ${maxBytes}`;
    const own = session.subscriptions?.[kind];
    if ((own?.size ?? 0) + names.length <= maxCount) return undefined;
    const count = new Set([...(own ?? []), ...names]).size;
    return count > maxCount ? `ERR too many ${noun}s: ${count}, the limit of a connection is ${maxCount}` : undefined;
  }

  /** Lets a session listen to a topic that `refusal` has nothing against; nothing happens if it does already. */
  subscribe(session: Session, kind: TopicKind, name: string): void {
    session.subscriptions ??= new Subscriptions();
    if (session.subscriptions[kind].has(name)) return;
    session.subscriptions[kind].add(name);
    session.subscriptions.bytes += TOPIC_COST + 2 * name.length;
    const topics = this.#topics[kind];
    const topic = topics.get(name);
    if (topic === undefined) topics.set(name, { name: encodeLatin1(name), sessions: new Set([session]) });
    else topic.sessions.add(session);
  }

  /** Ends listening to a topic; nothing happens if the session did not. */
  unsubscribe(session: Session, kind: TopicKind, name: string): void {
    const subscriptions = session.subscriptions;
    if (subscriptions === undefined || !subscriptions[kind].delete(name)) return;
    subscriptions.bytes -= TOPIC_COST + 2 * name.length;
    const topics = this.#topics[kind];
    const topic = topics.get(name);
    topic?.sessions.delete(session);
    if (topic?.sessions.size === 0) topics.delete(name);
    if (subscriptions.empty) session.subscriptions = undefined;
  }

  /** Ends listening to everything, without a word: RESET, and the end of a connection. */
  unsubscribeAll(session: Session): void {
    for (const kind of ["channel", "pattern", "shard"] as const) {
      for (const name of session.subscriptions?.[kind] ?? []) this.unsubscribe(session, kind, name);
    }
  }

  /**
   * Sends a message to everybody who listens to the channel, or to a pattern that matches it.
   *
   * @returns how many times it was sent; a session that listens in two ways gets it twice
   */
  publish(channel: Range, payload: Range): number {
    if (this.silent) return 0;
    let receivers = this.#deliver("channel", channel, payload);
    for (const pattern of this.#topics.pattern.values()) {
      const glob = pattern.name;
      if (!matchGlob(glob, 0, glob.length, channel.bytes, channel.start, channel.end)) continue;
      receivers += this.#send(pattern, (reply) => {
        reply.push(4);
        reply.text("pmessage");
        reply.bulk(glob, 0, glob.length);
        reply.bulk(channel.bytes, channel.start, channel.end);
        reply.bulk(payload.bytes, payload.start, payload.end);
      });
    }
    return receivers;
  }

  /** The same for a shard channel, which patterns do not see. */
  publishShard(channel: Range, payload: Range): number {
    return this.#topics.shard.size === 0 ? 0 : this.#deliver("shard", channel, payload);
  }

  #deliver(kind: "channel" | "shard", channel: Range, payload: Range): number {
    const topic = this.#topics[kind].get(decodeLatin1(channel.bytes, channel.start, channel.end));
    if (topic === undefined) return 0;
    return this.#send(topic, (reply) => {
      reply.push(3);
      reply.text(TOPIC_WORDS[kind].message);
      reply.bulk(channel.bytes, channel.start, channel.end);
      reply.bulk(payload.bytes, payload.start, payload.end);
    });
  }

  #send(topic: Topic, render: (reply: Reply) => void): number {
    this.#rendering.begin();
    // A copy of the set is not needed: pushing never subscribes, and a closed session only leaves it.
    const receivers = topic.sessions.size;
    for (const session of topic.sessions) this.#rendering.send(session, render);
    this.#rendering.begin();
    return receivers;
  }
}
