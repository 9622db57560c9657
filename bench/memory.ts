/**
 * Resident memory of the server on Bun:
 *
 *     bun run bench:memory [--keys N,N] [--http] [--json]
 *
 * Growth per key (16-byte key, 100-byte value, TTL) against redis-server, at 1 and 5 million keys; and the most that the
 * process held, above its budget of 512 MiB, while requests made ordinary garbage: INFO from 50 connections, then HTTP by
 * wrk from as many (GET of small values, PUT of small and of 16 KiB ones). With `--http` only the last is measured.
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { load, writeScript } from "./http-load.ts";
import { missing, option, report, say } from "./report.ts";
import { type BenchServer, freePort, programPath, runtimePath, startRedis, startShoal } from "./servers.ts";

const VALUE_BYTES = 100;
const GOAL_SHARE = 0.75;
const GARBAGE_BUDGET = 512 * 2 ** 20;
const GARBAGE_GOAL_MIB = 150;
const MIB = 2 ** 20;
const HTTP_SECONDS = 4;
const LARGE_VALUE_BYTES = 16 * 2 ** 10;
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

/** Fills the budget, makes garbage, and reports the most that was resident meanwhile. */
async function garbage(
  name: string,
  flags: readonly string[],
  make: (server: BenchServer) => Promise<void>,
): Promise<void> {
  const server = await startShoal("bun", ["--max-memory", "512mb", ...flags]);
  try {
    await fill(server, 4_000_000);
    const full = server.residentBytes();
    let most = full;
    const sampler = setInterval(() => {
      most = Math.max(most, server.residentBytes());
    }, 50);
    await make(server);
    clearInterval(sampler);
    say(`filled: ${Math.round((full - GARBAGE_BUDGET) / MIB)} MiB above the budget`);
    report({
      name,
      ours: (most - GARBAGE_BUDGET) / MIB,
      goal: GARBAGE_GOAL_MIB,
      absolute: true,
      better: "lower",
      unit: "MiB",
    });
  } finally {
    await server.stop();
  }
}

async function garbageOfInfo(): Promise<void> {
  const benchmark = programPath("redis-benchmark");
  if (benchmark === undefined) return missing("redis-benchmark", "install Debian's redis-tools");
  await garbage("resident above the budget under INFO", [], async (server) => {
    for (let i = 0; i < 3; i++) {
      await run(benchmark, ["-p", String(server.port), "-c", "50", "-P", "4", "-n", "40000", "-q", "info", "all"]);
      await fill(server, 200_000);
    }
  });
}

async function garbageOfHttp(): Promise<void> {
  const wrk = programPath("wrk");
  if (wrk === undefined) return missing("wrk", "install Debian's wrk");
  const httpPort = await freePort();
  await garbage("resident above the budget under HTTP", ["--http-port", String(httpPort)], async () => {
    for (let i = 0; i < 2; i++) {
      await load(wrk, writeScript("PUT", VALUE_BYTES), httpPort, HTTP_SECONDS);
      await load(wrk, writeScript("GET", VALUE_BYTES), httpPort, HTTP_SECONDS);
      await load(wrk, writeScript("PUT", LARGE_VALUE_BYTES), httpPort, HTTP_SECONDS);
      await load(wrk, writeScript("GET", LARGE_VALUE_BYTES), httpPort, HTTP_SECONDS);
    }
  });
}

async function growthPerKey(): Promise<void> {
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
}

if (!process.argv.includes("--http")) {
  await growthPerKey();
  say("now under garbage");
  await garbageOfInfo();
}
await garbageOfHttp();
