/**
 * The commands of one server, looked up by the bytes of a request's first argument.
 *
 * A request names its command in any case, and there are hundreds of thousands of requests a second, so no string is
 * made of it: GET and SET are recognised by their packed bytes, everything else by an open-addressing table under a
 * cheap hash of length, first, middle and last letters, with the candidate verified byte by byte against its upper-case
 * name. `Route` is what the dispatcher needs of a command as numbers (bits, arity range, key positions), and what this
 * server counted about it.
 */
import { encodeLatin1 } from "../../core/bytes.ts";
import type { Durations } from "../../core/durations.ts";
import type { Role } from "../../node/access.ts";
import type { Args } from "./args.ts";
import type { Command, CommandFlag, Handler } from "./command.ts";
import { rolesOf } from "./command-role.ts";

/** What the dispatcher asks of a command. */
export const RouteBit = {
  WRITE: 1,
  NO_AUTH: 2,
  NO_MULTI: 4,
  /** Allowed to a RESP2 connection that has subscribed. */
  SUBSCRIBER: 8,
  /** Runs at once inside MULTI instead of being queued. */
  IMMEDIATE: 16,
  /** Not shown by MONITOR. */
  UNMONITORED: 32,
  UNLOGGED: 64,
  /** Its work grows with what it is given: each call is timed for the slow log. */
  TIMED: 128,
  /** Its arguments hold secrets: shown by their number only. */
  SECRET: 256,
  /** Has subcommands. */
  CONTAINER: 512,
  /** Not held back by CLIENT PAUSE. */
  UNPAUSED: 1_024,
  /** What it does is stored, where there is storage: `WRITE` without what replicates alone. */
  STORED: 2_048,
} as const;

/** Bits that take a request off the dispatcher's fast path. */
const ATTENTION = RouteBit.TIMED | RouteBit.CONTAINER;

/** How a command's keys are found: none, only argument 1, or by its specification. */
export const KeyMode = { NONE: 0, FIRST: 1, SEVERAL: 2 } as const;

const FLAG_BITS: Partial<Record<CommandFlag, number>> = {
  write: RouteBit.WRITE | RouteBit.STORED,
  may_replicate: RouteBit.WRITE,
  no_auth: RouteBit.NO_AUTH,
  no_multi: RouteBit.NO_MULTI,
  admin: RouteBit.UNMONITORED,
  skip_monitor: RouteBit.UNMONITORED,
  skip_slowlog: RouteBit.UNLOGGED,
};

const NAME_BITS: Readonly<Record<string, number>> = {
  ping: RouteBit.SUBSCRIBER,
  subscribe: RouteBit.SUBSCRIBER,
  unsubscribe: RouteBit.SUBSCRIBER,
  psubscribe: RouteBit.SUBSCRIBER,
  punsubscribe: RouteBit.SUBSCRIBER,
  ssubscribe: RouteBit.SUBSCRIBER,
  sunsubscribe: RouteBit.SUBSCRIBER,
  quit: RouteBit.SUBSCRIBER | RouteBit.IMMEDIATE | RouteBit.UNPAUSED,
  reset: RouteBit.SUBSCRIBER | RouteBit.IMMEDIATE,
  multi: RouteBit.IMMEDIATE,
  exec: RouteBit.IMMEDIATE | RouteBit.UNLOGGED,
  discard: RouteBit.IMMEDIATE,
  watch: RouteBit.IMMEDIATE,
  auth: RouteBit.SECRET | RouteBit.UNLOGGED,
  hello: RouteBit.SECRET,
  "config|set": RouteBit.SECRET,
  "client|unpause": RouteBit.UNPAUSED,
};

/**
 * Not marked "fast" in Redis's table, yet no more work than their own request is long: timing each call of them would
 * cost more than it tells.
 */
const SHORT_WORK = new Set(
  "set setex psetex append setrange getrange substr setbit del mset msetnx msetex shoal.set shoal.get".split(" "),
);

export class Route {
  readonly command: Command;
  readonly handler: Handler;
  /** All of them are needed. */
  readonly roles: readonly Role[];
  readonly bits: number;
  /** Not zero if each request of this command takes the guarded path. */
  readonly attention: number;
  readonly minCount: number;
  readonly maxCount: number;
  readonly keyMode: number;
  readonly upperName: Uint8Array;
  readonly subcommands: CommandTable | undefined;
  /** Requests executed, and of these the ones whose reply was an error. */
  calls = 0;
  failed = 0;
  /** Requests refused before execution: arity, authentication, context. */
  rejected = 0;
  /** Durations of some calls: one in 64, or each where the command is timed. Made with the first one. */
  durations: Durations | undefined;
  /** What the first call took; it is no sample, because it is timed for certain, and slow. */
  firstUs = 0;
  /** The number of calls at which the next one is timed. */
  sampleAt = 0;

