/**
 * How an entry looks from outside: its headers, for GET, HEAD and 304.
 *
 * Age counts from the entry's version; `max-age` is what a cache that adds Age to the time it holds an answer needs, so
 * `max-age - Age` is what remains. Seconds are whole and rounded down: nobody serves it longer than this node does.
 */
import { versionToMs } from "../../core/version.ts";
import type { Node } from "../../node/node.ts";
import { Flag } from "../../store/entry-table.ts";
import type { Store } from "../../store/store.ts";
import { renderCacheTags } from "./cache-tag.ts";
import { entityTagOf } from "./entity-tag.ts";
import type { HttpServer } from "./server.ts";

const DEFAULT_TYPE = "application/octet-stream";
/** Entries whose headers are remembered, and the longest Cache-Tag among them. */
const SLOTS = 1_024;
const MAX_KEPT_TAGS = 1_024;
/** The longest value of a response that is kept. */
const MAX_KEPT_VALUE_BYTES = 4_096;

/** Age in ms, by the node's clock of this turn. */
export function ageMsOf(node: Node, id: number): number {
  return Math.max(0, node.nowMs - versionToMs(node.store.table.version(id)));
}

export function entityTagOfEntry(store: Store, id: number): string {
  return entityTagOf(store.table.version(id), store.originOf(id));
}

/** All that an entry's headers depend on. */
interface Times {
  readonly version: number;
  readonly origin: number;
  readonly age: number;
  readonly ttl: number;
  readonly expiresAt: number;
  readonly staleUntil: number;
  readonly revalidateUntil: number;
}

/** How an entry looks. */
interface Rendered extends Times {
  /** Those of a body are left to who makes a response, but its type. Not to be changed. */
  readonly headers: Readonly<Record<string, string>>;
  /** True if it was asked for again. */
  again: boolean;
  /** A whole response with this value, to be cloned; see `RenderedHeaders`. */
  response: Response | undefined;
}

/**
 * Renders entries' headers, and remembers some: an entry that is read often is read many times in one second, and until
 * that is over its headers are the same. One slot for each entry id modulo `SLOTS`; what is long is not kept.
 *
 * A response with five headers takes 0.7 us to make on Bun and more than 2 us on Deno; a clone of one that has them 0.2 us and
 * 0.1 us. So there (`keepsResponses`) the response of an entry that is read again within its second is kept as well, with
 * its value, which a version never changes. Limit: `MAX_KEPT_VALUE_BYTES` of a value, so 4 MiB in all slots; responses with
 * longer ones are made anew each time.
 */
export class RenderedHeaders {
  readonly #slots: (Rendered | undefined)[] = new Array(SLOTS).fill(undefined);
  /** True where cloning a response takes less time than making one. */
  keepsResponses = false;

  /** The response to a GET of a servable entry. */
  responseOf(server: HttpServer, id: number): Response {
    const { store } = server.node;
    const rendered = this.#of(server.node, id);
    const { headers, response } = rendered;
    store.locate(id);
    const valueBytes = store.valueEnd - store.valueStart;
    server.statistics.sentBytes += valueBytes;
    if (response !== undefined) return response.clone();
    const made = new Response(server.responseBodies.of(store.bytes, store.valueStart, store.valueEnd), { headers });
    if (!this.keepsResponses || !rendered.again || valueBytes > MAX_KEPT_VALUE_BYTES) return made;
    rendered.response = made;
    return made.clone();
  }

  /** Headers of a servable entry; those of a body are left to the caller, but its type. Not to be changed. */
  of(node: Node, id: number): Readonly<Record<string, string>> {
    return this.#of(node, id).headers;
  }

  #of(node: Node, id: number): Rendered {
    const { store } = node;
    const { table } = store;
    const version = table.version(id);
    const origin = store.originOf(id);
    const expiresAt = table.expiresAt(id);
    const age = Math.floor(ageMsOf(node, id) / 1_000);
    const ttl = remainingSeconds(node, id, expiresAt);
    const staleUntil = expiresAt === 0 ? 0 : store.staleUntil(id);
    const revalidateUntil = staleUntil === 0 ? 0 : store.revalidateUntil(id);
    const slot = id % SLOTS;
    const known = this.#slots[slot];
    if (
      known !== undefined &&
      known.version === version &&
      known.origin === origin &&
      known.age === age &&
      known.ttl === ttl &&
      known.expiresAt === expiresAt &&
      known.staleUntil === staleUntil &&
      known.revalidateUntil === revalidateUntil
    ) {
      known.again = true;
      return known;
    }
    const times = { version, origin, age, ttl, expiresAt, staleUntil, revalidateUntil };
    const headers = render(node, id, times);
    const rendered = { ...times, headers, again: false, response: undefined };
    this.#slots[slot] = (headers["cache-tag"]?.length ?? 0) <= MAX_KEPT_TAGS ? rendered : undefined;
    return rendered;
  }
}

function render(node: Node, id: number, times: Times): Record<string, string> {
  const { store } = node;
  const { version, origin, age, ttl, expiresAt } = times;
  const extras = store.table.hasFlag(id, Flag.EXTRAS);
  // An entry that would never have expired can have been invalidated, and is told as stale then like any other.
  const timed = expiresAt !== 0 || ttl < 0;
  const headers: Record<string, string> = {
    "content-type": (extras ? store.contentType(id) : undefined) ?? DEFAULT_TYPE,
    "x-content-type-options": "nosniff",
    etag: entityTagOf(version, origin),
    age: String(age),
    "cache-status": timed ? `shoal; hit; ttl=${ttl}` : "shoal; hit",
  };
  if (timed) {
    const maxAge = ttl < 0 ? lifetimeSeconds(node, id, expiresAt) : age + ttl;
    headers["cache-control"] = cacheControl(maxAge, times);
  }
  if (extras) {
    const tags = store.tagBytesOf(id);
    if (tags.length > 0) headers["cache-tag"] = renderCacheTags(tags);
  }
  return headers;
}

/** Whole seconds until it expires, 0 if never; negative if it is stale, also if that is because it was invalidated. */
function remainingSeconds(node: Node, id: number, expiresAt: number): number {
  const seconds = expiresAt === 0 ? 0 : Math.floor((expiresAt - node.nowMs) / 1_000);
  return node.store.isFresh(id) ? seconds : Math.min(seconds, -1);
}

/** `max-age` of a stale entry: what it was when it expired, and never more than its age. */
function lifetimeSeconds(node: Node, id: number, expiresAt: number): number {
  const ageAtExpiryMs = expiresAt - versionToMs(node.store.table.version(id));
  return Math.floor(Math.max(0, Math.min(ageAtExpiryMs, ageMsOf(node, id))) / 1_000);
}

function cacheControl(maxAge: number, { expiresAt, staleUntil, revalidateUntil }: Times): string {
  const parts = [`max-age=${maxAge}`];
  const revalidate = revalidateUntil === 0 ? 0 : Math.floor((revalidateUntil - expiresAt) / 1_000);
  const ifError = staleUntil === 0 ? 0 : Math.floor((staleUntil - expiresAt) / 1_000);
  if (revalidate > 0) parts.push(`stale-while-revalidate=${revalidate}`);
  if (ifError > revalidate) parts.push(`stale-if-error=${ifError}`);
  return parts.join(", ");
}
