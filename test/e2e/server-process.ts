/**
 * Servers as processes of their own: `shoal serve` on any of the runtimes, and Redis where it is installed.
 * They listen on the loopback address, at ports that the system chose.
 */
import { createServer } from "node:net";
import { executableOf, root } from "../../adapters/cli/install.mjs";
import { within } from "./until.ts";

export type Runtime = "bun" | "deno" | "node";

const START_DEADLINE_MS = 20_000;
const SHOAL = "adapters/cli/shoal.ts";
const DENO_PERMISSIONS = ["--allow-net", "--allow-env", "--allow-sys", "--allow-read", "--allow-write", "--allow-ffi"];

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ServerProcess {
  /** The port of the Redis protocol, and the one of HTTP; -1 if it is off. */
  port = 0;
  httpPort = -1;
  stdout = "";
  stderr = "";
  /** Resolves when the process has ended and all its output was read. */
  readonly ended: Promise<Output>;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #changed = new Set<() => void>();

  constructor(command: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#process = Bun.spawn([...command], {
      cwd: root,
      env: { ...inherited(), ...environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const out = this.#read(this.#process.stdout, (text) => {
      this.stdout += text;
    });
    const err = this.#read(this.#process.stderr, (text) => {
      this.stderr += text;
    });
    this.ended = Promise.all([this.#process.exited, out, err]).then(([exitCode]) => ({
      exitCode,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
    void this.ended.then(() => this.#announce());
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Waits until the output holds what `pattern` matches; rejects if the process ends without it. */
  async said(pattern: RegExp, deadlineMs = START_DEADLINE_MS): Promise<RegExpMatchArray> {
    const match = new Promise<RegExpMatchArray>((resolve, reject) => {
      const look = () => {
        const found = this.stdout.match(pattern) ?? this.stderr.match(pattern);
        if (found === null && this.running) return;
        this.#changed.delete(look);
        if (found !== null) resolve(found);
        else reject(new Error(`ended without saying ${pattern}:\n${this.stdout}${this.stderr}`));
      };
      this.#changed.add(look);
      look();
    });
    return within(`saying ${pattern}`, match, deadlineMs);
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Ends it, and waits for that. */
  async stop(): Promise<Output> {
    if (this.running) this.#process.kill("SIGTERM");
    const late = setTimeout(() => this.#process.kill("SIGKILL"), 10_000);
    return this.ended.finally(() => clearTimeout(late));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #read(stream: ReadableStream<Uint8Array>, keep: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      keep(decoder.decode(chunk, { stream: true }));
      this.#announce();
    }
  }

  #announce(): void {
    for (const look of [...this.#changed]) look();
  }
}

/** The environment of the tests, without what would configure a server. */
function inherited(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(SHOAL_|BUN_JSC_)/.test(name));
  return Object.fromEntries(kept) as Record<string, string>;
}

/** The command line of Shoal on a runtime. */
export function shoalCommand(runtime: Runtime, ...words: string[]): string[] {
  const permissions = runtime === "deno" ? ["run", ...DENO_PERMISSIONS] : [];
  return [executableOf(runtime), ...permissions, SHOAL, ...words];
}

/** Starts `shoal serve`, with both protocols unless `flags` say otherwise, and waits until it is ready. */
export async function startShoal(
  runtime: Runtime,
  environment: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  const server = new ServerProcess(
    shoalCommand(runtime, "serve", "--resp-port", "0", "--http-port", "0", ...flags),
    environment,
  );
  const [, respPort, httpPort] = await server.said(/"event":"ready".*"respPort":(-?\d+),"httpPort":(-?\d+)/);
  server.port = Number(respPort);
  server.httpPort = Number(httpPort);
  return server;
}

/** Where a program is installed, or undefined. */
export function installed(program: string): string | undefined {
  return Bun.which(program) ?? undefined;
}

/** A port that was free a moment ago, for programs that cannot choose one themselves. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Starts Redis without persistence. */
export async function startRedis(executable: string): Promise<ServerProcess> {
  const port = await freePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const server = new ServerProcess([executable, ...options, "--enable-debug-command", "yes", "--dir", "/tmp"]);
  await server.said(/Ready to accept connections/);
  server.port = port;
  return server;
}
