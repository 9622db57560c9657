/** Servers under measurement: started on free loopback ports, stopped by their process id, their CPU time read from /proc. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import process from "node:process";

export interface BenchServer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** CPU time so far, seconds: of all threads, and of child processes that have ended. */
  cpuSeconds(): number;
  /** Resident memory, bytes. */
  residentBytes(): number;
  stop(): Promise<void>;
}

const TICKS_PER_SECOND = 100;
const START_DEADLINE_MS = 10_000;

/** The path of a program, or undefined if it is not installed. */
export function programPath(name: string): string | undefined {
  return (process.env.PATH ?? "")
    .split(":")
    .map((folder) => `${folder}/${name}`)
    .find((path) => existsSync(path));
}

/** The binary of a runtime: the project's own where it is installed. */
export function runtimePath(name: "bun" | "deno" | "node"): string {
  const own = new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname;
  return existsSync(own) ? own : (programPath(name) ?? name);
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function reachable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Starts a program; `{port}` in its arguments becomes the port. */
export async function startServer(name: string, file: string, args: readonly string[], env = {}): Promise<BenchServer> {
  const port = await freePort();
  const given = args.map((arg) => arg.replace("{port}", String(port)));
  const child: ChildProcess = spawn(file, given, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });
  const pid = child.pid as number;
  const end = performance.now() + START_DEADLINE_MS;
  while (!(await reachable(port))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    if (performance.now() > end) throw new Error(`${name} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    name,
    port,
    pid,
    cpuSeconds() {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
    },
    residentBytes() {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
    },
    stop() {
      return new Promise((resolve) => {
        child.on("exit", () => resolve());
        child.kill("SIGTERM");
      });
    },
  };
}

const shoal = new URL("../adapters/cli/shoal.ts", import.meta.url).pathname;

/** The arguments of `shoal serve` on a runtime, `{port}` in them; without HTTP unless `flags` say otherwise. */
export function shoalArguments(runtime: "bun" | "deno" | "node", flags: readonly string[] = []): string[] {
  const before = runtime === "deno" ? ["run", "--allow-all", shoal] : [shoal];
  return [...before, "serve", "--resp-port", "{port}", "--http-port", "-1", ...flags];
}

/** Our server on a runtime. */
export function startShoal(
  runtime: "bun" | "deno" | "node",
  flags: readonly string[] = [],
  env = {},
): Promise<BenchServer> {
  return startServer(`shoal on ${runtime}`, runtimePath(runtime), shoalArguments(runtime, flags), env);
}

/** The arguments of redis-server, `{port}` in them; without persistence unless `flags` say otherwise. */
export function redisArguments(flags: readonly string[] = []): string[] {
  const quiet = ["--loglevel", "warning", "--logfile", "/dev/null"];
  return ["--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", ...quiet, ...flags];
}

/** redis-server, or undefined if it is not installed. */
export async function startRedis(flags: readonly string[] = []): Promise<BenchServer | undefined> {
  const path = programPath("redis-server");
  return path === undefined ? undefined : startServer("redis-server", path, redisArguments(flags));
}
