/**
 * The checker of the crash test: is what a server has recovered a prefix of what it was told, and long enough?
 *
 * For each connection there must be one cut: all its requests up to there have happened, and none behind. For every key
 * the cuts are found at which the model gives what was found; the cuts that all keys of a connection agree on are what
 * is possible. Then
 *
 *     torn      what was found was never written: cut, mixed, of another key
 *     returned  a key is there that was deleted, purged, invalidated or flushed, or has expired
 *     lost      no possible cut has all that was promised to be stored
 *     prefix    no cut fits all keys: something later is there, something earlier is not
 *     order     the same between connections: what was answered before another request was sent is not there, that is
 *     expiry    the value is there, and expires at another time
 *     stranger  a key is there that nobody wrote
 *
 * Promised is: with `always`, and after an orderly stop, all that was answered; otherwise what was answered `lossMs`
 * before the kill; and in every mode all purges and invalidations that were answered, with all before them.
 */
import { applyTo, covers, type KeyState, type Observed, type Operation } from "./crash-model.ts";
import { findTear } from "./crash-value.ts";

export interface History {
  /** What was there when the server had started, by key. */
  readonly baseline: ReadonlyMap<string, NonNullable<KeyState>>;
  /** By connection, in the order in which they were sent. */
  readonly connections: readonly (readonly Operation[])[];
  /** Names of all keys that were ever written, by connection. */
  readonly keys: readonly ReadonlySet<string>[];
  /** Monotonic, just before the signal was sent. */
  readonly killedMs: number;
  /** What was answered in the last so many ms may be lost; 0: nothing. */
  readonly lossMs: number;
}

export interface Observation {
  readonly found: ReadonlyMap<string, Observed>;
  /** Ms since the Unix epoch: when reading began and ended. */
  readonly from: number;
  readonly to: number;
}

export type ViolationKind = "torn" | "returned" | "lost" | "prefix" | "order" | "expiry" | "stranger";

export interface Violation {
  readonly kind: ViolationKind;
  readonly text: string;
}

/** Clocks are read in whole milliseconds. */
const ROUNDING_MS = 1;

/** The cuts of a connection that are possible: `fits[c]`, where the first `c` requests have happened. */
type Cuts = boolean[];

interface Verdict {
  readonly cuts: Cuts;
  /** The model behind each cut. */
  readonly states: readonly KeyState[];
}

export interface Result {
  readonly violations: readonly Violation[];
  /** What was found, as a model: the state from which the next life starts. */
  readonly baseline: ReadonlyMap<string, NonNullable<KeyState>>;
  /** How long before the kill the oldest answer was read whose request is lost, ms; 0 if none is. */
  readonly lostMs: number;
}

/** Looks at everything. */
export function checkHistory(history: History, observation: Observation): Result {
  const violations: Violation[] = [];
  const promised = history.connections.map((operations) => promisedCut(operations, history));
  const possible = history.connections.map((operations): Cuts => new Array<boolean>(operations.length + 1).fill(true));
  const verdicts = new Map<string, Verdict>();
  // First what belongs to one connection alone; then, with the cuts known, what others can reach.
  for (const shared of [false, true]) {
    if (violations.length > 0) break;
    const reach = possible.map((cuts) => ({ low: cuts.indexOf(true), high: cuts.lastIndexOf(true) }));
    history.keys.forEach((names, connection) => {
      const mine = [...names].filter((key) => isShared(key) === shared);
      const judged = mine.map((key) => [key, judge(key, connection, history, observation, reach)] as const);
      for (const [key, verdict] of judged) verdicts.set(key, verdict);
      const cuts = possible[connection] as Cuts;
      const found = agree(cuts, judged, promised[connection] as number, observation);
      violations.push(...found);
    });
  }
  if (violations.length === 0) violations.push(...checkOrder(history, possible));
  const known = new Set(history.keys.flatMap((names) => [...names]));
  for (const key of observation.found.keys()) {
    if (!known.has(key)) violations.push({ kind: "stranger", text: key });
  }
  return { violations, baseline: nextBaseline(observation, verdicts), lostMs: oldestLoss(history, possible) };
}

