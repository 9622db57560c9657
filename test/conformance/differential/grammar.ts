/**
 * Every command that Shoal and Redis 7.0 both have, as something to draw requests from: its name, and what follows it.
 * Some drawn requests are then damaged (a word missing, doubled, exchanged, or one too many), so that what is wrong with a
 * request is compared as often as what is right.
 *
 * A command that is not drawn is named in `NOT_DRAWN` with the reason, and a test compares both lists with what the
 * servers say they have.
 */
import {
  bit,
  bitOffset,
  byteOffset,
  cursor,
  type Draw,
  database,
  either,
  fieldOffset,
  fieldType,
  fieldValue,
  float,
  group,
  integer,
  junk,
  key,
  largeInteger,
  many,
  maybe,
  milliseconds,
  options,
  pattern,
  position,
  seconds,
  typeName,
  unixMilliseconds,
  unixSeconds,
  value,
} from "./arguments.ts";
import { isLoose } from "./intended.ts";
import type { Random } from "./random.ts";
import { hasUsableTimes } from "./times.ts";

/** A request to one of the connections. */
export interface Request {
  readonly connection: number;
  /** One character is one byte. */
  readonly words: readonly string[];
  /** SCAN from cursor 0 to its end, as one step. */
  readonly wholeScan?: boolean;
  /** After its reply nothing happens for this long: what expires then has expired for both. */
  readonly pauseMs?: number;
}

const CONNECTIONS = 2;
/** The connection that only makes keys expire. */
const EXPIRING = 2;
const EXPIRES = 0.01;
const PAUSE_MS = 4;
const SWITCHES = 0.12;
const DAMAGES = 0.08;
/** Instead of being sent, a request is then COMMAND GETKEYS's argument. */
const ASKS_FOR_KEYS = 0.02;
/**
 * What a conversation leaves out, one of these: loose requests and SWAPDB; loose requests and what sees SWAPDB with other
 * eyes than Redis (WATCH sees no change where databases were swapped to and fro; tracking clients are told to forget
 * everything, while Redis tells them nothing); or what would notice a loose request.
 */
type Without = (request: Request, name: string) => boolean;
const withLoose: Without = (_, name) => ["DBSIZE", "WATCH", "CLIENT"].includes(name);
const WITHOUT: readonly Without[] = [
  (request, name) => isLoose(request) || name === "SWAPDB",
  (request, name) => isLoose(request) || name === "WATCH" || name === "CLIENT",
  withLoose,
];

const expiryOptions = options("NX", "XX", "GT", "LT");
const times = [
  group("EX", seconds),
  group("PX", milliseconds),
  group("EXAT", unixSeconds),
  group("PXAT", unixMilliseconds),
] as const;
const bitRange = maybe(position, maybe(position, maybe(either(words("BIT"), words("BYTE"), words("NIBBLE")))));
const fieldGet = group("GET", fieldType, fieldOffset);
const fieldWrite = either(
  group("SET", fieldType, fieldOffset, fieldValue),
  group("INCRBY", fieldType, fieldOffset, fieldValue),
  group("OVERFLOW", either(words("WRAP"), words("SAT"), words("FAIL"), words("NONE"))),
);

function words(text: string): Draw {
  const list = text.split(" ");
  return () => list;
}

/** How often a command is drawn, relative to others. */
type Row = readonly [weight: number, name: string, ...parts: (string | Draw)[]];

/** Payloads of DUMP, made by both servers before the requests are drawn. */
export type Payloads = readonly string[];

