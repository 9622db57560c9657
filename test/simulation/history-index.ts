/**
 * An index over a history: who wrote a value, when the load of a fill began, which invalidations there were, what each read
 * returned. Values name their writers, so the writer of whatever is read is known.
 */
import { type Exchange, type History, settledMs } from "./history.ts";
import { removes } from "./keyspace.ts";
import type { Request } from "./request.ts";
import { labelOf } from "./value-text.ts";

type Of<Kind extends Request["kind"]> = Exchange & { readonly request: Request & { readonly kind: Kind } };

/** A read that returned a value. */
export interface Read {
  readonly exchange: Of<"get">;
  readonly key: string;
  readonly label: string;
  readonly writer: Of<"set"> | Of<"fill">;
  /** Of a fill: the exchange in which its lease was granted. */
  readonly lease: Of<"lease"> | undefined;
}

export function isKind<Kind extends Request["kind"]>(exchange: Exchange, kind: Kind): exchange is Of<Kind> {
  return exchange.request.kind === kind;
}

export class HistoryIndex {
  readonly writers = new Map<string, Of<"set"> | Of<"fill">>();
  readonly leases = new Map<string, Of<"lease">>();
  readonly reads: Read[] = [];
  readonly invalidations: Of<"invalidate">[] = [];
  readonly deletes: Of<"delete">[] = [];
  /** Values that nobody has written. */
  readonly strange: { readonly exchange: Exchange; readonly why: string }[] = [];
  readonly #touches = new Map<string, Of<"touch">[]>();

  constructor(history: History) {
    for (const exchange of history.exchanges) this.#addWrite(exchange);
    for (const exchange of history.exchanges) {
      if (isKind(exchange, "get") && exchange.reply?.value !== undefined) this.#addRead(exchange, exchange.reply.value);
    }
  }

  /** Changes of a key's expiry. */
  touchesOf(key: string): readonly Of<"touch">[] {
    return this.#touches.get(key) ?? [];
  }

  /** Invalidations and deletes that mean a key, of whatever became of them. */
  removalsOf(key: string): readonly Exchange[] {
    return [...this.invalidations, ...this.deletes].filter(({ request }) => removes(request, key));
  }

  #addWrite(exchange: Exchange): void {
    if (isKind(exchange, "set") || isKind(exchange, "fill")) {
      this.writers.set(labelOf(exchange.request.value), exchange);
    }
    if (isKind(exchange, "invalidate")) this.invalidations.push(exchange);
    if (isKind(exchange, "delete")) this.deletes.push(exchange);
    if (isKind(exchange, "lease") && exchange.reply?.token !== undefined) {
      this.leases.set(exchange.reply.token, exchange);
    }
    if (isKind(exchange, "touch")) {
      const { key } = exchange.request;
      const list = this.#touches.get(key);
      if (list === undefined) this.#touches.set(key, [exchange]);
      else list.push(exchange);
    }
  }

  #addRead(exchange: Of<"get">, value: string): void {
    const { key } = exchange.request;
    if (key.startsWith("n.")) return;
    let label: string;
    try {
      label = labelOf(value);
    } catch (error) {
      this.strange.push({ exchange, why: String(error) });
      return;
    }
    const writer = this.writers.get(label);
    if (writer === undefined || writer.request.key !== key) {
      this.strange.push({ exchange, why: `nobody has written ${label} to ${key}` });
      return;
    }
    const lease = isKind(writer, "fill") ? this.leases.get(writer.request.token) : undefined;
    this.reads.push({ exchange, key, label, writer, lease });
  }
}

/** When the value was surely there or its load had surely begun, as true time; Infinity if nobody knows. */
export function surelyBefore({ writer, lease }: Read): number {
  return isKind(writer, "fill") ? (lease?.respondedMs ?? Number.POSITIVE_INFINITY) : settledMs(writer);
}
