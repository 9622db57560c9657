/**
 * How fast a server is back, on Bun:
 *
 *     bun run bench:recovery [--entries N,N] [--rounds N] [--forms snapshot,journal] [--json]
 *
 * Entries of 16-byte keys and 100-byte values with a TTL (default: 1 and 5 million) are written, the server is stopped, and
 * started again, in each round once; medians. Ours loads a snapshot where redis-server loads its RDB, and its journal alone
 * where that loads an AOF that was never rewritten. From the start of the process, with the files in the page cache:
 *
 *     first PING, GET   until the first answer that is no error (redis-server answers LOADING until it has everything)
 *     loaded            until INFO says that everything is
 *     entries/s         of that time; and without the time to the first answer, which is start-up
 *     bytes/entry       of all files in the data directory
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { median, missing, option, report, say } from "./report.ts";
import { freePort, programPath, redisArguments, runtimePath, shoalArguments } from "./servers.ts";

const VALUE_BYTES = 100;
const ENTRIES_GOAL = 2_000_000;
const FIRST_ANSWER_GOAL_MS = 200;
/** Memory enough that nothing is evicted; and a snapshot or a rewrite only when it is asked for. */
const MAX_MEMORY = "8gb";
const NO_SNAPSHOT = { SHOAL_SNAPSHOT_JOURNAL_BYTES: "15gb", SHOAL_SNAPSHOT_INTERVAL_MS: "0" };
const POLL_MS = 2;
const SETTLE_MS = 500;
const DEADLINE_MS = 120_000;
const generator = new URL("load-generator.ts", import.meta.url).pathname;

type Form = "snapshot" | "journal";

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Asks for a snapshot. */
  readonly save: string;
}

interface Start {
  readonly firstPingMs: number;
  readonly firstGetMs: number;
  readonly loadedMs: number;
}

function ours(folder: string): Program {
  const flags = ["--max-memory", MAX_MEMORY, "--data", folder];
  return { file: runtimePath("bun"), args: shoalArguments("bun", flags), env: NO_SNAPSHOT, save: "BGSAVE" };
}

function theirs(folder: string, form: Form): Program | undefined {
  const file = programPath("redis-server");
  const journal = ["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"];
  const args = redisArguments(["--dir", folder, ...(form === "journal" ? journal : [])]);
  return file === undefined ? undefined : { file, args, env: {}, save: "BGSAVE" };
}

