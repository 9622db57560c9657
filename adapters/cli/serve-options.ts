/** The flags of the configuration that `serve` and `config check` share. The other fields have no flag. */
import { type Command, Option } from "commander";
import { FSYNC_MODES } from "../../src/journal/journal.ts";
import { CONFIG_FIELDS, POLICIES } from "../../src/node/config.ts";
import { variableOf } from "./settings.ts";

/** Adds them. Values are marked optional so that a missing one is reported with all other mistakes. */
export function addServeOptions(command: Command): Command {
  const option = (flags: string, text: string) => command.addOption(new Option(flags, text));
  option("--host [address]", "address to listen on (127.0.0.1; others need a secret)");
  option("--resp-port [port]", "port of the Redis protocol (7379; 0: any, -1: off)");
  option("--http-port [port]", "port of HTTP (7400; likewise)");
  option("--tls-cert [file]", "certificate, PEM: with --tls-key both ports speak TLS");
  option("--tls-key [file]", "its key, PEM");
  option("--max-memory [size]", "memory for entries, such as 512mb or 2gb (256mb)");
  option("--policy [name]", `who is evicted: ${POLICIES.join(", ")} (${POLICIES[0]})`);
  option("--data [dir]", "directory that keeps the entries (none: in memory only)");
  option("--fsync [mode]", `when the disk has a write: ${FSYNC_MODES.join(", ")} (everysec)`);
  option("--cluster [name]", "makes the node a member of this cluster (none: alone)");
  option("--region [name]", "region that the node is in (local)");
  option("--peers [list]", "addresses of other members, separated by commas");
  option("--advertise [address]", "where peers reach this node (its host and HTTP port)");
  command.option(
    "--secret [text]",
    "password; repeat it for rotation (better: SHOAL_SECRET)",
    (value: unknown, all: unknown) => [...(Array.isArray(all) ? all : []), value],
  );
  return command;
}

/** For the end of the help: every field with its variable. */
export function describeFields(): string {
  const rows = CONFIG_FIELDS.map((field) => `  ${field.padEnd(24)}${variableOf(field)}\n`).join("");
  return `\nEvery field can also be given by the environment or in the file. Flags come\nfirst, then the environment, then the file:\n${rows}`;
}
