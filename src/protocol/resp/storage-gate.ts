/**
 * Which requests are refused because of the state of storage. Asked only while there is a reason (`STORAGE_ATTENTION`), for
 * requests that have passed all other checks.
 *
 *     MISCONF    the mode `always` promises that writes are stored, and storage has failed: writes are refused, as Redis
 *                does when it cannot write; reads go on
 *     TRYAGAIN   more waits for storage than `maxJournalBacklog`, and the policy is to refuse writes
 *     LOADING    not all that is stored is loaded, and the request depends on what may not be (command-recovery.ts)
 *
 * The first two refuse requests when they are queued by MULTI, too, so that EXEC aborts, as in Redis. The third looks at a
 * transaction as a whole when it is executed: it runs, or none of it does. A transaction that writes and watches a key
 * which was absent waits as well: that key may be there and not loaded.
 */
import { storedKey } from "../../core/keyspace.ts";
import type { Args } from "./args.ts";
import { neededKeys } from "./command-recovery.ts";
import { type Route, RouteBit } from "./command-table.ts";
import { touches } from "./pauses.ts";
import { ServerAttention } from "./server-attention.ts";
import type { Session } from "./session.ts";

export const LOADING = "LOADING Shoal is loading the dataset from disk";
export const CONGESTED =
  "TRYAGAIN more waits for the disk than maxJournalBacklog allows, or the file has grown too large: write refused";

/** The error for a write that cannot be stored as the mode promises. */
export function misconfigured(reason: string): string {
  return `MISCONF Shoal cannot write to its journal: ${reason}`;
}

/** Why a request may not run now, as the text of its error; undefined if it may. */
export function storageRefusal(session: Session, route: Route, args: Args): string | undefined {
  const { attention, durability } = session.server;
  if (!touches(session, route, RouteBit.STORED)) return undefined;
  const refusal = durability.persistence?.refusal;
  if (refusal !== undefined) return misconfigured(refusal);
  if ((attention & ServerAttention.CONGESTED) !== 0 && !durability.slows) return CONGESTED;
  if ((attention & ServerAttention.RECOVERING) === 0) return undefined;
  return waitsForLoading(session, route, args) ? LOADING : undefined;
}

function waitsForLoading(session: Session, route: Route, args: Args): boolean {
  const { transaction, watches, node } = session;
  if (route.command.name !== "exec") {
    return transaction === undefined && !isPresent(session, session.physicalDatabase, route, args);
  }
  if (watches?.sawNothing) return true;
  let database = session.physicalDatabase;
  return (
    transaction?.requests.some((request) => {
      if (request.route.command.name === "select") database = selected(node, request.args) ?? database;
      return !isPresent(session, database, request.route, request.args);
    }) ?? false
  );
}

/** The physical database that a SELECT selects, if it does. */
function selected({ config, databases }: Session["node"], args: Args): number | undefined {
  const logical = args.integer(1);
  return logical >= 0 && logical < config.databases ? databases.physical(logical) : undefined;
}

/** True if everything is loaded that a request depends on. */
function isPresent({ node }: Session, database: number, { bits, command }: Route, args: Args): boolean {
  if ((bits & RouteBit.STORED) === 0) return true;
  return (
    neededKeys(command, args)?.every((i) => {
      const key = storedKey(database, args.bytes, args.start(i), args.end(i));
      return node.peek(key, 0, key.length) !== 0;
    }) ?? false
  );
}
