/**
 * Runs many seeds in processes of their own, which share them: of two processes the first takes every other seed, and so on. Each
 * runs `simulate.ts --step`, which prints one report a line, in the order of its seeds.
 */
import { join } from "node:path";
import type { SeedReport } from "./run-seed.ts";

export const PROCESSES = 2;
const ENTRY = join(import.meta.dir, "simulate.ts");

export interface SeedRun {
  /** Settled when all processes have ended; rejected if one ended before its time. */
  readonly done: Promise<void>;
  /** Ends those that still run. */
  stop(): void;
}

/**
 * @param args more options for the command line, such as the kinds of faults
 * @param onReport called for each seed, as soon as it is over
 */
export function runSeeds(
  from: number,
  count: number,
  args: readonly string[],
  onReport: (report: SeedReport) => void,
): SeedRun {
  const children = Array.from({ length: Math.min(PROCESSES, count) }, (_, n) => {
    const share = ["--from", `${from + n}`, "--seeds", `${count - n}`, "--step", `${PROCESSES}`];
    return Bun.spawn([process.execPath, ENTRY, ...args, ...share], { stdout: "pipe", stderr: "inherit" });
  });
  const ends = children.map(async (child) => {
    for await (const line of linesOf(child.stdout)) onReport(JSON.parse(line) as SeedReport);
    const code = await child.exited;
    if (code !== 0) throw new Error(`a process that runs seeds ended before its time, with ${code}`);
  });
  const stop = () => {
    for (const child of children) child.kill();
  };
  return { done: Promise.all(ends).then(() => {}), stop };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  if (rest !== "") yield rest;
}
