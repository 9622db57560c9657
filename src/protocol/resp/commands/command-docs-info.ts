/**
 * One command as COMMAND INFO and COMMAND DOCS show it, field by field as Redis 7 does.
 *
 * What is done to keys is told by their specifications (command-docs-keys.ts). Where keys depend on the arguments, the
 * range is 0, 0, 0 with the flag "movablekeys", and the specification is the one Redis calls unknown: clients then ask
 * COMMAND GETKEYS.
 */
import type { Command, KeyRange } from "../command.ts";
import type { Reply } from "../reply.ts";
import { type Argument, parseSyntax } from "./command-docs-arguments.ts";
import { keySpecifications } from "./command-docs-keys.ts";

const MOVABLE = "movablekeys";
/** A flag that Redis keeps to itself. */
const UNTOLD = "may_replicate";

function flagsOf(command: Command): readonly string[] {
  const { keys } = command;
  const flags = command.flags.filter((flag) => flag !== UNTOLD);
  return typeof keys === "function" && !flags.includes(MOVABLE) ? [...flags, MOVABLE] : flags;
}

/** The ten fields of COMMAND INFO, subcommands nested in the last. */
export function replyInfo(reply: Reply, command: Command): void {
  const { keys } = command;
  const range = typeof keys === "function" ? { first: 0, last: 0, step: 0 } : keys;
  reply.array(10);
  reply.text(command.name);
  reply.integer(command.arity);
  replyStatuses(reply, flagsOf(command));
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  replyStatuses(
    reply,
    command.categories.map((category) => `@${category}`),
  );
  reply.set(0);
  replyKeySpecs(reply, command);
  const subcommands = command.subcommands ?? [];
  if (subcommands.length === 0) return reply.set(0);
  reply.array(subcommands.length);
  for (const subcommand of subcommands) replyInfo(reply, subcommand);
}

function replyStatuses(reply: Reply, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

function replyKeySpecs(reply: Reply, command: Command): void {
  const specifications = keySpecifications(command);
  reply.set(specifications.length);
  for (const { range, flags } of specifications) {
    reply.map(3);
    reply.text("flags");
    replyStatuses(reply, flags);
    reply.text("begin_search");
    replySpec(reply, range === undefined ? "unknown" : "index", range === undefined ? {} : { index: range.first });
    reply.text("find_keys");
    replySpec(reply, range === undefined ? "unknown" : "range", range === undefined ? {} : findKeys(range));
  }
}

/** The last key is counted from the first one where it is positive, from the end where it is negative. */
function findKeys({ first, last, step }: KeyRange): Readonly<Record<string, number>> {
  return { lastkey: last < 0 ? last : last - first, keystep: step, limit: 0 };
}

function replySpec(reply: Reply, type: string, spec: Readonly<Record<string, number>>): void {
  reply.map(2);
  reply.text("type");
  reply.text(type);
  reply.text("spec");
  const fields = Object.entries(spec);
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.text(name);
    reply.integer(value);
  }
}

/** The map of COMMAND DOCS, subcommands nested by name. */
export function replyDocs(reply: Reply, command: Command): void {
  const { complexity, subcommands = [] } = command;
  const parameters = parseSyntax(command.syntax);
  const optional = [complexity !== undefined, parameters.length > 0, subcommands.length > 0];
  reply.map(3 + optional.filter(Boolean).length);
  const texts = { summary: command.summary, since: command.since, group: command.group };
  for (const [name, text] of Object.entries(texts)) {
    reply.text(name);
    reply.text(text);
  }
  if (complexity !== undefined) {
    reply.text("complexity");
    reply.text(complexity);
  }
  if (parameters.length > 0) {
    reply.text("arguments");
    replyArguments(reply, parameters, new KeyArguments(command));
  }
  if (subcommands.length > 0) {
    reply.text("subcommands");
    reply.map(subcommands.length);
    for (const subcommand of subcommands) {
      reply.text(subcommand.name);
      replyDocs(reply, subcommand);
    }
  }
}

/** Numbers the specifications that key arguments belong to: the first key's is the first, all others' the last. */
class KeyArguments {
  readonly #last: number;
  #next = 0;

  constructor(command: Command) {
    this.#last = Math.max(0, keySpecifications(command).length - 1);
  }

  next(): number {
    return Math.min(this.#next++, this.#last);
  }
}

function replyArguments(reply: Reply, list: readonly Argument[], keys: KeyArguments): void {
  reply.array(list.length);
  for (const argument of list) {
    const { token, flags } = argument;
    const isKey = argument.type === "key";
    const inner = argument.arguments;
    const optional = [isKey, token !== undefined, flags.length > 0, inner.length > 0];
    reply.map(2 + optional.filter(Boolean).length);
    reply.text("name");
    reply.text(argument.name);
    reply.text("type");
    reply.text(argument.type);
    if (isKey) {
      reply.text("key_spec_index");
      reply.integer(keys.next());
    }
    if (token !== undefined) {
      reply.text("token");
      reply.text(token);
    }
    if (flags.length > 0) {
      reply.text("flags");
      replyStatuses(reply, flags);
    }
    if (inner.length > 0) {
      reply.text("arguments");
      replyArguments(reply, inner, keys);
    }
  }
}
