/** How the crash test knows for how long a server was kept from working. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { SchedulingDelays, stretch } from "./crash-delays.ts";

const NEVER = Number.POSITIVE_INFINITY;

describe("a promise in ms is stretched by what threads waited for a processor", () => {
  const MAIN = 1;
  const sample = (atMs: number, main: number, other: number, third = 0) => ({
    atMs,
    waitedMs: new Map([
      [MAIN, main],
      [2, other],
      [3, third],
    ]),
  });
  test.each([
    { name: "not at all", samples: [0, 10, 20, 30, 40, 50, 60].map((at) => sample(at, 0, 0)), expected: 50 },
    {
      name: "by the main thread's",
      samples: [0, 20, 40, 60, 80].map((at) => sample(at, at >= 60 ? 20 : 0, 0)),
      expected: 70,
    },
    {
      name: "by the longest of the others",
      samples: [0, 20, 40, 60, 80].map((at) => sample(at, 0, at >= 60 ? 20 : 0, at >= 60 ? 9 : 0)),
      expected: 70,
    },
    {
      name: "without end, if there never was time enough",
      samples: [sample(0, 0, 0), sample(40, 10, 0)],
      expected: NEVER,
    },
    { name: "not where nothing is known", samples: [], expected: 50 },
  ])("$name", ({ samples, expected }) => {
    expect(stretch(samples, MAIN, 50)).toBe(expected);
  });
});

test.skipIf(!existsSync("/proc/self/task"))("a process is stopped with all its threads, and is not dead", async () => {
  const busy = "new Worker('data:text/javascript,for(;;);'); console.log('busy'); for (;;);";
  const process = Bun.spawn([Bun.argv[0] as string, "-e", busy], { stdout: "pipe", stderr: "ignore" });
  try {
    await process.stdout.getReader().read();
    using delays = new SchedulingDelays(process.pid);
    expect(await delays.stop(0)).toBeGreaterThanOrEqual(0);
    const task = `/proc/${process.pid}/task`;
    const states = readdirSync(task).map(
      (thread) => /\) (\w) /.exec(readFileSync(`${task}/${thread}/stat`, "utf8"))?.[1],
    );
    expect(states.length).toBeGreaterThan(1);
    expect(new Set(states)).toEqual(new Set(["T"]));
  } finally {
    process.kill("SIGKILL");
    await process.exited;
  }
});