  constructor(command: Command) {
    this.command = command;
    this.handler = command.handler;
    this.roles = rolesOf(command);
    let bits = NAME_BITS[command.name] ?? 0;
    for (const flag of command.flags) bits |= FLAG_BITS[flag] ?? 0;
    const word = command.name.slice(command.name.indexOf("|") + 1);
    if (command.subcommands !== undefined) bits |= RouteBit.CONTAINER;
    if (!command.flags.includes("fast") && !SHORT_WORK.has(command.name)) bits |= RouteBit.TIMED;
    this.bits = bits;
    this.attention = bits & ATTENTION;
    this.minCount = Math.abs(command.arity);
    this.maxCount = command.arity >= 0 ? command.arity : Number.MAX_SAFE_INTEGER;
    this.keyMode = keyModeOf(command);
    this.upperName = encodeLatin1(word.toUpperCase());
    this.subcommands = command.subcommands === undefined ? undefined : new CommandTable(command.subcommands);
  }

  /** Estimated microseconds of all calls, from the sampled ones; from the first while there are none. */
  get totalUs(): number {
    const { durations } = this;
    return durations === undefined || durations.count === 0
      ? this.firstUs * this.calls
      : (durations.sumNs / 1_000 / durations.count) * this.calls;
  }

  resetStatistics(): void {
    this.calls = 0;
    this.failed = 0;
    this.rejected = 0;
    this.durations?.reset();
    this.sampleAt = 0;
    this.firstUs = 0;
  }
}

function keyModeOf(command: Command): number {
  const keys = command.keys;
  if (typeof keys === "function") return KeyMode.SEVERAL;
  if (keys.first === 0) return KeyMode.NONE;
  return keys.first === 1 && keys.last === 1 ? KeyMode.FIRST : KeyMode.SEVERAL;
}

const UPPER = new Uint8Array(256);
for (let c = 0; c < 256; c++) UPPER[c] = c >= 97 && c <= 122 ? c - 32 : c;
/** "GET" and "SET", packed. A letter's two cases are the only bytes that give it under this mask. */
const UPPER_MASK = 0xdfdfdf;
const GET = 0x474554;
const SET = 0x534554;

export class CommandTable {
  /** All routes, subcommands not included, in order of definition. */
  readonly routes: readonly Route[];
  readonly #slots: (Route | undefined)[];
  readonly #mask: number;
  readonly #get: Route | undefined;
  readonly #set: Route | undefined;

  /** @throws {Error} if two commands have the same name */
  constructor(commands: readonly Command[]) {
    this.routes = commands.map((command) => new Route(command));
    let size = 8;
    while (size < commands.length * 4) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Array<Route | undefined>(size).fill(undefined);
    for (const route of this.routes) {
      const name = route.upperName;
      if (this.#probe(name, 0, name.length) !== undefined) throw new Error(`two commands named ${route.command.name}`);
      let slot = hashName(name, 0, name.length) & this.#mask;
      while (this.#slots[slot] !== undefined) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = route;
    }
    this.#get = this.named("get");
    this.#set = this.named("set");
  }

  /** The command named by `bytes[start, end)`, in any case. */
  find(bytes: Uint8Array, start: number, end: number): Route | undefined {
    if (end - start === 3) {
      const packed =
        (((bytes[start] as number) << 16) | ((bytes[start + 1] as number) << 8) | (bytes[start + 2] as number)) &
        UPPER_MASK;
      if (packed === GET) return this.#get;
      if (packed === SET) return this.#set;
    }
    return this.#probe(bytes, start, end);
  }

  #probe(bytes: Uint8Array, start: number, end: number): Route | undefined {
    if (start === end) return undefined;
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hashName(bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const route = slots[slot];
      if (route === undefined || sameName(route.upperName, bytes, start, end)) return route;
    }
  }

  /** The command of a name in lower case; "client|list" names a subcommand. */
  named(name: string): Route | undefined {
    const [word = "", subword] = name.split("|", 2);
    const bytes = encodeLatin1(word);
    const route = this.#probe(bytes, 0, bytes.length);
    return subword === undefined ? route : route?.subcommands?.named(subword);
  }

  /** The route a request runs: the subcommand's where argument 1 names one of a container. */
  resolve(args: Args): Route | undefined {
    const route = args.count === 0 ? undefined : this.find(args.bytes, args.start(0), args.end(0));
    if (route?.subcommands === undefined || args.count < 2) return route;
    return route.subcommands.find(args.bytes, args.start(1), args.end(1));
  }

  /** Every route, subcommands after their container. */
  *all(): Generator<Route> {
    for (const route of this.routes) {
      yield route;
      if (route.subcommands !== undefined) yield* route.subcommands.all();
    }
  }
}

/** Of a name that is not empty. */
function hashName(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = UPPER[bytes[start] as number] as number;
  const middle = UPPER[bytes[start + (length >> 1)] as number] as number;
  const last = UPPER[bytes[end - 1] as number] as number;
  const mixed = length * 7 + first * 31 + middle * 257 + last * 1_031;
  return mixed ^ (mixed >>> 7);
}

function sameName(upperName: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (upperName.length !== length) return false;
  for (let i = 0; i < length; i++) if (upperName[i] !== UPPER[bytes[start + i] as number]) return false;
  return true;
}
