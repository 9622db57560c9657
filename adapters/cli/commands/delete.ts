/** `shoal delete`: deletes keys and says which of them were there. */
import { type CliCommand, clientCommand, declareCommand } from "../client-command.ts";
import { addConnectionOptions, type ConnectionOptions, createClient, readDatabase } from "../connection-options.ts";
import { usageFailure } from "../exit-code.ts";
import type { Printer } from "../print.ts";
import type { JsonBytes } from "../wire-bytes.ts";

/** Keys of one request, as a node allows. */
const MAX_KEYS = 10_000;

/** What `--json` prints, a line for each key. */
export interface DeleteResult {
  readonly key: JsonBytes;
  readonly deleted: boolean;
}

async function remove(keys: readonly string[], options: ConnectionOptions, printer: Printer): Promise<number> {
  if (keys.length > MAX_KEYS) throw usageFailure(`delete: ${keys.length} keys; allowed: ${MAX_KEYS} at a time`);
  const client = createClient(options);
  const { deleted, results } = await client.post<{ deleted: number; results: readonly DeleteResult[] }>(
    "/v1/batch/delete",
    { keys, database: readDatabase(options) },
  );
  if (printer.json) await printer.out(results.map((result) => `${JSON.stringify(result)}\n`).join(""));
  else await printer.out(`${deleted} of ${keys.length} deleted\n`);
  return deleted > 0 ? 0 : 1;
}

export function createCommand(): CliCommand {
  const text = "Deletes keys. Exit code 1 if none of them was there.";
  const command = declareCommand("delete", text, "for each key a line: key, deleted");
  command.argument("<key...>", "the keys");
  addConnectionOptions(command);
  return clientCommand<ConnectionOptions>(command, remove);
}
