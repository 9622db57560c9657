/** The storage suite against each implementation; for SQLite on each runtime, the others as processes of their own. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { executableOf } from "../../adapters/cli/install.mjs";
import { testStorage } from "./storage.ts";
import { createMemoryPlace, createSqlitePlace } from "./storage-places.ts";

setDefaultTimeout(60_000);

const CHILD = fileURLToPath(new URL("./storage-child.ts", import.meta.url));

describe("storage", () => {
  testStorage("memory", createMemoryPlace, test);
  testStorage("sqlite on bun", createSqlitePlace, test);

  const commands = { deno: ["run", "-A", CHILD], node: [CHILD] };
  for (const runtime of ["deno", "node"] as const) {
    test(`sqlite on ${runtime}, and the process ends by itself`, async () => {
      const child = Bun.spawn([executableOf(runtime), ...commands[runtime]], { stdout: "pipe", stderr: "pipe" });
      const [output, errors, exitCode] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      const results = output
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { name: string; error?: string });
      expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
      expect({ exitCode, errors: exitCode === 0 ? "" : errors }).toEqual({ exitCode: 0, errors: "" });
      let expected = 0;
      testStorage("", createSqlitePlace, () => expected++);
      expect(results.length).toBe(expected);
    });
  }
});
