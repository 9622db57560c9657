/**
 * What both servers say about the commands that they have in common: COMMAND INFO's arity, flags, categories, key
 * positions and specifications, COMMAND DOCS's group and version; and what they answer to a wrong number of arguments.
 */
import type { RespClient } from "../resp-client.ts";

/** Facts of commands by name, subcommands as "client|list". */
export type Facts = ReadonlyMap<string, { readonly [fact: string]: unknown }>;

const LONGEST = 8;

/** Where Shoal differs on purpose: "command fact", and why. */
export const INTENDED_FACTS: Readonly<Record<string, string>> = {
  "ssubscribe keys": "channels are not brought into the form of stored keys",
  "sunsubscribe keys": "channels are not brought into the form of stored keys",
  "spublish keys": "channels are not brought into the form of stored keys",
  "ssubscribe specs": "channels are not brought into the form of stored keys",
  "sunsubscribe specs": "channels are not brought into the form of stored keys",
  "spublish specs": "channels are not brought into the form of stored keys",
  "command|getkeys arity": "Redis 7.2: a command without arguments is one as well",
  "command|getkeysandflags arity": "Redis 7.2: a command without arguments is one as well",
  "wait flags": "Redis 7.2: it blocks",
  "wait categories": "Redis 7.2: it blocks",
};

type Info = readonly [string, number, string[], number, number, number, string[], unknown, unknown[][], Info[]];

/** Asks a server about all its commands. The client speaks RESP2. */
export async function askFacts(client: RespClient): Promise<Facts> {
  const facts = new Map<string, Record<string, unknown>>();
  const add = (infos: readonly Info[]) => {
    for (const [name, arity, flags, first, last, step, categories, , specs, subcommands] of infos) {
      const keys = [first, last, step].join(" ");
      const sorted = { flags: [...flags].sort().join(" "), categories: [...categories].sort().join(" ") };
      facts.set(name, { arity, keys, ...sorted, specs: JSON.stringify(specs.map(withoutNotes)) });
      add(subcommands);
    }
  };
  add((await client.call("COMMAND")) as Info[]);
  addDocs(facts, (await client.call("COMMAND", "DOCS")) as unknown[]);
  return facts;
}

/** Notes are for readers. */
function withoutNotes(spec: unknown[]): unknown[] {
  return spec[0] === "notes" ? spec.slice(2) : spec;
}

function addDocs(facts: Map<string, Record<string, unknown>>, list: readonly unknown[]): void {
  for (let i = 0; i < list.length; i += 2) {
    const fields = list[i + 1] as unknown[];
    const docs = Object.fromEntries(fields.flatMap((field, k) => (k % 2 === 0 ? [[field, fields[k + 1]]] : [])));
    Object.assign(facts.get(String(list[i])) ?? {}, { since: docs.since, group: docs.group });
    addDocs(facts, docs.subcommands ?? []);
  }
}

/** Lines that name what differs in the facts of common commands. */
export function differentFacts(ours: Facts, redis: Facts): string[] {
  const lines: string[] = [];
  for (const [name, our] of ours) {
    const their = redis.get(name) ?? our;
    for (const fact of Object.keys(our)) {
      if (our[fact] === their[fact] || Object.hasOwn(INTENDED_FACTS, `${name} ${fact}`)) continue;
      lines.push(`${name} ${fact}: Shoal ${our[fact]}, Redis ${their[fact]}`);
    }
  }
  return lines;
}

/** Requests with every wrong number of arguments, up to some, for every common command. */
export function wrongCounts(ours: Facts, redis: Facts): string[][] {
  const requests: string[][] = [];
  for (const [name, { arity }] of redis) {
    if (!ours.has(name) || Object.hasOwn(INTENDED_FACTS, `${name} arity`)) continue;
    const words = name.split("|");
    const wanted = Number(arity);
    for (let count = words.length; count <= LONGEST; count++) {
      const right = wanted > 0 ? count === wanted : count >= -wanted;
      if (!right) requests.push([...words, ...new Array<string>(count - words.length).fill("x")]);
    }
  }
  return requests;
}
