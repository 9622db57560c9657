/**
 * MEMORY: what the store allocates, which is everything that grows with the data.
 *
 * STATS answers with Redis's fields where they have a meaning here, and with one field of our own for each part of the
 * store. "allocated" means bytes that the store has taken from the runtime and counts against the budget: the index,
 * the entry table, segments, tags, the policy's sketch, the timing wheel, patterns and guards.
 */

import { clientBytes } from "../../memory-parts.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";
import { helpSubcommand } from "./command-docs-help.ts";
import { rateMeter } from "./info-sections.ts";

/** Dead share of the segments above which the doctor mentions it. */
const MANY_DEAD = 0.5;
/** Below this, an instance is called empty. */
const SMALL_BYTES = 5 * 2 ** 20;

const EMPTY_DIAGNOSIS =
  "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these " +
  "conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to " +
  "our programming as soon as I finished rebooting.\n";
const FINE_DIAGNOSIS =
  "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n";

function usage(session: Session, args: Args): void {
  const { reply, node } = session;
  for (let i = 3; i < args.count; i += 2) {
    const samples = args.is(i, "SAMPLES") && i + 1 < args.count ? args.bigint(i + 1) : -1n;
    if (samples === undefined) return reply.error("ERR value is not an integer or out of range");
    if (samples < 0n) return reply.error("ERR syntax error");
  }
  const id = session.peek(args.bytes, args.start(2), args.end(2));
  if (id === 0) reply.null();
  else reply.integer(node.store.itemBytes(id));
}

function stats(session: Session): void {
  const { reply, node, server } = session;
  const memory = node.store.memory();
  const keys = node.store.size;
  const overhead = memory.total - memory.live;
  const share = memory.total === 0 ? 0 : (memory.live / memory.total) * 100;
  const integers: Readonly<Record<string, number>> = {
    "peak.allocated": rateMeter(server).peak(memory.total),
    "total.allocated": memory.total,
    "startup.allocated": 0,
    "replication.backlog": 0,
    "clients.slaves": 0,
    "clients.normal": clientBytes(server),
    "aof.buffer": server.persistence?.status().backlogBytes ?? 0,
    "overhead.total": overhead,
    "keys.count": keys,
    "keys.bytes-per-key": keys === 0 ? 0 : Math.floor(memory.total / keys),
    "dataset.bytes": memory.live,
  };
  const ours = Object.entries(memory);
  reply.map(Object.keys(integers).length + 1 + ours.length);
  for (const [name, value] of Object.entries(integers)) {
    reply.text(name);
    reply.integer(value);
  }
  reply.text("dataset.percentage");
  reply.double(share);
  for (const [name, value] of ours) {
    reply.text(`shoal.${name}`);
    reply.integer(value);
  }
}

function doctor(session: Session): void {
  const { reply, node } = session;
  const { total, live, dead, segments } = node.store.memory();
  if (total < SMALL_BYTES) return reply.verbatim(EMPTY_DIAGNOSIS);
  const problems: string[] = [];
  if (dead > segments * MANY_DEAD) {
    problems.push(
      `Many dead bytes: ${dead} of ${segments} bytes of segments belong to entries that are gone, and ${live} to live ` +
        "ones. The cleaner takes them back in slices; if this lasts, writes are faster than it.",
    );
  }
  if (node.counters.outOfMemory > 0) {
    problems.push(
      `Refused writes: ${node.counters.outOfMemory} writes found no room within the budget. Raise maxmemory, or choose ` +
        "a policy that evicts.",
    );
  }
  if (problems.length === 0) return reply.verbatim(FINE_DIAGNOSIS);
  const list = problems.map((problem) => ` * ${problem}\n`).join("\n");
  reply.verbatim(`Sam, I detected a few issues in this Shoal instance memory implants:\n\n${list}`);
}

export const memoryCommand: Command = command({
  name: "memory",
  arity: -2,
  group: "server",
  since: "4.0.0",
  summary: "A container for memory diagnostics commands.",
  complexity: "Depends on subcommand.",
  categories: ["slow"],
  handler: () => {},
  subcommands: [
    command({
      name: "memory|usage",
      arity: -3,
      flags: ["readonly"],
      keys: { first: 2, last: 2, step: 1 },
      group: "server",
      since: "4.0.0",
      summary: "Estimates the memory usage of a key.",
      complexity: "O(1)",
      syntax: "key [SAMPLES count]",
      categories: ["read", "slow"],
      handler: usage,
    }),
    command({
      name: "memory|stats",
      arity: 2,
      group: "server",
      since: "4.0.0",
      summary: "Returns details about memory usage.",
      complexity: "O(1)",
      categories: ["slow"],
      handler: stats,
    }),
    command({
      name: "memory|doctor",
      arity: 2,
      group: "server",
      since: "4.0.0",
      summary: "Outputs a memory problems report.",
      complexity: "O(1)",
      categories: ["slow"],
      handler: doctor,
    }),
    command({
      name: "memory|purge",
      arity: 2,
      group: "server",
      since: "4.0.0",
      summary: "Does nothing: memory is given back in the background.",
      complexity: "O(1)",
      categories: ["slow"],
      handler: (session) => session.reply.ok(),
    }),
    helpSubcommand({
      container: "memory",
      group: "server",
      since: "4.0.0",
      lines: [
        "DOCTOR",
        "    Return memory problems reports.",
        "PURGE",
        "    Does nothing: memory is given back in the background.",
        "STATS",
        "    Return information about the memory usage of the server.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return memory in bytes used by <key> and its value. Nested values are",
        "    sampled up to <count> times (default: 5, 0 means sample all).",
      ],
    }),
  ],
});
