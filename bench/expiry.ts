/**
 * A million keys that expire within a minute:
 *
 *     bun run bench:expiry [--keys N] [--seconds N] [--json]
 *
 * The host runs as in a server. Measured: the longest time that maintenance kept the event loop, and the lag between an
 * entry's expiry (from then on no read gets it) and the moment its bytes are taken back.
 */
import { Host } from "../src/node/host.ts";
import { benchNode } from "./bench-node.ts";
import { KEY_BYTES, KeyWriter } from "./keys.ts";
import { option, percentile, report } from "./report.ts";

const keys = Number(option("keys", "1000000"));
const seconds = Number(option("seconds", "60"));
const VALUE_BYTES = 100;
const LEAD_MS = 2_000;

const node = benchNode({ maxMemory: 2 ** 30 });
const key = new KeyWriter();
const value = new Uint8Array(VALUE_BYTES).fill(118);
const lags = new Float64Array(keys);
let reclaimed = 0;
let longestMs = 0;
node.beginTurn();
const start = node.nowMs + LEAD_MS;
for (let i = 0; i < keys; i++) {
  key.write(i);
  node.set(key.bytes, 0, KEY_BYTES, value, 0, VALUE_BYTES, start + Math.floor((i / keys) * seconds * 1_000));
}
node.store.onRemove = (id) => {
  lags[reclaimed++] = Date.now() - node.store.table.expiresAt(id);
};
const tick = node.tick.bind(node);
node.tick = (sliceMs) => {
  const before = performance.now();
  const more = tick(sliceMs);
  longestMs = Math.max(longestMs, performance.now() - before);
  return more;
};
const host = new Host(node);
await host.start();
const deadline = performance.now() + (seconds + 30) * 1_000;
while (node.store.size > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
await host.stop();
if (reclaimed !== keys) throw new Error(`${keys - reclaimed} of ${keys} entries were not taken back in time`);
const sorted = [...lags];
const name = `${keys / 1e6} M keys expiring in ${seconds} s`;
report({ name: `${name}: longest pause`, ours: longestMs, goal: 5, absolute: true, better: "lower", unit: "ms" });
report({ name: `${name}: lag to reclaimed, p50`, ours: percentile(sorted, 0.5), better: "lower", unit: "ms" });
report({ name: `${name}: lag to reclaimed, p99`, ours: percentile(sorted, 0.99), better: "lower", unit: "ms" });
