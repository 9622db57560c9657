/** The headers of responses, and the parameters that operations share, as the OpenAPI document describes them. */
import type { Parameter } from "./openapi-operation.ts";

const text = { type: "string" };
const seconds = { type: "string", pattern: "^[0-9]+$" };

/** Headers of responses by name. */
export const HEADERS: Readonly<Record<string, { readonly description: string; readonly schema: object }>> = {
  ETag: {
    description: "Entity tag of the entry: version and origin of the write that made it. Always strong.",
    schema: { type: "string", pattern: '^"[0-9a-f]+-[0-9a-f]+"$' },
  },
  Age: { description: "Whole seconds since the entry's version.", schema: seconds },
  "Cache-Control": {
    description:
      "Of an entry that expires: max-age (Age and what remains), stale-while-revalidate and stale-if-error as it was " +
      "stored with. Of JSON: no-store.",
    schema: text,
  },
  "Cache-Tag": { description: "Tags, separated by commas, percent-encoded where they must be.", schema: text },
  "Cache-Status": {
    description: "RFC 9211: hit with the seconds that remain (negative if stale), or why it was not one.",
    schema: { type: "string", pattern: "^shoal; " },
  },
  "Content-Length": { description: "Bytes of the body that a GET would have.", schema: seconds },
  "X-Content-Type-Options": { description: "Always nosniff.", schema: { const: "nosniff" } },
  "WWW-Authenticate": { description: "The schemes by which to authenticate.", schema: text },
  "Retry-After": { description: "Whole seconds after which to try again.", schema: seconds },
};

export const KEY: Parameter = {
  name: "key",
  in: "path",
  description:
    "The key: everything behind /v1/keys/, percent-decoded to bytes. Slashes may stand raw or as %2F; nothing at all is " +
    "the empty key. At most maxKeyBytes bytes.",
  schema: text,
};
export const ENCODING: Parameter = {
  name: "encoding",
  in: "query",
  description: "base64url: the path is the key in base64url, for keys that a URL parser would change (.., a/../b).",
  schema: { type: "string", const: "base64url" },
};
export const DATABASE: Parameter = {
  name: "database",
  in: "query",
  description: "The database, as SELECT numbers them; default 0.",
  schema: { type: "integer", minimum: 0, maximum: 15 },
};
export const IF_MATCH: Parameter = {
  name: "If-Match",
  in: "header",
  description: "Entity tags, compared strongly, or *: only if the entry is one of these, else 412.",
  schema: text,
};
export const IF_NONE_MATCH: Parameter = {
  name: "If-None-Match",
  in: "header",
  description: "Entity tags, compared weakly, or *: only if the entry is none of these.",
  schema: text,
};
export const READ_CACHE_CONTROL: Parameter = {
  name: "Cache-Control",
  in: "header",
  description:
    "What the reader accepts: max-stale[=s] also stale entries, max-age=s none that is older, min-fresh=s only what " +
    "stays fresh that long.",
  schema: text,
};
export const WRITE_CACHE_CONTROL: Parameter = {
  name: "Cache-Control",
  in: "header",
  description:
    "Lifetime in whole seconds: max-age or s-maxage (which wins), and stale-while-revalidate, stale-if-error behind it. " +
    "Without a lifetime the entry never expires; a lifetime of 0 without a stale allowance deletes.",
  schema: text,
};
export const CACHE_TAG: Parameter = {
  name: "Cache-Tag",
  in: "header",
  description: "Up to 64 tags of 1 to 256 bytes, separated by commas, percent-encoded where they must be.",
  schema: text,
};
export const LEASE_TOKEN: Parameter = {
  name: "token",
  in: "path",
  description: "The token with which the lease was granted.",
  schema: text,
};
