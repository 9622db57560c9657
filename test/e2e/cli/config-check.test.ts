/** `shoal config check`: what is in force and where it comes from, or all mistakes. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIG_FIELDS } from "../../../src/node/config.ts";
import { RUNTIMES, runCli } from "./cli-process.ts";

setDefaultTimeout(60_000);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const check = ["config", "check"];

describe.each(RUNTIMES)("on %s", (runtime) => {
  test("flags come before the environment, that before the file, that before the defaults", async () => {
    const path = file("good.json", { maxMemory: "64mb", policy: "lru", slowlogMaxLength: 7 });
    const environment = { SHOAL_MAX_MEMORY: "32mb", SHOAL_POLICY: "noeviction", SHOAL_SECRETS: "hush,hidden" };
    const words = [...check, path, "--max-memory", "16mb"];
    const text = await runCli(runtime, words, { environment });
    expect(text).toMatchObject({ exitCode: 0, stderr: "" });
    const rows = text.stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(rows.slice(0, -1).map(([field]) => field)).toEqual([...CONFIG_FIELDS]);
    const row = (field: string) => rows.find(([name]) => name === field)?.slice(1);
    expect(row("maxMemory")).toEqual(["16mb", "--max-memory"]);
    expect(row("policy")).toEqual(["noeviction", "SHOAL_POLICY"]);
    expect(row("slowlogMaxLength")).toEqual(["7", path]);
    expect(row("secrets")).toEqual(["2 (not shown)", "SHOAL_SECRETS"]);
    expect(row("region")).toEqual(["local", "default"]);
    expect(row("nodeName")).toEqual(['""', "default"]);

    const json = await runCli(runtime, [...words, "--json"], { environment });
    const { fields, ...rest } = JSON.parse(json.stdout);
    expect(rest).toEqual({ valid: true, file: path, warnings: [] });
    expect(Object.keys(fields)).toEqual([...CONFIG_FIELDS]);
    expect(fields.maxMemory).toEqual({ value: 16 * 2 ** 20, source: "--max-memory" });
    expect(fields.secrets).toEqual({ value: 2, source: "SHOAL_SECRETS" });
    expect(text.stdout + json.stdout).not.toMatch(/hush|hidden/);
  });

  test("all mistakes at once, exit code 78", async () => {
    const path = file("wrong.json", { polcy: "lru", maxClients: "many", secrets: ["hidden\n"] });
    const words = [...check, path, "--max-memory", "1tb", "--http-port"];
    const text = await runCli(runtime, words, { environment: { SHOAL_DATABASES: "99" } });
    expect({ exitCode: text.exitCode, stdout: text.stdout }).toEqual({ exitCode: 78, stdout: "" });
    const [first, ...mistakes] = text.stderr.trim().split("\n");
    expect(first).toBe("shoal: the configuration has 6 mistakes:");
    const begins = ["--http-port: has no value", '--max-memory: "1tb"', 'SHOAL_DATABASES: "99"'];
    begins.push(`maxClients in ${path}: "many"`, `polcy in ${path}: no such field; did you mean policy?`);
    begins.push(`secrets in ${path}: (not shown) is not allowed`);
    for (const [i, mistake] of mistakes
      .map((line) => line.trim())
      .sort()
      .entries())
      expect(mistake).toStartWith(begins[i] as string);

    const json = await runCli(runtime, [...words, "--json"], { environment: { SHOAL_DATABASES: "99" } });
    expect({ exitCode: json.exitCode, stdout: json.stdout }).toEqual({ exitCode: 78, stdout: "" });
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: "configuration",
      exitCode: 78,
      mistakes: mistakes.map((line) => line.trim()),
    });
    expect(text.stderr + json.stderr).not.toContain("hidden");
  });
});

test("the file of the environment; an argument comes before it", async () => {
  const environment = { SHOAL_CONFIG: file("one.json", { region: "one" }) };
  const regionOf = async (...words: string[]) =>
    JSON.parse((await runCli("bun", [...check, "--json", ...words], { environment })).stdout).fields.region.value;
  expect(await regionOf()).toBe("one");
  expect(await regionOf(file("two.json", { region: "two" }))).toBe("two");
});

test("what is worth knowing goes to stderr; the address of a node is nothing unknown", async () => {
  const environment = { SHOAL_NONSENSE: "1", SHOAL_URL: "http://127.0.0.1:1", SHOAL_TOKEN: "t" };
  const output = await runCli("bun", check, { environment });
  expect(output).toMatchObject({ exitCode: 0, stderr: "shoal: SHOAL_NONSENSE means nothing to Shoal\n" });
  const json = await runCli("bun", [...check, "--json"], { environment });
  expect(JSON.parse(json.stdout).warnings).toEqual(["SHOAL_NONSENSE means nothing to Shoal"]);
  expect(json.stderr).toBe("");
});

const quoted = [
  { content: '{"secrets":[t0psecret]}' },
  { content: '{"secrets":["a", t0psecret]}' },
  { content: "t0psecret" },
  { content: '{"secrets":["t0psecret" "b"]}' },
  { content: '{"secrets":"t0p\\qsecret"}' },
];
describe.each(RUNTIMES)("on %s", (runtime) => {
  test.each(quoted)("what is no JSON is not shown: $content", async ({ content }) => {
    const output = await runCli(runtime, [...check, file("quoted.json", content)]);
    expect(output).toMatchObject({ exitCode: 78, stdout: "" });
    expect(output.stderr).toContain("quoted.json cannot be used: it is not JSON");
    expect(output.stderr).not.toMatch(/t0p|ecret/);
  });
});

const wrong = [
  { name: "a file that is not there", words: ["/nowhere.json"], exitCode: 78, says: "/nowhere.json cannot be used" },
  { name: "an empty file name", words: [""], exitCode: 64, says: "FILE is empty" },
  { name: "a flag that is none", words: ["--max-memroy", "1gb"], exitCode: 64, says: "did you mean --max-memory?" },
  { name: "two files", words: ["a", "b"], exitCode: 64, says: '"b": not expected here' },
  { name: "another subcommand", words: ["--", "-x", "y"], exitCode: 64, says: '"y": not expected here' },
];
test.each(wrong)("$name", async ({ words, exitCode, says }) => {
  const output = await runCli("bun", [...check, ...words]);
  expect({ exitCode: output.exitCode, stdout: output.stdout }).toEqual({ exitCode, stdout: "" });
  expect(output.stderr).toContain(says);
});
