/** Servers under measurement: started on free loopback ports, stopped by their process id, their CPU time read from /proc. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import process from "node:process";

export interface BenchServer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** CPU time so far, seconds. */
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

function freePort(): Promise<number> {
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
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
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

/** Our server on a runtime. */
export function startShoal(runtime: "bun" | "deno" | "node", flags: readonly string[] = []): Promise<BenchServer> {
  const before = runtime === "deno" ? ["run", "--allow-all", shoal] : [shoal];
  return startServer(`shoal on ${runtime}`, runtimePath(runtime), [
    ...before,
    "serve",
    "--resp-port",
    "{port}",
    ...flags,
  ]);
}

/** redis-server without persistence, or undefined if it is not installed. */
export async function startRedis(flags: readonly string[] = []): Promise<BenchServer | undefined> {
  const path = programPath("redis-server");
  if (path === undefined) return undefined;
  return startServer("redis-server", path, [
    "--port",
    "{port}",
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
    "--loglevel",
    "warning",
    "--logfile",
    "/dev/null",
    ...flags,
  ]);
}
