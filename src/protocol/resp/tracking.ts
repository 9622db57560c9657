/**
 * Client tracking: a session is told which of the keys it has read have changed since, so that its client can keep
 * copies (Redis's CLIENT TRACKING).
 *
 * - Default mode: every key that a tracking session reads is noted in a table from key to session ids. The first
 *   change of a key sends `invalidate` to those sessions and takes the key out of the table: the client must read it
 *   again to be told again. With OPTIN (OPTOUT) reads are noted only (not) after CLIENT CACHING.
 * - BCAST: sessions name prefixes, nothing is noted on reads, every change of a key below a prefix is sent. Changes are
 *   collected, once for each key, and sent when the requests at hand are done (`flushBroadcasts`).
 * - A flush, and an invalidation by tag or pattern, has no list of keys: every tracking session is sent one `null`,
 *   which means "empty your cache".
 *
 * As in Redis, keys are told apart by name and not by database; NOLOOP spares a session its own changes; RESP3 sessions
 * get push messages, RESP2 sessions can only name (REDIRECT) another connection, which gets them as a push, or as a
 * message of the channel __redis__:invalidate if it is in subscribed mode. A session's own pushes follow the reply of
 * the command that caused them: `Session.push` sees to that.
 *
 * Limits: keys in the table, and an estimate of its bytes, ids included. Policy: an arbitrary key is invalidated and
 * taken out, which costs its readers one read. Prefixes of a session and bytes of a prefix. Policy: refuse.
 */
import { decodeLatin1, encodeLatin1 } from "../../core/bytes.ts";
import { userStart } from "../../core/keyspace.ts";
import { MAX_KEY_BYTES } from "../../core/limits.ts";
import type { Args } from "./args.ts";
import { type Command, keyIndexes } from "./command.ts";
import type { Reply } from "./reply.ts";
import type { Session } from "./session.ts";

/** Keys in the table, as Redis's tracking-table-max-keys. Policy: an arbitrary key is invalidated. */
export const MAX_TRACKED_KEYS = 1_000_000;
/** Estimated bytes of the table. Same policy. */
export const MAX_TRACKED_BYTES = 256 * 2 ** 20;
/** Prefixes of one session. Policy: refuse. */
export const MAX_PREFIXES_PER_SESSION = 256;
/** Bytes of one prefix. Policy: refuse. */
export const MAX_PREFIX_BYTES = 1_024;
/** Changed keys collected for broadcasts. Policy: they are sent at once. */
const MAX_COLLECTED_KEYS = 4_096;
/** What a key costs beside its bytes, and what each of its readers costs: measured on both engines, rounded up. */
const KEY_COST = 80;
const READER_COST = 32;
const CHANNEL = "__redis__:invalidate";

/** One session's tracking: `session.tracking`, undefined while it is off. */
export interface TrackingState {
  /** Id of the session that gets the messages, 0 for this one. */
  redirect: number;
  readonly broadcast: boolean;
  readonly optIn: boolean;
  readonly optOut: boolean;
  readonly noLoop: boolean;
  /** CLIENT CACHING was called for the command, or transaction, that comes next. */
  caching: boolean;
  /** A message could not be sent, because the session that should get it is gone. */
  brokenRedirect: boolean;
  /** BCAST: prefixes as latin-1 text, none of which begins with another one. */
  readonly prefixes: readonly string[];
}

/** What CLIENT TRACKING ON asks for. */
export type TrackingOptions = Pick<
  TrackingState,
  "redirect" | "broadcast" | "optIn" | "optOut" | "noLoop" | "prefixes"
>;

/** A broadcast prefix: who wants it, and the keys that changed, each with the session that changed it last. */
interface Prefix {
  readonly sessions: Set<Session>;
  readonly changed: Map<string, Session | undefined>;
}

type Writer = (reply: Reply) => void;

/** What the table needs from the server. */
export interface TrackingHost {
  /** The session whose command is running, if one is. */
  readonly running: Session | undefined;
  session(id: number): Session | undefined;
  /** Called when the first session starts to track and when the last one stops. */
  trackingChanged(): void;
}

export class TrackingTable {
  readonly #host: TrackingHost;
  readonly #maxKeys: number;
  readonly #maxBytes: number;
  readonly #sessions = new Map<number, Session>();
  readonly #readers = new Map<string, number | Set<number>>();
  /** Where the next key to take out at the limit is: an iterator of its own does not begin at the front again each time. */
  #victims = this.#readers.keys();
  readonly #prefixes = new Map<string, Prefix>();
  /** How many prefixes have each length, so that a change looks up one prefix for each of them. */
  readonly #prefixLengths = new Map<number, number>();
  #bytes = 0;
  #collected = 0;