/** One connection, one command at a time, as text. */
class Line {
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** The reply; undefined if nobody listens. */
  ask(command: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const socket = createConnection({ port: this.#port, host: "127.0.0.1" });
      socket.setNoDelay(true);
      let text = "";
      socket.on("connect", () => socket.write(`${command}\r\n`));
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        if (!isWhole(text)) return;
        socket.destroy();
        resolve(text);
      });
      socket.on("error", () => resolve(undefined));
      socket.on("close", () => resolve(text === "" ? undefined : text));
    });
  }

  /** Asks again and again until the reply is as wanted. */
  async until(command: string, wanted: (reply: string) => boolean): Promise<string> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const reply = await this.ask(command);
      if (reply !== undefined && wanted(reply)) return reply;
      if (performance.now() > end) throw new Error(`${command} did not get what was wanted: ${reply}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

function isWhole(text: string): boolean {
  if (!text.startsWith("$") || text.startsWith("$-")) return text.endsWith("\r\n");
  const head = /^\$(\d+)\r\n/.exec(text);
  return head !== null && text.length >= head[0].length + Number(head[1]) + 2;
}

interface Running {
  readonly child: ChildProcess;
  readonly line: Line;
  readonly port: number;
}

async function start(program: Program): Promise<Running> {
  const port = await freePort();
  const args = program.args.map((arg) => arg.replace("{port}", String(port)));
  const env = { ...process.env, ...program.env };
  const child = spawn(program.file, args, { stdio: ["ignore", "ignore", "inherit"], env });
  return { child, line: new Line(port), port };
}

async function stop({ child }: Running): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  // Redis's SIGTERM writes no file that was not configured; neither does ours.
  if (child.exitCode === null) child.kill("SIGTERM");
  await ended;
}

const isAnswer = (reply: string) => !reply.startsWith("-");
const isLoaded = (reply: string) => /\bloading:0\r/.test(reply);

async function fill(program: Program, folder: string, entries: number, form: Form): Promise<void> {
  const running = await start(program);
  await running.line.until("PING", isAnswer);
  const words = [generator, running.port, "fill", 50, 64, entries, entries, VALUE_BYTES, 5];
  await promisify(execFile)(runtimePath("bun"), words.map(String));
  if (form === "snapshot") {
    await running.line.until(program.save, isAnswer);
    await running.line.until("INFO persistence", (reply) => reply.includes("rdb_bgsave_in_progress:0"));
    await untilSettled(folder);
  }
  await stop(running);
}

/** Waits until the files no longer change: space that a retired journal leaves is given back after a snapshot. */
async function untilSettled(folder: string): Promise<void> {
  let before = -1;
  for (let bytes = filesBytes(folder); bytes !== before; bytes = filesBytes(folder)) {
    before = bytes;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
}

async function measure(program: Program, entries: number): Promise<Start> {
  const began = performance.now();
  const running = await start(program);
  try {
    const since = () => performance.now() - began;
    await running.line.until("PING", isAnswer);
    const firstPingMs = since();
    await running.line.until("GET key:000000000001", isAnswer);
    const firstGetMs = since();
    await running.line.until("INFO persistence", isLoaded);
    const loadedMs = since();
    const there = Number((await running.line.ask("DBSIZE"))?.slice(1));
    if (there !== entries) throw new Error(`${there} entries were loaded, and not ${entries}`);
    return { firstPingMs, firstGetMs, loadedMs };
  } finally {
    await stop(running);
  }
}

function filesBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => statSync(join(folder, name)));
  return files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}

interface Figures extends Start {
  readonly bytes: number;
}

async function figures(
  program: Program,
  folder: string,
  entries: number,
  form: Form,
  rounds: number,
): Promise<Figures> {
  await fill(program, folder, entries, form);
  const bytes = filesBytes(folder);
  const starts: Start[] = [];
  for (let round = 0; round < rounds; round++) starts.push(await measure(program, entries));
  const middle = (pick: (start: Start) => number) => median(starts.map(pick));
  return {
    firstPingMs: middle((start) => start.firstPingMs),
    firstGetMs: middle((start) => start.firstGetMs),
    loadedMs: middle((start) => start.loadedMs),
    bytes,
  };
}

async function compare(entries: number, form: Form, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "shoal-bench-"));
  const peerFolder = mkdtempSync(join(tmpdir(), "shoal-bench-"));
  try {
    const own = await figures(ours(folder), folder, entries, form, rounds);
    const program = theirs(peerFolder, form);
    if (program === undefined) missing("redis-server", "install Debian's redis-server");
    const peer = program && (await figures(program, peerFolder, entries, form, rounds));
    const name = `${entries / 1e6} M, ${form}`;
    const ms = { better: "lower", unit: "ms" } as const;
    const first = { goal: FIRST_ANSWER_GOAL_MS, absolute: true, ...ms };
    report({ name: `${name}: first PING`, ours: own.firstPingMs, peer: peer?.firstPingMs, ...first });
    report({ name: `${name}: first GET`, ours: own.firstGetMs, peer: peer?.firstGetMs, ...first });
    report({ name: `${name}: loaded`, ours: own.loadedMs, peer: peer?.loadedMs, ...ms });
    const speed = (one: Figures) => (entries / one.loadedMs) * 1_000;
    const perSecond = { better: "higher", unit: "entries/s" } as const;
    report({ name: `${name}: entries/s`, ours: speed(own), peer: peer && speed(peer), ...perSecond });
    const loading = (entries / (own.loadedMs - own.firstPingMs)) * 1_000;
    const goal = { goal: ENTRIES_GOAL, absolute: true, ...perSecond };
    report({ name: `${name}: entries/s after the first answer`, ours: loading, ...goal });
    const size = { better: "lower", unit: "bytes/entry" } as const;
    report({ name: `${name}: file`, ours: own.bytes / entries, peer: peer && peer.bytes / entries, ...size });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(peerFolder, { recursive: true, force: true });
  }
}

const rounds = Number(option("rounds", "3"));
say(`bun, medians of ${rounds} starts; load of the machine before: ${(loadavg()[0] as number).toFixed(1)}`);
for (const entries of option("entries", "1000000,5000000").split(",").map(Number)) {
  for (const form of option("forms", "snapshot,journal").split(",") as Form[]) await compare(entries, form, rounds);
}
