/**
 * What a node with a storage may hold, as a model: the states that a recovery may come to, and what has been done since.
 *
 * An operation is a function from state to state; a turn is one operation, because its records are recovered together or
 * not at all. What a restart finds is any prefix of what was done that contains everything acknowledged. Until a recovery
 * is over, its outcome is one of several candidates.
 */
export interface ModelEntry {
  readonly value: string;
  readonly expiresAt: number;
  readonly staleUntil: number;
  readonly tags: readonly string[];
  readonly version: number;
  readonly origin: number;
  readonly stale: boolean;
  /** It may be gone, or stale, without having been taken away: see `Model`. */
  readonly optional: boolean;
}

export interface ModelState {
  readonly entries: ReadonlyMap<string, ModelEntry>;
  readonly databases: string;
}

export type Operation = (state: ModelState) => ModelState;

export const put =
  (key: string, entry: ModelEntry): Operation =>
  (state) => ({ ...state, entries: new Map(state.entries).set(key, entry) });

/** Takes away, or marks stale, what `concerns`. */
export function invalidate(mode: "purge" | "stale", concerns: (key: string, entry: ModelEntry) => boolean): Operation {
  return (state) => {
    const entries = new Map(state.entries);
    for (const [key, entry] of state.entries) {
      if (!concerns(key, entry)) continue;
      if (mode === "purge") entries.delete(key);
      else entries.set(key, { ...entry, stale: true });
    }
    return { ...state, entries };
  };
}

export const touch =
  (key: string, version: number, expiresAt: number): Operation =>
  (state) => {
    const entry = state.entries.get(key);
    if (entry === undefined || entry.version !== version) return state;
    const staleUntil = entry.staleUntil === 0 ? 0 : expiresAt + entry.staleUntil - entry.expiresAt;
    return put(key, { ...entry, expiresAt, staleUntil })(state);
  };

export const makeOptional =
  (key: string, before: number): Operation =>
  (state) => {
    const entry = state.entries.get(key);
    return entry === undefined || entry.version >= before ? state : put(key, { ...entry, optional: true })(state);
  };

export const all =
  (operations: readonly Operation[]): Operation =>
  (state) =>
    operations.reduce((reached, operation) => operation(reached), state);

/** What a reader of the node can tell of an entry, as `TestNode.contents` shows it; undefined if it is over. */
export function shown(entry: ModelEntry, nowMs: number): Record<string, unknown> | undefined {
  const isExpired = entry.expiresAt !== 0 && entry.expiresAt <= nowMs;
  if (isExpired && entry.staleUntil <= nowMs) return undefined;
  const { value, expiresAt, staleUntil, tags, version, origin } = entry;
  return { value, fresh: !isExpired && !entry.stale, expiresAt, staleUntil, revalidateUntil: 0, tags, version, origin };
}

/** Why contents are not those of the state; undefined if they are. */
export function difference(
  state: ModelState,
  contents: Readonly<Record<string, unknown>>,
  nowMs: number,
  isPart: boolean,
  latestMs: number,
): string | undefined {
  for (const [key, entry] of state.entries) {
    const expected = shown(entry, nowMs);
    const found = contents[key];
    if (expected === undefined ? found === undefined : Bun.deepEquals(expected, found)) continue;
    // It was over once, and then the clock was set back.
    const wasOver = entry.expiresAt !== 0 && Math.max(entry.expiresAt, entry.staleUntil) <= latestMs;
    if (found === undefined && (isPart || entry.optional || wasOver)) continue;
    if (entry.optional && Bun.deepEquals({ ...expected, fresh: false }, found)) continue;
    return `${key} is ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`;
  }
  for (const key of Object.keys(contents)) if (!state.entries.has(key)) return `${key} should not be there`;
  return undefined;
}

/**
 * The model. Two kinds of entries are optional. Of an earlier life's fill that is less than the allowed clock skew younger
 * than an invalidation nobody can say that it came later: it may be lost in a recovery, or be stale. And a fill that is
 * refused takes an entry that is older than it away with it, but only in memory.
 */
export class Model {
  #candidates: ModelState[];
  #done: Operation[] = [];
  /** What numbers have named since the last recovery: the last frame tells, also from behind a gap. */
  readonly #databases = new Set<string>();
  /** The latest time that the wall clock has shown. */
  #latestMs = 0;
  /** So many operations of this life were acknowledged. */
  acknowledged = 0;

  constructor(databases: string) {
    this.#candidates = [{ entries: new Map(), databases }];
  }

  /** Number of operations of this life. */
  get length(): number {
    return this.#done.length;
  }

  add(operation: Operation): void {
    this.#done.push(operation);
  }

  acknowledge(length: number): void {
    this.acknowledged = Math.max(this.acknowledged, length);
  }

  /** Checks what can be seen while not everything is loaded: nothing but what will be there. */
  checkPart(contents: Readonly<Record<string, unknown>>, nowMs: number): void {
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    const differences = this.#candidates.map((one) =>
      difference(all(this.#done)(one), contents, nowMs, true, this.#latestMs),
    );
    if (!differences.includes(undefined)) throw new Error(`while loading: ${differences.join(" | ")}`);
  }

  /** Checks everything: from now on it is known which candidate it was. */
  check(contents: Readonly<Record<string, unknown>>, databases: string, nowMs: number, when: string): void {
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    const reached = this.#candidates.map((one) => all(this.#done)(one));
    const differences = reached.map((one) => {
      if (one.databases !== databases && !this.#databases.has(databases))
        return `databases are ${databases} instead of ${one.databases}`;
      return difference(one, contents, nowMs, false, this.#latestMs);
    });
    const candidates = this.#candidates.filter((_, i) => differences[i] === undefined);
    if (candidates.length === 0) throw new Error(`${when}: ${differences.join(" | ")}`);
    this.#candidates = candidates;
  }

  /** After the check that ends a recovery: what numbers name is known. */
  settle(databases: string): void {
    this.#databases.clear();
    this.#candidates = this.#candidates.map((candidate) => {
      const isKept = all(this.#done)(candidate).databases === databases;
      return isKept ? candidate : { ...candidate, databases };
    });
  }

  /** The process ended: the next one finds what was acknowledged, and perhaps more of what was done. */
  crash(): void {
    const found = new Map<string, ModelState>();
    for (const candidate of this.#candidates) {
      let state = candidate;
      for (let n = 0; n <= this.#done.length; n++) {
        if (n > 0) state = (this.#done[n - 1] as Operation)(state);
        this.#databases.add(state.databases);
        if (n >= this.acknowledged) found.set(JSON.stringify([[...state.entries], state.databases]), state);
      }
    }
    this.#candidates = [...found.values()];
    this.#done = [];
    this.acknowledged = 0;
  }
}
