/**
 * Storage in memory: keeps the batches that it is given, for tests, the simulator and as the model that storage on disk
 * is compared with. It is durable at once and never fails. Limit: `maxBytes`; an append beyond it is rejected.
 */
import type { Storage } from "../core/ports.ts";

const DEFAULT_MAX_BYTES = 2 ** 30;

/**
 * See the head of this file.
 *
 * @example
 * ```ts
 * import { MemoryStorage } from "shoal";
 * const storage = new MemoryStorage();
 * await storage.append(Uint8Array.of(1, 2, 3));
 * for await (const batch of storage.replay()) console.assert(batch.length === 3);
 * ```
 */
export class MemoryStorage implements Storage {
  readonly #batches: Uint8Array[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes = DEFAULT_MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  async append(batch: Uint8Array): Promise<void> {
    if (this.#bytes + batch.length > this.#maxBytes) throw new Error(`storage is full: ${this.#maxBytes} bytes`);
    this.#batches.push(batch);
    this.#bytes += batch.length;
  }

  async *replay(): AsyncIterable<Uint8Array> {
    yield* this.#batches;
  }

  async close(): Promise<void> {}
}
