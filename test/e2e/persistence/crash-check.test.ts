/**
 * The checker of the crash test can fail: recorded histories in which one thing was changed for each violation that it
 * knows. And it does not fail where nothing is wrong: histories that a model has drawn, cut off anywhere.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkHistory, type History, type Observation, type ViolationKind } from "./crash-check.ts";
import { type Action, applyTo, covers, type ModelEntry, type Observed, type Operation } from "./crash-model.ts";
import { findTear, makeValue } from "./crash-value.ts";
import { CONNECTIONS, Draw, OTHER_DATABASE, Workload } from "./crash-workload.ts";

/** The wall clock is this far from the monotonic one. */
const EPOCH_MS = 1_000_000;
const KILLED_MS = 1_000;
const NEVER = Number.POSITIVE_INFINITY;

/** A request that was sent at one moment and answered at another; `NEVER`: not. */
function sent(action: Action, sentMs: number, ackedMs: number): Operation {
  const ackedAt = EPOCH_MS + Math.min(ackedMs, KILLED_MS);
  return { action, sentMs, sentAt: EPOCH_MS + sentMs, ackedMs, ackedAt, refused: false };
}

const value = (key: string, number: number) => makeValue(key, number, 100);
const set = (key: string, number: number, ttlMs = 0, tags: string[] = []): Action => ({
  kind: "set",
  key,
  value: value(key, number),
  ttlMs,
  tags,
});
const remove = (key: string): Action => ({ kind: "delete", key });
const purge = (tags: string[], patterns: string[] = []): Action => ({
  kind: "purge",
  selection: { keys: [], tags, patterns },
});
const found = (key: string, number: number, expiresAt = -1): [string, Observed] => [
  key,
  { value: value(key, number), expiresAt },
];
const raw = (key: string, text: string): [string, Observed] => [key, { value: text, expiresAt: -1 }];

interface Case {
  readonly name: string;
  readonly operations: readonly (readonly Operation[])[];
  readonly found: readonly [string, Observed][];
  readonly lossMs?: number;
  readonly baseline?: readonly [string, ModelEntry][];
  readonly expected: readonly ViolationKind[];
}

const a = "c0:p1";
const b = "c0:p2";
const shared = "c0:s1";
const other = "c1:p1";
/** Three writes of one connection, the last unanswered. */
const three = [sent(set(a, 1), 100, 110), sent(set(b, 2), 120, 130), sent(set(a, 3), 990, NEVER)];
const old: [string, ModelEntry] = [a, { value: value(a, 7), expires: undefined, tags: ["t"], madeBy: -1 }];
const tagged = sent(set(shared, 1, 0, ["x"]), 100, 110);

