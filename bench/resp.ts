/**
 * RESP throughput and CPU time per request, against redis-server, alternating:
 *
 *     bun run bench:resp [--runtime bun|deno|node] [--rounds N] [--requests N] [--json]
 *
 * GET (all hits) and SET of 100-byte values over 100,000 keys, 50 connections, pipelines 1, 16 and 64. One load process
 * (load-generator.ts) drives one server at a time; with two cores each has one. Medians over the rounds. With
 * `--runtime deno` the peer is a bare echo server on Deno, which answers each GET with the bytes of a GET's reply.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { median, missing, option, report, say } from "./report.ts";
import { type BenchServer, runtimePath, startRedis, startServer, startShoal } from "./servers.ts";

const CONNECTIONS = 50;
const KEYS = 100_000;
const VALUE_BYTES = 100;
const REPLY_BYTES: Record<string, number> = { get: VALUE_BYTES + 8, set: 5, fill: 5 };
const generator = new URL("load-generator.ts", import.meta.url).pathname;
const echo = new URL("echo-deno.ts", import.meta.url).pathname;

interface Sample {
  perSecond: number;
  cpuMicros: number;
}

async function load(server: BenchServer, kind: string, pipeline: number, requests: number): Promise<Sample> {
  const before = server.cpuSeconds();
  const args = [generator, server.port, kind, CONNECTIONS, pipeline, requests, KEYS, VALUE_BYTES, REPLY_BYTES[kind]];
  const { stdout } = await promisify(execFile)(runtimePath("bun"), args.map(String));
  const { seconds, requests: done } = JSON.parse(stdout) as { seconds: number; requests: number };
  return { perSecond: done / seconds, cpuMicros: ((server.cpuSeconds() - before) / done) * 1e6 };
}

const runtime = option("runtime", "bun") as "bun" | "deno" | "node";
const rounds = Number(option("rounds", "5"));
const scale = Number(option("requests", "1000000"));
const ours = await startShoal(runtime, ["--max-memory", "1gb"]);
const redis = await startRedis();
if (redis === undefined) missing("redis-server", "install Debian's redis-server");
const echoServer =
  runtime === "deno"
    ? await startServer("echo on deno", runtimePath("deno"), ["run", "-A", echo, "{port}", String(REPLY_BYTES.get)])
    : undefined;
const servers = [ours, redis, echoServer].filter((server) => server !== undefined);

try {
  say(`${runtime}, ${CONNECTIONS} connections, ${VALUE_BYTES}-byte values, medians of ${rounds} rounds`);
  for (const server of servers) if (server !== echoServer) await load(server, "fill", 64, KEYS);
  for (const pipeline of [1, 16, 64]) {
    const requests = Math.ceil(pipeline === 1 ? scale / 5 : pipeline === 16 ? scale : scale * 1.5);
    for (const kind of ["get", "set"]) {
      const samples = new Map<BenchServer, Sample[]>(servers.map((server) => [server, []]));
      for (let round = 0; round <= rounds; round++) {
        for (const server of round % 2 === 0 ? servers : [...servers].reverse()) {
          if (server === echoServer && kind === "set") continue;
          const sample = await load(server, kind, pipeline, requests);
          // The first round warms up.
          if (round > 0) samples.get(server)?.push(sample);
        }
      }
      const middle = (server: BenchServer | undefined, pick: (sample: Sample) => number): number | undefined => {
        const list = server === undefined ? [] : (samples.get(server) ?? []);
        return list.length === 0 ? undefined : median(list.map(pick));
      };
      const name = `${kind.toUpperCase()} pipeline ${pipeline}`;
      const onBun = runtime === "bun";
      report({
        name: `${name} against redis-server`,
        ours: middle(ours, (sample) => sample.perSecond) as number,
        peer: middle(redis, (sample) => sample.perSecond),
        goal: onBun ? (pipeline === 1 ? 1.1 : 1.2) : undefined,
        better: "higher",
        unit: "requests/s",
      });
      report({
        name: `${name} CPU against redis-server`,
        ours: middle(ours, (sample) => sample.cpuMicros) as number,
        peer: middle(redis, (sample) => sample.cpuMicros),
        goal: onBun ? 0.9 : undefined,
        better: "lower",
        unit: "us/request",
      });
      if (echoServer !== undefined && kind === "get") {
        report({
          name: `${name} against an echo server`,
          ours: middle(ours, (sample) => sample.perSecond) as number,
          peer: middle(echoServer, (sample) => sample.perSecond),
          // Pipelined, an echo server does nothing for each request: it is shown, and no goal.
          goal: pipeline === 1 ? 0.9 : undefined,
          better: "higher",
          unit: "requests/s",
        });
      }
    }
  }
} finally {
  for (const server of servers) await server.stop();
}
