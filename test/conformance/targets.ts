/**
 * What the conformance cases run against: Shoal in the process, Shoal on each runtime over sockets, and Redis as the oracle.
 * Each with RESP2 and RESP3.
 */
import { installed, type Runtime, type ServerProcess, startRedis, startShoal } from "../e2e/server-process.ts";
import { InProcessServer } from "./in-process.ts";
import { RespClient } from "./resp-client.ts";

export interface Target {
  readonly name: string;
  readonly protocol: 2 | 3;
  /** Redis's version where it is Redis: "7.0.15". */
  readonly redisVersion?: string;
  connect(): Promise<RespClient>;
}

const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];
const ENVIRONMENT = { SHOAL_ENABLE_DEBUG_COMMAND: "yes" };

export interface Targets {
  readonly targets: readonly Target[];
  /** What could not be started, and why. */
  readonly skipped: readonly { name: string; reason: string }[];
  close(): Promise<void>;
}

function overSockets(name: string, server: ServerProcess, redisVersion?: string): Target[] {
  return ([2, 3] as const).map((protocol) => ({
    name: `${name} RESP${protocol}`,
    protocol,
    ...(redisVersion === undefined ? {} : { redisVersion }),
    connect: () => RespClient.connect(server.port, protocol),
  }));
}

async function versionOfRedis(server: ServerProcess): Promise<string> {
  const client = await RespClient.connect(server.port);
  const info = String(await client.call("INFO", "server"));
  client.close();
  return /redis_version:([\d.]+)/.exec(info)?.[1] ?? "0";
}

/** Starts all targets. */
export async function startTargets(): Promise<Targets> {
  const inProcess = new InProcessServer();
  const executable = installed("redis-server");
  const [redis, ...shoals] = await Promise.all([
    executable === undefined ? undefined : startRedis(executable),
    ...RUNTIMES.map((runtime) => startShoal(runtime, ENVIRONMENT)),
  ]);
  const targets: Target[] = ([2, 3] as const).map((protocol) => ({
    name: `in-process RESP${protocol}`,
    protocol,
    connect: () => inProcess.connect(protocol),
  }));
  for (const [i, server] of shoals.entries()) targets.push(...overSockets(RUNTIMES[i] as string, server));
  const skipped: { name: string; reason: string }[] = [];
  if (redis === undefined) skipped.push({ name: "redis-server", reason: "redis-server is not installed" });
  else targets.push(...overSockets("redis-server", redis, await versionOfRedis(redis)));
  return {
    targets,
    skipped,
    async close() {
      inProcess.close();
      await Promise.all([redis, ...shoals].map((server) => server?.stop()));
    },
  };
}

/** True if `version` ("7.0.15") is at least `minimal` ("7.0"). */
export function atLeast(version: string, minimal: string): boolean {
  const [has, needs] = [version, minimal].map((text) => text.split(".").map(Number)) as [number[], number[]];
  for (const [i, part] of needs.entries()) {
    if ((has[i] ?? 0) !== part) return (has[i] ?? 0) > part;
  }
  return true;
}
