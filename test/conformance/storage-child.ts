/**
 * The storage suite for SQLite on whatever runtime runs this file, one test after the other. Prints a line of JSON for each,
 * and ends by itself: a handle that storage left open would keep it from that.
 */
import { testStorage } from "./storage.ts";
import { createSqlitePlace } from "./storage-places.ts";

const tests: { name: string; run: () => Promise<void> }[] = [];
testStorage("sqlite", createSqlitePlace, (name, run) => tests.push({ name, run }));

for (const { name, run } of tests) {
  try {
    await run();
    console.log(JSON.stringify({ name }));
  } catch (error) {
    console.log(
      JSON.stringify({ name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  }
}
