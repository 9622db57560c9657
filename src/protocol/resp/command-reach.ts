/**
 * What a command reaches beside its own keys, and so what it needs of a token whose keys are restricted to prefixes.
 *
 * Keys that a request names are checked one by one wherever they stand; this is about the rest: patterns, tags,
 * channels, and commands that show or touch whatever there is. A pattern that begins with an allowed prefix matches only
 * keys that do, because prefixes have no characters that mean something in a pattern (see `isPrefix`).
 *
 * Channels have names like keys and are restricted by the same prefixes. Those of keyspace notifications tell of keys:
 * `__keyspace@0__:<key>` may be listened to if its key is allowed, and `__keyevent@0__:<event>`, whose messages are
 * keys of anybody, not at all; nor a pattern that could match them. `__redis__:invalidate` is for whoever tracks.
 *
 * A command that needs a role, names no keys and is not decided on here reaches everything, and a test fails.
 */
import { encodeLatin1 } from "../../core/bytes.ts";
import { globPrefix } from "../../core/glob.ts";
import { userStart } from "../../core/keyspace.ts";
import type { Principal } from "../../node/access.ts";
import type { Args } from "./args.ts";
import type { Command } from "./command.ts";
import { rolesOf } from "./command-role.ts";
import { parseSelection } from "./commands/shoal-invalidate.ts";
import { parseTrackingOptions } from "./commands/tracking.ts";
import type { Session } from "./session.ts";

/** What a request may reach, for an error: "its patterns". */
type Subject = "patterns" | "channels" | "prefixes" | "tags and patterns" | "lease" | "everything";

export interface Reach {
  readonly subject: Subject;
  /** True if all that the request reaches beside its keys is allowed. Asked of principals with prefixes only. */
  permits(principal: Principal, args: Args, session: Session): boolean;
}

const NOTHING: Reach = { subject: "everything", permits: () => true };
const EVERYTHING: Reach = { subject: "everything", permits: () => false };
/** Numbers about all keys together: for those who may see all keys, or look after the server. */
const STATISTICS: Reach = { subject: "everything", permits: (principal) => principal.allows("admin") };

function allowsArgument(principal: Principal, args: Args, i: number): boolean {
  return principal.allowsKey(args.bytes, args.start(i), args.end(i));
}

const allowsBytes = (principal: Principal, bytes: Uint8Array) => principal.allowsKey(bytes, 0, bytes.length);

const KEYS: Reach = { subject: "patterns", permits: (principal, args) => allowsArgument(principal, args, 1) };

/** Each MATCH must be allowed, and there must be one. */
const SCAN: Reach = {
  subject: "patterns",
  permits(principal, args) {
    let matches = 0;
    for (let i = 2; i + 1 < args.count; i += 2) {
      if (!args.is(i, "MATCH")) continue;
      if (!allowsArgument(principal, args, i + 1)) return false;
      matches++;
    }
    return matches > 0;
  },
};

const KEYSPACE = encodeLatin1("__keyspace@");
const KEYEVENT = encodeLatin1("__keyevent@");
const TRACKING_CHANNEL = "__redis__:invalidate";

/** True if `bytes[start, end)` and `mark` agree as far as the shorter of them goes. */
function beginsAlike(bytes: Uint8Array, start: number, end: number, mark: Uint8Array): boolean {
  const length = Math.min(end - start, mark.length);
  for (let i = 0; i < length; i++) if (bytes[start + i] !== mark[i]) return false;
  return true;
}

/** Where the key begins in the name, or pattern of names, of a channel `__keyspace@<db>__:<key>`; -1 if it is none. */
function keyOfChannel(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < KEYSPACE.length || !beginsAlike(bytes, start, end, KEYSPACE)) return -1;
  let i = start + KEYSPACE.length;
  const digits = i;
  while (i < end && (bytes[i] as number) >= 0x30 && (bytes[i] as number) <= 0x39) i++;
  const isName = i > digits && bytes[i] === 0x5f && bytes[i + 1] === 0x5f && bytes[i + 2] === 0x3a && i + 3 <= end;
  return isName ? i + 3 : -1;
}

