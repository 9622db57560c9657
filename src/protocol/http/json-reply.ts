/** Replies of JSON and other text: what they say is of the moment, so nobody keeps them. Their bytes are counted. */
import { encodeText } from "../../core/bytes.ts";
import type { HttpServer } from "./server.ts";

export const JSON_TYPE = "application/json";

type ReplyHeaders = Readonly<Record<string, string>>;

/** A reply with the value as JSON. */
export function replyJson(server: HttpServer, value: unknown, status = 200, headers: ReplyHeaders = {}): Response {
  return replyText(server, JSON.stringify(value), JSON_TYPE, status, headers);
}

/** A reply with text of the given type. */
export function replyText(
  { statistics }: HttpServer,
  text: string,
  type: string,
  status = 200,
  headers: ReplyHeaders = {},
): Response {
  const bytes = encodeText(text);
  statistics.sentBytes += bytes.length;
  // The length is for HEAD, of which hono drops the body.
  const length = String(bytes.length);
  const all = { "content-type": type, "cache-control": "no-store", "content-length": length, ...headers };
  return new Response(bytes, { status, headers: all });
}
