/**
 * Servers that are killed with -9, and what the next one finds: see crash.ts, which makes more of these points by command
 * (`bun run crash`). The seeds are the same at each run; the timing is not. And directories that somebody else has damaged
 * in between, to see that it would be found.
 */
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crash } from "./crash.ts";
import { crashDirectory } from "./crash-directory.ts";

const SEED = Number(process.env.SHOAL_TEST_SEED ?? 20_261_123);
const silent = () => {};

test.each([
  { runtime: "bun", points: 40, pointsPerDirectory: 14 },
  { runtime: "deno", points: 10, pointsPerDirectory: 4 },
] as const)(
  "$points crash points on $runtime, in all modes: what was promised is there, what was removed is not",
  async ({ runtime, points, pointsPerDirectory }) => {
    expect(
      await crash({ runtime, points, pointsPerDirectory, fsync: undefined, seed: SEED, jobs: 2 }, silent),
    ).toBeUndefined();
  },
  180_000,
);

describe("what is lost between two lives is found", () => {
  const SEED_WITHOUT_BALLAST = 7;
  const ATTEMPTS = 8;
  test.each([
    {
      name: "the directory as it was a life ago",
      damage(folder: string, older: string, starts: number) {
        if (starts === 2) {
          rmSync(folder, { recursive: true });
          cpSync(older, folder, { recursive: true });
        }
        rmSync(older, { recursive: true, force: true });
        if (starts < 2) cpSync(folder, older, { recursive: true });
      },
    },
    {
      name: "half of the write-ahead log",
      damage(folder: string) {
        const log = join(folder, "shoal.db-wal");
        if (existsSync(log)) truncateSync(log, statSync(log).size / 2);
      },
    },
  ])(
    "$name",
    async ({ damage }) => {
      // A life that ends while it starts writes nothing that could be lost: then another directory is tried.
      let found: string | undefined;
      for (let seed = SEED_WITHOUT_BALLAST; found === undefined && seed < SEED_WITHOUT_BALLAST + ATTEMPTS; seed++) {
        const older = mkdtempSync(join(tmpdir(), "shoal-older-"));
        const beforeStart = (folder: string, starts: number) => damage(folder, older, starts);
        const { failure } = await crashDirectory({ runtime: "bun", fsync: "always", seed, points: 4, beforeStart });
        found = failure?.text;
        rmSync(older, { recursive: true, force: true });
        for (const path of [failure?.folder, failure?.before]) rmSync(path ?? older, { recursive: true, force: true });
      }
      expect(found).toMatch(/^(lost|prefix|returned): /m);
    },
    120_000,
  );
});
