/**
 * Resident memory of the server on Bun:
 *
 *     bun run bench:memory [--keys N,N] [--json]
 *
 * Growth per key (16-byte key, 100-byte value, TTL) against redis-server, at 1 and 5 million keys; and the most that the
 * process held, above its budget of 512 MiB, while requests made ordinary garbage (INFO from 50 connections).
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { missing, option, report, say } from "./report.ts";
import { type BenchServer, programPath, runtimePath, startRedis, startShoal } from "./servers.ts";

const VALUE_BYTES = 100;
const GOAL_SHARE = 0.75;
const GARBAGE_BUDGET = 512 * 2 ** 20;
const GARBAGE_GOAL_MIB = 150;
const MIB = 2 ** 20;
const SETTLE_MS = 2_000;
const generator = new URL("load-generator.ts", import.meta.url).pathname;
const run = promisify(execFile);

function fill(server: BenchServer, keys: number): Promise<unknown> {
  return run(runtimePath("bun"), [generator, server.port, "fill", 50, 64, keys, keys, VALUE_BYTES, 5].map(String));
}

async function growth(server: BenchServer, keys: number): Promise<number> {
  // Code and buffers that any load needs are there before the count begins.
  await fill(server, 10_000);
  const before = server.residentBytes();
  await fill(server, keys);
  // What a load leaves behind (garbage, buffers) is not memory of the keys: both have a moment to give it back.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const grown = server.residentBytes() - before;
  await server.stop();
  return grown / (keys - 10_000);
}

async function garbage(): Promise<void> {
  const benchmark = programPath("redis-benchmark");
  if (benchmark === undefined) return missing("redis-benchmark", "install Debian's redis-tools");
  const server = await startShoal("bun", ["--max-memory", "512mb"]);
  try {
    await fill(server, 4_000_000);
    let most = server.residentBytes();
    const sampler = setInterval(() => {
      most = Math.max(most, server.residentBytes());
    }, 50);
    for (let i = 0; i < 3; i++) {
      await run(benchmark, ["-p", String(server.port), "-c", "50", "-P", "4", "-n", "40000", "-q", "info", "all"]);
      await fill(server, 200_000);
    }
    clearInterval(sampler);
    const above = (most - GARBAGE_BUDGET) / MIB;
    report({
      name: "resident above the budget under garbage",
      ours: above,
      goal: GARBAGE_GOAL_MIB,
      absolute: true,
      better: "lower",
      unit: "MiB",
    });
  } finally {
    await server.stop();
  }
}

for (const keys of option("keys", "1000000,5000000").split(",").map(Number)) {
  const ours = await growth(await startShoal("bun", ["--max-memory", "4gb"]), keys);
  const redis = await startRedis();
  if (redis === undefined) missing("redis-server", "install Debian's redis-server");
  const peer = redis === undefined ? undefined : await growth(redis, keys);
  report({
    name: `resident memory, ${keys / 1e6} M keys`,
    ours,
    peer,
    goal: GOAL_SHARE,
    better: "lower",
    unit: "bytes/key",
  });
}
say("now under garbage");
await garbage();