const CASES: readonly Case[] = [
  { name: "all that was answered", operations: [three], found: [found(a, 1), found(b, 2)], expected: [] },
  { name: "and what was not", operations: [three], found: [found(a, 3), found(b, 2)], expected: [] },
  { name: "an answered write is not there", operations: [three], found: [found(a, 1)], expected: ["lost"] },
  {
    name: "an older value is there",
    operations: [[...three, sent(set(a, 4), 991, 992)]],
    found: [found(a, 1), found(b, 2)],
    expected: ["lost"],
  },
  { name: "within what may be lost", operations: [three], found: [found(a, 1)], lossMs: 875, expected: [] },
  { name: "just not within it", operations: [three], found: [found(a, 1)], lossMs: 865, expected: ["lost"] },
  { name: "what was there before is not", operations: [[]], baseline: [old], found: [], expected: ["lost"] },
  {
    name: "a receipt is worth more than that",
    operations: [[sent(set(a, 1), 100, 110), sent(purge(["z"]), 990, 991)]],
    found: [],
    lossMs: 500,
    expected: ["lost"],
  },
  { name: "later without earlier", operations: [three], found: [found(b, 2)], lossMs: 5_000, expected: ["prefix"] },
  { name: "later with an older value", operations: [three], found: [found(a, 3)], lossMs: 5_000, expected: ["prefix"] },
  {
    name: "later of another connection without earlier",
    operations: [[three[0] as Operation], [sent(set(other, 2), 200, 210)]],
    found: [found(other, 2)],
    lossMs: 5_000,
    expected: ["order"],
  },
  {
    name: "at the same time: either may come first",
    operations: [[three[0] as Operation], [sent(set(other, 2), 105, 210)]],
    found: [found(other, 2)],
    lossMs: 5_000,
    expected: [],
  },
  {
    name: "a value that was cut",
    operations: [three],
    found: [raw(a, value(a, 1).slice(0, 60)), found(b, 2)],
    expected: ["torn"],
  },
  {
    name: "half of one value, half of another",
    operations: [three],
    found: [raw(a, value(a, 1).slice(0, 50) + value(a, 3).slice(50)), found(b, 2)],
    expected: ["torn"],
  },
  {
    name: "the value of another key",
    operations: [three],
    found: [raw(a, value(b, 2)), found(b, 2)],
    expected: ["torn"],
  },
  { name: "a value that nobody wrote", operations: [three], found: [found(a, 9), found(b, 2)], expected: ["torn"] },
  { name: "an empty value", operations: [three], found: [raw(a, ""), found(b, 2)], expected: ["torn"] },
  {
    name: "deleted, and back",
    operations: [[...three, sent(remove(b), 991, 992)]],
    found: [found(a, 3), found(b, 2)],
    expected: ["returned"],
  },
  { name: "deleted long ago, and back", operations: [[]], found: [found(a, 1)], expected: ["torn"] },
  {
    name: "flushed, and back",
    operations: [[], [], [], [], [], [sent(set("c5:p1", 1), 1, 2), sent({ kind: "flush" }, 3, 4)]],
    found: [found("c5:p1", 1)],
    expected: ["returned"],
  },
  {
    name: "purged by its own connection, and back",
    operations: [[tagged, sent(purge(["x"]), 200, 210)]],
    found: [found(shared, 1)],
    expected: ["returned"],
  },
  {
    name: "purged by another connection, and back",
    operations: [[tagged], [sent(purge(["x"]), 200, 210)]],
    found: [found(shared, 1)],
    expected: ["returned"],
  },
  {
    name: "purged by another's pattern, and back",
    operations: [[tagged], [sent(purge([], ["*:s1"]), 200, 210)]],
    found: [found(shared, 1)],
    expected: ["returned"],
  },
  {
    name: "purged in an earlier life's words",
    operations: [[], [sent(purge(["t"]), 200, 210)]],
    baseline: [["c0:s2", { value: value("c0:s2", 7), expires: undefined, tags: ["t"], madeBy: -1 }]],
    found: [found("c0:s2", 7)],
    expected: ["returned"],
  },
  { name: "purged, and gone", operations: [[tagged], [sent(purge(["x"]), 200, 210)]], found: [], expected: [] },
  {
    name: "purged before it was written, and gone",
    operations: [[tagged], [sent(purge(["x"]), 50, 60)]],
    found: [],
    expected: ["lost"],
  },
  {
    name: "purged at the same time: there",
    operations: [[tagged], [sent(purge(["x"]), 105, 210)]],
    found: [found(shared, 1)],
    expected: [],
  },
  {
    name: "purged at the same time: gone",
    operations: [[tagged], [sent(purge(["x"]), 105, 210)]],
    found: [],
    expected: [],
  },
  {
    name: "expired, and there",
    operations: [[sent(set(a, 1, 500), 100, 110)]],
    found: [found(a, 1, EPOCH_MS + 605)],
    expected: ["returned"],
  },
  { name: "expired, and gone", operations: [[sent(set(a, 1, 500), 100, 110)]], found: [], expected: [] },
  { name: "not expired, and gone", operations: [[sent(set(a, 1, 5_000), 100, 110)]], found: [], expected: ["lost"] },
  {
    name: "expires when it should",
    operations: [[sent(set(a, 1, 5_000), 100, 110)]],
    found: [found(a, 1, EPOCH_MS + 5_105)],
    expected: [],
  },
  {
    name: "expires at another time",
    operations: [[sent(set(a, 1, 5_000), 100, 110)]],
    found: [found(a, 1, EPOCH_MS + 5_205)],
    expected: ["expiry"],
  },
  {
    name: "expires never",
    operations: [[sent(set(a, 1, 5_000), 100, 110)]],
    found: [found(a, 1)],
    expected: ["expiry"],
  },
  {
    name: "a key of nobody",
    operations: [three],
    found: [found(a, 1), found(b, 2), found("c0:q", 5)],
    expected: ["stranger"],
  },
];

function judge({ operations, found: list, lossMs = 0, baseline = [] }: Case) {
  const connections = Array.from({ length: CONNECTIONS }, (_, i) => operations[i] ?? []);
  const keys = connections.map(() => new Set<string>());
  const owner = (key: string) => keys[Number(key[1])] as Set<string>;
  for (const key of [a, b, other, shared, ...baseline.map(([name]) => name), "c5:p1"]) owner(key).add(key);
  const history: History = { baseline: new Map(baseline), connections, keys, killedMs: KILLED_MS, lossMs };
  // Read 1 to 2 s after the kill.
  const observation = { found: new Map(list), from: EPOCH_MS + 2_000, to: EPOCH_MS + 3_000 };
  return checkHistory(history, observation).violations.map(({ kind }) => kind);
}

describe("a recorded history", () => {
  test.each(CASES.map((one) => ({ ...one, said: one.expected.join(", ") || "nothing" })))("$name: $said", (one) => {
    expect(judge(one)).toEqual([...one.expected]);
  });
});