/** All rows. (tidy: test cases) */
function rows(payloads: Payloads): Row[] {
  const payload: Draw = (random) => [random.pick(payloads)];
  return [
    [8, "SET", key, value],
    [6, "SET", key, value, options("NX", "XX", "GET", "KEEPTTL", ...times)],
    [4, "GET", key],
    [2, "SETEX", key, seconds, value],
    [2, "PSETEX", key, milliseconds, value],
    [2, "SETNX", key, value],
    [2, "GETSET", key, value],
    [2, "GETDEL", key],
    [4, "GETEX", key, options("PERSIST", ...times)],
    [3, "MGET", many(key)],
    [3, "MSET", many(group(key, value))],
    [2, "MSETNX", many(group(key, value))],
    [3, "APPEND", key, value],
    [2, "STRLEN", key],
    [3, "SETRANGE", key, byteOffset, value],
    [3, "GETRANGE", key, position, position],
    [1, "SUBSTR", key, position, position],
    [2, "INCR", key],
    [2, "DECR", key],
    [3, "INCRBY", key, largeInteger],
    [3, "DECRBY", key, largeInteger],
    [4, "INCRBYFLOAT", key, float],
    [4, "LCS", key, key, options("LEN", "IDX", "WITHMATCHLEN", group("MINMATCHLEN", integer))],
    [3, "SETBIT", key, bitOffset, bit],
    [2, "GETBIT", key, bitOffset],
    [4, "BITCOUNT", key, bitRange],
    [4, "BITPOS", key, bit, bitRange],
    [4, "BITOP", either(words("AND"), words("OR"), words("XOR"), words("NOT"), words("NOR")), key, many(key, 1, 3)],
    [5, "BITFIELD", key, many(either(fieldGet, fieldWrite), 0, 4)],
    [1, "BITFIELD_RO", key, many(either(fieldGet, fieldGet, fieldWrite), 0, 3)],
    [3, "DEL", many(key)],
    [1, "UNLINK", many(key)],
    [2, "EXISTS", many(key)],
    [1, "TOUCH", many(key)],
    [1, "TYPE", key],
    [3, "COPY", key, key, options("REPLACE", group("DB", database))],
    [2, "MOVE", key, database],
    [3, "RENAME", key, key],
    [2, "RENAMENX", key, key],
    [1, "RANDOMKEY"],
    [1, "KEYS", pattern],
    [1, "DBSIZE"],
    [1, "SCAN", cursor, options(group("MATCH", pattern), group("COUNT", integer), group("TYPE", typeName))],
    [2, "EXPIRE", key, seconds, expiryOptions],
    [2, "PEXPIRE", key, milliseconds, expiryOptions],
    [2, "EXPIREAT", key, unixSeconds, expiryOptions],
    [2, "PEXPIREAT", key, unixMilliseconds, expiryOptions],
    [2, "TTL", key],
    [2, "PTTL", key],
    [2, "EXPIRETIME", key],
    [2, "PEXPIRETIME", key],
    [2, "PERSIST", key],
    [2, "DUMP", key],
    [2, "RESTORE", key, either(words("0"), words("0"), milliseconds), payload, options("REPLACE")],
    [2, "RESTORE", key, integer, either(payload, value), options("REPLACE")],
    [3, "RESTORE", key, either(unixMilliseconds, milliseconds), payload, restoreOptions],
    [3, "OBJECT", "ENCODING", key],
    [1, "OBJECT", either(words("REFCOUNT"), words("IDLETIME"), words("FREQ"), words("NONSENSE")), key],
    [3, "SELECT", database],
    [2, "SWAPDB", database, database],
    [0.1, "FLUSHDB", options("ASYNC", "SYNC")],
    [0.1, "FLUSHALL", options("ASYNC", "SYNC")],
    [4, "MULTI"],
    [7, "EXEC"],
    [1, "DISCARD"],
    [4, "WATCH", many(key)],
    [1, "UNWATCH"],
    [0.5, "PING", options(value)],
    [0.5, "ECHO", value],
    [0.3, "PUBLISH", key, value],
    [0.3, "SPUBLISH", key, value],
    [0.3, "PUBSUB", either(group("CHANNELS", maybe(pattern)), words("NUMPAT"), group("NUMSUB", many(key, 0)))],
    [0.3, "PUBSUB", either(group("SHARDCHANNELS", maybe(pattern)), group("SHARDNUMSUB", many(key, 0)))],
    [0.3, "CLIENT", either(words("GETNAME"), group("SETNAME", value), words("GETREDIR"), words("NONSENSE"))],
    [0.3, "CLIENT", either(group("NO-EVICT", either(words("ON"), words("OFF"), value)), words("TRACKINGINFO"))],
    [1, "CLIENT", "TRACKING", either(words("ON"), words("ON"), words("OFF")), options("NOLOOP", "OPTIN", "OPTOUT")],
    [0.5, "CLIENT", "CACHING", either(words("YES"), words("NO"))],
    [0.3, "WAIT", either(words("0"), words("-1"), words("abc")), either(words("0"), words("-1"), words("x"))],
    [0.2, "AUTH", value, maybe(value)],
    [0.02, "SETRANGE", key, words("1048570"), value],
    [0.02, "SETBIT", key, words("8388607"), bit],
    [0.2, "nonsense", many(value, 0)],
    [0.2, "", many(value, 0)],
    [0.1, "RESET"],
  ];
}

const restoreOptions = options(
  "REPLACE",
  "ABSTTL",
  "ABSTTL",
  group("IDLETIME", integer),
  group("FREQ", either(integer, words("255"), words("256"))),
);

