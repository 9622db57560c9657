/**
 * One tag on a million entries, invalidated:
 *
 *     bun run bench:invalidate [--entries N] [--rounds N] [--json]
 *
 * Time until the invalidation is acknowledged (every read sees it from then on), the longest pause while the bytes are
 * taken back in slices of a millisecond, as the host gives them, and the time until they are back. In process, medians.
 */
import { encodeText } from "../src/core/bytes.ts";
import { EpochMode, RecordKind } from "../src/core/record.ts";
import { benchNode } from "./bench-node.ts";
import { KEY_BYTES, KeyWriter } from "./keys.ts";
import { median, option, report } from "./report.ts";

const entries = Number(option("entries", "1000000"));
const rounds = Number(option("rounds", "5"));
const VALUE_BYTES = 100;
const SLICE_MS = 1;
const TAG = encodeText("everything");

interface Round {
  acknowledgedMs: number;
  longestPauseMs: number;
  backMs: number;
}

function round(): Round {
  const node = benchNode({ maxMemory: 2 ** 30 });
  const key = new KeyWriter();
  const value = new Uint8Array(VALUE_BYTES).fill(118);
  for (let i = 0; i < entries; i++) {
    key.write(i);
    node.draft.stamp(RecordKind.SET, 1, 1);
    node.draft.setEntry(key.bytes, 0, KEY_BYTES, value, 0, VALUE_BYTES, 0);
    node.draft.tags = [TAG];
    node.write(node.draft);
  }
  const full = node.store.allocatedBytes;
  const started = performance.now();
  node.invalidate({ mode: EpochMode.PURGE, tags: [TAG], database: 0 });
  const acknowledgedMs = performance.now() - started;
  key.write(entries >> 1);
  if (node.find(key.bytes, 0, KEY_BYTES) !== 0) throw new Error("an invalidated entry was served");
  let longestPauseMs = 0;
  for (let more = true; more; ) {
    const before = performance.now();
    more = node.tick(SLICE_MS);
    longestPauseMs = Math.max(longestPauseMs, performance.now() - before);
  }
  const backMs = performance.now() - started;
  if (node.store.size !== 0) throw new Error(`${node.store.size} entries are left`);
  if (node.store.memory().live > full / 100) throw new Error("the bytes are not back");
  return { acknowledgedMs, longestPauseMs, backMs };
}

round();
const results = Array.from({ length: rounds }, round);
const of = (field: keyof Round) => median(results.map((one) => one[field]));
const name = `tag on ${entries / 1e6} M entries`;
report({
  name: `${name}: acknowledged`,
  ours: of("acknowledgedMs"),
  goal: 1,
  absolute: true,
  better: "lower",
  unit: "ms",
});
report({
  name: `${name}: longest pause`,
  ours: of("longestPauseMs"),
  goal: 2,
  absolute: true,
  better: "lower",
  unit: "ms",
});
report({ name: `${name}: bytes back, working all the time`, ours: of("backMs"), better: "lower", unit: "ms" });
