/**
 * Plays one conversation to two servers and finds the first reply in which they differ.
 *
 * Requests in a row to one connection are sent together; when the connection changes, all replies are awaited first, so
 * that both servers see one order. At the end, everything that is stored is compared: value, encoding and expiry of
 * every key. A keyspace listener, where one is asked for, compares what was told about each change, and in which order.
 *
 * A difference is made small by leaving out requests as long as it stays the same one (Zeller's ddmin).
 */
import { isDeepStrictEqual } from "node:util";
import type { RespClient } from "../resp-client.ts";
import type { Request } from "./grammar.ts";
import { intended, isLoose, watchesPresent } from "./intended.ts";

export interface Divergence {
  /** Tells one kind of difference from another. */
  readonly kind: string;
  readonly request: Request | undefined;
  readonly ours: unknown;
  readonly redis: unknown;
}

/** Both servers' answers to a conversation: one for each request, then the listener's, then what is stored. */
interface Record {
  readonly replies: unknown[];
  readonly events: unknown[];
  readonly stored: unknown[];
}

const DATABASES = 3;

/** One server with connections for any number of conversations. */
export class Side {
  readonly #clients: readonly RespClient[];
  readonly #listener: RespClient;
  readonly #told: unknown[] = [];

  private constructor(clients: readonly RespClient[], listener: RespClient) {
    this.#clients = clients;
    this.#listener = listener;
  }

  /** @param connect Opens a connection that speaks the protocol. */
  static async open(connect: (protocol: 2 | 3) => Promise<RespClient>): Promise<Side> {
    const side = new Side([await connect(2), await connect(2), await connect(2)], await connect(3));
    await side.#listener.call("CONFIG", "SET", "notify-keyspace-events", "KEA");
    side.#listener.send("PSUBSCRIBE", "__key*");
    await side.#listener.push();
    return side;
  }

