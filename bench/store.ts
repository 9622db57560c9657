/**
 * The store alone, in process, against a Map of byte arrays and lru-cache:
 *
 *     bun run bench:store [--keys N] [--runtime bun|deno] [--rounds N] [--json]
 *
 * Five million keys (16 bytes, values of 100 bytes, TTL) by default, on Bun and on Deno, contenders alternating, each
 * run in a process of its own; medians. A pause is the longest gap between two batches of 16 writes.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { median, option, report, say } from "./report.ts";
import { runtimePath } from "./servers.ts";

interface Figures {
  fillNs: number;
  getNs: number;
  overwriteNs: number;
  fillPauseMs: number;
  pauseMs: number;
  bytesPerKey: number;
}

const worker = new URL("store-worker.ts", import.meta.url).pathname;
const keys = option("keys", "5000000");
const rounds = Number(option("rounds", "5"));
const runtimes = option("runtime", "bun,deno").split(",") as ("bun" | "deno")[];
const contenders = ["shoal", "map", "lru-cache"] as const;
const PAUSE_GOAL_MS = 5;

async function run(runtime: "bun" | "deno", contender: string): Promise<Figures | undefined> {
  const before = runtime === "deno" ? ["run", "-A", "--v8-flags=--max-old-space-size=16000"] : [];
  try {
    const { stdout } = await promisify(execFile)(runtimePath(runtime), [...before, worker, contender, keys]);
    return JSON.parse(stdout) as Figures;
  } catch (error) {
    say(`${contender} on ${runtime} did not finish: ${String(error).slice(0, 200)}`);
    return undefined;
  }
}

for (const runtime of runtimes) {
  say(`${runtime}, ${keys} keys, medians of ${rounds} rounds`);
  const figures = new Map<string, Figures[]>(contenders.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? contenders : [...contenders].reverse()) {
      const result = await run(runtime, name);
      if (result !== undefined) figures.get(name)?.push(result);
    }
  }
  const middle = (name: string, field: keyof Figures): number | undefined => {
    const list = figures.get(name) ?? [];
    return list.length === 0 ? undefined : median(list.map((one) => one[field]));
  };
  for (const peer of ["map", "lru-cache"]) {
    for (const field of ["fillNs", "getNs", "overwriteNs", "bytesPerKey"] as const) {
      const ours = middle("shoal", field);
      if (ours === undefined) continue;
      const unit = field === "bytesPerKey" ? "bytes/key" : "ns";
      report({ name: `${runtime} ${field} against ${peer}`, ours, peer: middle(peer, field), better: "lower", unit });
    }
  }
  for (const field of ["fillPauseMs", "pauseMs"] as const) {
    const ours = middle("shoal", field);
    if (ours === undefined) continue;
    const name = `${runtime} longest pause, ${field === "pauseMs" ? "overwriting" : "filling and reading"}`;
    report({
      name,
      ours,
      peer: middle("map", field),
      goal: PAUSE_GOAL_MS,
      absolute: true,
      better: "lower",
      unit: "ms (peer: map)",
    });
  }
}
