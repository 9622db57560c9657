/**
 * The crash test by command:
 *
 *     bun run crash [--points N] [--runtime bun|deno|node] [--fsync always|everysec|no] [--seed S] [--jobs N]
 *
 * Kills a server N times (default 40), at moments that the seed chooses, and checks each time what the next one has
 * recovered. A directory lives for 20 points; the next has the next seed, and `jobs` of them (default 2) are worked on at
 * a time. Without `--fsync` the modes take turns. At a failure it prints the command that makes the same points again,
 * keeps the directory with a copy of it as the killed server left it, and exits with 1.
 */
import { parseArgs } from "node:util";
import type { Runtime } from "../server-process.ts";
import { type CrashReport, crashDirectory, FSYNC_MODES, type FsyncMode } from "./crash-directory.ts";

const POINTS_PER_DIRECTORY = 20;
const RUNTIMES = ["bun", "deno", "node"] as const;

export interface CrashRun {
  readonly points: number;
  readonly runtime: Runtime;
  /** Undefined: all of them, in turn. */
  readonly fsync: FsyncMode | undefined;
  readonly seed: number;
  readonly pointsPerDirectory?: number;
  /** Directories at a time. */
  readonly jobs: number;
}

/** Makes the points, directory after directory. Begins no further directory after a failure, and returns its text. */
export async function crash(run: CrashRun, say: (line: string) => void): Promise<string | undefined> {
  const { points, pointsPerDirectory = POINTS_PER_DIRECTORY } = run;
  const failures: string[] = [];
  let begun = 0;
  let done = 0;
  let seed = run.seed;
  const work = async () => {
    while (begun < points && failures.length === 0) {
      const count = Math.min(pointsPerDirectory, points - begun);
      begun += count;
      const own = seed++;
      const fsync = run.fsync ?? (FSYNC_MODES[own % FSYNC_MODES.length] as FsyncMode);
      const began = performance.now();
      const report = await crashDirectory({ runtime: run.runtime, fsync, seed: own, points: count });
      if (report.failure !== undefined) {
        const { point, folder, before, text } = report.failure;
        const again = `bun run crash --runtime ${run.runtime} --fsync ${fsync} --seed ${own} --points ${Math.min(point, count)}`;
        failures.push(
          `point ${point} on ${run.runtime} with fsync ${fsync} failed\n${text}\nagain: ${again}\ndirectory: ${folder}, as the server left it: ${before}`,
        );
        return;
      }
      done += report.points;
      say(`${done} of ${points} ${describe(report, fsync, own, (performance.now() - began) / 1000)}`);
    }
  };
  await Promise.all(Array.from({ length: run.jobs }, work));
  return failures.length === 0 ? undefined : failures.join("\n\n");
}

function describe(report: CrashReport, fsync: FsyncMode, seed: number, seconds: number): string {
  const endings = Object.entries(report.endings).map(([name, count]) => `${name} ${count}`);
  const allowed = [...report.mayLoseMs].sort((a, b) => a - b);
  const middle = allowed[allowed.length >> 1] ?? 0;
  const unbounded = allowed.filter((ms) => ms === Number.POSITIVE_INFINITY).length;
  const loss = `lost at most the last ${Math.round(report.lostMs)} ms of ${Math.round(report.lostOfMs)} (half may lose ${Math.round(middle)}, ${unbounded} anything)`;
  const rate = (report.points / seconds).toFixed(1);
  return `seed ${seed} ${fsync}: ${report.acknowledged} answers, ${rate} points/s (${endings.join(", ")}), ${loss}`;
}

function readOptions(): CrashRun {
  const { values } = parseArgs({
    options: {
      points: { type: "string", default: "40" },
      runtime: { type: "string", default: "bun" },
      fsync: { type: "string" },
      seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
      jobs: { type: "string", default: "2" },
    },
  });
  const one = <T extends string>(name: string, given: string, allowed: readonly T[]): T => {
    const found = allowed.find((word) => word === given);
    if (found === undefined) throw new Error(`--${name} ${given}: allowed are ${allowed.join(", ")}`);
    return found;
  };
  const whole = (name: string, given: string): number => {
    if (!/^\d{1,9}$/.test(given)) throw new Error(`--${name} ${given}: allowed is a whole number of up to nine digits`);
    return Number(given);
  };
  return {
    points: whole("points", values.points),
    runtime: one("runtime", values.runtime, RUNTIMES),
    fsync: values.fsync === undefined ? undefined : one("fsync", values.fsync, FSYNC_MODES),
    seed: whole("seed", values.seed),
    jobs: whole("jobs", values.jobs),
  };
}

if (import.meta.main) {
  try {
    const failure = await crash(readOptions(), (line) => console.log(line));
    if (failure !== undefined) console.error(failure);
    process.exitCode = failure === undefined ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 64;
  }
}
