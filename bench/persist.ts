/**
 * What persistence costs, on Bun:
 *
 *     bun run bench:persist [--rounds N] [--requests N] [--connections N,N] [--pipelines N,N] [--modes none,everysec,always]
 *                           [--only throughput|latency] [--json]
 *
 * Requests per second, and CPU time per request of all threads, of SET, and of SET and GET in turn, without persistence,
 * with `--fsync everysec` and with `always`; each against ourselves without, and against redis-server with `appendonly
 * yes` and the same `appendfsync`. All servers run at once, one is loaded at a time, in turn; medians over the rounds.
 * Everything else is at its defaults on both sides: both rewrite their files when they have grown.
 *
 * Then the latency of GET (latency-probe.ts) beside 20,000 writes a second: during commits, and while one snapshot after
 * the other is written, against the server without persistence.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { median, missing, option, report, say } from "./report.ts";
import { type BenchServer, runtimePath, startRedis, startShoal } from "./servers.ts";

const KEYS = 100_000;
const VALUE_BYTES = 100;
const GET_REPLY_BYTES = VALUE_BYTES + 8;
const SET_REPLY_BYTES = 5;
const WRITES_PER_SECOND = 20_000;
const PROBE_KEYS = 400_000;
const PROBE_SECONDS = 4;
const EVERYSEC_GOAL = 0.9;
const REDIS_GOAL = 1.1;
const LATENCY_GOAL = 1.2;
const run = promisify(execFile);
const pathOf = (file: string) => new URL(file, import.meta.url).pathname;
const numbers = (name: string, fallback: string) => option(name, fallback).split(",").map(Number);

const rounds = Number(option("rounds", "5"));
const scale = Number(option("requests", "400000"));
const modes = option("modes", "none,everysec,always").split(",");
const only = option("only", "");
const folder = mkdtempSync(join(tmpdir(), "shoal-bench-"));

interface Sample {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

interface Probe {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly saves: number;
}

async function load(
  server: BenchServer,
  kind: string,
  connections: number,
  pipeline: number,
  requests: number,
  keys = KEYS,
): Promise<Sample> {
  const replyBytes = kind === "mixed" ? GET_REPLY_BYTES : SET_REPLY_BYTES;
  const before = server.cpuSeconds();
  const words = [
    pathOf("load-generator.ts"),
    server.port,
    kind,
    connections,
    pipeline,
    requests,
    keys,
    VALUE_BYTES,
    replyBytes,
  ];
  const { stdout } = await run(runtimePath("bun"), words.map(String));
  const { seconds, requests: done } = JSON.parse(stdout) as { seconds: number; requests: number };
  return { perSecond: done / seconds, cpuMicros: ((server.cpuSeconds() - before) / done) * 1e6 };
}

function startOurs(mode: string, name = `ours-${mode}`): Promise<BenchServer> {
  const flags = mode === "none" ? [] : ["--data", join(folder, name), "--fsync", mode];
  return startShoal("bun", ["--max-memory", "1gb", ...flags]);
}

async function startTheirs(mode: string): Promise<BenchServer | undefined> {
  if (mode === "none") return startRedis();
  return startRedis(["--dir", mkdtempSync(join(folder, "redis-")), "--appendonly", "yes", "--appendfsync", mode]);
}

/** Requests that take about as long in each mode: with `always` each group of them waits for the disk. */
function requestsOf(mode: string, pipeline: number): number {
  const share = pipeline === 1 ? 0.25 : 1;
  return Math.ceil(scale * share * (mode === "always" ? 0.15 : 1));
}

async function throughput(): Promise<void> {
  const ours = new Map<string, BenchServer>();
  const theirs = new Map<string, BenchServer>();
  try {
    for (const mode of modes) {
      ours.set(mode, await startOurs(mode));
      const peer = await startTheirs(mode);
      if (peer !== undefined) theirs.set(mode, peer);
    }
    if (theirs.size === 0) missing("redis-server", "install Debian's redis-server");
    for (const server of [...ours.values(), ...theirs.values()]) await load(server, "fill", 50, 64, KEYS);
    for (const connections of numbers("connections", "50,500")) {
      for (const pipeline of numbers("pipelines", "1,16")) {
        for (const kind of ["set", "mixed"]) await compare(ours, theirs, kind, connections, pipeline);
      }
    }
  } finally {
    for (const server of [...ours.values(), ...theirs.values()]) await server.stop();
  }
}

