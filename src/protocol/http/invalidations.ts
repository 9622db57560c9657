/**
 * Invalidations: `/v1/invalidate` makes entries stale, `/v1/purge` removes them; by keys, tags, patterns, or everything of a
 * database. Two calls for two modes, because one must never be taken for the other.
 *
 * The receipt says what was reached. A node that is alone has reached its region when it answers, so there is nothing to
 * wait for: `wait` and `timeoutMs` are checked and change nothing. With persistence it is sent when it is stored.
 *
 * Everything is checked before anything is invalidated. If memory for an epoch runs out in the middle (507), what was
 * invalidated before stays so, and the request can be repeated: invalidating twice does no harm.
 */
import { storedKey } from "../../core/keyspace.ts";
import { EpochMode } from "../../core/record.ts";
import type { Principal } from "../../node/access.ts";
import type { Receipt } from "../../node/node.ts";
import { authorize } from "./authorization.ts";
import { MAX_JSON_BYTES, readJson } from "./json-body.ts";
import { replyJson } from "./json-reply.ts";
import { requirePrefixes } from "./prefix-check.ts";
import { Problem } from "./problem.ts";
import type { RequestOf, RequestSchemas } from "./schemas.ts";
import type { HttpServer } from "./server.ts";
import { admitWrite, receipted } from "./write-admission.ts";

type Subjects = RequestOf<"invalidate">;

/** Adds the routes of invalidations. */
export function mountInvalidations(server: HttpServer, schemas: RequestSchemas): void {
  const mount = (path: string, mode: EpochMode) =>
    server.app.post(path, async (context) => {
      const request = context.req.raw;
      const principal = authorize(server, request, "invalidate");
      const subjects = await readJson(server, request, principal, schemas.invalidate, MAX_JSON_BYTES);
      requireSubjects(principal, subjects);
      admitWrite(server);
      const receipt = server.turn(() => invalidate(server, mode, subjects));
      if (receipt.refused < 0) {
        const detail = "there is no room to remember the invalidation; repeat the request, part of it is done";
        throw new Problem("out-of-memory", { detail });
      }
      const { version, entries, regions } = receipt;
      return receipted(server, replyJson(server, { version, entries: entries < 0 ? null : entries, regions }));
    });
  mount("/v1/invalidate", EpochMode.STALE);
  mount("/v1/purge", EpochMode.PURGE);
}

function requireSubjects(principal: Principal, { keys = [], tags = [], patterns = [], all }: Subjects): void {
  if (all === true && principal.prefixes.length > 0) {
    const detail = "all keys can be invalidated only by a token without key prefixes";
    throw new Problem("forbidden", { detail, field: "all" });
  }
  requirePrefixes(principal, keys, (index) => `keys.${index}`);
  requirePrefixes(principal, tags, (index) => `tags.${index}`);
  requirePrefixes(principal, patterns, (index) => `patterns.${index}`);
}

function invalidate({ node }: HttpServer, mode: EpochMode, given: Subjects): Receipt {
  const database = node.databases.physical(given.database ?? 0);
  const { keys = [], tags = [], patterns = [], all = false } = given;
  return node.invalidate({ mode, database, keys: keys.map((key) => storedKey(database, key)), tags, patterns, all });
}
