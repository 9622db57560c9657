/** Progress: what a terminal and a pipe are shown, when, and that it goes away; of a recovery; and of a real load. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { type RecoveringHost, RecoveryWatch } from "../../../adapters/cli/node-storage.ts";
import { Progress } from "../../../adapters/cli/progress.ts";
import type { Log } from "../../../src/core/ports.ts";
import type { PersistenceStatus, RecoveryReport } from "../../../src/node/persistence-status.ts";
import { newFolder, removeFolders } from "../persistence/data-folder.ts";
import { startShoal } from "../server-process.ts";
import { until } from "../until.ts";
import { RUNTIMES, TerminalSession } from "./cli-process.ts";

setDefaultTimeout(60_000);
afterAll(removeFolders);

const CLEAR = "\r\x1b[K";

class Screen {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly written: string[] = [];

  constructor(isTTY: boolean, columns = 60) {
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string): void {
    this.written.push(text);
  }
}

function watched(screen: Screen) {
  const clock = { ms: 5_000 };
  const steps: number[] = [];
  const progress = new Progress({
    title: "verifying",
    terminal: screen,
    onStep: (percent) => steps.push(percent),
    now: () => clock.ms,
  });
  return { clock, steps, progress };
}

describe("a terminal", () => {
  test("is shown nothing in the first second, then a bar that is drawn ten times a second at most", () => {
    const screen = new Screen(true);
    const { clock, steps, progress } = watched(screen);
    for (clock.ms = 5_000; clock.ms < 6_000; clock.ms += 10) progress.report((clock.ms - 5_000) / 2_000);
    expect(screen.written).toEqual([]);
    for (; clock.ms < 7_000; clock.ms += 10) progress.report((clock.ms - 5_000) / 2_000);
    expect(screen.written.length).toBe(10);
    const [first] = screen.written;
    expect(first).toBe(`${CLEAR}verifying [${"#".repeat(20)}${"-".repeat(20)}]  50 %`);
    expect(steps).toEqual([]);
    progress.clear();
    expect(screen.written.at(-1)).toBe(CLEAR);
    progress.clear();
    expect(screen.written.length).toBe(11);
  });

  test.each([20, 30, 40, 60, 200])("of %d columns is never overflowed", (columns) => {
    const screen = new Screen(true, columns);
    const { clock, progress } = watched(screen);
    clock.ms += 1_000;
    for (const share of [0, 0.001, 0.5, 0.999, 1, undefined]) {
      progress.report(share, "1,234,567 entries");
      clock.ms += 100;
    }
    expect(screen.written.length).toBe(6);
    for (const text of screen.written) expect(text.slice(CLEAR.length).length).toBeLessThan(columns);
    expect(screen.written.every((text) => text.includes("verifying"))).toBe(true);
  });

  test("is shown a count where nobody knows how much there is", () => {
    const screen = new Screen(true);
    const { clock, progress } = watched(screen);
    clock.ms += 1_000;
    progress.report(undefined, "12,000 entries");
    expect(screen.written).toEqual([`${CLEAR}verifying 12,000 entries`]);
  });
});

describe("a pipe", () => {
  test("gets a line for every ten percent, and no bar", () => {
    const screen = new Screen(false);
    const { clock, steps, progress } = watched(screen);
    clock.ms += 1_000;
    for (let percent = 0; percent <= 100; percent++) progress.report(percent / 100);
    progress.report(undefined, "5 entries");
    progress.clear();
    expect(steps).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(screen.written).toEqual([]);
  });

  test("gets one line for steps that were passed at once, and none of what is over within a second", () => {
    const { clock, steps, progress } = watched(new Screen(false));
    clock.ms += 999;
    progress.report(0.35);
    expect(steps).toEqual([]);
    clock.ms += 1;
    for (const share of [0.35, 0.39, 0.72, 0.1, 1]) progress.report(share);
    expect(steps).toEqual([30, 70, 100]);
  });
});

describe("a recovery", () => {
  const report: RecoveryReport = {
    entries: 12,
    records: 20,
    journalRecords: 8,
    frames: 3,
    chunks: 4,
    leftOut: 0,
    bytes: 4_096,
    durationMs: 2_345.6,
    journalMs: 100,
    damage: [],
  };

  function recovering(isTTY: boolean) {
    const screen = new Screen(isTTY);
    const lines: unknown[] = [];
    const log: Log = { write: (level, event, fields) => void lines.push([level, event, fields]) };
    const state = { ms: 0, progress: 0 };
    let finish: (report: RecoveryReport) => void = () => {};
    const recovered = new Promise<RecoveryReport>((resolve) => {
      finish = resolve;
    });
    // Of all that a status tells, only this is looked at.
    const status = () => ({ recovery: { progress: state.progress } }) as PersistenceStatus;
    const host: RecoveringHost = { recovered, persistence: { status } };
    const watch = new RecoveryWatch(host, log, screen, () => state.ms);
    return { screen, lines, state, watch, finish };
  }

  test("is a bar at a terminal, which is gone when the log tells the end", async () => {
    const { screen, lines, state, watch, finish } = recovering(true);
    const done = watch.run();
    Object.assign(state, { ms: 1_000, progress: 0.25 });
    watch.look();
    expect(screen.written.at(-1)).toMatch(/recovering \[#+-+\] {2}25 %$/);
    watch.clear();
    expect(screen.written.at(-1)).toBe(CLEAR);
    finish(report);
    await done;
    const fields = { entries: 12, seconds: 2.346, records: 20, bytes: 4_096, leftOut: 0, damage: 0 };
    expect(lines).toEqual([["info", "recovered", fields]]);
  });

  test("is lines of the log in a pipe; damage and what found no room raise their level", async () => {
    const damage = [{ where: "journal frame 3", reason: "the checksum does not fit" }];
    for (const [told, level] of [
      [{ ...report, damage }, "error"],
      [{ ...report, leftOut: 2 }, "warn"],
    ] as const) {
      const { screen, lines, state, watch, finish } = recovering(false);
      const done = watch.run();
      Object.assign(state, { ms: 1_000, progress: 0.5 });
      watch.look();
      finish(told);
      await done;
      expect(screen.written).toEqual([]);
      expect(lines[0]).toEqual(["info", "recovering", { percent: 50 }]);
      expect(lines[1]).toEqual([
        level,
        "recovered",
        expect.objectContaining({ damage: told.damage.length, leftOut: told.leftOut }),
      ]);
    }
  });

  test("of a node that stores nothing is nothing", async () => {
    const lines: unknown[] = [];
    const log: Log = { write: (...line) => void lines.push(line) };
    await new RecoveryWatch(
      { recovered: Promise.resolve(undefined), persistence: undefined },
      log,
      new Screen(true),
    ).run();
    expect(lines).toEqual([]);
  });
});

test.each(RUNTIMES)("a load that lasts is shown at a terminal, on %s", async (runtime) => {
  await using server = await startShoal("bun");
  const pipe = join(newFolder(), "lines");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  await using session = new TerminalSession(runtime, ["load", pipe, "--url", `http://127.0.0.1:${server.httpPort}`]);
  const lines = createWriteStream(pipe);
  let count = 0;
  // As slow as it takes: a line for every look, until there is something to be seen.
  await until(
    "a count at the terminal",
    () => {
      lines.write(`${JSON.stringify({ key: `k${count++}`, value: "v" })}\n`);
      return /loading [\d,]+ entries/.test(session.shown);
    },
    20_000,
  );
  lines.end();
  expect(await session.exited).toBe(0);
  expect(session.shown).toContain(CLEAR);
  expect(session.shown).toEndWith(`${CLEAR}${count.toLocaleString("en-US")} loaded\r\n`);
});