/** True if argument `i`, a channel or a pattern of channels, is allowed. */
function allowsChannel(principal: Principal, args: Args, i: number, isPattern: boolean): boolean {
  const { bytes } = args;
  const [start, end] = [args.start(i), args.end(i)];
  const key = keyOfChannel(bytes, start, end);
  if (key >= 0) return principal.allowsKey(bytes, key, end);
  // What a pattern surely begins with; a name that is shorter than the mark is not one of those channels.
  const head = isPattern ? start + globPrefix(bytes, start, end) : end;
  const reserved = [KEYSPACE, KEYEVENT].some(
    (mark) => (isPattern || end - start >= mark.length) && beginsAlike(bytes, start, head, mark),
  );
  return !reserved && principal.allowsKey(bytes, start, end);
}

/** All arguments from `first` on, or up to `last`, are channels; none at all stands for every channel. */
function channels(first: number, last: number, isPattern = false): Reach {
  return {
    subject: "channels",
    permits(principal, args) {
      const end = Math.min(last, args.count - 1);
      for (let i = first; i <= end; i++) if (!allowsChannel(principal, args, i, isPattern)) return false;
      return end >= first;
    },
  };
}

const ALL = Number.POSITIVE_INFINITY;

const SUBSCRIBE: Reach = {
  subject: "channels",
  permits(principal, args) {
    for (let i = 1; i < args.count; i++) {
      if (!allowsChannel(principal, args, i, false) && args.latin1(i) !== TRACKING_CHANNEL) return false;
    }
    return true;
  },
};

/** Tracking of what was read tells of nothing else; that of prefixes tells of every key below them. */
const TRACKING: Reach = {
  subject: "prefixes",
  permits(principal, args, session) {
    const options = parseTrackingOptions(session, args);
    if (typeof options === "string" || !options.broadcast) return true;
    const { prefixes } = options;
    return prefixes.length > 0 && prefixes.every((prefix) => allowsBytes(principal, encodeLatin1(prefix)));
  },
};

const INVALIDATION: Reach = {
  subject: "tags and patterns",
  permits(principal, args) {
    const selection = parseSelection(args);
    if (typeof selection === "string") return true;
    const { all, tags, patterns } = selection;
    return !all && [...tags, ...patterns].every((bytes) => allowsBytes(principal, bytes));
  },
};

/** A lease belongs to a key. */
const RELEASE: Reach = {
  subject: "lease",
  permits(principal, args, { node }) {
    const key = node.leases.open(args.latin1(1), node.nowMs)?.key;
    return key === undefined || principal.allowsKey(key, userStart(key), key.length);
  },
};

const named = (reach: Reach, list: string) => list.split(" ").map((name) => [name, reach] as const);

const BY_NAME: ReadonlyMap<string, Reach> = new Map([
  ...named(EVERYTHING, "randomkey dbsize flushdb flushall swapdb monitor debug config|set slowlog|get pubsub|numpat"),
  ...named(EVERYTHING, "cluster|getkeysinslot"),
  ...named(STATISTICS, "memory|stats memory|doctor cluster|countkeysinslot"),
  // It leaves out what would tell of other keys.
  ...named(NOTHING, "info"),
  ...named(
    NOTHING,
    "shutdown save bgsave bgrewriteaof lastsave role memory|purge slowlog|len slowlog|reset latency|latest latency|history latency|reset",
  ),
  ...named(NOTHING, "client|list client|kill client|pause client|unpause client|unblock client|no-evict"),
  ...named(NOTHING, "config|get config|resetstat config|rewrite acl|list acl|users acl|getuser"),
  ...named(KEYS, "keys"),
  ...named(SCAN, "scan"),
  ...named(SUBSCRIBE, "subscribe"),
  ...named(channels(1, ALL), "ssubscribe"),
  ...named(channels(1, ALL, true), "psubscribe"),
  ...named(channels(1, 1), "publish spublish"),
  ...named(channels(2, 2, true), "pubsub|channels pubsub|shardchannels"),
  ...named(channels(2, ALL), "pubsub|numsub pubsub|shardnumsub"),
  ...named(TRACKING, "client|tracking"),
  ...named(INVALIDATION, "shoal.invalidate shoal.purge"),
  ...named(RELEASE, "shoal.release"),
]);

/** What a command reaches beside its keys; undefined if nothing here decides. */
export function decidedReach(command: Command): Reach | undefined {
  const reach = BY_NAME.get(command.name);
  if (reach !== undefined) return reach;
  const namesKeys = typeof command.keys === "function" || command.keys.first !== 0;
  return namesKeys || rolesOf(command).length === 0 ? NOTHING : undefined;
}

/** What a command reaches beside its keys. */
export function reachOf(command: Command): Reach {
  return decidedReach(command) ?? EVERYTHING;
}
