/**
 * Storage in a process of its own, told by lines of JSON on its input what to do, and answering each with one: so that
 * system calls can be watched, and made to fail, without hurting the test.
 */
import { createInterface } from "node:readline";
import { SqliteStorage } from "../../../adapters/sqlite/sqlite-storage.ts";
import { StorageError } from "../../../src/journal/storage.ts";
import { makeFrame } from "../../conformance/storage-frames.ts";

/** Frames `first` to `last` in one append each, or a call without arguments that matter. */
export interface Command {
  readonly call: "append" | "sync" | "snapshot" | "numbers" | "close";
  readonly first?: number;
  readonly last?: number;
  readonly sync?: boolean;
  readonly records?: number;
}

export interface Answer {
  readonly code?: string;
  readonly message?: string;
  readonly numbers?: readonly number[];
}

async function run(storage: SqliteStorage, command: Command): Promise<Answer> {
  const { call, first = 0, last = first, sync = false, records = 3 } = command;
  if (call === "append") {
    for (let i = first; i <= last; i++) await storage.append([makeFrame(i, { records })], sync);
  } else if (call === "snapshot") {
    const id = await storage.beginSnapshot(first, 1);
    await storage.finishSnapshot(id, { entries: 0, finishedMs: 1, highest: 0 });
  } else if (call === "numbers") {
    const numbers: number[] = [];
    for await (const { sequence } of storage.readJournal(0)) numbers.push(sequence);
    return { numbers };
  } else {
    await storage[call]();
  }
  return {};
}

if (import.meta.main) {
  const storage = new SqliteStorage({ directory: process.argv[2] as string });
  await storage.open();
  console.log("{}");
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await run(storage, JSON.parse(line) as Command).catch((error: unknown) => {
      if (error instanceof StorageError) return { code: error.code, message: error.message };
      throw error;
    });
    console.log(JSON.stringify(answer));
  }
}
