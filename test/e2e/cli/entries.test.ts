/** The commands for entries against a real node: values byte for byte, metadata, conditions, tags, tokens, JSON. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, startShoal } from "../server-process.ts";
import { type CliOptions, RUNTIMES, runCli } from "./cli-process.ts";

setDefaultTimeout(60_000);

let server: ServerProcess;
let folder = "";
let url = "";
beforeAll(async () => {
  server = await startShoal("bun");
  url = `http://127.0.0.1:${server.httpPort}`;
  folder = mkdtempSync(join(tmpdir(), "shoal-entries-"));
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const EVERY_BYTE = Uint8Array.from({ length: 70_000 }, (_, i) => (i < 256 ? i : (i * 7 + (i >> 8)) & 0xff));

describe.each(RUNTIMES)("on %s", (runtime) => {
  const shoal = (words: readonly string[], options: CliOptions = {}) =>
    runCli(runtime, words, { ...options, environment: { SHOAL_URL: url, ...options.environment } });
  const good = async (words: readonly string[], options: CliOptions = {}) => {
    const output = await shoal(words, options);
    expect({ words, exitCode: output.exitCode, stderr: output.stderr }).toEqual({ words, exitCode: 0, stderr: "" });
    return output;
  };
  const named = (key: string) => `${runtime}:${key}`;

  test("every byte goes through stdin, a file and stdout unchanged", async () => {
    const path = join(folder, runtime);
    writeFileSync(path, EVERY_BYTE);
    const ways: [string[], CliOptions][] = [
      [["--file", path], {}],
      [["-"], { input: EVERY_BYTE }],
      [[], { input: EVERY_BYTE }],
      [["--ttl", "3600500"], { input: EVERY_BYTE }],
    ];
    for (const [words, options] of ways) {
      const key = named(`bytes${words.join("")}`);
      expect((await good(["set", key, ...words], options)).stdout).toBe("created\n");
      const { bytes } = await good(["get", key]);
      expect(Buffer.compare(bytes, EVERY_BYTE)).toBe(0);
      const { value } = JSON.parse((await good(["get", key, "--json"])).stdout);
      expect(Buffer.compare(Buffer.from(value.base64, "base64"), EVERY_BYTE)).toBe(0);
    }
    expect((await good(["set", named("empty"), ""])).stdout).toBe("created\n");
    expect((await good(["get", named("empty")])).bytes.length).toBe(0);
  });

  test("keys that URLs would change are other keys", async () => {
    for (const key of ["a/../b", "..", "a//b", "", " ", "a?b#c", "%2e%2e", "ü\u{1f41f}"]) {
      await good(["set", key, `${runtime} ${key}`]);
      expect((await good(["get", key])).stdout).toBe(`${runtime} ${key}`);
    }
    expect((await shoal(["get", "b"])).exitCode).toBe(1);
  });

  test("metadata", async () => {
    const key = named("metadata");
    const options = ["--ttl", "1h", "--swr", "5m", "--tag", "a b", "--tag", "ü", "--content-type", "text/plain"];
    const set = JSON.parse((await good(["set", key, "Ada", ...options, "--json"])).stdout);
    expect(set).toEqual({ key, status: "created", etag: expect.stringMatching(/^"[0-9a-f]+-[0-9a-f]+"$/) });
    const lines = (await good(["get", key, "--headers"])).stdout.trim().split("\n");
    const headers = Object.fromEntries(lines.map((line) => line.split(": ") as [string, string]));
    expect(headers).toMatchObject({
      "content-type": "text/plain",
      "content-length": "3",
      etag: set.etag,
      "cache-control": expect.stringMatching(/^max-age=\d+, stale-while-revalidate=300$/),
      "cache-tag": expect.stringMatching(/a%20b/),
      "cache-status": expect.stringMatching(/^shoal; hit; ttl=\d+$/),
    });
    const { value, ...rest } = JSON.parse((await good(["get", key, "--json"])).stdout);
    expect(value).toBe("Ada");
    expect(rest).toEqual({
      ...{ key, found: true, contentType: "text/plain", etag: set.etag, stale: false },
      ageMs: expect.any(Number),
      ttlMs: expect.any(Number),
      tags: expect.arrayContaining(["a b", "ü"]),
    });
    expect(rest.ttlMs).toBeGreaterThan(3_000_000);
    const keysOfHeaders = Object.keys(JSON.parse((await good(["get", key, "--headers", "--json"])).stdout));
    expect(keysOfHeaders.sort()).toEqual(Object.keys(rest).sort());
    const help = (await good(["get", "--help"])).stdout;
    for (const field of [...Object.keys(rest), "value"]) expect(help.slice(help.indexOf("JSON:"))).toContain(field);
  });

  test("conditions", async () => {
    const key = named("conditions");
    const { etag } = JSON.parse((await good(["set", key, "one", "--create", "--json"])).stdout);
    for (const words of [
      ["--create"],
      ["--create", "--ttl", "1500"],
      ["--if-match", "1-1"],
      ["--if-none-match", etag],
    ]) {
      const refused = await shoal(["set", key, "two", ...words]);
      expect({ words, exitCode: refused.exitCode, stdout: refused.stdout }).toEqual({ words, exitCode: 1, stdout: "" });
    }
    expect((await good(["get", key])).stdout).toBe("one");
    expect((await good(["set", key, "two", "--if-match", etag.replaceAll('"', "")])).stdout).toBe("replaced\n");
    expect((await good(["get", key])).stdout).toBe("two");
  });

  test("deleting, and what is not there", async () => {
    const [a, b, c] = ["a", "b", "c"].map((key) => named(`delete-${key}`)) as [string, string, string];
    await good(["set", a, "1"]);
    await good(["set", b, "2"]);
    const lines = (await good(["delete", a, c, "--json"])).stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { key: a, deleted: true },
      { key: c, deleted: false },
    ]);
    expect((await good(["delete", a, b])).stdout).toBe("1 of 2 deleted\n");
    expect(await shoal(["delete", a, b, c])).toMatchObject({ exitCode: 1, stdout: "0 of 3 deleted\n" });
    expect(await shoal(["get", a])).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringContaining(a) });
    const miss = await shoal(["get", a, "--json"]);
    expect({ exitCode: miss.exitCode, stderr: miss.stderr }).toEqual({ exitCode: 1, stderr: "" });
    expect(JSON.parse(miss.stdout)).toEqual({ key: a, found: false });
    expect(await shoal(["get", a, "--headers"])).toMatchObject({ exitCode: 1, stdout: "" });
  });

  test("databases are apart", async () => {
    const key = named("database");
    await good(["set", key, "three", "--database", "3"]);
    expect((await shoal(["get", key])).exitCode).toBe(1);
    expect((await good(["get", key, "--database", "3"])).stdout).toBe("three");
  });

  test("invalidating by key, tag and pattern; purging", async () => {
    const keys = ["key", "tag", "pattern"].map((name) => named(`invalidate-${name}`)) as [string, string, string];
    for (const key of keys) await good(["set", key, "v", "--ttl", "1h", "--tag", named(`of ${key}`)]);
    const byKey = JSON.parse((await good(["invalidate", "--key", keys[0], "--json"])).stdout);
    expect(byKey).toEqual({
      version: expect.any(Number),
      entries: 1,
      regions: [{ region: "local", status: "acknowledged", delayMs: expect.any(Number) }],
    });
    expect((await good(["purge", "--tag", named(`of ${keys[1]}`)])).stdout).toMatch(
      /^purged \(version \d+\)\n {2}local: acknowledged after \S+\n$/,
    );
    await good(["purge", "--pattern", named("invalidate-pat*"), "--wait", "local", "--timeout", "1s"]);
    for (const key of keys) expect((await shoal(["get", key])).exitCode).toBe(1);
  });

  test("a value that is too large for the node: 65, and nothing changes", async () => {
    const key = named("large");
    await good(["set", key, "small"]);
    for (const bytes of [1_500_000, 3_000_000]) {
      const output = await shoal(["set", key], { input: new Uint8Array(bytes) });
      expect({ bytes, exitCode: output.exitCode, stdout: output.stdout }).toEqual({ bytes, exitCode: 65, stdout: "" });
    }
    expect(await shoal(["set", "k".repeat(1_025), "v"])).toMatchObject({
      exitCode: 65,
      stderr: expect.stringContaining("1024"),
    });
    expect((await good(["get", key])).stdout).toBe("small");
  });

  test("ping", async () => {
    expect((await good(["ping"])).stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+ is ready \([\d.]+(ms|s|us)\)\n$/);
    const object = JSON.parse((await good(["ping", "--json"])).stdout);
    expect(object).toEqual({ url, status: "ready", latencyMs: expect.any(Number), checks: expect.any(Object) });
  });
});

test("tokens: wrong is 77, and so is a missing one", async () => {
  await using guarded = await startShoal("bun", { SHOAL_SECRETS: "first,sécret 2" });
  const address = `http://127.0.0.1:${guarded.httpPort}`;
  const run = (token: string | undefined, ...words: string[]) =>
    runCli("bun", words, {
      environment: { SHOAL_URL: address, ...(token === undefined ? {} : { SHOAL_TOKEN: token }) },
    });
  for (const token of ["first", "sécret 2"]) {
    expect(await run(token, "set", "k", token)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await run(token, "get", "k")).toMatchObject({ exitCode: 0, stdout: token });
  }
  for (const token of [undefined, "wrong"]) {
    for (const words of [
      ["get", "k"],
      ["get", "k", "--headers"],
      ["delete", "k"],
      ["set", "k", "v"],
      ["purge", "--all"],
    ]) {
      const { exitCode, stdout } = await run(token, ...words);
      expect({ words, exitCode, stdout }).toEqual({ words, exitCode: 77, stdout: "" });
    }
  }
  expect((await run(undefined, "ping")).exitCode).toBe(0);
  expect(await run("first", "get", "k")).toMatchObject({ exitCode: 0, stdout: "sécret 2" });
});