function oldestLoss({ connections, killedMs }: History, possible: readonly Cuts[]): number {
  const ages = connections.map((operations, connection) => {
    const high = (possible[connection] as Cuts).lastIndexOf(true);
    return killedMs - (operations.slice(high).find(({ refused }) => !refused)?.ackedMs ?? killedMs);
  });
  return Math.max(0, ...ages);
}

/** Keys that requests of other connections can reach have this in their names. */
export function isShared(key: string): boolean {
  return key.includes(":s");
}

/** How many requests of a connection must have happened. */
function promisedCut(operations: readonly Operation[], { killedMs, lossMs }: History): number {
  const last = operations.findLastIndex(
    ({ action, ackedMs, refused }) =>
      !refused && Number.isFinite(ackedMs) && (lossMs === 0 || ackedMs < killedMs - lossMs || "selection" in action),
  );
  return last + 1;
}

/** At which cuts the model gives what was found under a key. */
function judge(
  key: string,
  connection: number,
  history: History,
  observation: Observation,
  reach: readonly { readonly low: number; readonly high: number }[],
): Verdict {
  const operations = history.connections[connection] as readonly Operation[];
  const observed = observation.found.get(key);
  const states: KeyState[] = [history.baseline.get(key)];
  operations.forEach((operation, index) => {
    states.push(applyTo(key, states[index], operation, index));
  });
  const others = isShared(key) ? purgesOfOthers(history, connection, reach) : [];
  let before: KeyState;
  let fits = false;
  const cuts = states.map((state, cut) => {
    if (cut === 0 || state !== before) fits = fitsState(key, state, observed, operations, others, observation);
    before = state;
    return fits;
  });
  return { cuts, states };
}

interface ForeignPurge {
  readonly operation: Operation;
  /** True if it has happened for sure; otherwise it may have. */
  readonly sure: boolean;
}

function purgesOfOthers(
  history: History,
  connection: number,
  reach: readonly { readonly low: number; readonly high: number }[],
): ForeignPurge[] {
  return history.connections.flatMap((operations, other) => {
    if (other === connection) return [];
    const { low, high } = reach[other] as { low: number; high: number };
    return operations
      .map((operation, index) => ({ operation, sure: index < low, maybe: index < high }))
      .filter(({ operation, maybe }) => maybe && !operation.refused && "selection" in operation.action);
  });
}

function fitsState(
  key: string,
  state: KeyState,
  observed: Observed | undefined,
  operations: readonly Operation[],
  others: readonly ForeignPurge[],
  { from, to }: Observation,
): boolean {
  if (state === undefined) return observed === undefined;
  const writer = operations[state.madeBy];
  const writtenMs = writer?.ackedMs ?? Number.NEGATIVE_INFINITY;
  const sentMs = writer?.sentMs ?? Number.NEGATIVE_INFINITY;
  const purges = others.filter(
    ({ operation: { action } }) => "selection" in action && covers(action.selection, key, state.tags),
  );
  if (observed === undefined) {
    const expired = state.expires !== undefined && to + ROUNDING_MS >= state.expires.from;
    return expired || purges.some(({ operation }) => operation.ackedMs >= sentMs);
  }
  if (observed.value !== state.value) return false;
  if (purges.some(({ operation, sure }) => sure && operation.sentMs > writtenMs)) return false;
  return fitsExpiry(state, observed, from, to);
}

function fitsExpiry(state: NonNullable<KeyState>, { expiresAt }: Observed, from: number, to: number): boolean {
  const { expires } = state;
  if (expires === undefined) return expiresAt === -1;
  // It expired between the two questions.
  if (expiresAt === -2) return to + ROUNDING_MS >= expires.from && from <= expires.to + ROUNDING_MS;
  const asWritten = expiresAt >= expires.from - ROUNDING_MS && expiresAt <= expires.to + ROUNDING_MS;
  return asWritten && from <= expiresAt + ROUNDING_MS;
}

