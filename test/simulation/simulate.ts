/**
 * The simulator's command line.
 *
 *     bun run simulate --seed 42 [--trace] [--key a:3]         one seed; --trace tells the story of what went wrong, or of a key
 *     bun run simulate --seeds 1000 [--from 1]                  many, over two processes
 *     --nodes 300 --regions 10                                  a size of one's own
 *     --faults kill,partition | --faults none                   only these kinds of faults
 *     bun run simulate --mutants [--seeds 200] [--only fill]    planted bugs: each must be caught
 *
 * Ends with 1 if anything was found, and prints the command that replays it.
 */
import { parseArgs } from "node:util";
import { runMutants } from "./mutants/run-mutants.ts";
import { FAULT_KINDS, type FaultKind, type PlanOptions } from "./plan.ts";
import { runSeed, type SeedReport, traceSeed } from "./run-seed.ts";
import { runSeeds } from "./seed-processes.ts";

const DEFAULT_SEEDS = 100;
const MAX_PRINTED = 10;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    nodes: { type: "string" },
    regions: { type: "string" },
    faults: { type: "string" },
    key: { type: "string" },
    trace: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    /** With --mutants: only those whose name contains this. */
    only: { type: "string", default: "" },
    /** Of a process that was started by this one: every how many-th seed it runs. */
    step: { type: "string" },
  },
});

function numberOf(name: "seed" | "seeds" | "from" | "nodes" | "regions" | "step"): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new Error(`--${name} is "${text}"; it must be a whole number from 0`);
  }
  return number;
}

function faultsOf(): readonly FaultKind[] | undefined {
  const { faults } = values;
  if (faults === undefined) return undefined;
  if (faults === "none") return [];
  const known: readonly string[] = FAULT_KINDS;
  const wrong = faults.split(",").find((kind) => !known.includes(kind));
  if (wrong !== undefined) throw new Error(`--faults: there is no "${wrong}"; there are ${known.join(", ")}, none`);
  return faults.split(",") as FaultKind[];
}

const options: PlanOptions = { nodes: numberOf("nodes"), regions: numberOf("regions"), faults: faultsOf() };

/** The command that does the same again. */
function replay(seed: number): string {
  const size = (["nodes", "regions", "faults"] as const).map((name) =>
    values[name] === undefined ? "" : ` --${name} ${values[name]}`,
  );
  return `bun run simulate --seed ${seed}${size.join("")} --trace`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printReport({ seed, digest, exchanges, events, kinds, violations }: SeedReport): void {
  print(
    `seed ${seed}: ${violations.length === 0 ? "ok" : "FAILED"}, ${exchanges} requests, ${events} events, digest ${digest}`,
  );
  print(`  faults: ${kinds.length === 0 ? "none" : kinds.join(", ")}`);
  for (const { checker, key, atMs, message } of violations) {
    print(`  ${checker} ${key === "" ? "" : `${key} `}at ${atMs.toFixed(1)}: ${message}`);
  }
  if (violations.length > 0) print(`  replay: ${replay(seed)}`);
}

function runOne(seed: number): number {
  const report = runSeed(seed, options);
  printReport(report);
  if (values.trace) for (const line of traceSeed(seed, options, values.key)) print(line);
  return report.violations.length === 0 ? 0 : 1;
}

/** What a process started by another one does: one report a line. */
function runShare(from: number, count: number, step: number): void {
  for (let seed = from; seed < from + count; seed += step) print(JSON.stringify(runSeed(seed, options)));
}

async function runMany(from: number, count: number): Promise<number> {
  const began = performance.now();
  const failed: SeedReport[] = [];
  let done = 0;
  let requests = 0;
  const passed = process.argv
    .slice(2)
    .filter((one, i, all) => !/^--(seeds|from|trace)/.test(one) && !/^--(seeds|from)$/.test(all[i - 1] ?? ""));
  const run = runSeeds(from, count, passed, (report) => {
    done++;
    requests += report.exchanges;
    if (report.violations.length === 0) return;
    failed.push(report);
    if (failed.length <= MAX_PRINTED) printReport(report);
  });
  await run.done;
  const seconds = (performance.now() - began) / 1_000;
  print(
    `${done} seeds, ${requests} requests in ${seconds.toFixed(1)} s: ${failed.length === 0 ? "all ok" : `${failed.length} FAILED`}`,
  );
  const byChecker = new Map<string, number[]>();
  for (const { seed, violations } of failed) {
    for (const name of new Set(violations.map(({ checker }) => checker)))
      byChecker.set(name, [...(byChecker.get(name) ?? []), seed]);
  }
  for (const [name, seeds] of [...byChecker].sort()) {
    print(
      `  ${name}: ${seeds.length} seeds, such as ${seeds
        .sort((a, b) => a - b)
        .slice(0, 12)
        .join(" ")}`,
    );
  }
  return failed.length === 0 ? 0 : 1;
}

const seed = numberOf("seed");
const from = numberOf("from") ?? 1;
const count = numberOf("seeds") ?? DEFAULT_SEEDS;
const step = numberOf("step");
if (values.mutants) process.exitCode = runMutants(count, options, values.only, print);
else if (seed !== undefined) process.exitCode = runOne(seed);
else if (step !== undefined) runShare(from, count, step);
else process.exitCode = await runMany(from, count);
