/**
 * `/openapi.json`: the document is made when it is first asked for, kept as bytes, and revalidated by its entity tag. It
 * needs no token, as it tells nothing of the node but what any node of this version has.
 */
import { encodeText } from "../../core/bytes.ts";
import { crc32c } from "../../core/crc32c.ts";
import { SHOAL_VERSION } from "../../core/release.ts";
import { matchesWeakly, parseEntityTags } from "./entity-tag.ts";
import { refuseQuery } from "./json-body.ts";
import { JSON_TYPE } from "./json-reply.ts";
import { createDocument } from "./openapi-document.ts";
import type { RequestSchemas } from "./schemas.ts";
import type { HttpServer } from "./server.ts";

/** Adds the route of the document. */
export function mountOpenapi(server: HttpServer, schemas: RequestSchemas): void {
  let made: { readonly bytes: Uint8Array<ArrayBuffer>; readonly etag: string } | undefined;
  server.app.get("/openapi.json", (context) => {
    const request = context.req.raw;
    refuseQuery(request);
    if (made === undefined) {
      const bytes = encodeText(JSON.stringify(createDocument(schemas, SHOAL_VERSION)));
      const checksum = crc32c(bytes, 0, bytes.length) >>> 0;
      made = { bytes, etag: `"${bytes.length.toString(16)}-${checksum.toString(16)}"` };
    }
    // Kept by whoever wants to, and asked for again each time: another version of the server has another document.
    const headers = { etag: made.etag, "cache-control": "no-cache" };
    const known = request.headers.get("if-none-match");
    if (known !== null && matchesWeakly(parseEntityTags(known, "If-None-Match"), made.etag)) {
      return new Response(null, { status: 304, headers });
    }
    server.statistics.sentBytes += made.bytes.length;
    const length = String(made.bytes.length);
    return new Response(made.bytes, { headers: { ...headers, "content-type": JSON_TYPE, "content-length": length } });
  });
}
