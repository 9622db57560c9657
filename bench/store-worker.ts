/**
 * One contender of `bench:store`, in a process of its own:  store-worker.ts CONTENDER(shoal|map|lru-cache) KEYS
 *
 * Fills, then reads and overwrites at random; prints ns per operation, the longest gap between two batches of 16 writes
 * (a pause, whoever made it) and the growth of resident memory per key as JSON.
 */
import process from "node:process";
import { LRUCache } from "lru-cache";
import { benchNode } from "./bench-node.ts";
import { KEY_BYTES, KeyWriter, keyText, randomIndexes } from "./keys.ts";

const VALUE_BYTES = 100;
const BATCH = 16;
const TTL_MS = 36_000_000;
const [contender, count] = [process.argv[2] ?? "shoal", Number(process.argv[3] ?? 1_000_000)];

interface Contender {
  set(n: number): void;
  get(n: number): boolean;
}

function shoal(): Contender {
  const node = benchNode({ maxMemory: Math.min(16 * 2 ** 30, Math.max(2 ** 26, count * 512)) });
  const key = new KeyWriter();
  const value = new Uint8Array(VALUE_BYTES).fill(118);
  let turn = 0;
  return {
    set(n) {
      if ((turn++ & 63) === 0) node.beginTurn();
      key.write(n);
      node.set(key.bytes, 0, KEY_BYTES, value, 0, VALUE_BYTES, node.nowMs + TTL_MS);
    },
    get(n) {
      key.write(n);
      return node.find(key.bytes, 0, KEY_BYTES) !== 0;
    },
  };
}

function map(): Contender {
  const entries = new Map<string, { value: Uint8Array; expiresAt: number }>();
  const source = new Uint8Array(VALUE_BYTES).fill(118);
  return {
    set: (n) => entries.set(keyText(n), { value: source.slice(), expiresAt: Date.now() + TTL_MS }),
    get: (n) => entries.get(keyText(n)) !== undefined,
  };
}

function lruCache(): Contender {
  const cache = new LRUCache<string, Uint8Array>({ max: count, ttl: TTL_MS });
  const source = new Uint8Array(VALUE_BYTES).fill(118);
  return {
    set: (n) => cache.set(keyText(n), source.slice()),
    get: (n) => cache.get(keyText(n)) !== undefined,
  };
}

const make = { shoal, map, "lru-cache": lruCache }[contender];
if (make === undefined) throw new Error(`no such contender: ${contender}`);
const before = process.memoryUsage().rss;
const one = make();
let longest = 0;

/** Runs `operation` `times` times; returns ns each, and keeps the longest gap. */
function measure(times: number, operation: (i: number) => void): number {
  const started = performance.now();
  let last = started;
  for (let i = 0; i < times; i += BATCH) {
    for (let j = i; j < i + BATCH; j++) operation(j);
    const now = performance.now();
    if (now - last > longest) longest = now - last;
    last = now;
  }
  return ((performance.now() - started) / times) * 1e6;
}

const fillNs = measure(count, (i) => one.set(i));
const bytesPerKey = (process.memoryUsage().rss - before) / count;
const next = randomIndexes(count);
let hits = 0;
const reads = Math.min(count, 2_000_000);
const getNs = measure(reads, () => {
  if (one.get(next())) hits++;
});
if (hits < reads) throw new Error(`${contender}: ${reads - hits} of ${reads} reads missed`);
const fillPauseMs = longest;
longest = 0;
const overwriteNs = measure(reads, () => one.set(next()));
process.stdout.write(`${JSON.stringify({ fillNs, getNs, overwriteNs, fillPauseMs, pauseMs: longest, bytesPerKey })}\n`);