/** Common commands that are not drawn. */
export const NOT_DRAWN: Readonly<Record<string, string>> = {
  acl: "answers about users, of which there is one here",
  asking: "there is no cluster",
  bgrewriteaof: "is about files",
  bgsave: "is about files",
  cluster: "there is no cluster",
  config: "has other parameters",
  debug: "is not for clients",
  hello: "chooses the protocol, which the test does",
  info: "is text about the server",
  lastsave: "is about files",
  latency: "is about the server's own time",
  memory: "is about the server's own memory",
  monitor: "ends the conversation",
  psubscribe: "ends the conversation in RESP2",
  punsubscribe: "ends the conversation in RESP2",
  quit: "ends the conversation",
  readonly: "there is no cluster",
  readwrite: "there is no cluster",
  role: "is about replication",
  save: "is about files",
  shutdown: "ends the server",
  slowlog: "is about the server's own time",
  ssubscribe: "ends the conversation in RESP2",
  subscribe: "ends the conversation in RESP2",
  sunsubscribe: "ends the conversation in RESP2",
  time: "is never the same",
  unsubscribe: "ends the conversation in RESP2",
};

/** Draws requests. */
export class Grammar {
  readonly #rows: readonly Row[];
  readonly #weight: number;

  constructor(payloads: Payloads) {
    this.#rows = rows(payloads);
    this.#weight = this.#rows.reduce((sum, [weight]) => sum + weight, 0);
  }

  /** Names of the commands that are drawn, in lower case. */
  get names(): Set<string> {
    return new Set(["command", ...this.#rows.map(([, name]) => name.toLowerCase())]);
  }

  /** A conversation of about `count` requests. */
  conversation(random: Random, count: number): Request[] {
    const requests: Request[] = [];
    const isWithout = random.pick(WITHOUT);
    let connection = 0;
    while (requests.length < count) {
      if (random.chance(SWITCHES)) connection = (connection + 1) % CONNECTIONS;
      const request = this.#request(random, connection);
      const name = request.words[0]?.toUpperCase() ?? "";
      if (isWithout === withLoose && random.chance(EXPIRES)) requests.push(...expiry(random));
      if (isWithout(request, name)) continue;
      if (name === "WATCH") {
        for (const key of request.words.slice(1)) requests.push({ connection, words: ["APPEND", key, ""] });
      }
      requests.push(request);
    }
    return requests;
  }

  #request(random: Random, connection: number): Request {
    for (;;) {
      const request = this.#draw(random, connection);
      if (hasUsableTimes(request.words) && !waits(request.words)) return request;
    }
  }

  #draw(random: Random, connection: number): Request {
    const [, name, ...parts] = this.#row(random);
    const cased = random.chance(0.1) ? name.toLowerCase() : name;
    const drawn = parts.flatMap((part) => (typeof part === "string" ? [part] : part(random)));
    const damaged = random.chance(DAMAGES) ? damage(random, drawn) : drawn;
    if (damaged.length > 0 && random.chance(ASKS_FOR_KEYS)) {
      return { connection, words: ["COMMAND", random.pick(["GETKEYS", "GETKEYSANDFLAGS"]), cased, ...damaged] };
    }
    const wholeScan = name === "SCAN" && damaged[0] === "0" && random.chance(0.8);
    return { connection, words: [cased, ...damaged.map((word) => changeCase(random, word))], wholeScan };
  }

  #row(random: Random): Row {
    let at = random.next() * this.#weight;
    for (const row of this.#rows) {
      at -= row[0];
      if (at < 0) return row;
    }
    return this.#rows[0] as Row;
  }
}

/** True for a WAIT that waits for replicas, which may be for ever. */
function waits([name, replicas]: readonly string[]): boolean {
  return name?.toUpperCase() === "WAIT" && /^[1-9]/.test(replicas ?? "");
}

/** A key of some database expires. */
function expiry(random: Random): Request[] {
  return [
    { connection: EXPIRING, words: ["SELECT", String(random.below(2))] },
    { connection: EXPIRING, words: ["PEXPIRE", ...key(random), "1"], pauseMs: PAUSE_MS },
  ];
}

/** Options are recognised in either case; other words of capitals alone do not occur. */
function changeCase(random: Random, word: string): string {
  return /^[A-Z_]{2,}$/.test(word) && random.chance(0.1) ? word.toLowerCase() : word;
}

function damage(random: Random, given: readonly string[]): string[] {
  const list = [...given];
  const at = random.below(list.length + 1);
  const [word] = random.pick([key, integer, junk, value])(random) as [string];
  switch (random.below(5)) {
    case 0:
      list.splice(at, 1);
      break;
    case 1:
      list.splice(at, 0, word);
      break;
    case 2:
      list.splice(at, 1, word);
      break;
    case 3:
      list.push(...list.slice(at));
      break;
    default:
      list.push(...list.splice(0, at));
  }
  return list;
}
