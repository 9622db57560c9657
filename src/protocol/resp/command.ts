/**
 * A command as its group defines it: name, arity, flags, keys, handler, and what COMMAND DOCS tells about it. The
 * fields mean what they mean in Redis's own command table, because clients read them there.
 *
 * Definitions are constants: nothing here changes while a server runs. What a server counts about a command is in the
 * `Route` that its command table makes of it (command-table.ts), so that two servers in one process do not mix.
 */
import type { Args } from "./args.ts";
import type { Session } from "./session.ts";

/**
 * Runs one request. It is called with the arity checked and with keys already in their stored form, and it replies
 * through `session.reply` exactly once, before it returns (or, after `session.block()`, through the unblock function).
 * `args` is valid only until it returns.
 */
export type Handler = (session: Session, args: Args) => void;

/** Key positions as COMMAND INFO tells them: `last` counts from the end where negative; all zero means no keys. */
export interface KeyRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** For key positions that depend on the arguments: distinct argument indexes in ascending order; [] if malformed. */
export type KeyFinder = (args: Args) => readonly number[];

export type KeySpec = KeyRange | KeyFinder;

export const NO_KEYS: KeyRange = { first: 0, last: 0, step: 0 };
export const ONE_KEY: KeyRange = { first: 1, last: 1, step: 1 };
export const ALL_KEYS: KeyRange = { first: 1, last: -1, step: 1 };

/** Flags as COMMAND INFO shows them. */
export type CommandFlag =
  | "write"
  | "readonly"
  | "denyoom"
  | "admin"
  | "pubsub"
  | "noscript"
  | "blocking"
  | "loading"
  | "stale"
  | "skip_monitor"
  | "skip_slowlog"
  | "fast"
  | "no_auth"
  | "may_replicate"
  | "no_mandatory_keys"
  | "allow_busy"
  | "no_async_loading"
  | "no_multi"
  | "movablekeys";

export interface Command {
  /** Lower case; a subcommand's is "client|list". */
  readonly name: string;
  /** As Redis: exact if positive, at least if negative; the name counts, for subcommands both words. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly keys: KeySpec;
  /** "string", "generic", "connection", "server", "pubsub", "transactions", "bitmap", "shoal". */
  readonly group: string;
  readonly since: string;
  readonly summary: string;
  readonly complexity?: string;
  /** What follows the name, as in Redis's documentation. */
  readonly syntax: string;
  /** ACL categories without "@". */
  readonly categories: readonly string[];
  readonly handler: Handler;
  /** A container's own handler runs only where the request names no subcommand and the arity allows that. */
  readonly subcommands?: readonly Command[];
}

export type CommandDefinition = Omit<Command, "keys" | "since" | "summary" | "syntax" | "categories" | "flags"> &
  Partial<Pick<Command, "keys" | "since" | "summary" | "syntax" | "categories" | "flags">>;

/** Fills in what a definition leaves out, and freezes it. */
export function command(definition: CommandDefinition): Command {
  return Object.freeze({
    keys: NO_KEYS,
    flags: [],
    since: "1.0.0",
    summary: "",
    syntax: "",
    categories: [],
    ...definition,
  });
}

/** Makes a container's subcommands; `shared` is what they have in common. */
export function subcommandsOf(
  container: string,
  shared: Required<Pick<Command, "flags" | "group" | "complexity" | "categories">>,
) {
  return (name: string, arity: number, since: string, summary: string, syntax: string, handler: Handler): Command =>
    command({ ...shared, name: `${container}|${name}`, arity, since, summary, syntax, handler });
}

/** Argument indexes of a request's keys, ascending. */
export function keyIndexes(keys: KeySpec, args: Args): readonly number[] {
  if (typeof keys === "function") return keys(args);
  if (keys.first === 0) return [];
  const last = keys.last < 0 ? args.count + keys.last : Math.min(keys.last, args.count - 1);
  const indexes: number[] = [];
  for (let i = keys.first; i <= last; i += keys.step) indexes.push(i);
  return indexes;
}
