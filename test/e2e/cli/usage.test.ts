/** Words: help, version, suggestions, and refusing what is not understood before anything is done. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { COMMANDS } from "../../../adapters/cli/command-table.ts";
import { EXIT_CODES } from "../../../adapters/cli/exit-code.ts";
import { root } from "../../../adapters/cli/install.mjs";
import packageConfig from "../../../package.json";
import { CONFIG_FIELDS } from "../../../src/node/config.ts";
import { RUNTIMES, runCli } from "./cli-process.ts";

setDefaultTimeout(60_000);

/** No request may leave: nothing listens there. */
const environment = { SHOAL_URL: "http://127.0.0.1:1" };
const MAX_COLUMNS = 80;

describe("help", () => {
  const longest = (text: string) => Math.max(...text.split("\n").map((line) => line.length));

  test("of everything: the commands and all exit codes", async () => {
    const spelled = await Promise.all(
      [["help"], ["--help"], ["-h"], ["help", "help"]].map((words) => runCli("bun", words)),
    );
    for (const output of spelled) expect(output).toEqual(spelled[0] as (typeof spelled)[0]);
    const { exitCode, stdout, stderr } = spelled[0] as (typeof spelled)[0];
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    for (const { name, summary } of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name} +${summary}$`, "m"));
    for (const [code, text] of Object.entries(EXIT_CODES)) expect(stdout).toContain(`  ${code.padEnd(5)}${text}\n`);
    expect(longest(stdout)).toBeLessThanOrEqual(MAX_COLUMNS);
  });

  test.each(COMMANDS.map(({ name }) => name))("of %s: what it takes, within the columns", async (name) => {
    const [direct, asked] = await Promise.all([
      runCli("bun", [...name.split(" "), "--help"]),
      runCli("bun", ["help", ...name.split(" ")]),
    ]);
    expect(direct).toMatchObject({ exitCode: 0, stderr: "", stdout: asked.stdout });
    expect(direct.stdout).toStartWith(`Usage: shoal ${name}`);
    expect(longest(direct.stdout)).toBeLessThanOrEqual(MAX_COLUMNS);
    const { command } = await (COMMANDS.find((one) => one.name === name) as (typeof COMMANDS)[0]).load();
    for (const option of command.options) expect(direct.stdout).toMatch(new RegExp(`^ {2}${option.long} .*\\S`, "m"));
    // Both columns begin at the same place in every line.
    const starts = [...direct.stdout.matchAll(/^ {2}(--?\w.*?) {2,}(?=\S)/gm)].map(([all]) => all.length);
    expect(new Set(starts).size).toBe(1);
  });

  test("of serve and config check: every field with its variable", async () => {
    for (const words of [
      ["serve", "--help"],
      ["config", "check", "--help"],
    ]) {
      const { stdout } = await runCli("bun", words);
      for (const field of CONFIG_FIELDS) expect(stdout).toMatch(new RegExp(`^ {2}${field} +SHOAL_[A-Z_]+$`, "m"));
    }
  });
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  test("the version, as text and as JSON", async () => {
    const text = await runCli(runtime, ["--version"]);
    expect(text).toMatchObject({ exitCode: 0, stderr: "" });
    expect(text.stdout).toMatch(new RegExp(`^shoal ${packageConfig.version} on ${runtime} \\d+\\.\\d+\\.\\d+\n$`));
    const json = await runCli(runtime, ["--json", "-V"]);
    const version = JSON.parse(json.stdout);
    expect(version).toEqual({ version: packageConfig.version, runtime: expect.stringMatching(/^\w+ \d/) });
    expect(text.stdout).toBe(`shoal ${version.version} on ${version.runtime}\n`);
  });

  test("help, and a mistake as JSON", async () => {
    expect((await runCli(runtime, ["get", "--help"])).stdout).toStartWith("Usage: shoal get KEY [options]\n");
    const { exitCode, stdout, stderr } = await runCli(runtime, ["get", "--json", "--haeders"], { environment });
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: "" });
    expect(JSON.parse(stderr)).toMatchObject({
      error: "usage",
      exitCode: 64,
      mistakes: expect.arrayContaining(["KEY: is missing"]),
    });
  });

  test("words behind -- are no options", async () => {
    const output = await runCli(runtime, ["get", "--", "--help"], { environment });
    expect(output).toMatchObject({ exitCode: 69, stdout: "" });
  });
});

const refused: readonly {
  readonly name: string;
  readonly words: readonly string[];
  readonly says: readonly string[];
}[] = [
  { name: "nothing", words: [], says: ["no command is named", "allowed: serve, get, set"] },
  { name: "a mistyped command", words: ["delte", "k"], says: ['unknown command "delte"; did you mean delete?'] },
  { name: "the beginning of a command", words: ["inv"], says: ['unknown command "inv"; did you mean invalidate?'] },
  {
    name: "an unknown command",
    words: ["frobnicate"],
    says: ['unknown command "frobnicate"\n', "allowed: serve, get"],
  },
  {
    name: "a topic of help that is none",
    words: ["help", "sett"],
    says: ['unknown command "sett"; did you mean set?'],
  },
  { name: "half a command", words: ["config"], says: ["config: says not what; allowed: config check"] },
  {
    name: "an option before the command",
    words: ["--ulr", "x", "get", "k"],
    says: ["--ulr: not expected before the command; did you mean --url?"],
  },
  {
    name: "a mistyped option",
    words: ["set", "k", "v", "--tll", "5m"],
    says: ["--tll: no such option; did you mean --ttl?", "allowed: --file, --ttl"],
  },
  {
    name: "a value that looks like an option",
    words: ["set", "k", "--value"],
    says: ["--value: no such option", "an argument that begins with a dash stands behind --"],
  },
  { name: "a short option that is none", words: ["get", "-x", "k"], says: ["-x: no such option"] },
  {
    name: "an option as the value of another",
    words: ["set", "k", "v", "--ttl", "--tag", "t"],
    says: ["--ttl: has no value; write --ttl=--tag if --tag is meant as its value"],
  },
  { name: "no value at the end", words: ["get", "k", "--url"], says: ["--url: has no value\n"] },
  { name: "a value for a switch", words: ["get", "k", "--raw=yes"], says: ["--raw: takes no value"] },
  {
    name: "an option given twice",
    words: ["set", "k", "v", "--ttl", "1s", "--ttl", "2s"],
    says: ["--ttl: given twice"],
  },
  { name: "no argument", words: ["delete"], says: ["KEY...: is missing"] },
  {
    name: "an argument too many",
    words: ["get", "a", "b"],
    says: ['"b": not expected here; KEY is all that is allowed'],
  },
  {
    name: "arguments where none are",
    words: ["ping", "now"],
    says: ['"now": not expected here; no arguments are allowed'],
  },
  {
    name: "several mistakes",
    words: ["set", "--ttl", "--no"],
    says: ["--ttl: has no value", "--no: no such option", "KEY: is missing"],
  },
  {
    name: "no duration",
    words: ["set", "k", "v", "--ttl", "5 weeks"],
    says: ['--ttl: "5 weeks" is not allowed', "such as 500ms, 10s, 5m, 1h or 2d"],
  },
  { name: "an empty duration", words: ["set", "k", "v", "--ttl="], says: ['--ttl: "" is not allowed'] },
  { name: "a duration of nothing", words: ["set", "k", "v", "--ttl", "0"], says: ["at least 1ms"] },
  { name: "a timeout beyond timers", words: ["get", "k", "--timeout", "30d"], says: ["at most 2147483647 ms"] },
  {
    name: "staleness without a lifetime",
    words: ["set", "k", "v", "--swr", "1s"],
    says: ["--swr and --stale-if-error need --ttl"],
  },
  { name: "two conditions", words: ["set", "k", "v", "--create", "--if-match", "*"], says: ["exclude each other"] },
  { name: "a value twice", words: ["set", "k", "v", "--file", "f"], says: ["VALUE and --file exclude each other"] },
  { name: "an empty tag", words: ["set", "k", "v", "--tag", ""], says: ["--tag: a tag is empty"] },
  {
    name: "too many tags",
    words: ["set", "k", "v", ...Array.from({ length: 65 }, (_, i) => `--tag=${i}`)],
    says: ["given 65 times; allowed: 64"],
  },
  {
    name: "a content type with a line end",
    words: ["set", "k", "v", "--content-type", "a\nb: c"],
    says: ["--content-type: not allowed"],
  },
  {
    name: "an entity tag that is none",
    words: ["set", "k", "v", "--if-match", "a b"],
    says: ['--if-match: "a b" is not allowed'],
  },
  {
    name: "no database",
    words: ["get", "k", "--database", "16"],
    says: ['--database: "16" is not allowed; allowed: 0 to 15'],
  },
  {
    name: "nothing to invalidate",
    words: ["invalidate", "--wait", "local"],
    says: ["allowed: --key, --tag, --pattern"],
  },
  {
    name: "waiting for somebody else",
    words: ["purge", "--all", "--wait", "regoin"],
    says: ["allowed: local, region, all; did you mean region?"],
  },
  { name: "another protocol", words: ["ping", "--url", "redis://h"], says: ['--url: "redis://h" is not HTTP'] },
  { name: "a password in the URL", words: ["ping", "--url", "http://u:hidden@h"], says: ["belong into SHOAL_TOKEN"] },
  { name: "a token with a line end", words: ["ping", "--token", "hidden\nx"], says: ["--token: not a token"] },
];

test.each(refused)("refused: $name", async ({ words, says }) => {
  const { exitCode, stdout, stderr } = await runCli("bun", words, { environment });
  expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: "" });
  for (const part of says) expect(stderr).toContain(part);
  expect(stderr).toStartWith("shoal: ");
  expect(stderr).not.toContain("hidden");
});

describe("commands start fast", () => {
  /** Everything that a module imports before it runs, by path; packages by name. */
  function importsOf(path: string, seen = new Set<string>()): Set<string> {
    if (seen.has(path)) return seen;
    seen.add(path);
    const source = readFileSync(path, "utf8").replace(/^#!.*/, "");
    for (const { kind, path: wanted } of new Bun.Transpiler({ loader: "ts" }).scanImports(source)) {
      if (kind !== "import-statement") continue;
      if (wanted.startsWith(".")) importsOf(resolve(dirname(path), wanted), seen);
      else seen.add(wanted);
    }
    return seen;
  }

  const entry = join(root, "adapters/cli/shoal.ts");
  const allowed = /\/adapters\/cli\/|\/src\/core\/limits\.ts$|\/src\/core\/release\.ts$|^node:|^commander$/;

  test.each(["get", "set", "delete", "invalidate", "stats", "ping"])("%s does not load the server", (name) => {
    const loaded = [...importsOf(entry), ...importsOf(join(root, `adapters/cli/commands/${name}.ts`))];
    expect(loaded.filter((path) => !allowed.test(path))).toEqual([]);
    expect(loaded).toContain("commander");
  });

  test("and serve only once its configuration is right", () => {
    const loaded = importsOf(join(root, "adapters/cli/commands/serve.ts"));
    expect([...loaded].filter((path) => /src\/(store|protocol)/.test(path))).toEqual([]);
    expect(loaded).toContain("zod");
  });
});
