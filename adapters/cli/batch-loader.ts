/**
 * Lines into a node, by batches. A node refuses a batch in which anything is malformed, and says where: those lines are
 * taken out, and the others are sent again. A batch that is too large for the node is halved.
 *
 * Lines are stored in their order within a database, so of two with one key the later one stays. A batch has lines of one
 * database and at most `MAX_LINES` or about `MAX_BYTES`, whichever comes first.
 */
import type { NodeClient } from "./client.ts";
import { CommandFailure } from "./exit-code.ts";
import type { BatchEntry } from "./load-line.ts";

const MAX_LINES = 1_000;
const MAX_BYTES = 4 * 2 ** 20;

interface Waiting {
  readonly line: number;
  readonly entry: BatchEntry;
}

interface SetResult {
  readonly status: string;
  readonly problem?: { readonly detail?: string };
}

/** "entries.3.tags.0" -> 3 */
function entryOf(field: unknown): number {
  const match = /^entries\.(\d+)(?:\.|$)/.exec(String(field));
  return match === null ? -1 : Number(match[1]);
}

/** Why entries are refused, by their place in the batch; undefined if that is not what the failure is about. */
function refusals(error: unknown, count: number): Map<number, string> | undefined {
  if (!(error instanceof CommandFailure) || error.code !== "bad-schema") return undefined;
  const mistakes = error.details.problem?.mistakes;
  const found = new Map<number, string>();
  for (const mistake of Array.isArray(mistakes) ? mistakes : []) {
    const { field, detail, allowed } = mistake as Record<string, unknown>;
    const reason = (name: string) => `${name} ${String(detail)}; allowed: ${String(allowed)}`;
    const n = entryOf(field);
    const rest = String(field).replace(/^entries\.\d+\.?/, "");
    if (n >= 0 && n < count && !found.has(n)) found.set(n, reason(rest === "" ? "it" : rest));
    // The node has fewer databases than the dump.
    if (field === "database") for (let i = 0; i < count; i++) found.set(i, reason("database"));
  }
  return found.size === 0 ? undefined : found;
}

export class BatchLoader {
  readonly #client: Pick<NodeClient, "post">;
  readonly #onRefused: (line: number, reason: string) => Promise<void>;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #database = 0;
  /** Lines that are stored. */
  loaded = 0;

  /** @param onRefused Told of each line that the node does not take; throws where nothing more is to be loaded. */
  constructor(client: Pick<NodeClient, "post">, onRefused: (line: number, reason: string) => Promise<void>) {
    this.#client = client;
    this.#onRefused = onRefused;
  }

  /** Takes an entry; `bytes` is about what it takes. Sends when there are enough. */
  async add(line: number, entry: BatchEntry, database: number, bytes: number): Promise<void> {
    if (database !== this.#database) await this.flush();
    this.#database = database;
    this.#waiting.push({ line, entry });
    this.#bytes += bytes;
    if (this.#waiting.length >= MAX_LINES || this.#bytes >= MAX_BYTES) await this.flush();
  }

  /** Sends what waits. */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    await this.#send(waiting);
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    let results: readonly SetResult[];
    try {
      const entries = batch.map(({ entry }) => entry);
      const reply = await this.#client.post<{ results?: readonly SetResult[] }>("/v1/batch/set", {
        entries,
        database: this.#database,
      });
      results = reply.results ?? [];
    } catch (error) {
      return this.#sendInParts(batch, error);
    }
    const refused: [line: number, reason: string][] = [];
    for (const [i, { line }] of batch.entries()) {
      const { status = "refused", problem } = results[i] ?? {};
      if (status === "refused") refused.push([line, problem?.detail ?? "the node did not store it"]);
      else this.loaded++;
    }
    // Behind the count: who is told may end the load, and the others of the batch are stored all the same.
    for (const [line, reason] of refused) await this.#onRefused(line, reason);
  }

  async #sendInParts(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (error instanceof CommandFailure && error.code === "too-large") {
      const [first] = batch;
      if (batch.length === 1 && first !== undefined) return this.#onRefused(first.line, error.message);
      const half = batch.length >> 1;
      await this.#send(batch.slice(0, half));
      return this.#send(batch.slice(half));
    }
    const refused = refusals(error, batch.length);
    if (refused === undefined) throw error;
    // In their order: whoever stops at the first refusal has stored what stood before it.
    let from = 0;
    for (const [n, reason] of [...refused].sort(([a], [b]) => a - b)) {
      await this.#send(batch.slice(from, n));
      await this.#onRefused(batch[n]?.line ?? 0, reason);
      from = n + 1;
    }
    await this.#send(batch.slice(from));
  }
}
