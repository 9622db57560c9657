/**
 * CLUSTER, READONLY, READWRITE and ASKING on a server that is no member of a Redis Cluster: Redis's own refusal, by which
 * clients learn that they need not route.
 */
import { type Command, type CommandFlag, command } from "../command.ts";

const DISABLED = "ERR This instance has cluster support disabled";

function refusal(name: string, arity: number, flags: readonly CommandFlag[], summary: string): Command {
  return command({
    name,
    arity,
    flags,
    group: "cluster",
    since: "3.0.0",
    summary,
    complexity: "O(1)",
    syntax: arity < 0 ? "subcommand [arg ...]" : "",
    categories: flags.includes("fast") ? ["fast", "connection"] : ["slow"],
    handler: (session) => session.reply.error(DISABLED),
  });
}

export const clusterCommands: readonly Command[] = [
  refusal("cluster", -2, ["stale"], "A container for cluster commands: refused, there is no cluster."),
  refusal("readonly", 1, ["loading", "stale", "fast"], "Refused: there is no cluster."),
  refusal("readwrite", 1, ["loading", "stale", "fast"], "Refused: there is no cluster."),
  refusal("asking", 1, ["fast"], "Refused: there is no cluster."),
];
