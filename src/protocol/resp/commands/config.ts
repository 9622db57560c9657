/**
 * CONFIG: reading and changing the configuration while running.
 *
 * SET is all or nothing: every pair is parsed, then the whole new configuration is checked as at the start (limits that
 * depend on each other included), and only then it is taken over. There is no configuration file to write, so REWRITE
 * is refused as Redis refuses it without one.
 */
import { encodeText } from "../../../core/bytes.ts";
import { matchGlob } from "../../../core/glob.ts";
import { type ConfigMistake, type NodeConfig, type NodeConfigInput, parseConfig } from "../../../node/config.ts";
import type { Args } from "../args.ts";
import { type Command, command, subcommandsOf } from "../command.ts";
import type { RespServer } from "../server.ts";
import type { Session } from "../session.ts";
import { helpSubcommand } from "./command-docs-help.ts";
import { PARAMETERS, type Parameter, parameterNamed } from "./config-parameters.ts";

function get(session: Session, args: Args): void {
  const { reply, server } = session;
  const names = PARAMETERS.map(({ name }) => encodeText(name));
  const shown = PARAMETERS.filter((_, p) => {
    const name = names[p] as Uint8Array;
    for (let i = 2; i < args.count; i++) {
      if (matchGlob(args.bytes, args.start(i), args.end(i), name, 0, name.length, true)) return true;
    }
    return false;
  });
  reply.map(shown.length);
  for (const parameter of shown) {
    reply.text(parameter.name);
    reply.text(parameter.read(server.config, server));
  }
}

/** What one pair of CONFIG SET changes, or why it changes nothing. */
function changeOf(server: RespServer, parameter: Parameter, text: string): NodeConfigInput | string {
  if (parameter.parse !== undefined) return parameter.parse(text, server);
  if (parameter.kind === "immutable") return "can't set immutable config";
  const value = parameter.read(server.config, server);
  if (text.toLowerCase() === value) return {};
  return parameter.needsRestart
    ? `it is '${value}', which only a restart can change`
    : `Shoal supports only '${value}'`;
}

/** Names of the fields that each parameter changed, to tell whose mistake a refused configuration is. */
type Blame = Map<string, string>;

function failure(name: string, reason: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
}

/** All pairs of a request as one change, or the error's text. */
function parseChange(server: RespServer, args: Args, blame: Blame): NodeConfigInput | string {
  const named: { name: string; parameter: Parameter; text: string }[] = [];
  for (let i = 2; i < args.count; i += 2) {
    const name = args.text(i);
    const parameter = parameterNamed(name);
    if (parameter === undefined) return `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
    if (named.some((other) => other.parameter === parameter)) return failure(name, "duplicate parameter");
    named.push({ name, parameter, text: args.text(i + 1) });
  }
  const change: Record<string, unknown> = {};
  for (const { name, parameter, text } of named) {
    const one = changeOf(server, parameter, text);
    if (typeof one === "string") return failure(name, one);
    for (const [field, value] of Object.entries(one)) {
      // Two parameters for one field: requirepass and shoal-secrets.
      if (blame.has(field)) return failure(name, `it sets the same as '${blame.get(field)}'`);
      blame.set(field, name);
      change[field] = value;
    }
  }
  return change;
}

/** The error for the first mistake; what is wrong inside of a parameter is named by its path. */
function refusalOf([mistake]: readonly ConfigMistake[], blame: Blame): string {
  const { path = "", allowed = "" } = mistake ?? {};
  const [field = ""] = path.split(".", 1);
  const name = blame.get(field) ?? [...blame.values()][0] ?? path;
  return failure(name, `${path === field && blame.has(field) ? "argument" : path} must be ${allowed}`);
}

function set(session: Session, args: Args): void {
  const { reply, server, node } = session;
  if (args.count % 2 !== 0) return reply.error("ERR syntax error");
  const blame: Blame = new Map();
  const change = parseChange(server, args, blame);
  if (typeof change === "string") return reply.error(change);
  const { config, mistakes } = parseConfig({ ...server.config, ...change });
  if (config === undefined) return reply.error(refusalOf(mistakes, blame));
  const fields = Object.keys(change) as (keyof NodeConfig)[];
  const changed: Partial<NodeConfig> = Object.fromEntries(fields.map((field) => [field, config[field]]));
  node.configure(changed);
  reconfigure(server, changed);
  server.configured();
  reply.ok();
}

/** Hands over what concerns storage. */
function reconfigure({ persistence, durability }: RespServer, changed: Partial<NodeConfig>): void {
  const { fsync, maxJournalBacklog, onBacklog, snapshotJournalBytes, snapshotIntervalMs } = changed;
  const options = { fsync, maxJournalBacklog, onBacklog, snapshotJournalBytes, snapshotIntervalMs };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (persistence === undefined || given.length === 0) return;
  persistence.configure(Object.fromEntries(given));
  durability.tick();
}

function resetStatistics(session: Session): void {
  const { server, node, reply } = session;
  server.statistics.reset();
  for (const route of server.commands.all()) route.resetStatistics();
  for (const one of server.sessions.values()) one.inputBytes = one.outputBytes = 0;
  reply.errorCodes.clear();
  node.counters.reset();
  server.timings.reset();
  const { removed, evictions, work } = node.store.entries;
  evictions.reset();
  work.reset();
  for (const reason of Object.keys(removed) as (keyof typeof removed)[]) removed[reason] = 0;
  reply.ok();
}

const subcommand = subcommandsOf("config", {
  flags: ["admin", "noscript", "loading", "stale"],
  group: "server",
  complexity: "O(N) where N is the number of parameters.",
  categories: ["admin", "slow", "dangerous"],
});

export const configCommand: Command = command({
  name: "config",
  arity: -2,
  group: "server",
  since: "2.0.0",
  summary: "A container for server configuration commands.",
  complexity: "Depends on subcommand.",
  categories: ["slow"],
  handler: () => {},
  subcommands: [
    subcommand(
      "get",
      -3,
      "2.0.0",
      "Returns the effective values of configuration parameters.",
      "parameter [parameter ...]",
      get,
    ),
    subcommand(
      "set",
      -4,
      "2.0.0",
      "Sets configuration parameters in-flight.",
      "parameter value [parameter value ...]",
      set,
    ),
    subcommand("resetstat", 2, "2.0.0", "Resets the server's statistics.", "", resetStatistics),
    subcommand("rewrite", 2, "2.8.0", "Refused: there is no configuration file to write.", "", (session) =>
      session.reply.error("ERR The server is running without a config file"),
    ),
    helpSubcommand({
      container: "config",
      group: "server",
      since: "5.0.0",
      lines: [
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
      ],
    }),
  ],
});