/** Narrows `possible` down to the cuts that all these keys of a connection fit; says what is wrong if none is enough. */
function agree(
  possible: Cuts,
  judged: readonly (readonly [string, Verdict])[],
  promised: number,
  observation: Observation,
): Violation[] {
  const violations: Violation[] = [];
  for (const [key, verdict] of judged) {
    const wrong = findWrong(key, verdict, promised, observation);
    if (wrong !== undefined) violations.push(wrong);
  }
  if (violations.length > 0) return violations;
  for (let cut = 0; cut < possible.length; cut++) {
    if (cut < promised || judged.some(([, { cuts }]) => !cuts[cut])) possible[cut] = false;
  }
  if (possible.includes(true)) return [];
  // Nothing is wrong with a key alone. Report the one that needs the latest cut, and the one that needs the earliest.
  const first = ([, { cuts }]: readonly [string, Verdict]) => cuts.indexOf(true, promised);
  const last = ([, { cuts }]: readonly [string, Verdict]) => cuts.lastIndexOf(true);
  const later = judged.reduce((a, b) => (first(b) > first(a) ? b : a));
  const earlier = judged.reduce((a, b) => (last(b) < last(a) ? b : a));
  const text = `${later[0]} has request ${first(later)}, ${earlier[0]} has none after ${last(earlier)} (promised: ${promised})`;
  return [{ kind: "prefix", text }];
}

/** What is wrong with one key, whatever the others are; undefined if nothing. */
function findWrong(
  key: string,
  { cuts, states }: Verdict,
  promised: number,
  { found, from }: Observation,
): Violation | undefined {
  if (cuts.includes(true, promised)) return undefined;
  const observed = found.get(key);
  const text = `${key}: ${describe(observed)}, promised is request ${promised} of ${states.length - 1} (${describe(states[promised])})`;
  if (observed === undefined) return { kind: "lost", text };
  const tear = /^\d+$/.test(observed.value) ? undefined : findTear(key, observed.value);
  if (tear !== undefined) return { kind: "torn", text: `${key}: ${tear}` };
  const written = states.findLastIndex((state) => state?.value === observed.value);
  if (written < 0) return { kind: "torn", text: `${text}: never written` };
  if (observed.expiresAt > 0 && from > observed.expiresAt + ROUNDING_MS)
    return { kind: "returned", text: `${text}: expired` };
  if (written >= promised) {
    const { expires } = states[written] as NonNullable<KeyState>;
    const over = expires !== undefined && from > expires.to + ROUNDING_MS;
    const sameExpiry = fitsExpiry(states[written] as NonNullable<KeyState>, observed, from, from);
    return { kind: over || sameExpiry ? "returned" : "expiry", text };
  }
  const allLaterAbsent = states.slice(promised).every((state) => state === undefined);
  return { kind: allLaterAbsent ? "returned" : "lost", text };
}

/** Requests that were answered before another one was sent are before it in the journal. */
function checkOrder(history: History, possible: readonly Cuts[]): Violation[] {
  const violations: Violation[] = [];
  history.connections.forEach((operations, later) => {
    const low = (possible[later] as Cuts).indexOf(true);
    const witness = operations[low - 1];
    if (witness === undefined) return;
    history.connections.forEach((others, earlier) => {
      const needed = others.findLastIndex((one) => !one.refused && one.ackedMs < witness.sentMs) + 1;
      const high = (possible[earlier] as Cuts).lastIndexOf(true);
      if (high >= needed) return;
      const text = `request ${low} of connection ${later} is there, ${needed} of connection ${earlier} is not (${high} is), although it was answered before`;
      violations.push({ kind: "order", text });
    });
  });
  return violations;
}

function describe(state: { readonly value: string } | undefined): string {
  if (state === undefined) return "absent";
  const { value } = state;
  return value.length > 60 ? `${value.slice(0, 60)}... (${value.length})` : value;
}

/** What the next life starts from: what was found, with the tags that the model knows. */
function nextBaseline(
  { found }: Observation,
  verdicts: ReadonlyMap<string, Verdict>,
): Map<string, NonNullable<KeyState>> {
  const baseline = new Map<string, NonNullable<KeyState>>();
  for (const [key, { value, expiresAt }] of found) {
    const state = verdicts.get(key)?.states.findLast((one) => one?.value === value);
    if (state === undefined || expiresAt === -2) continue;
    const expires = expiresAt === -1 ? undefined : { from: expiresAt, to: expiresAt };
    baseline.set(key, { value, expires, tags: state.tags, madeBy: -1 });
  }
  return baseline;
}
