/**
 * What storage has to say to requests that write: which are refused, and when an answer may be sent.
 *
 *     storage-failed    the mode `always` promises that writes are stored, and storage has failed
 *     overloaded        more waits for storage than `maxJournalBacklog`, and the policy is to refuse writes
 *     not-ready         not all that is stored is loaded, and the request depends on what may not be: a condition on a key
 *                       that is absent, or the answer to whether it was there
 *     outcome-unknown   the write was done, and may not be stored: whoever repeats it does no harm
 *
 * An answer to a write waits until that is stored, in the mode `always`; a receipt of an invalidation, in every mode, because
 * it says that a restart cannot undo it. Where writers are to be slowed down, answers to them wait as well: a client that
 * waits for its answers then sends no faster than storage takes. Nothing else waits, and without persistence nothing does.
 */
import type { StorageError } from "../../journal/storage.ts";
import { notStored, type ServerPersistence } from "../server-persistence.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const RETRY_SOON = { "retry-after": "1" };

/** @throws Problem `storage-failed` or `overloaded` if writes are refused now. */
export function admitWrite({ persistence }: HttpServer): void {
  if (persistence === undefined) return;
  const { refusal } = persistence;
  if (refusal !== undefined) {
    throw new Problem("storage-failed", { detail: `what is written could not be stored: ${refusal}` }, RETRY_SOON);
  }
  if (persistence.onBacklog === "refuse" && persistence.congested) {
    const detail = "more waits for the disk than maxJournalBacklog allows, or the file has grown too large";
    throw new Problem("overloaded", { detail }, RETRY_SOON);
  }
}

/** @throws Problem `not-ready` if the request depends on an entry that is absent, and may only not be loaded yet. */
export function requireLoaded({ node }: HttpServer, isPresent: boolean): void {
  if (isPresent || !node.recovering) return;
  const detail = "the node is loading what it has stored, and the entry may be there";
  throw new Problem("not-ready", { detail }, RETRY_SOON);
}

/** The response to a write that was done, at once or when it may be sent; rejects with a Problem `outcome-unknown`. */
export function settled({ persistence }: HttpServer, response: Response): Response | Promise<Response> {
  if (persistence === undefined) return response;
  const promises = persistence.fsync === "always";
  const slows = !promises && persistence.onBacklog === "slow" && persistence.state === "ok" && persistence.congested;
  if (!promises && !slows) return response;
  return new Promise((resolve, reject) => {
    const settle = (error: StorageError | undefined) => {
      // What was only slowed down was promised nothing.
      if (error === undefined || slows) resolve(response);
      else reject(outcomeUnknown(error.message));
    };
    if (promises) persistence.whenPromised(settle);
    else persistence.whenStored(settle);
  });
}

/** The same for a receipt. */
export async function receipted({ persistence }: HttpServer, response: Response): Promise<Response> {
  if (persistence === undefined) return response;
  const failed = notStored(persistence);
  if (failed !== undefined) throw outcomeUnknown(failed);
  await stored(persistence);
  return response;
}

function stored(persistence: ServerPersistence): Promise<void> {
  return new Promise((resolve, reject) => {
    persistence.whenStored((error) => {
      if (error === undefined) resolve();
      else reject(outcomeUnknown(error.message));
    });
  });
}

function outcomeUnknown(reason: string): Problem {
  return new Problem("outcome-unknown", { detail: `it was done, and may not be stored: ${reason}` });
}
