/**
 * What a command does to its keys, as COMMAND INFO's key specifications and COMMAND GETKEYSANDFLAGS tell it: proxies and
 * clients with permissions read it there.
 *
 *     RO RW OW RM                     reads, reads and writes, overwrites, removes
 *     access update insert delete     uses or returns the value, changes it, adds to it, deletes it
 *     variable_flags                  depends on the other arguments
 *
 * A command's keys lie in one range (command.ts), and the same is done to each, but for a few: there the first key of
 * the range and the others have a specification each. What is not listed reads, or reads and changes, its keys.
 */
import type { Args } from "../args.ts";
import type { Command, KeyRange } from "../command.ts";

export interface KeySpecification {
  /** Undefined where the keys depend on the arguments. */
  readonly range: KeyRange | undefined;
  readonly flags: readonly string[];
}

const BY_FLAGS: Readonly<Record<string, string>> = {
  "OW update": "setex psetex mset restore",
  "OW insert": "setnx msetnx",
  "RW access update variable_flags": "set bitfield",
  "RW access delete": "getdel",
  "RW insert": "append",
  "RW update": "setrange expire pexpire expireat pexpireat persist",
  "RM delete": "del unlink",
  RO: "strlen exists touch type watch object|encoding object|freq object|idletime object|refcount memory|usage",
};

/** Commands whose first key is another matter than those behind it. */
const FIRST_AND_OTHERS: Readonly<Record<string, readonly [first: string, others: string]>> = {
  rename: ["RW access delete", "OW update"],
  renamenx: ["RW access delete", "OW insert"],
  copy: ["RO access", "OW update"],
  bitop: ["OW update", "RO access"],
};

const FLAGS_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(BY_FLAGS).flatMap(([flags, names]) => names.split(" ").map((name) => [name, flags] as const)),
);

function flagsOf(command: Command): string {
  return FLAGS_OF.get(command.name) ?? (command.flags.includes("write") ? "RW access update" : "RO access");
}

/** The specifications of a command's keys, none if it has no keys. */
export function keySpecifications(command: Command): readonly KeySpecification[] {
  const { keys, name } = command;
  if (typeof keys === "function") return [{ range: undefined, flags: flagsOf(command).split(" ") }];
  if (keys.first === 0) return [];
  const both = Object.hasOwn(FIRST_AND_OTHERS, name) ? FIRST_AND_OTHERS[name] : undefined;
  if (both === undefined) return [{ range: keys, flags: flagsOf(command).split(" ") }];
  const { first, step } = keys;
  return [
    { range: { first, last: first, step }, flags: both[0].split(" ") },
    { range: { ...keys, first: first + step }, flags: both[1].split(" ") },
  ];
}

/** What a request does to its key in argument `i`, with what depends on its other arguments settled. */
export function keyFlags(command: Command, args: Args, i: number): readonly string[] {
  if (command.name === "set") return (hasWord(args, "GET", 3) ? "RW access update" : "OW update").split(" ");
  if (command.name === "bitfield") return (writesField(args) ? "RW access update" : "RO access").split(" ");
  const specifications = keySpecifications(command);
  const isFirst = specifications[0]?.range?.first === i;
  return (isFirst ? specifications[0] : specifications.at(-1))?.flags ?? [];
}

/** True for a BITFIELD that writes, and for one with a mistake, as in Redis. */
function writesField(args: Args): boolean {
  for (let i = 2; i < args.count; ) {
    const left = args.count - i - 1;
    if (args.is(i, "GET") && left >= 2) i += 3;
    else if (args.is(i, "OVERFLOW") && left >= 1) i += 2;
    else return true;
  }
  return false;
}

function hasWord(args: Args, word: string, from: number): boolean {
  for (let i = from; i < args.count; i++) if (args.is(i, word)) return true;
  return false;
}
