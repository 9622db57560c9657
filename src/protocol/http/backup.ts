/**
 * `GET /v1/backup`: a consistent copy of what the node stores, as one file: a SQLite database that `shoal restore` puts into
 * a data directory. Where its bytes come from is handed in, since nothing here reads files.
 *
 * The copy is made before the first byte is sent, so a reply that begins is of something whole; runtimes that send streams
 * in chunks leave its length out. It holds the entries of all databases and all prefixes, so the token has to be an
 * administrator's that is confined to none.
 *
 * Limit: one backup at a time, from its beginning to the last byte that its reader takes. Policy: another one is asked to
 * come again.
 */
import { StorageError } from "../../journal/storage.ts";
import { authorize } from "./authorization.ts";
import { refuseQuery } from "./json-body.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

export interface Backup {
  readonly bytes: number;
  /** Ended, failed or cancelled, it gives back what it holds. */
  readonly content: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Copies what is stored at this moment. Rejects with a StorageError. */
export type BackupSource = () => Promise<Backup>;

export const BACKUP_TYPE = "application/vnd.sqlite3";
const RETRY_AFTER_SECONDS = "10";

/** Adds the route of backups. */
export function mountBackup(server: HttpServer): void {
  let busy = false;
  server.app.get("/v1/backup", async (context) => {
    const request = context.req.raw;
    admitAdministrator(server, request);
    const { backup } = server;
    if (backup === undefined) {
      const detail = "the node has no data directory (dataDir), so there is nothing to back up";
      throw new Problem("nothing-stored", { detail });
    }
    const headers = { "content-type": BACKUP_TYPE, "cache-control": "no-store" };
    if (request.method === "HEAD") return new Response(null, { headers });
    if (busy) {
      const detail = "another backup is under way, and there is one at a time";
      throw new Problem("overloaded", { detail }, { "retry-after": RETRY_AFTER_SECONDS });
    }
    busy = true;
    const done = () => {
      busy = false;
    };
    try {
      const { bytes, content } = await backup();
      server.statistics.sentBytes += bytes;
      const length = { "content-length": String(bytes) };
      return new Response(watched(content, done), { headers: { ...headers, ...length } });
    } catch (error) {
      done();
      if (!(error instanceof StorageError)) throw error;
      throw new Problem("backup-failed", {
        detail: `the backup could not be made: ${error.message}`,
        reason: error.code,
      });
    }
  });
}

function admitAdministrator(server: HttpServer, request: Request): void {
  const principal = authorize(server, request, "admin");
  if (principal.prefixes.length > 0) {
    const detail = "a backup is of all keys, and the token is confined to key prefixes";
    throw new Problem("forbidden", { detail, role: "admin" });
  }
  refuseQuery(request);
}

/** The stream, and a call when it is over, in whatever way. */
function watched(content: Backup["content"], over: () => void): Backup["content"] {
  const reader = content.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        over();
        controller.close();
      } catch (error) {
        over();
        controller.error(error);
      }
    },
    async cancel(reason) {
      over();
      await reader.cancel(reason);
    },
  });
}
