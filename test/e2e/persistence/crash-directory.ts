/**
 * Crash points on one data directory: a server is started on it, checked against what was sent to the one before, driven,
 * and killed. Damage that one life leaves is what the next one starts from.
 *
 * Everything but the timing follows from the seed: what is sent, and how each life ends:
 *
 *     count      after a number of answers
 *     receipt    after the answer to a purge or an invalidation
 *     snapshot   some ms after a BGSAVE
 *     start      some ms after the process was started, whatever it is doing by then
 *     orderly    by SIGTERM, which must lose nothing
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RespClient } from "../../conformance/resp-client.ts";
import { type Runtime, ServerProcess, shoalCommand } from "../server-process.ts";
import { until, within } from "../until.ts";
import { findMissingBallast, writeBallast } from "./crash-ballast.ts";
import { checkHistory, type History } from "./crash-check.ts";
import { SchedulingDelays } from "./crash-delays.ts";
import { Driver, readAll, UnexpectedReply } from "./crash-driver.ts";
import type { Action, KeyState } from "./crash-model.ts";
import { describeFailure } from "./crash-report.ts";
import { Draw, Workload } from "./crash-workload.ts";

export const FSYNC_MODES = ["always", "everysec", "no"] as const;
export type FsyncMode = (typeof FSYNC_MODES)[number];

/** What `everysec` and `no` may lose when the process is killed. */
const GATHER_MS = 50;
const READY = /"event":"ready".*"respPort":(\d+)/;
/** What a server must not say, and what it may say all the same after a kill. */
const LOUD = /"level":"(error|warn)"|panic|Uncaught/;
const EXPECTED = /a snapshot that was not finished was dropped/;
const DEADLINE_MS = 20_000;
const EARLY_KEYS = 20;
const BALLAST_ENTRIES = 10_000;
const ENDINGS = ["count", "count", "receipt", "snapshot", "start", "orderly"] as const;

export interface CrashOptions {
  readonly runtime: Runtime;
  readonly fsync: FsyncMode;
  readonly seed: number;
  readonly points: number;
  /** Called before each start, with the number of starts before: to plant damage, which must be found. */
  readonly beforeStart?: (folder: string, starts: number) => void;
}

export interface CrashReport {
  /** Points that were made and checked. */
  readonly points: number;
  readonly acknowledged: number;
  /** Ms before the kill of the oldest answer whose request was lost, over all kills; and what that kill might lose. */
  readonly lostMs: number;
  readonly lostOfMs: number;
  /** Of each kill that may lose anything: how much, ms; infinite if the server had been kept from working all the time. */
  readonly mayLoseMs: readonly number[];
  readonly endings: Readonly<Record<string, number>>;
  /** Undefined if all is well; otherwise the directory is kept, and the copy of it as the killed server left it. */
  readonly failure:
    | { readonly point: number; readonly folder: string; readonly before: string; readonly text: string }
    | undefined;
}

interface Life {
  readonly server: ServerProcess;
  readonly driver: Driver;
  readonly control: RespClient;
  readonly delays: SchedulingDelays;
}

class CrashFailure extends Error {
  override readonly name = "CrashFailure";
}

class CrashDirectory {
  readonly folder = mkdtempSync(join(tmpdir(), "shoal-crash-"));
  /** A copy of it as the last life left it, for whoever has to find out what that was. */
  readonly before = `${this.folder}-before`;
  readonly report = {
    points: 0,
    acknowledged: 0,
    lostMs: 0,
    lostOfMs: 0,
    mayLoseMs: [] as number[],
    endings: {} as Record<string, number>,
  };
  readonly #options: CrashOptions;
  readonly #draw: Draw;
  readonly #workload: Workload;
  readonly #ballast: number;
  #baseline: ReadonlyMap<string, NonNullable<KeyState>> = new Map();
  #ballastWritten = false;
  /** What the life before sent, until it has been checked. */
  #unchecked: History | undefined;
  #startMs = 100;
  #starts = 0;

  constructor(options: CrashOptions) {
    this.#options = options;
    this.#draw = new Draw(options.seed);
    this.#workload = new Workload(new Draw(options.seed ^ 0x5eed));
    this.#ballast = this.#draw.chance(0.5) ? BALLAST_ENTRIES : 0;
  }

  /** Starts, checks, drives and kills; the last life is only checked. */
  async run(): Promise<void> {
    for (let point = 0; point < this.#options.points; point++) {
      const ending = this.#draw.pick(ENDINGS);
      this.report.endings[ending] = (this.report.endings[ending] ?? 0) + 1;
      if (ending === "start" && point > 0) await this.#killAtStart();
      else await this.#live(ending);
      this.report.points++;
    }
    await this.#live(undefined);
  }

  #spawn(): ServerProcess {
    const { runtime, fsync, beforeStart } = this.#options;
    rmSync(this.before, { recursive: true, force: true });
    cpSync(this.folder, this.before, { recursive: true });
    beforeStart?.(this.folder, this.#starts++);
    const flags = ["--resp-port", "0", "--http-port", "-1", "--data", this.folder, "--fsync", fsync];
    // Small, so that snapshots are also written without being asked for.
    const server = new ServerProcess(shoalCommand(runtime, "serve", ...flags), { SHOAL_SNAPSHOT_JOURNAL_BYTES: "2mb" });
    children.add(server);
    void server.ended.then(() => children.delete(server));
    return server;
  }

