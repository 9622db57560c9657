/**
 * How long a process was kept from working while it wanted to: what a promise in milliseconds is stretched by.
 *
 * First it is given the highest priority, where the user may do that, so that there is little to be counted. The kernel
 * counts, for each thread, how long it was ready to run and had to wait for a processor (/proc/PID/task/TID/schedstat).
 * What is written passes the main thread and a worker, so what counts is how long the main thread waited, and the worker
 * that waited longest; where no thread is called a worker, the longest of all others. `stretch` goes back from the end
 * to a moment since which these two had the promised time for themselves, and adds to the promise what they waited since.
 * Waiting for a disk is not in it.
 *
 * A wait is counted when it is over, and a thread that waits while the process is killed never tells. So the process is
 * stopped first (SIGSTOP): each of its threads gets a processor once more for that, but does nothing of its own any more.
 *
 * Where there is no /proc, nothing is stretched.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { until } from "../until.ts";

const SAMPLE_MS = 20;
/** How often threads are listed. */
const LIST_MS = 200;
/** What runtimes call the threads of Worker: Bun "Worker", Deno "worker-1", Node "WorkerThread". */
const WORKER = /^worker/i;
const NS_PER_MS = 1e6;
const HIGHEST_PRIORITY = -20;
const STOPPED = "T";
/** Samples that are kept: ten seconds. */
const MAX_SAMPLES = 500;

export interface DelaySample {
  readonly atMs: number;
  /** Ms that each thread has waited since it began. */
  readonly waitedMs: ReadonlyMap<number, number>;
}

/**
 * A time before the last sample in which process `pid` had `promisedMs` that it did not wait in, the shortest that can be
 * told from these samples; infinite if it never had.
 */
export function stretch(samples: readonly DelaySample[], pid: number, promisedMs: number): number {
  const last = samples.at(-1);
  if (last === undefined) return promisedMs;
  for (let i = samples.length - 2; i >= 0; i--) {
    const { atMs, waitedMs } = samples[i] as DelaySample;
    let main = 0;
    let other = 0;
    for (const [thread, total] of last.waitedMs) {
      const waited = total - (waitedMs.get(thread) ?? 0);
      if (thread === pid) main = waited;
      else other = Math.max(other, waited);
    }
    // What is beyond the promise may be cut off: it has no more free time than it is long.
    if (last.atMs - atMs - main - other >= promisedMs) return promisedMs + main + other;
  }
  return samples.length < 2 ? promisedMs : Number.POSITIVE_INFINITY;
}

/** Samples a process until it is disposed of. */
export class SchedulingDelays implements Disposable {
  readonly #pid: number;
  readonly #samples: DelaySample[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #threads: readonly string[] = [];
  #listedMs = 0;

  constructor(pid: number) {
    this.#pid = pid;
    // Before it has other threads, which inherit it.
    attempt(() => setPriority(pid, HIGHEST_PRIORITY));
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Stops the process at this moment, and says how long what was promised in ms may have taken: see `stretch`. */
  async stop(promisedMs: number): Promise<number> {
    const stoppedMs = performance.now();
    process.kill(this.#pid, "SIGSTOP");
    clearInterval(this.#timer);
    await until("a stop of all threads", () => this.#states().every((state) => state === STOPPED));
    this.#sample(stoppedMs);
    return stretch(this.#samples, this.#pid, promisedMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #list(): readonly string[] {
    const task = `/proc/${this.#pid}/task`;
    const threads = attempt(() => readdirSync(task)) ?? [];
    const isWorker = (thread: string) =>
      WORKER.test(attempt(() => readFileSync(`${task}/${thread}/comm`, "utf8")) ?? "");
    const workers = threads.filter(isWorker);
    return workers.length === 0 ? threads : [String(this.#pid), ...workers];
  }

  /** What each thread does, as ps tells. */
  #states(): readonly string[] {
    const task = `/proc/${this.#pid}/task`;
    const stats = (attempt(() => readdirSync(task)) ?? []).map((thread) =>
      attempt(() => readFileSync(`${task}/${thread}/stat`, "utf8")),
    );
    return stats.flatMap((stat) => (stat === undefined ? [] : [stat.slice(stat.lastIndexOf(")") + 2)[0] as string]));
  }

  #sample(atMs = performance.now()): void {
    const waitedMs = new Map<number, number>();
    if (atMs > this.#listedMs + LIST_MS) {
      this.#threads = this.#list();
      this.#listedMs = atMs;
    }
    for (const thread of this.#threads) {
      const figures = attempt(() => readFileSync(`/proc/${this.#pid}/task/${thread}/schedstat`, "utf8"));
      if (figures !== undefined) waitedMs.set(Number(thread), Number(figures.split(" ")[1]) / NS_PER_MS);
    }
    if (waitedMs.size > 0) this.#samples.push({ atMs, waitedMs });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }
}

/** What is read; undefined if the process or thread is gone, or there are no such files here. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
