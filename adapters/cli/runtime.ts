/**
 * Which runtime this is, and what it needs before a server starts.
 *
 * JavaScriptCore (Bun) counts the bytes of typed arrays as heap and lets ordinary garbage grow with it: with 512 MiB of
 * entries, four seconds of requests grew the process to between 800 and 1,350 MB. Two of its options bound that, and
 * they can only be given in the environment of a new process, so on Bun `shoal serve` replaces itself once (`execve`: the
 * same process id, streams and parent; 2 ms).
 *
 * - `forceRAMSize` 256 MiB: the heap is told that memory is scarce, so that it does not double before it is collected.
 * - `gcMaxHeapSize` 64 MiB: collect after each 64 MiB of allocation, whatever the budget of the store is.
 *
 * Measured on Bun 1.4 with 64, 512 and 2,048 MiB of entries, four kinds of garbage: at most 95 to 150 MB above the entries in
 * each case, and no more CPU time than without (collecting is cheap, for the bytes of entries are not scanned).
 * `--smol` does not help (934 MB), nor does `forceRAMSize` alone (2,600 MB with 2,048 MiB of entries).
 * What the environment already says is left alone. Where `execve` does not exist, memory is merely less tight.
 */
import process from "node:process";

export type RuntimeName = "bun" | "deno" | "node";

const BUN_HEAP_OPTIONS: Readonly<Record<string, string>> = {
  BUN_JSC_forceRAMSize: String(256 * 2 ** 20),
  BUN_JSC_gcMaxHeapSize: String(64 * 2 ** 20),
};

/** The runtime of this process. */
export function runtimeName(): RuntimeName {
  if (process.versions.bun !== undefined) return "bun";
  return process.versions.deno !== undefined ? "deno" : "node";
}

/** Its version. */
export function runtimeVersion(): string {
  return process.versions[runtimeName()] ?? "unknown";
}

/** Replaces this process by one whose garbage is bounded. Returns if there is nothing to do or no way to do it. */
export function boundGarbage(): void {
  if (runtimeName() !== "bun" || Object.keys(BUN_HEAP_OPTIONS).every((name) => process.env[name] !== undefined)) return;
  const replace = (process as { execve?: (file: string, args: string[], environment: NodeJS.ProcessEnv) => never })
    .execve;
  if (replace === undefined) return;
  const args = [process.argv0, ...process.execArgv, ...process.argv.slice(1)];
  try {
    replace.call(process, process.execPath, args, { ...BUN_HEAP_OPTIONS, ...process.env });
  } catch {
    // Not supported here: the server runs all the same.
  }
}
