/**
 * Keyspace notifications: what happens to keys, published as messages, for the classes of events that
 * `notify-keyspace-events` names.
 *
 *     K  __keyspace@<db>__:<key>    message: the event        g  DEL, EXPIRE, RENAME, ...   x  expired     m  keymiss
 *     E  __keyevent@<db>__:<event>  message: the key          $  writes of strings          e  evicted     n  new
 *                                                             A  all but m and n
 *
 * The classes of types that Shoal does not store (l s h z t d) and those of later versions of Redis are accepted,
 * because configurations name them, and never occur. Without K or E nothing is published, and nothing is published
 * either while nobody listens to any channel: then an event costs one comparison. While no class is configured the
 * node is not observed at all (see key-changes.ts).
 */
import { encodeLatin1 } from "../../core/bytes.ts";
import { databaseOf, userStart } from "../../core/keyspace.ts";
import type { PubSub } from "./pubsub.ts";

/** Bits of a set of event classes. */
export const EventClass = {
  KEYSPACE: 1 << 0,
  KEYEVENT: 1 << 1,
  GENERIC: 1 << 2,
  STRING: 1 << 3,
  LIST: 1 << 4,
  SET: 1 << 5,
  HASH: 1 << 6,
  ZSET: 1 << 7,
  EXPIRED: 1 << 8,
  EVICTED: 1 << 9,
  STREAM: 1 << 10,
  MODULE: 1 << 11,
  MISS: 1 << 12,
  NEW: 1 << 13,
} as const;

/** The letters of "A", in the order in which Redis writes them back. */
const ORDINARY: readonly (readonly [string, number])[] = [
  ["g", EventClass.GENERIC],
  ["$", EventClass.STRING],
  ["l", EventClass.LIST],
  ["s", EventClass.SET],
  ["h", EventClass.HASH],
  ["z", EventClass.ZSET],
  ["x", EventClass.EXPIRED],
  ["e", EventClass.EVICTED],
  ["t", EventClass.STREAM],
  ["d", EventClass.MODULE],
];
const OTHERS: readonly (readonly [string, number])[] = [
  ["K", EventClass.KEYSPACE],
  ["E", EventClass.KEYEVENT],
  ["m", EventClass.MISS],
  ["n", EventClass.NEW],
];
const ALL = ORDINARY.reduce((mask, [, bit]) => mask | bit, 0);
/** Classes of later versions of Redis: overwritten, type changed, and those of subkeys. */
const WITHOUT_EFFECT = "ocSr";
const LETTERS: ReadonlyMap<string, number> = new Map([
  ...ORDINARY,
  ...OTHERS,
  ["A", ALL],
  ...[...WITHOUT_EFFECT].map((letter) => [letter, 0] as const),
]);

/** The classes that a text such as "KEA" names, or undefined if one of its letters is none. */
export function parseEventClasses(text: string): number | undefined {
  let classes = 0;
  for (const letter of text) {
    const bits = LETTERS.get(letter);
    if (bits === undefined) return undefined;
    classes |= bits;
  }
  return classes;
}

/** The text of a set of classes, as CONFIG GET shows it. */
export function formatEventClasses(classes: number): string {
  const letters = (table: typeof ORDINARY) =>
    table.filter(([, bit]) => (classes & bit) !== 0).map(([letter]) => letter);
  return ((classes & ALL) === ALL ? ["A"] : letters(ORDINARY)).concat(letters(OTHERS)).join("");
}

const CLASS_OF: ReadonlyMap<string, number> = new Map([
  ["set", EventClass.STRING],
  ["setrange", EventClass.STRING],
  ["append", EventClass.STRING],
  ["incrby", EventClass.STRING],
  ["decrby", EventClass.STRING],
  ["incrbyfloat", EventClass.STRING],
  ["setbit", EventClass.STRING],
  ["expired", EventClass.EXPIRED],
  ["evicted", EventClass.EVICTED],
  ["keymiss", EventClass.MISS],
  ["new", EventClass.NEW],
]);

/** The class of an event, such as "set" or "expired"; all that are not listed are generic. */
export function classOfEvent(event: string): number {
  return CLASS_OF.get(event) ?? EventClass.GENERIC;
}

/** An event with what is published for it over and over. */
interface EventText {
  readonly name: Uint8Array;
  /** Channel names of the event, by logical database. */
  readonly channels: Uint8Array[];
}

/** Publishes the events of one server. */
export class Notifications {
  /** What is published: a set of `EventClass` bits, 0 for nothing. */
  classes = 0;
  readonly #pubsub: PubSub;
  readonly #logicalDatabase: (physical: number) => number;
  readonly #events = new Map<string, EventText>();
  /** "__keyspace@<db>__:" by logical database. */
  readonly #prefixes: Uint8Array[] = [];

  /** `logicalDatabase` tells which number clients have for a physical database now. */
  constructor(pubsub: PubSub, logicalDatabase: (physical: number) => number) {
    this.#pubsub = pubsub;
    this.#logicalDatabase = logicalDatabase;
  }

  /** True if an event of any class would be published. */
  get active(): boolean {
    return (this.classes & (EventClass.KEYSPACE | EventClass.KEYEVENT)) !== 0 && (this.classes & ~3) !== 0;
  }

  /** True if events of this class (an `EventClass`) are published. */
  wants(eventClass: number): boolean {
    return this.active && (this.classes & eventClass) !== 0;
  }

  /** Publishes one event of the stored key `bytes[start, end)`, if its class is configured and anybody listens. */
  changed(bytes: Uint8Array, start: number, end: number, event: string): void {
    const pubsub = this.#pubsub;
    if (pubsub.silent || !this.wants(classOfEvent(event))) return;
    const database = this.#logicalDatabase(databaseOf(bytes, start, end));
    const text = this.#text(event);
    const key = { bytes, start: userStart(bytes, start, end), end };
    const name = { bytes: text.name, start: 0, end: text.name.length };
    if ((this.classes & EventClass.KEYSPACE) !== 0) {
      this.#prefixes[database] ??= encodeLatin1(`__keyspace@${database}__:`);
      const prefix = this.#prefixes[database];
      const channel = new Uint8Array(prefix.length + key.end - key.start);
      channel.set(prefix);
      channel.set(bytes.subarray(key.start, end), prefix.length);
      pubsub.publish({ bytes: channel, start: 0, end: channel.length }, name);
    }
    if ((this.classes & EventClass.KEYEVENT) !== 0) {
      text.channels[database] ??= encodeLatin1(`__keyevent@${database}__:${event}`);
      const channel = text.channels[database];
      pubsub.publish({ bytes: channel, start: 0, end: channel.length }, key);
    }
  }

  #text(event: string): EventText {
    let text = this.#events.get(event);
    if (text === undefined) {
      text = { name: encodeLatin1(event), channels: [] };
      this.#events.set(event, text);
    }
    return text;
  }
}
