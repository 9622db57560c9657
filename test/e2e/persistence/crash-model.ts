/**
 * What the requests of a crash test mean: the model that a recovered server is compared with.
 *
 * Every key belongs to one connection, which alone writes it, so what happened to a key is known in order. Two things
 * reach keys of others: purges and invalidations by shared tags and patterns. How they are ordered with requests of the
 * key's own connection is only known where one was answered before the other was sent.
 */

/** Ms since the Unix epoch, from the earliest to the latest that is possible. */
export interface MomentRange {
  readonly from: number;
  readonly to: number;
}

export interface Selection {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** Globs; only `*` means something. */
  readonly patterns: readonly string[];
}

export type Action =
  | {
      readonly kind: "set";
      readonly key: string;
      readonly value: string;
      readonly ttlMs: number;
      readonly tags: readonly string[];
    }
  | { readonly kind: "append"; readonly key: string; readonly value: string }
  | { readonly kind: "increment" | "delete" | "persist"; readonly key: string }
  | { readonly kind: "expire"; readonly key: string; readonly ttlMs: number }
  | { readonly kind: "purge" | "invalidate"; readonly selection: Selection }
  /** Empties the database that the connection has for itself. */
  | { readonly kind: "flush" }
  | { readonly kind: "save" };

/** One request. */
export interface Operation {
  readonly action: Action;
  /** When it was sent: monotonic ms, and ms since the Unix epoch. */
  readonly sentMs: number;
  readonly sentAt: number;
  /** When its answer was read; infinite if there was none. */
  ackedMs: number;
  /** The same since the Unix epoch; without an answer the moment at which the server was dead for sure. */
  ackedAt: number;
  /** Answered with LOADING: nothing happened. */
  refused: boolean;
}

/** A key with its value as it should be. */
export interface ModelEntry {
  readonly value: string;
  /** Undefined: never. */
  readonly expires: MomentRange | undefined;
  readonly tags: readonly string[];
  /** Index of the request that wrote the value; -1 if it was there when the server started. */
  readonly madeBy: number;
}

/** Undefined: absent. */
export type KeyState = ModelEntry | undefined;

/** What was found after a restart. */
export interface Observed {
  readonly value: string;
  /** Ms since the Unix epoch, -1 for never, -2 if it was gone when that was asked for. */
  readonly expiresAt: number;
}

const globs = new Map<string, RegExp>();

function matches(pattern: string, key: string): boolean {
  let glob = globs.get(pattern);
  if (glob === undefined) {
    glob = new RegExp(`^${pattern.split("*").join(".*")}$`);
    globs.set(pattern, glob);
  }
  return glob.test(key);
}

/** True if a purge or invalidation concerns an entry. */
export function covers({ keys, tags, patterns }: Selection, key: string, entryTags: readonly string[]): boolean {
  return keys.includes(key) || tags.some((tag) => entryTags.includes(tag)) || patterns.some((one) => matches(one, key));
}

function expiry(operation: Operation, ttlMs: number): MomentRange | undefined {
  return ttlMs === 0 ? undefined : { from: operation.sentAt + ttlMs, to: operation.ackedAt + ttlMs };
}

/** What a request, the `index`th of the key's own connection, makes of the key. */
export function applyTo(key: string, state: KeyState, operation: Operation, index: number): KeyState {
  const { action } = operation;
  if (operation.refused) return state;
  if (action.kind === "flush") return undefined;
  if (action.kind === "save") return state;
  if ("selection" in action) {
    return state !== undefined && covers(action.selection, key, state.tags) ? undefined : state;
  }
  if (action.key !== key) return state;
  switch (action.kind) {
    case "set":
      return { value: action.value, expires: expiry(operation, action.ttlMs), tags: action.tags, madeBy: index };
    case "append":
      return state === undefined
        ? { value: action.value, expires: undefined, tags: [], madeBy: index }
        : { ...state, value: state.value + action.value, madeBy: index };
    case "increment":
      return state === undefined
        ? { value: "1", expires: undefined, tags: [], madeBy: index }
        : { ...state, value: String(Number(state.value) + 1), madeBy: index };
    case "expire":
      return state && { ...state, expires: expiry(operation, action.ttlMs) };
    case "persist":
      return state && { ...state, expires: undefined };
    case "delete":
      return undefined;
  }
}
