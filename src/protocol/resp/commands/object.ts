/**
 * OBJECT: what the store knows about one entry, in Redis's words.
 *
 * - ENCODING is computed from the value the way Redis chooses it when a value is set: "int" for an int64 in decimal, "embstr"
 *   up to 44 bytes, "raw" above. Here all three are stored alike; the answer is for programs that look.
 * - FREQ is the estimate of the eviction policy's frequency sketch, 0 to 15, and an error where the policy counts nothing.
 * - IDLETIME is exact to a second, modulo 12 days, with every policy.
 */
import type { Args } from "../args.ts";
import { type Command, command, type Handler } from "../command.ts";
import { parseInt64 } from "../int64.ts";
import type { Session } from "../session.ts";
import { helpSubcommand } from "./command-docs-help.ts";

const EMBEDDED_LIMIT = 44;
const SECOND_MS = 1000;
/** The table keeps the second of the last access modulo this. */
const ACCESS_SECONDS = 1 << 20;

const NO_FREQUENCY =
  "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between " +
  "policies at runtime LRU and LFU data will take some time to adjust.";

/** Looks the key up without counting as a use; replies null where there is none. */
function inspect(answer: (session: Session, id: number) => void): Handler {
  return (session: Session, args: Args) => {
    const id = session.peek(args.bytes, args.start(2), args.end(2));
    if (id === 0) session.reply.null();
    else answer(session, id);
  };
}

function encoding(session: Session, id: number): void {
  const { store } = session.node;
  store.locate(id);
  const { bytes, valueStart, valueEnd } = store;
  if (parseInt64(bytes, valueStart, valueEnd) !== undefined) session.reply.text("int");
  else session.reply.text(valueEnd - valueStart <= EMBEDDED_LIMIT ? "embstr" : "raw");
}

function frequency(session: Session, id: number): void {
  const uses = session.node.store.frequency(id);
  if (uses === undefined) session.reply.error(NO_FREQUENCY);
  else session.reply.integer(uses);
}

function idleTime(session: Session, id: number): void {
  const { store } = session.node;
  const second = Math.floor(session.node.nowMs / SECOND_MS);
  session.reply.integer((second - store.table.accessSecond(id)) & (ACCESS_SECONDS - 1));
}

function subcommand(name: string, since: string, summary: string, handler: Handler): Command {
  return command({
    name: `object|${name}`,
    arity: 3,
    flags: ["readonly"],
    keys: { first: 2, last: 2, step: 1 },
    group: "generic",
    since,
    summary,
    complexity: "O(1)",
    syntax: "key",
    categories: ["keyspace", "read", "slow"],
    handler,
  });
}

export const objectCommand: Command = command({
  name: "object",
  arity: -2,
  group: "generic",
  since: "2.2.3",
  summary: "A container for object introspection commands.",
  complexity: "Depends on subcommand.",
  categories: ["slow"],
  handler: () => {},
  subcommands: [
    subcommand("encoding", "2.2.3", "Returns the internal encoding of an object.", inspect(encoding)),
    subcommand("freq", "4.0.0", "Returns the logarithmic access frequency counter of an object.", inspect(frequency)),
    subcommand("idletime", "2.2.3", "Returns the time since the last access to an object.", inspect(idleTime)),
    subcommand(
      "refcount",
      "2.2.3",
      "Returns the reference count of a value of a key.",
      inspect((session) => session.reply.integer(1)),
    ),
    helpSubcommand({
      container: "object",
      group: "generic",
      since: "6.2.0",
      categories: ["keyspace", "slow"],
      lines: [
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
      ],
    }),
  ],
});