/** A history as a sound server makes it, with what is there after some of it. */
function simulate(seed: number, steps: number, cut: number): { history: History; observation: Observation } {
  const draw = new Draw(seed);
  const workload = new Workload(new Draw(seed + 1));
  const connections = Array.from({ length: CONNECTIONS }, (): Operation[] => []);
  const executed = new Array<number>(CONNECTIONS).fill(0);
  const answered = new Array<number>(CONNECTIONS).fill(0);
  const state = new Map<string, ModelEntry>();
  let count = 0;
  for (let now = 0; now < steps; now++) {
    const connection = draw.between(0, CONNECTIONS - 1);
    const mine = connections[connection] as Operation[];
    const [done, told] = [executed[connection] as number, answered[connection] as number];
    const step = draw.between(0, 2);
    if (step === 0) mine.push(sent(workload.next(connection), now, NEVER));
    if (step === 1 && done < mine.length) {
      executed[connection] = done + 1;
      // What comes after the cut happened, and is lost.
      if (count++ < cut) execute(state, workload, mine[done] as Operation, done, now);
    }
    if (step === 2 && told < done) {
      answered[connection] = told + 1;
      Object.assign(mine[told] as Operation, { ackedMs: now, ackedAt: EPOCH_MS + now });
    }
  }
  const from = EPOCH_MS + steps + 100;
  const visible = [...state].filter(([, { expires }]) => expires === undefined || expires.from > from);
  const observed = visible.map(
    ([key, one]) => [key, { value: one.value, expiresAt: one.expires?.from ?? -1 }] as const,
  );
  for (const one of connections.flat()) if (one.ackedMs === NEVER) one.ackedAt = EPOCH_MS + steps;
  const lossMs = count <= cut ? 0 : steps + 1;
  const keys = workload.keys.map((names) => new Set(names));
  return {
    history: { baseline: new Map(), connections, keys, killedMs: steps, lossMs },
    observation: { found: new Map(observed), from, to: from + 10 },
  };
}

function execute(
  state: Map<string, ModelEntry>,
  workload: Workload,
  operation: Operation,
  index: number,
  now: number,
): void {
  const { action } = operation;
  const exact = { ...operation, sentAt: EPOCH_MS + now, ackedAt: EPOCH_MS + now };
  if ("key" in action) {
    const next = applyTo(action.key, state.get(action.key), exact, index);
    if (next === undefined) state.delete(action.key);
    else state.set(action.key, next);
    return;
  }
  for (const [key, { tags }] of state) {
    const gone =
      action.kind === "flush"
        ? (workload.keys[OTHER_DATABASE] as ReadonlySet<string>).has(key)
        : "selection" in action && covers(action.selection, key, tags);
    if (gone) state.delete(key);
  }
}

const SEED = fc.integer({ min: 0, max: 1_000_000 });
/** Purges say more than the cut that is drawn here: they are left to the other property. */
const withoutReceipts = (history: History): History => ({
  ...history,
  connections: history.connections.map((operations) =>
    operations.map((one) => ("selection" in one.action ? { ...one, ackedMs: NEVER } : one)),
  ),
});

describe("histories of a sound server", () => {
  test("with everything: nothing is found", () => {
    fc.assert(
      fc.property(SEED, fc.integer({ min: 1, max: 3_000 }), (seed, steps) => {
        const { history, observation } = simulate(seed, steps, steps);
        expect(checkHistory(history, observation).violations).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("cut off anywhere, with nothing promised: nothing is found", () => {
    fc.assert(
      fc.property(SEED, fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 0, max: 1_000 }), (seed, steps, cut) => {
        const { history, observation } = simulate(seed, steps, cut);
        expect(checkHistory(withoutReceipts(history), observation).violations).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("with one character changed anywhere: found", () => {
    fc.assert(
      fc.property(SEED, fc.nat(), fc.nat(), (seed, whichKey, whichCharacter) => {
        const { history, observation } = simulate(seed, 2_000, 2_000);
        const keys = [...observation.found.keys()].filter((key) => !key.includes(":n"));
        const key = keys[whichKey % keys.length] as string;
        const { value: text, expiresAt } = observation.found.get(key) as Observed;
        const at = whichCharacter % text.length;
        const changed = `${text.slice(0, at)}${text[at] === "~" ? "!" : "~"}${text.slice(at + 1)}`;
        const damaged = new Map(observation.found).set(key, { value: changed, expiresAt });
        const { violations } = checkHistory(history, { ...observation, found: damaged });
        expect(violations.map(({ kind }) => kind)).toEqual(["torn"]);
      }),
      { numRuns: 60 },
    );
  });
});

describe("values tell on themselves", () => {
  const whole = makeValue("k", 5, 200);
  test.each([
    { name: "whole", text: whole, expected: false },
    { name: "appended to", text: whole + makeValue("k", 6, 60), expected: false },
    { name: "cut", text: whole.slice(0, -1), expected: true },
    { name: "longer", text: `${whole}5`, expected: true },
    { name: "of another key", text: makeValue("l", 5, 200), expected: true },
    {
      name: "of another number at the end",
      text: whole.slice(0, 150) + makeValue("k", 6, 200).slice(150),
      expected: true,
    },
  ])("$name", ({ text, expected }) => {
    expect(findTear("k", text) !== undefined).toBe(expected);
  });
});
