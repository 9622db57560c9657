/**
 * What commands that write do while a node is still loading what it has stored: the one place where that is decided.
 *
 * What is absent may be there and not loaded yet. So a command whose effect or reply depends on the old value of a key
 * runs only if that key is present, and answers LOADING otherwise:
 *
 *     independent     runs: it replaces, or removes, whatever there was
 *     keys            runs if all its keys are present
 *     a function      of the request: the keys that must be present; [] if it is independent
 *     all             waits for the end: it depends on what cannot be looked at here (another database, all of it)
 *
 * Reads run, and miss what is not loaded. A transaction is what its requests are; one that watches a key which was absent
 * waits, too (see `storage-gate.ts`). A command that writes and is not listed waits, and a test fails.
 */
import type { Args } from "./args.ts";
import { type Command, keyIndexes } from "./command.ts";

/** The keys, as argument indexes, that must be present for a request to run; undefined: it must wait for everything. */
type Needs = (args: Args, command: Command) => readonly number[] | undefined;

const NOTHING: readonly number[] = [];

const independent: Needs = () => NOTHING;
const all: Needs = () => undefined;
const keys: Needs = (args, command) => keyIndexes(command.keys, args);

/** Independent unless one of the options comes up from argument `first` on. */
function unless(first: number, ...options: readonly string[]): Needs {
  return (args, command) => (hasOption(args, first, options) ? keys(args, command) : NOTHING);
}

function hasOption(args: Args, first: number, options: readonly string[]): boolean {
  for (let i = first; i < args.count; i++) if (options.some((option) => args.is(i, option))) return true;
  return false;
}

/** Also with REPLACE or without: what is copied must be there. Into another database: nobody looks there. */
const copy: Needs = (args) => {
  if (hasOption(args, 3, ["DB"])) return undefined;
  return hasOption(args, 3, ["REPLACE"]) ? [1] : [1, 2];
};
const restore: Needs = (args, command) => (hasOption(args, 4, ["REPLACE"]) ? NOTHING : keys(args, command));
/** Its first key is the destination. */
const sources: Needs = (args, command) => keys(args, command)?.slice(1);

const names = (needs: Needs, list: string) => list.split(" ").map((name) => [name, needs] as const);

const BY_NAME: ReadonlyMap<string, Needs> = new Map([
  ...names(independent, "setex psetex mset flushall flushdb shoal.invalidate shoal.purge"),
  // A fill is fenced by its lease: it loses to what is newer, loaded or not.
  ...names(independent, "shoal.lease shoal.fill shoal.release"),
  ...names(unless(3, "NX", "XX", "IFEQ", "IFNE", "GET", "KEEPTTL"), "set"),
  ...names(unless(3, "NX", "XX"), "shoal.set"),
  ...names(unless(2, "NX", "XX", "KEEPTTL"), "msetex"),
  ...names(restore, "restore"),
  ...names(copy, "copy"),
  ...names(() => [1], "rename"),
  ...names(sources, "bitop"),
  ...names(keys, "setnx getset getdel getex delex msetnx append setrange setbit bitfield renamenx del unlink"),
  ...names(keys, "incr decr incrby decrby incrbyfloat expire pexpire expireat pexpireat persist"),
  ...names(all, "move swapdb"),
]);

/** What a command needs that writes; undefined if nothing here decides. */
export function decidedNeeds(command: Command): Needs | undefined {
  return BY_NAME.get(command.name);
}

/** The keys that must be present for a request that writes, while not everything is loaded; undefined: it must wait. */
export function neededKeys(command: Command, args: Args): readonly number[] | undefined {
  const needs = BY_NAME.get(command.name) ?? all;
  return needs(args, command);
}
