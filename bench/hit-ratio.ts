/**
 * Hit ratios of the product's policies beside those of the literature and of OPT:
 *
 *     bun run bench:hit-ratio [folder] [--capacity N] [--policy P] [--json]
 *
 * Every `*.u32.gz` in the folder is replayed: a gzip of little-endian uint32, one dense key number for each request, in
 * order, all entries of one size. Without a folder the traces of synthetic-traces.ts are. The limit is N entries, by
 * default the usual ones for traces of the ARC, LIRS and cache2k collections, else 1, 5 and 25 percent of the keys.
 * `--policy` leaves out all other policies of the product.
 *
 * Goals: `lru` is exact; the default policy is within one point of the best of LRU, SIEVE, S3-FIFO and W-TinyLFU.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { POLICY_NAMES } from "../src/store/create-policy.ts";
import type { PolicyName } from "../src/store/policy.ts";
import type { CreateComparator } from "./policies/comparator.ts";
import { createLru } from "./policies/lru.ts";
import { optimalHits } from "./policies/opt.ts";
import { createS3Fifo } from "./policies/s3-fifo.ts";
import { createSieve } from "./policies/sieve.ts";
import { createWTinyLfu } from "./policies/w-tinylfu.ts";
import { replay } from "./replay.ts";
import { json, report, say } from "./report.ts";
import { syntheticTraces, type Trace } from "./synthetic-traces.ts";

const SUFFIX = ".u32.gz";
const SYNTHETIC_KEYS = 10_000;
const SYNTHETIC_REQUESTS = 500_000;
const SHARES = [0.01, 0.05, 0.25];
const POINTS = 1;
const KNOWN_CAPACITIES: Readonly<Record<string, readonly number[]>> = {
  OLTP: [1000, 2000, 5000],
  loop: [512],
  gli: [1000],
  "2_pools": [200],
  web12: [1000],
  "orm-busy": [1000],
};
const COMPARATORS: readonly (readonly [string, CreateComparator])[] = [
  ["LRU", createLru],
  ["SIEVE", createSieve],
  ["S3-FIFO", createS3Fifo],
  ["W-TinyLFU", createWTinyLfu],
];

const { values: options, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { capacity: { type: "string" }, policy: { type: "string" }, json: { type: "boolean" } },
});

function* tracesIn(folder: string): Generator<Trace> {
  const files = statSync(folder).isDirectory()
    ? readdirSync(folder)
        .sort()
        .map((name) => join(folder, name))
    : [folder];
  for (const file of files) {
    if (!file.endsWith(SUFFIX)) continue;
    const bytes = new Uint8Array(gunzipSync(readFileSync(file)));
    yield { name: basename(file, SUFFIX), keys: new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2) };
  }
}

/** The highest key number, and one. */
function countKeys(keys: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < keys.length; i++) if ((keys[i] as number) >= count) count = (keys[i] as number) + 1;
  return count;
}

function capacitiesOf(trace: Trace, keyCount: number): readonly number[] {
  if (options.capacity !== undefined) return [Number(options.capacity)];
  const synthetic = positionals.length === 0;
  const known = KNOWN_CAPACITIES[trace.name];
  if (known !== undefined && !synthetic) return known;
  const scale = synthetic ? SYNTHETIC_KEYS : keyCount;
  return SHARES.map((share) => Math.max(1, Math.floor(scale * share)));
}

function hitsOf(create: CreateComparator, keys: Uint32Array, keyCount: number, capacity: number): number {
  const cache = create(capacity, keyCount);
  let hits = 0;
  for (let i = 0; i < keys.length; i++) if (cache.access(keys[i] as number)) hits++;
  return hits;
}

function compare(trace: Trace, keyCount: number, capacity: number): void {
  const { keys } = trace;
  const percent = (hits: number) => (hits / keys.length) * 100;
  const row = `${trace.name}@${capacity}`;
  const peers = new Map(COMPARATORS.map(([name, create]) => [name, percent(hitsOf(create, keys, keyCount, capacity))]));
  const best = Math.max(...peers.values());
  const cells: string[] = [];
  for (const policy of policies) {
    const ours = percent(replay(policy, keys, keyCount, capacity));
    const peer = policy === "lru" ? (peers.get("LRU") as number) : best;
    const goal = policy === "lru" ? peer : peer - POINTS;
    cells.push(ours.toFixed(2) + (ours < goal ? " MISSED" : ""));
    if (json) report({ name: `${row} ${policy}`, ours, peer, goal, absolute: true, better: "higher", unit: "%" });
  }
  peers.set("OPT", percent(optimalHits(keys, capacity, keyCount)));
  for (const [name, ours] of peers) {
    cells.push(ours.toFixed(2));
    if (json) report({ name: `${row} ${name}`, ours, better: "higher", unit: "%" });
  }
  if (!json) sayRow(row, cells);
}

function sayRow(row: string, cells: readonly string[]): void {
  say(row.padEnd(18) + cells.map((cell) => cell.padStart(10)).join(""));
}

const policies = POLICY_NAMES.filter((name) => name !== "noeviction" && (options.policy ?? name) === name);
if (policies.length === 0 || !(Number(options.capacity ?? 1) >= 1)) {
  const names: readonly PolicyName[] = POLICY_NAMES.filter((name) => name !== "noeviction");
  process.stderr.write(`--policy is one of ${names.join(", ")}; --capacity is an integer of at least 1\n`);
  process.exit(78);
}
if (!json) sayRow("hit ratio, %", [...policies, ...COMPARATORS.map(([name]) => name), "OPT"]);
const folder = positionals[0];
for (const trace of folder === undefined ? syntheticTraces(SYNTHETIC_KEYS, SYNTHETIC_REQUESTS) : tracesIn(folder)) {
  const keyCount = countKeys(trace.keys);
  for (const capacity of capacitiesOf(trace, keyCount)) compare(trace, keyCount, capacity);
}
