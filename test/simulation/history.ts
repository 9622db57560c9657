/**
 * What clients asked and were told, with the true times of both: what checkers judge a simulation by.
 *
 * A request that was never answered may have happened at any time since it was asked, or not at all.
 */
import { keyOf, type Reply, type Request } from "./request.ts";

export interface Exchange {
  /** From 1, in the order of asking. */
  readonly id: number;
  readonly client: string;
  readonly node: string;
  readonly region: string;
  /** Which life of the node was asked, from 1. */
  readonly life: number;
  /** True if the client carries a session token. */
  readonly inSession: boolean;
  readonly request: Request;
  /** True time, ms since the start. */
  readonly invokedMs: number;
  /** Infinity while there is no answer. */
  respondedMs: number;
  reply: Reply | undefined;
}

/** When what was asked had been done or would never be, true time; Infinity if it may still be done. */
export function settledMs({ reply, respondedMs }: Exchange): number {
  return reply === undefined || reply.status === "unknown" ? Number.POSITIVE_INFINITY : respondedMs;
}

/** FNV-1a over text, 53 bits in two halves: a fingerprint, for comparing two runs. */
export class Digest {
  #a = 0x811c9dc5;
  #b = 0x01000193;

  add(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      this.#a = Math.imul(this.#a ^ code, 0x01000193);
      this.#b = Math.imul(this.#b ^ code, 0x85ebca6b) + (this.#a >>> 13);
    }
  }

  get text(): string {
    return (this.#a >>> 0).toString(16).padStart(8, "0") + (this.#b >>> 0).toString(16).padStart(8, "0");
  }
}

export class History {
  readonly exchanges: Exchange[] = [];
  readonly #digest = new Digest();

  /** A request is sent; the answer is filled in with `respond`. */
  invoke(exchange: Omit<Exchange, "id" | "respondedMs" | "reply">): Exchange {
    const full: Exchange = {
      ...exchange,
      id: this.exchanges.length + 1,
      respondedMs: Number.POSITIVE_INFINITY,
      reply: undefined,
    };
    this.exchanges.push(full);
    this.#digest.add(`${full.id} ${full.invokedMs.toFixed(3)} ${full.client} ${JSON.stringify(full.request)}`);
    return full;
  }

  respond(exchange: Exchange, reply: Reply, nowMs: number): void {
    exchange.reply = reply;
    exchange.respondedMs = nowMs;
    this.#digest.add(`${exchange.id} ${nowMs.toFixed(3)} ${JSON.stringify(reply)}`);
  }

  /** The same for two runs in which the same was asked and told at the same times. */
  get digest(): string {
    return this.#digest.text;
  }

  answered(): Exchange[] {
    return this.exchanges.filter(({ reply }) => reply !== undefined);
  }
}

/** One exchange as a line of a story. */
export function describeExchange(exchange: Exchange): string {
  const { id, client, request, reply, respondedMs } = exchange;
  return `#${id} ${client}: ${request.kind} ${keyOf(request)} -> ${reply === undefined ? "no answer" : `${describeReply(reply)} at ${respondedMs.toFixed(1)}`}`;
}

export function describeRequest(request: Request): string {
  const parts: string[] = [request.kind];
  if (keyOf(request) !== "") parts.push(keyOf(request));
  for (const [name, value] of Object.entries(request)) {
    if (name === "kind" || name === "key" || value === false || value === "" || value === 0) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    parts.push(`${name}=${typeof value === "object" ? JSON.stringify(value) : short(value)}`);
  }
  return parts.join(" ");
}

export function describeReply(reply: Reply): string {
  const parts: string[] = [reply.status];
  for (const [name, value] of Object.entries(reply)) {
    if (name === "status" || value === undefined) continue;
    if (name === "regions") parts.push(describeRegions(reply));
    else parts.push(`${name}=${typeof value === "object" ? JSON.stringify(value) : short(value)}`);
  }
  return parts.join(" ");
}

/** Without the filler of values. */
function short(value: unknown): string {
  return String(value).replace(/~x*$/, "");
}

function describeRegions({ regions = [] }: Reply): string {
  return regions.map(({ region, status }) => `${region}:${status}`).join(",");
}
