/** The load of `bench:http`: wrk with one thread, over keys that both servers answer for, rendered before the clock starts. */
import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * Keys that are asked for in turn: so many that their values fit into the processor's shared cache, because the question is
 * what HTTP costs, and not memory.
 */
export function keyCount(valueBytes: number): number {
  return valueBytes < 4_096 ? 1_000 : 64;
}

const CONNECTIONS = 50;

/** Name of a key: "user:000042:page". */
export function keyName(i: number): string {
  return `user:${String(i).padStart(6, "0")}:page`;
}

export interface Load {
  readonly requests: number;
  readonly perSecond: number;
}

/** The script of one kind of load, and where it lies. */
export function writeScript(method: "GET" | "PUT", valueBytes: number): string {
  const body = method === "PUT" ? `string.rep("v", ${valueBytes})` : "nil";
  const script = `
local requests = {}
local at = 0
function init(args)
  local headers = { ["Host"] = "127.0.0.1" }
  for i = 1, ${keyCount(valueBytes)} do
    local path = string.format("/v1/keys/user:%06d:page", i - 1)
    requests[i] = wrk.format("${method}", path, headers, ${body})
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, summary.duration, summary.errors.status + summary.errors.read + summary.errors.connect + summary.errors.timeout))
end
`;
  const path = join(mkdtempSync(join(tmpdir(), "shoal-bench-")), `${method}-${valueBytes}.lua`);
  writeFileSync(path, script);
  return path;
}

/** Loads a server for some seconds. Throws if a request failed. */
export async function load(wrk: string, script: string, port: number, seconds: number): Promise<Load> {
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", script, `http://127.0.0.1:${port}`];
  const { stdout } = await promisify(execFile)(wrk, args);
  const match = /RESULT (\d+) (\d+) (\d+)/.exec(stdout);
  if (match === null) throw new Error(`wrk said:\n${stdout}`);
  const [requests, micros, errors] = match.slice(1).map(Number) as [number, number, number];
  if (errors > 0) throw new Error(`${errors} of ${requests} requests failed`);
  return { requests, perSecond: requests / (micros / 1e6) };
}
