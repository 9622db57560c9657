/**
 * The commands, each with a line for the overview and the module that holds it. A module is loaded when its command is
 * called: `shoal get` does not load the server.
 */
import type { CliCommand } from "./client-command.ts";

export interface CommandEntry {
  /** One word, or two: "config check". */
  readonly name: string;
  readonly summary: string;
  load(): Promise<CliCommand>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "serve",
    summary: "run one node",
    load: async () => (await import("./commands/serve.ts")).createCommand(),
  },
  {
    name: "get",
    summary: "write the value of a key to stdout",
    load: async () => (await import("./commands/get.ts")).createCommand(),
  },
  {
    name: "set",
    summary: "store a value from an argument, a file or stdin",
    load: async () => (await import("./commands/set.ts")).createCommand(),
  },
  {
    name: "delete",
    summary: "delete keys",
    load: async () => (await import("./commands/delete.ts")).createCommand(),
  },
  {
    name: "invalidate",
    summary: "make entries stale by key, tag or pattern",
    load: async () => (await import("./commands/invalidate.ts")).createInvalidateCommand(),
  },
  {
    name: "purge",
    summary: "remove entries by key, tag or pattern",
    load: async () => (await import("./commands/invalidate.ts")).createPurgeCommand(),
  },
  {
    name: "stats",
    summary: "traffic, hit ratio, latencies, memory",
    load: async () => (await import("./commands/stats.ts")).createCommand(),
  },
  {
    name: "ping",
    summary: "say whether a node answers and is ready",
    load: async () => (await import("./commands/ping.ts")).createCommand(),
  },
  {
    name: "backup",
    summary: "copy all that a running node stores into a file",
    load: async () => (await import("./commands/backup.ts")).createCommand(),
  },
  {
    name: "restore",
    summary: "put a backup into a data directory",
    load: async () => (await import("./commands/restore.ts")).createCommand(),
  },
  {
    name: "verify",
    summary: "look for damage in a data directory or a backup",
    load: async () => (await import("./commands/verify.ts")).createCommand(),
  },
  {
    name: "dump",
    summary: "write entries as lines of JSON",
    load: async () => (await import("./commands/dump.ts")).createCommand(),
  },
  {
    name: "load",
    summary: "store the lines of a dump in a node",
    load: async () => (await import("./commands/load.ts")).createCommand(),
  },
  {
    name: "cluster status",
    summary: "members, slots, streams, and what needs attention",
    load: async () => (await import("./commands/cluster.ts")).createStatusCommand(),
  },
  {
    name: "cluster slots",
    summary: "who holds how many slots",
    load: async () => (await import("./commands/cluster.ts")).createSlotsCommand(),
  },
  {
    name: "cluster join",
    summary: "tell a member where to look for peers",
    load: async () => (await import("./commands/cluster.ts")).createJoinCommand(),
  },
  {
    name: "cluster leave",
    summary: "take a node out of its cluster",
    load: async () => (await import("./commands/cluster.ts")).createLeaveCommand(),
  },
  {
    name: "cluster drain",
    summary: "give the slots of a node to the others",
    load: async () => (await import("./commands/cluster.ts")).createDrainCommand(),
  },
  {
    name: "cluster rebalance",
    summary: "set the share of slots of a node",
    load: async () => (await import("./commands/cluster.ts")).createRebalanceCommand(),
  },
  {
    name: "config check",
    summary: "check a configuration, show where each value comes from",
    load: async () => (await import("./commands/config-check.ts")).createCommand(),
  },
];
