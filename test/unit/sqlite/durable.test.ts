/** That what has to survive a power cut is synced, and that a failed sync or write is reported: seen in the system calls. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Command } from "./storage-process.ts";
import { newDirectory, removeDirectories } from "./test-directory.ts";
import { TracedProcess, whyNotTraced } from "./traced-process.ts";

afterEach(removeDirectories);

setDefaultTimeout(60_000);

const reason = whyNotTraced();
const traceable = reason === undefined ? test : test.skip;
const note = reason === undefined ? "" : ` (skipped: ${reason})`;

let running: TracedProcess | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(): Promise<TracedProcess> {
  running = await TracedProcess.start(newDirectory());
  return running;
}

const SYNCS = ["-e", "trace=fsync,fdatasync", "-y"];

describe("what is synced", () => {
  const table: { name: string; commands: Command[]; syncs: number }[] = [
    { name: "an append without sync: nothing", commands: [{ call: "append", first: 1, last: 5 }], syncs: 0 },
    { name: "sync: the log, once", commands: [{ call: "sync" }], syncs: 1 },
    { name: "sync with nothing new: nothing", commands: [{ call: "sync" }, { call: "sync" }], syncs: 0 },
    { name: "an append with sync: the log", commands: [{ call: "append", first: 6, sync: true }], syncs: 1 },
    { name: "sync after that: nothing", commands: [{ call: "sync" }], syncs: 0 },
    { name: "finishing a snapshot: the log", commands: [{ call: "snapshot", first: 3 }], syncs: 1 },
  ];
  traceable(`each commit that must survive a power cut, and no other${note}`, async () => {
    const child = await start();
    // The first commit of a log has more to sync: its name in the directory.
    await child.ask({ call: "append", first: 0 + 1, sync: true });
    for (const { name, commands, syncs } of table) {
      const { calls } = await child.traced(SYNCS, async () => {
        for (const command of commands) {
          const shifted = command.first === undefined ? command : shift(command);
          expect(await child.ask(shifted)).toEqual({});
        }
      });
      expect({ name, calls: calls.length }).toEqual({ name, calls: syncs });
      for (const call of calls) expect(call).toContain("shoal.db-wal");
    }
  });
});

function shift(command: Command): Command {
  return { ...command, first: (command.first ?? 0) + 1, last: (command.last ?? command.first ?? 0) + 1 };
}

const injected = [
  { name: "a failed sync", inject: "fsync,fdatasync:error=EIO", sync: true, code: "io", words: "disk I/O error" },
  { name: "a failed write", inject: "pwrite64:error=EIO", sync: false, code: "io", words: "disk I/O error" },
  { name: "a full disk", inject: "pwrite64:error=ENOSPC", sync: true, code: "full", words: "full" },
];

/** Options of strace: "fsync:error=EIO" makes each such call fail, and is ignored for calls that are not traced. */
function failing(inject: string): string[] {
  return ["-e", `trace=${inject.split(":")[0]}`, "-e", `inject=${inject}`];
}

describe("failures of the medium", () => {
  for (const { name, inject, sync, code, words } of injected) {
    traceable(`${name} is reported once, and what follows works${note}`, async () => {
      const child = await start();
      await child.ask({ call: "append", first: 1, last: 3 });
      const { value } = await child.traced(failing(inject), () => child.ask({ call: "append", first: 4, sync }));
      expect(value.code).toBe(code);
      expect(value.message).toContain("appending to the journal");
      expect(value.message).toContain(words);
      // What failed may be there or not. A number is left out, as the port says.
      expect(await child.ask({ call: "append", first: 6, sync: true })).toEqual({});
      const { numbers } = await child.ask({ call: "numbers" });
      expect(numbers?.filter((number) => number !== 4)).toEqual([1, 2, 3, 6]);
    });
  }

  traceable(`a sync that fails in a checkpoint is told to the next who writes${note}`, async () => {
    const child = await start();
    // The first commit of a log syncs its head.
    await child.ask({ call: "append", first: 1 });
    const { value } = await child.traced(failing("fsync,fdatasync:error=EIO"), async () => {
      for (let i = 2; ; i++) {
        const answer = await child.ask({ call: "append", first: i, records: 2_000 });
        if (answer.code !== undefined || i === 100) return { ...answer, last: i };
      }
    });
    expect(value.code).toBe("io");
    expect(value.message).toContain("moving the log into the file");
    expect(value.last).toBeLessThan(100);
    const next = value.last + 1;
    expect(await child.ask({ call: "append", first: next, sync: true })).toEqual({});
    const { numbers } = await child.ask({ call: "numbers" });
    expect(numbers?.at(-1)).toBe(next);
    expect(await child.ask({ call: "close" })).toEqual({});
  });
});
