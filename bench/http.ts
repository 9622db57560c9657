/**
 * HTTP throughput and CPU time per request, against a bare hono application on the same runtime (on Bun and Node behind the
 * same listener, on Deno on `Deno.serve` itself):
 *
 *     bun run bench:http [--runtime bun|deno|node] [--rounds N] [--seconds N] [--only GET100] [--json]
 *
 * GET and PUT of 100-byte and 64 KiB values, 50 connections, wrk with one thread (Debian's package). Servers take turns, and
 * their order changes each round; medians over the rounds. The bare application answers a GET with a constant of the same
 * size and type, and a PUT with 204 once it has read the body, as the contract of a PUT demands; what it does without
 * reading is shown, and no goal.
 */
import { load, writeScript } from "./http-load.ts";
import { median, missing, option, report, say } from "./report.ts";
import { type BenchServer, programPath, runtimePath, startServer } from "./servers.ts";

const GOAL = 0.9;
const SIZES = [100, 64 * 1024];
const script = new URL("http-server.ts", import.meta.url).pathname;

type Kind = "shoal" | "bare" | "unread";

interface Sample {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

function start(runtime: "bun" | "deno" | "node", kind: Kind, valueBytes: number): Promise<BenchServer> {
  const before = runtime === "deno" ? ["run", "-A", script] : [script];
  return startServer(`${kind} on ${runtime}`, runtimePath(runtime), [...before, "{port}", kind, String(valueBytes)]);
}

async function sample(wrk: string, lua: string, server: BenchServer, seconds: number): Promise<Sample> {
  const before = server.cpuSeconds();
  const { requests, perSecond } = await load(wrk, lua, server.port, seconds);
  return { perSecond, cpuMicros: ((server.cpuSeconds() - before) / requests) * 1e6 };
}

const runtime = option("runtime", "bun") as "bun" | "deno" | "node";
const rounds = Number(option("rounds", "5"));
const seconds = Number(option("seconds", "2"));
const only = option("only", "");
const wrk = programPath("wrk");
if (wrk === undefined) missing("wrk", "install Debian's wrk");

async function compare(method: "GET" | "PUT", valueBytes: number, kinds: readonly Kind[], path: string): Promise<void> {
  const servers = await Promise.all(kinds.map((kind) => start(runtime, kind, valueBytes)));
  const lua = writeScript(method, valueBytes);
  try {
    const samples = new Map<BenchServer, Sample[]>(servers.map((server) => [server, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const server of round % 2 === 0 ? servers : [...servers].reverse()) {
        const one = await sample(path, lua, server, seconds);
        // The first round warms up.
        if (round > 0) samples.get(server)?.push(one);
      }
    }
    const middle = (server: BenchServer, pick: (one: Sample) => number) =>
      median((samples.get(server) ?? []).map(pick));
    const [ours, bare, unread] = servers as [BenchServer, BenchServer, BenchServer | undefined];
    const size = valueBytes < 1_024 ? `${valueBytes} bytes` : `${valueBytes / 1_024} KiB`;
    for (const peer of [bare, unread]) {
      if (peer === undefined) continue;
      const name = `${method} ${size} against ${peer === bare ? "bare hono" : "hono that does not read"}`;
      const perSecond = (one: Sample) => one.perSecond;
      const cpu = (one: Sample) => one.cpuMicros;
      const goal = peer === bare ? GOAL : undefined;
      report({
        name,
        ours: middle(ours, perSecond),
        peer: middle(peer, perSecond),
        goal,
        better: "higher",
        unit: "requests/s",
      });
      report({
        name: `${name}, CPU`,
        ours: middle(ours, cpu),
        peer: middle(peer, cpu),
        better: "lower",
        unit: "us/request",
      });
    }
  } finally {
    for (const server of servers) await server.stop();
  }
}

if (wrk !== undefined) {
  say(`${runtime}, medians of ${rounds} rounds of ${seconds} s`);
  for (const valueBytes of SIZES) {
    if (only !== "" && !only.includes(String(valueBytes))) continue;
    if (!only.includes("PUT")) await compare("GET", valueBytes, ["shoal", "bare"], wrk);
    if (!only.includes("GET")) await compare("PUT", valueBytes, ["shoal", "bare", "unread"], wrk);
  }
}
