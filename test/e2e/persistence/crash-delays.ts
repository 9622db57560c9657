/**
 * How long a process was kept from working while it wanted to: what a promise in milliseconds is stretched by.
 *
 * The kernel counts, for each thread, how long it was ready to run and had to wait for a processor
 * (/proc/PID/task/TID/schedstat). What is written passes the main thread and a worker, so what counts is how long the main
 * thread waited, and the worker that waited longest; where no thread is called a worker, the longest of all others.
 * `stretch` goes back from the present to the moment
 * since which these two had the promised time for themselves. Waiting for a disk is not in it. Where there is no /proc,
 * nothing is stretched.
 */
import { readdirSync, readFileSync } from "node:fs";

const SAMPLE_MS = 20;
/** How often threads are listed. */
const LIST_MS = 200;
/** What runtimes call the threads of Worker: Bun "Worker", Deno "worker-1", Node "WorkerThread". */
const WORKER = /^worker/i;
const NS_PER_MS = 1e6;
/** Samples that are kept: ten seconds. */
const MAX_SAMPLES = 500;

export interface DelaySample {
  readonly atMs: number;
  /** Ms that each thread has waited since it began. */
  readonly waitedMs: ReadonlyMap<number, number>;
}

/**
 * The shortest time before the last sample in which process `pid` had `promisedMs` that it did not wait in; infinite
 * if it never had.
 */
export function stretch(samples: readonly DelaySample[], pid: number, promisedMs: number): number {
  const last = samples.at(-1);
  if (last === undefined) return promisedMs;
  for (let i = samples.length - 2; i >= 0; i--) {
    const { atMs, waitedMs } = samples[i] as DelaySample;
    const passedMs = last.atMs - atMs;
    let main = 0;
    let other = 0;
    for (const [thread, total] of last.waitedMs) {
      const waited = total - (waitedMs.get(thread) ?? 0);
      if (thread === pid) main = waited;
      else other = Math.max(other, waited);
    }
    if (passedMs - main - other >= promisedMs) return passedMs;
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
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** See `stretch`: up to now. */
  stretch(promisedMs: number): number {
    this.#sample();
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

  #sample(): void {
    const waitedMs = new Map<number, number>();
    const atMs = performance.now();
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