async function compare(
  ours: ReadonlyMap<string, BenchServer>,
  theirs: ReadonlyMap<string, BenchServer>,
  kind: string,
  connections: number,
  pipeline: number,
): Promise<void> {
  const servers = modes.flatMap((mode) => [ours.get(mode), theirs.get(mode)].map((server) => ({ server, mode })));
  const samples = new Map<BenchServer, Sample[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const { server, mode } of round % 2 === 0 ? servers : [...servers].reverse()) {
      if (server === undefined) continue;
      const sample = await load(server, kind, connections, pipeline, requestsOf(mode, pipeline));
      // The first round warms up.
      if (round > 0) samples.set(server, [...(samples.get(server) ?? []), sample]);
    }
  }
  const middle = (server: BenchServer | undefined, pick: (sample: Sample) => number): number | undefined => {
    const list = server === undefined ? undefined : samples.get(server);
    return list === undefined ? undefined : median(list.map(pick));
  };
  const perSecond = (sample: Sample) => sample.perSecond;
  const cpuMicros = (sample: Sample) => sample.cpuMicros;
  for (const mode of modes) {
    const name = `${kind === "set" ? "SET" : "SET/GET"} c${connections} p${pipeline} ${mode}`;
    const own = middle(ours.get(mode), perSecond) as number;
    const ownCpu = middle(ours.get(mode), cpuMicros) as number;
    const none = ours.get("none");
    if (mode !== "none" && none !== undefined) {
      const goal = mode === "everysec" ? EVERYSEC_GOAL : undefined;
      const peer = middle(none, perSecond);
      report({ name: `${name} against none`, ours: own, peer, goal, better: "higher", unit: "requests/s" });
      const peerCpu = middle(none, cpuMicros);
      report({ name: `${name} CPU against none`, ours: ownCpu, peer: peerCpu, better: "lower", unit: "us/request" });
    }
    const goal = mode === "everysec" ? REDIS_GOAL : undefined;
    const peer = middle(theirs.get(mode), perSecond);
    report({ name: `${name} against redis`, ours: own, peer, goal, better: "higher", unit: "requests/s" });
    const peerCpu = middle(theirs.get(mode), cpuMicros);
    report({ name: `${name} CPU against redis`, ours: ownCpu, peer: peerCpu, better: "lower", unit: "us/request" });
  }
}

async function latency(): Promise<void> {
  const stored = modes.filter((mode) => mode !== "none");
  const servers = new Map<string, BenchServer>();
  try {
    for (const mode of ["none", ...stored]) servers.set(mode, await startOurs(mode, `latency-${mode}`));
    for (const server of servers.values()) await load(server, "fill", 50, 64, PROBE_KEYS, PROBE_KEYS);
    const cases = [
      { name: "none", mode: "none", save: "no" },
      ...stored.map((mode) => ({ name: `${mode}, commits`, mode, save: "no" })),
      ...stored.map((mode) => ({ name: `${mode}, snapshots`, mode, save: "yes" })),
    ];
    const samples = cases.map(() => [] as Probe[]);
    for (let round = 0; round <= rounds; round++) {
      for (const i of round % 2 === 0 ? cases.keys() : [...cases.keys()].reverse()) {
        const { mode, save } = cases[i] as (typeof cases)[number];
        const { port } = servers.get(mode) as BenchServer;
        const words = [
          pathOf("latency-probe.ts"),
          port,
          PROBE_SECONDS,
          WRITES_PER_SECOND,
          PROBE_KEYS,
          VALUE_BYTES,
          save,
        ];
        const { stdout } = await run(runtimePath("bun"), words.map(String));
        if (round > 0) samples[i]?.push(JSON.parse(stdout) as Probe);
      }
    }
    for (const percentile of ["p50", "p99", "p999"] as const) {
      const middle = (i: number) => median((samples[i] as Probe[]).map((probe) => probe[percentile]));
      cases.forEach(({ name }, i) => {
        if (i === 0) return;
        const goal = percentile === "p99" ? LATENCY_GOAL : undefined;
        const row = `GET ${percentile}, ${name} against none`;
        report({ name: row, ours: middle(i), peer: middle(0), goal, better: "lower", unit: "ms" });
      });
    }
    const longest = (list: readonly Probe[]) => median(list.map(({ max }) => max)).toFixed(1);
    cases.forEach(({ name }, i) => {
      const list = samples[i] as Probe[];
      say(`longest GET, ${name}: ${longest(list)} ms; snapshots in a round: ${median(list.map(({ saves }) => saves))}`);
    });
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

const before = loadavg()[0] as number;
say(`bun, ${VALUE_BYTES}-byte values, medians of ${rounds} rounds; load of the machine before: ${before.toFixed(1)}`);
try {
  if (only !== "latency") await throughput();
  if (only !== "throughput") await latency();
} finally {
  say(`load of the machine after: ${(loadavg()[0] as number).toFixed(1)}`);
  rmSync(folder, { recursive: true, force: true });
}