  async #killAtStart(): Promise<void> {
    const server = this.#spawn();
    await new Promise((resolve) => setTimeout(resolve, this.#draw.next() * this.#startMs * 1.2));
    server.signal("SIGKILL");
    await within("the end", server.ended, DEADLINE_MS);
  }

  async #live(ending: (typeof ENDINGS)[number] | undefined): Promise<void> {
    const began = performance.now();
    const server = this.#spawn();
    using delays = new SchedulingDelays(server.pid);
    try {
      const [, port] = await server.said(READY, DEADLINE_MS);
      const driver = new Driver(this.#workload, this.#draw);
      await driver.connect(Number(port));
      const control = await RespClient.connect(Number(port));
      const early = this.#draw.chance(0.3) ? await driver.writeFresh(EARLY_KEYS) : [];
      await until(
        "everything is loaded",
        async () => /\bloading:0\r/.test(String(await control.call("INFO"))),
        DEADLINE_MS,
      );
      this.#startMs = performance.now() - began;
      await this.#check(control, new Set(early));
      if (ending === undefined) driver.end();
      else await this.#drive({ server, driver, control, delays }, ending);
      control.close();
      const loud = `${server.stdout}${server.stderr}`
        .split("\n")
        .find((line) => LOUD.test(line) && !EXPECTED.test(line));
      if (loud !== undefined) throw new CrashFailure(`the server said: ${loud}`);
      if (ending !== undefined && ending !== "orderly") return;
      const { exitCode } = await server.stop();
      if (exitCode !== 0) throw new CrashFailure(`the server ended with ${exitCode}`);
    } finally {
      if (server.running) server.signal("SIGKILL");
      await server.ended;
    }
  }

  async #check(client: RespClient, early: ReadonlySet<string>): Promise<void> {
    if (this.#ballast > 0) await this.#checkBallast(client);
    const history = this.#unchecked;
    if (history === undefined) return;
    const from = Date.now();
    const found = await readAll(client, history.keys);
    for (const key of early) found.delete(key);
    const { violations, baseline, lostMs } = checkHistory(history, { found, from, to: Date.now() });
    if (violations.length > 0) throw new CrashFailure(describeFailure(violations, history));
    if (lostMs > this.report.lostMs) Object.assign(this.report, { lostMs, lostOfMs: history.lossMs });
    this.#baseline = baseline;
    this.#workload.recovered(baseline, Date.now());
    this.#unchecked = undefined;
  }

  async #checkBallast(client: RespClient): Promise<void> {
    if (!this.#ballastWritten) {
      await writeBallast(client, this.#ballast);
      await client.call("SHOAL.PURGE", "KEYS", 1, "none");
      this.#ballastWritten = true;
      return;
    }
    const missing = await findMissingBallast(client, this.#ballast);
    if (missing !== undefined) throw new CrashFailure(`lost: ${missing}`);
  }

  async #drive({ server, driver, control, delays }: Life, ending: string): Promise<void> {
    const draw = this.#draw;
    const { fsync } = this.#options;
    // A receipt makes everything before it durable: without any, what is lost is what the mode allows.
    this.#workload.receipts = ending === "receipt" || draw.chance(0.4);
    const enough = draw.between(1, fsync === "always" ? 300 : 1_200);
    let count = 0;
    let reached: () => void = () => {};
    const time = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const ended = driver.run(fsync === "always" ? 0 : 6, (action: Action) => {
      count++;
      if (count >= enough && (ending !== "receipt" || "selection" in action)) reached();
    });
    await within("enough answers", Promise.race([time, ended]), DEADLINE_MS);
    if (ending === "snapshot") {
      control.send("BGSAVE");
      await new Promise((resolve) => setTimeout(resolve, draw.next() * 25));
    }
    const orderly = ending === "orderly";
    const killedMs = performance.now();
    const lossMs = fsync === "always" || orderly ? 0 : await delays.stop(GATHER_MS);
    server.signal(orderly ? "SIGTERM" : "SIGKILL");
    await within("the end", server.ended, DEADLINE_MS);
    await ended;
    driver.stop();
    driver.end();
    this.report.acknowledged += count;
    if (lossMs > 0) this.report.mayLoseMs.push(lossMs);
    this.#unchecked = {
      baseline: this.#baseline,
      connections: driver.sent,
      keys: this.#workload.keys.map((keys) => new Set(keys)),
      killedMs,
      lossMs,
    };
  }
}

const children = new Set<ServerProcess>();
process.on("exit", () => {
  for (const server of children) server.signal("SIGKILL");
});

/** Makes crash points on a new directory. Removes it if all is well. */
export async function crashDirectory(options: CrashOptions): Promise<CrashReport> {
  const directory = new CrashDirectory(options);
  const { folder, before, report } = directory;
  try {
    await directory.run();
  } catch (error) {
    const known = error instanceof CrashFailure || error instanceof UnexpectedReply;
    const text = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...report, failure: { point: report.points + 1, folder, before, text } };
  }
  for (const path of [folder, before]) rmSync(path, { recursive: true });
  return { ...report, failure: undefined };
}