  constructor(host: TrackingHost, maxKeys = MAX_TRACKED_KEYS, maxBytes = MAX_TRACKED_BYTES) {
    this.#host = host;
    this.#maxKeys = maxKeys;
    this.#maxBytes = maxBytes;
  }

  /** True if any session tracks: only then does anybody have to tell of changes. */
  get active(): boolean {
    return this.#sessions.size !== 0;
  }

  /** For INFO: sessions that track, keys in the table, pairs of key and reader in bytes, prefixes. */
  get clients(): number {
    return this.#sessions.size;
  }
  get keys(): number {
    return this.#readers.size;
  }
  get allocatedBytes(): number {
    return this.#bytes;
  }
  get prefixes(): number {
    return this.#prefixes.size;
  }

  /** Turns tracking on, or changes its options; prefixes are added to those that the session had. */
  enable(session: Session, options: TrackingOptions): void {
    const before = session.tracking?.prefixes ?? [];
    const wanted = options.broadcast && options.prefixes.length === 0 ? [""] : options.prefixes;
    const prefixes = [...before, ...wanted.filter((prefix) => !before.includes(prefix))];
    const inherited = session.tracking;
    session.tracking = {
      redirect: options.redirect,
      broadcast: options.broadcast,
      optIn: options.optIn,
      optOut: options.optOut,
      noLoop: options.noLoop,
      caching: inherited?.caching ?? false,
      brokenRedirect: false,
      prefixes,
    };
    for (const prefix of prefixes) {
      const entry = this.#prefixes.get(prefix);
      if (entry !== undefined) {
        entry.sessions.add(session);
        continue;
      }
      this.#prefixes.set(prefix, { sessions: new Set([session]), changed: new Map() });
      this.#prefixLengths.set(prefix.length, (this.#prefixLengths.get(prefix.length) ?? 0) + 1);
    }
    this.#sessions.set(session.id, session);
    if (this.#sessions.size === 1) this.#host.trackingChanged();
  }

  /** Turns tracking off: CLIENT TRACKING OFF, RESET, the end of a connection. */
  disable(session: Session): void {
    if (session.tracking === undefined) return;
    for (const prefix of session.tracking.prefixes) {
      const entry = this.#prefixes.get(prefix);
      if (entry === undefined) continue;
      entry.sessions.delete(session);
      if (entry.sessions.size === 0) this.#dropPrefix(prefix, entry);
    }
    session.tracking = undefined;
    this.#sessions.delete(session.id);
    if (this.#sessions.size > 0) return;
    this.#forgetReaders();
    this.#host.trackingChanged();
  }

  /**
   * Notes the keys of a command that a tracking session has run. `args` holds stored keys.
   * The caller has seen that `session.tracking` is there.
   */
  executed(session: Session, command: Command, args: Args): void {
    const state = session.tracking;
    if (state === undefined || state.broadcast || !command.flags.includes("readonly")) return;
    if ((state.optIn && !state.caching) || (state.optOut && state.caching)) return;
    for (const i of keyIndexes(command.keys, args)) this.#remember(session.id, args.bytes, args.start(i), args.end(i));
  }

  /** Ends what CLIENT CACHING began: after a command that was not CLIENT, unless it was MULTI. */
  settled(session: Session): void {
    if (session.tracking !== undefined && session.transaction === undefined) session.tracking.caching = false;
  }

  /** The running session has changed, or removed, the stored key `bytes[start, end)`. */
  changed(bytes: Uint8Array, start: number, end: number): void {
    this.#changedBy(this.#host.running, decodeLatin1(bytes, userStart(bytes, start, end), end));
  }

  /** The same for a key that nobody changed: it expired or was evicted, which NOLOOP does not spare anybody. */
  removed(bytes: Uint8Array, start: number, end: number): void {
    this.#changedBy(undefined, decodeLatin1(bytes, userStart(bytes, start, end), end));
  }

  #changedBy(by: Session | undefined, key: string): void {
    if (this.#prefixes.size > 0) this.#collect(key, by);
    this.#invalidate(key, by);
  }

  /** Everything may have changed: a flush, or an invalidation by tag or pattern. */
  flushed(): void {
    this.#forgetReaders();
    for (const { changed } of this.#prefixes.values()) changed.clear();
    this.#collected = 0;
    for (const session of this.#sessions.values()) this.#send(session, writeNull);
  }

  /** Sends what was collected for broadcast prefixes: once the requests of one input buffer, or one tick, are done. */
  flushBroadcasts(): void {
    if (this.#collected === 0) return;
    this.#collected = 0;
    for (const { sessions, changed } of this.#prefixes.values()) {
      if (changed.size === 0) continue;
      // Taken out first: sending may cut a session off, and with it this prefix.
      const taken = new Map(changed);
      changed.clear();
      const all = keysWriter([...taken.keys()]);
      for (const session of sessions) {
        const writer = session.tracking?.noLoop ? keysWriter(keysOfOthers(taken, session)) : all;
        if (writer !== undefined) this.#send(session, writer);
      }
    }
  }

  /** True if `flushBroadcasts` has something to send. */
  get collected(): boolean {
    return this.#collected > 0;
  }

  #collect(key: string, by: Session | undefined): void {
    for (const length of this.#prefixLengths.keys()) {
      const entry = length > key.length ? undefined : this.#prefixes.get(key.slice(0, length));
      if (entry === undefined) continue;
      if (!entry.changed.has(key)) this.#collected++;
      entry.changed.set(key, by);
    }
    if (this.#collected > MAX_COLLECTED_KEYS) this.flushBroadcasts();
  }

  #dropPrefix(prefix: string, entry: Prefix): void {
    this.#collected -= entry.changed.size;
    this.#prefixes.delete(prefix);
    const left = (this.#prefixLengths.get(prefix.length) ?? 1) - 1;
    if (left === 0) this.#prefixLengths.delete(prefix.length);
    else this.#prefixLengths.set(prefix.length, left);
  }

  #remember(id: number, bytes: Uint8Array, start: number, end: number): void {
    const from = userStart(bytes, start, end);
    // No entry can have such a key, so it never changes.
    if (end - from > MAX_KEY_BYTES) return;
    const key = decodeLatin1(bytes, from, end);
    const readers = this.#readers.get(key);
    if (readers === undefined) {
      this.#readers.set(key, id);
      this.#bytes += KEY_COST + key.length;
    } else if (typeof readers === "number") {
      if (readers === id) return;
      this.#readers.set(key, new Set([readers, id]));
      this.#bytes += 2 * READER_COST;
    } else if (!readers.has(id)) {
      readers.add(id);
      this.#bytes += READER_COST;
    }
    while (this.#readers.size > this.#maxKeys || this.#bytes > this.#maxBytes) {
      const next = this.#victims.next();
      if (next.done) this.#victims = this.#readers.keys();
      else this.#invalidate(next.value, undefined);
    }
  }

  #invalidate(key: string, by: Session | undefined): void {
    const readers = this.#readers.get(key);
    if (readers === undefined) return;
    this.#readers.delete(key);
    const count = typeof readers === "number" ? 0 : readers.size;
    this.#bytes -= KEY_COST + key.length + count * READER_COST;
    const writer = keysWriter([key]) as Writer; // one key is never none
    for (const id of typeof readers === "number" ? [readers] : readers) {
      const session = this.#sessions.get(id);
      const state = session?.tracking;
      if (session === undefined || state === undefined || state.broadcast) continue;
      if (state.noLoop && session === by) continue;
      this.#send(session, writer);
    }
  }

  #forgetReaders(): void {
    this.#readers.clear();
    this.#bytes = 0;
  }

  /** Sends a message with this value to where the session wants it. */
  #send(session: Session, value: Writer): void {
    const state = session.tracking as TrackingState; // only tracking sessions are in the tables
    const target = state.redirect === 0 ? session : this.#host.session(state.redirect);
    if (target === undefined) {
      state.brokenRedirect = true;
      if (session.protocol === 3) session.push((reply) => writeBroken(reply, state.redirect));
    } else if (target.protocol === 3) {
      target.push((reply) => {
        reply.push(2);
        reply.text("invalidate");
        value(reply);
      });
    } else if (target !== session && target.subscriptions !== undefined) {
      target.push((reply) => {
        reply.array(3);
        reply.text("message");
        reply.text(CHANNEL);
        value(reply);
      });
    }
  }
}

function writeBroken(reply: Reply, id: number): void {
  reply.push(2);
  reply.text("tracking-redir-broken");
  reply.integer(id);
}

function writeNull(reply: Reply): void {
  reply.null();
}

/** Writes an array of keys; undefined if there are none. */
function keysWriter(keys: readonly string[]): Writer | undefined {
  if (keys.length === 0) return undefined;
  const names = keys.map(encodeLatin1);
  return (reply) => {
    reply.array(names.length);
    for (const name of names) reply.bulk(name, 0, name.length);
  };
}

function keysOfOthers(changed: ReadonlyMap<string, Session | undefined>, session: Session): string[] {
  const keys: string[] = [];
  for (const [key, by] of changed) if (by !== session) keys.push(key);
  return keys;
}
