/**
 * How every benchmark reports: a table for people, or with `--json` one JSON object a line and result:
 * `name, ours, peer, ratio, goal, better ("higher" or "lower"), reached, unit`. A missing peer is named, not an error.
 */
import process from "node:process";

export interface Result {
  readonly name: string;
  readonly ours: number;
  /** What it is compared with; undefined where the peer is missing or there is none. */
  readonly peer?: number | undefined;
  /** Goal for the ratio ours / peer, or for `ours` itself where there is no peer by design (`absolute`). */
  readonly goal?: number | undefined;
  readonly absolute?: boolean;
  readonly better: "higher" | "lower";
  readonly unit: string;
}

export const json: boolean = process.argv.includes("--json");

/** The value behind `--name`, or the fallback. */
export function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at >= 0 ? (process.argv[at + 1] ?? fallback) : fallback;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The value below which `share` (0 to 1) of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}

function shown(value: number | undefined): string {
  if (value === undefined) return "-";
  if (value >= 1_000) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3);
}

/** Says something to people; with `--json` it goes to standard error. */
export function say(text: string): void {
  (json ? process.stderr : process.stdout).write(`${text}\n`);
}

let headed = false;

/** Prints one result. */
export function report(result: Result): void {
  const { name, ours, peer, goal, better, unit, absolute = false } = result;
  const ratio = peer === undefined ? undefined : ours / peer;
  const compared = absolute ? ours : ratio;
  const reached =
    goal === undefined || compared === undefined
      ? undefined
      : better === "higher"
        ? compared >= goal
        : compared <= goal;
  if (json) {
    process.stdout.write(`${JSON.stringify({ name, ours, peer, ratio, goal, better, reached, unit })}\n`);
    return;
  }
  if (!headed) {
    process.stdout.write(
      `${"".padEnd(44)}${["ours", "peer", "ratio", "goal"].map((word) => word.padStart(12)).join("")}\n`,
    );
    headed = true;
  }
  const sign = better === "higher" ? ">=" : "<=";
  const columns = [
    shown(ours),
    shown(peer),
    ratio === undefined ? "-" : ratio.toFixed(2),
    goal === undefined ? "-" : `${sign} ${goal}`,
  ];
  const verdict = reached === undefined ? "" : reached ? "  reached" : "  MISSED";
  process.stdout.write(`${name.padEnd(44)}${columns.map((word) => word.padStart(12)).join("")}${verdict}  ${unit}\n`);
}

/** Says that a peer is missing. */
export function missing(peer: string, how: string): void {
  say(`${peer} is missing, so nothing is compared with it (${how})`);
}