  close(): void {
    for (const client of [...this.#clients, this.#listener]) client.close();
  }

  async play(requests: readonly Request[], protocol: 2 | 3): Promise<Record> {
    for (const client of this.#clients) {
      await this.#reset(client);
      await client.use(protocol);
    }
    await (this.#clients[0] as RespClient).call("FLUSHALL");
    await this.#events();
    const replies: unknown[] = [];
    for (let at = 0; at < requests.length; ) at = await this.#turn(requests, at, replies, protocol);
    const events = await this.#events();
    return { replies, events, stored: await this.#stored() };
  }

  /** Sends as many requests as go together, from `at`. */
  async #turn(requests: readonly Request[], at: number, replies: unknown[], protocol: 2 | 3): Promise<number> {
    const first = requests[at] as Request;
    const client = this.#clients[first.connection] as RespClient;
    if (isReset(first)) {
      replies.push(await this.#reset(client, first.words));
      if (client.protocol !== protocol) await client.use(protocol);
      return at + 1;
    }
    if (first.pauseMs !== undefined) {
      replies.push(await client.call(...first.words));
      await Bun.sleep(first.pauseMs);
      return at + 1;
    }
    if (first.wholeScan) {
      replies.push(await scanAll(client, first.words));
      return at + 1;
    }
    let end = at;
    for (let one = requests[at]; one?.connection === first.connection; one = requests[++end]) {
      if (one.wholeScan || one.pauseMs !== undefined || isReset(one)) break;
      client.send(...one.words);
    }
    for (let left = end - at; left > 0; left--) replies.push(await client.reply());
    return end;
  }

  /** RESET; what was pushed before is taken while the protocol still has pushes. */
  async #reset(client: RespClient, words: readonly string[] = ["RESET"]): Promise<unknown> {
    await this.#drain(client);
    return client.call(...words);
  }

  async #drain(client: RespClient): Promise<void> {
    await client.call("PING");
    for (let left = client.unread.length; left > 0; left--) this.#told.push(await client.push());
  }

  /** What the listener was told, and each client about the keys that it has read. */
  async #events(): Promise<unknown[]> {
    for (const client of [this.#listener, ...this.#clients]) await this.#drain(client);
    return this.#told.splice(0);
  }

  async #stored(): Promise<unknown[]> {
    const client = this.#clients[0] as RespClient;
    await this.#reset(client);
    const stored: unknown[] = [];
    for (let database = 0; database < DATABASES; database++) {
      await client.call("SELECT", database);
      const keys = ((await client.call("KEYS", "*")) as string[]).sort();
      for (const key of keys) {
        for (const words of [
          ["GET", key],
          ["PTTL", key],
        ]) {
          const request = { connection: 0, words };
          stored.push({ database, request, reply: await client.call(...words) });
        }
      }
    }
    return stored;
  }
}

function isReset(request: Request): boolean {
  return request.words[0]?.toUpperCase() === "RESET";
}

/** All keys of a SCAN, sorted; or the first reply that is not one of SCAN's. */
async function scanAll(client: RespClient, words: readonly string[]): Promise<unknown> {
  const [name, , ...options] = words as [string, ...string[]];
  const found = new Set<string>();
  for (let cursor = "0"; ; ) {
    const reply = await client.call(name, cursor, ...options);
    if (!Array.isArray(reply)) return reply;
    const [next, keys] = reply as [string, string[]];
    for (const key of keys) found.add(key);
    if (next === "0") return [...found].sort();
    cursor = next;
  }
}

export class Duel {
  readonly #ours: Side;
  readonly #redis: Side;

  constructor(ours: Side, redis: Side) {
    this.#ours = ours;
    this.#redis = redis;
  }

  /** The first difference in a conversation, if there is one. */
  async fight(requests: readonly Request[], protocol: 2 | 3): Promise<Divergence | undefined> {
    const [ours, redis] = await Promise.all([
      this.#ours.play(requests, protocol),
      this.#redis.play(requests, protocol),
    ]);
    const untold = requests.some(isLoose);
    return (
      differentReply(requests, ours, redis) ??
      (untold ? undefined : differentEvent(ours, redis)) ??
      differentStored(ours, redis)
    );
  }

  /** The shortest part of a conversation in which the same kind of difference is left. */
  async minimize(requests: readonly Request[], protocol: 2 | 3, kind: string): Promise<readonly Request[]> {
    let least = requests;
    for (let parts = 2; least.length > 1; ) {
      const size = Math.ceil(least.length / parts);
      let smaller: readonly Request[] | undefined;
      for (let from = 0; from < least.length && smaller === undefined; from += size) {
        const rest = [...least.slice(0, from), ...least.slice(from + size)];
        if (watchesPresent(rest) && (await this.fight(rest, protocol))?.kind === kind) smaller = rest;
      }
      if (smaller !== undefined) {
        least = smaller;
        parts = Math.max(parts - 1, 2);
      } else if (size === 1) {
        break;
      } else {
        parts = Math.min(parts * 2, least.length);
      }
    }
    return least;
  }
}

/** What a reply looks like, without what varies in it. */
function shape(reply: unknown): string {
  if (typeof reply !== "object" || reply === null) return reply === null ? "null" : typeof reply;
  return "error" in reply ? `error ${String(reply.error).slice(0, 60)}` : "list";
}

function divergence(request: Request | undefined, ours: unknown, redis: unknown, where = ""): Divergence {
  const kind = `${where}${request?.words[0]?.toUpperCase() ?? ""}: ${shape(ours)} / ${shape(redis)}`;
  return { kind, request, ours, redis };
}

function differentReply(requests: readonly Request[], ours: Record, redis: Record): Divergence | undefined {
  const queued: Request[][] = [[], [], []];
  for (const [i, request] of requests.entries()) {
    const [our, their] = [ours.replies[i], redis.replies[i]];
    const queue = queued[request.connection] as Request[];
    const name = request.words[0]?.toUpperCase();
    if (their === "QUEUED" && our === "QUEUED") queue.push(request);
    else if (name === "EXEC" || name === "DISCARD" || name === "RESET") {
      const within = queue.splice(0);
      const found = Array.isArray(our) && Array.isArray(their) ? compareAll(within, our, their) : undefined;
      if (found !== undefined) return found;
      if (Array.isArray(our) && Array.isArray(their)) continue;
    }
    const found = compare(request, our, their);
    if (found !== undefined) return found;
  }
  return undefined;
}

function compareAll(requests: readonly Request[], ours: unknown[], redis: unknown[]): Divergence | undefined {
  if (ours.length !== redis.length) return divergence(undefined, ours, redis, "length of EXEC ");
  for (const [i, request] of requests.entries()) {
    const found = compare(request, ours[i], redis[i]);
    if (found !== undefined) return { ...found, kind: `in EXEC ${found.kind}` };
  }
  return undefined;
}

function compare(request: Request, ours: unknown, redis: unknown): Divergence | undefined {
  if (isDeepStrictEqual(ours, redis) || intended(request, ours, redis) !== undefined) return undefined;
  return divergence(request, ours, redis);
}

function differentEvent(ours: Record, redis: Record): Divergence | undefined {
  for (let i = 0; i < Math.max(ours.events.length, redis.events.length); i++) {
    const [our, their] = [ours.events[i], redis.events[i]];
    if (!isDeepStrictEqual(our, their)) return divergence(undefined, our, their, `event ${i === ours.events.length}`);
  }
  return undefined;
}

function differentStored(ours: Record, redis: Record): Divergence | undefined {
  for (let i = 0; i < Math.max(ours.stored.length, redis.stored.length); i++) {
    const [our, their] = [ours.stored[i], redis.stored[i]] as { request: Request; reply: unknown }[];
    if (our === undefined || their === undefined || !isDeepStrictEqual(our.request, their.request)) {
      return divergence(undefined, our, their, "stored keys");
    }
    const found = compare(our.request, our.reply, their.reply);
    if (found !== undefined) return { ...found, kind: `stored ${found.kind}` };
  }
  return undefined;
}
