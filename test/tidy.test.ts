/**
 * Tidy: the rules of the house, so that nobody has to remember them. What each rule means is in CONTRIBUTING.md; how it
 * looks for violations is in the files under `tidy/`.
 *
 * Each rule is tested twice: on planted sources, of which it must find the bad one and pass the good one, and on the
 * checkout, where it must find nothing. A rule without a planted violation fails the test. How sources are read is
 * tested in tidy/source.test.ts.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import denoConfig from "../deno.json";
import packageConfig from "../package.json";
import {
  architectureProblems,
  exportProblems,
  registryHosts,
  unexpectedEntries,
  unknownScripts,
} from "./tidy/repository.ts";
import { sourceRules } from "./tidy/rules.ts";
import { readSource, type Source } from "./tidy/source.ts";

const root = join(import.meta.dir, "..");
const SOURCE_FOLDERS = ["src", "adapters", "test", "bench", "deploy", ".ci"];

function listFiles(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll("\\", "/"),
    )
    .filter((path) => !path.includes("node_modules/"))
    .sort();
}

function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

const files = SOURCE_FOLDERS.flatMap(listFiles);
const sources = files.filter((path) => /\.[cm]?[jt]sx?$/.test(path)).map((path) => readSource(path, readText(path)));

interface Planted {
  readonly rule: string;
  readonly name: string;
  /** Path and text of each file. */
  readonly bad: Readonly<Record<string, string>>;
  readonly good: Readonly<Record<string, string>>;
  /** How many findings the bad files give; 1 unless said. */
  readonly findings?: number;
}

const body = (lines: number) => "  a();\n".repeat(lines);
const DOWN = "imports go down the layers";
const GLOBALS = "src/ touches no runtime's globals";
const ANY = "no `any` that is not explained on its line";
const NON_NULL = "no non-null `!` that is not explained on its line";
const FUNCTIONS = "no function over 70 lines";
const TODO = "a TODO says what is missing and what happens meanwhile";
const EMPTY = "no empty test, and none that turns the others off";

const planted: readonly Planted[] = [
  {
    rule: DOWN,
    name: "upwards",
    bad: { "src/core/a.ts": 'import { b } from "../store/b.ts";', "src/cache/c.ts": 'export * from "../index.ts";' },
    good: { "src/store/a.ts": 'import { b } from "../core/b.ts";', "src/index.ts": 'export * from "./cache/c.ts";' },
    findings: 2,
  },
  {
    rule: DOWN,
    name: "journal and cluster",
    bad: {
      "src/journal/a.ts": 'import type { B } from "../cluster/b.ts";',
      "src/cluster/a.ts": 'const b = await import("../journal/b.ts");',
    },
    good: {
      "src/node/a.ts": 'import "../journal/b.ts";\nimport "../cluster/b.ts";',
      "src/cache/c.ts": 'import "../client/d.ts";',
    },
    findings: 2,
  },
  {
    rule: DOWN,
    name: "out of src",
    bad: {
      "src/node/a.ts": 'import { b } from "../../adapters/bun/b.ts";',
      "src/node/b.ts": 'import { c } from "node:fs";\nimport { d } from "bun";\nimport { e } from "ioredis";',
      "src/drawer/c.ts": 'import { d } from "../core/d.ts";',
    },
    good: { "src/node/a.ts": 'import { z } from "zod";\n// import "node:fs"' },
    findings: 5,
  },
  {
    rule: DOWN,
    name: "adapters beside each other",
    bad: {
      "adapters/bun/a.ts": 'import { b } from "../node/b.ts";',
      "adapters/deno/a.ts": 'import { b } from "../../bench/b.ts";',
    },
    good: {
      "adapters/bun/a.ts": 'import { b } from "../../src/node/b.ts";\nimport "./c.ts";\nimport "node:fs";',
      "adapters/bun/serve-resp.ts": 'import { b } from "../sqlite/b.ts";',
      "adapters/cli/shoal.ts": 'import { b } from "../bun/b.ts";',
    },
    findings: 2,
  },
  {
    rule: "no import cycles",
    name: "of three files, and not of types",
    bad: {
      "src/core/a.ts": 'import { b } from "./b.ts";',
      "src/core/b.ts": 'import type { D } from "./d.ts";\nimport { type C } from "./c.ts";',
      "src/core/c.ts": 'export * from "./a.ts";',
    },
    good: {
      "src/core/a.ts": 'import { b } from "./b.ts";\nimport { c } from "./c.ts";',
      "src/core/b.ts": 'import { c } from "./c.ts";',
      "src/core/c.ts": 'import type { A } from "./a.ts";\nexport type { B } from "./b.ts";',
    },
  },
  {
    rule: GLOBALS,
    name: "each of them",
    bad: {
      "src/node/a.ts": `Date.now(); new Date(); Math.random(); performance.now(); setTimeout(a); clearInterval(b);
process.exit(); Buffer.from(c); Bun.serve(); Deno.exit(); console.log(); globalThis.Date; [...Buffer]; \`\${Date}\`;
crypto.getRandomValues(d);`,
    },
    good: {
      "src/node/a.ts":
        'clock.Date; this.process(); // Date\n"Date"; /Date/; `Date`; updateDate(); Math.max(1); #process;',
      "src/core/system.ts": "Date.now();",
      "src/core/bytes.ts": "Buffer.from(a);",
      "adapters/bun/a.ts": "Bun.serve();",
    },
    findings: 15,
  },
  {
    rule: "no file over 400 lines",
    name: "one line more",
    bad: { "src/core/a.ts": body(401), "test/a.test.ts": `${body(1)}// tidy: test cases\n${body(400)}` },
    good: { "src/core/a.ts": body(400), "src/core/b.ts": `/**\n * CRC.\n * tidy: generated table\n */\n${body(500)}` },
    findings: 2,
  },
  {
    rule: FUNCTIONS,
    name: "one line more",
    bad: {
      "src/core/a.ts": `function f(): void {\n${body(69)}}`,
      "src/core/b.ts": `class A {\n  get(a: string): { b: string } {\n${body(69)}  }\n}`,
      "src/core/c.ts": `const f = async (\n  a: string,\n) => {\n${body(67)}};`,
      "src/core/d.ts": `const create = () => ({\n${body(69)}});`,
      "test/a.test.ts": `describe("a", () => {\n  test("b", () => {\n${body(69)}  });\n});`,
    },
    good: {
      "src/core/a.ts": `function f(): void {\n${body(68)}}`,
      "src/core/b.ts": `class A {\n${body(100)}}`,
      "src/core/c.ts": `/** tidy: generated table */\nfunction f() {\n${body(100)}}`,
      "test/a.test.ts": `describe("a", () => {\n${body(100)}});\ntest("b", () => {\n  // tidy: test cases\n${body(100)}});`,
    },
    findings: 5,
  },
  {
    rule: ANY,
    name: "in every place of a type",
    bad: { "src/core/a.ts": "let a: any;\nlet b = c as any;\nlet d: Map<string, any>;\ntype E = any[]; // any" },
    good: { "src/core/a.ts": "let a: any; // the caller's own type\nPromise.any(b); // any\nlet company = 'any';" },
    findings: 4,
  },
  {
    rule: NON_NULL,
    name: "in every place of an expression",
    bad: { "src/core/a.ts": "a!.b;\na[0]![1];\nf()!;\nclass A { b!: string }\nif (a! === b) {}\nb!; // x" },
    good: {
      "src/core/a.ts": "a!.b; // set by the constructor\nif (!a && a !== b && a != c) {}\n`${d}!`;\nif (!!e) {}",
    },
    findings: 6,
  },
  {
    rule: TODO,
    name: "without a sentence",
    bad: { "src/core/a.ts": "// TODO\n\n/* TODO: faster. */\n\n// FIXME later\na();" },
    good: {
      "src/core/a.ts":
        '// TODO: the peer\'s clock is not checked yet; until then\n// a skewed peer costs an extra miss.\n"TODO";',
    },
    findings: 3,
  },
  {
    rule: "no file is a drawer",
    name: "as a file, a test, a folder",
    bad: {
      "src/core/utils.ts": "",
      "test/unit/core/types.test.ts": "",
      "adapters/common/a.ts": "",
      "bench/helper.mjs": "",
    },
    good: { "src/core/bytes.ts": "", "test/helpers-of-nothing.ts": "" },
    findings: 4,
  },
  {
    rule: "names say what a thing is",
    name: "by suffix and prefix",
    bad: {
      "src/core/a.ts": `class StoreManager {}\nfunction parseHelper() {}\ninterface CacheService {}\nconst NodeImpl = 1;
interface IStore {}\ntype IEntry = 1;`,
    },
    good: {
      "src/core/a.ts": "class IOError {}\ninterface Index {}\ntype IdOf = 1;\nconst IBuffer = 1; // class AManager",
    },
    findings: 6,
  },
  {
    rule: EMPTY,
    name: "nothing, or only a comment",
    bad: {
      "test/a.test.ts": `test("a", () => {});\nit("b", async () => {\n  // later\n});\ndescribe("c", function () {});
test.each([[{}]])("d", () => {});\ntest.only("e", () => { expect(1).toBe(1); });`,
    },
    good: {
      "test/a.test.ts": 'test("a", () => {\n  f(() => {});\n});\ntest.skip("redis-cli is missing", () => {});',
      "src/core/b.ts": "test(() => {});",
    },
    findings: 5,
  },
];

function toSources(texts: Readonly<Record<string, string>>): Source[] {
  return Object.entries(texts).map(([path, text]) => readSource(path, text));
}

describe("a planted violation is found", () => {
  test.each(planted)("$rule: $name", ({ rule: name, bad, good, findings = 1 }) => {
    const rule = sourceRules.find((candidate) => candidate.name === name);
    expect(rule?.find(toSources(bad)).length).toBe(findings);
    expect(rule?.find(toSources(good))).toEqual([]);
  });

  test("of every rule", () => {
    expect(
      sourceRules.map((rule) => rule.name).filter((name) => !planted.some((plant) => plant.rule === name)),
    ).toEqual([]);
  });

  test("at its line", () => {
    const source = readSource("src/core/a.ts", "a();\n\nlet b: any;");
    const findings = sourceRules.flatMap((rule) => rule.find([source]));
    expect(findings).toEqual([{ path: "src/core/a.ts", line: 3, message: "the line does not say why" }]);
  });
});

describe("the checkout keeps every rule", () => {
  test.each(sourceRules.map((rule) => ({ rule, name: rule.name })))("$name", ({ rule }) => {
    expect(sources.length).toBeGreaterThan(0);
    expect(rule.find(sources).map(({ path, line, message }) => `${path}:${line} ${message}`)).toEqual([]);
  });
});

describe("the top level holds what belongs there", () => {
  test("planted", () => {
    expect(unexpectedEntries(["src", "lib", ".github", "deno.lock", "a.log"])).toEqual(["lib", "deno.lock"]);
  });
  test("in the checkout", () => {
    expect(unexpectedEntries(readdirSync(root))).toEqual([]);
  });
});

describe("package.json and deno.json export the same", () => {
  const conditions = {
    types: "./a.ts",
    deno: "./a.ts",
    bun: "./a.ts",
    workerd: "./a.ts",
    node: "./a.ts",
    default: "./a.ts",
  };
  const { types, ...others } = conditions;
  const cases = [
    { name: "the same", package: { ".": conditions }, deno: { ".": "./a.ts" }, problems: 0 },
    {
      name: "one in package.json only",
      package: { ".": conditions, "./b": conditions },
      deno: { ".": "./a.ts" },
      problems: 1,
    },
    { name: "one in deno.json only", package: {}, deno: { ".": "./a.ts" }, problems: 1 },
    { name: "another target", package: { ".": conditions }, deno: { ".": "./b.ts" }, problems: 1 },
    { name: "types not first", package: { ".": { ...others, types } }, deno: { ".": "./a.ts" }, problems: 1 },
  ];
  test.each(cases)("planted: $name", ({ package: inPackage, deno, problems }) => {
    expect(exportProblems(inPackage, deno).length).toBe(problems);
  });
  test("in the checkout", () => {
    expect(exportProblems(packageConfig.exports, denoConfig.exports)).toEqual([]);
    expect(denoConfig.version).toBe(packageConfig.version);
  });
  test("and every target is there", () => {
    const targets = Object.values(packageConfig.exports).flatMap((conditions) => Object.values(conditions));
    expect(targets.filter((target) => !existsSync(join(root, target)))).toEqual([]);
  });
});

describe("the documents name commands that exist", () => {
  test("planted", () => {
    const text =
      "Run `bun run ok`, `npm run -s nope`, `deno task nope2`.\n```sh\nbun run bench:none --json\nbun run bench/a.ts\n```\nbun run prose";
    expect(unknownScripts(text, ["ok"], ["shoal"])).toEqual(
      ["npm run -s nope", "deno task nope2", "bun run bench:none"].sort((a, b) => text.indexOf(a) - text.indexOf(b)),
    );
  });
  test.each(["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].filter((name) => existsSync(join(root, name))))(
    "%s",
    (name) => {
      expect(unknownScripts(readText(name), Object.keys(packageConfig.scripts), Object.keys(denoConfig.tasks))).toEqual(
        [],
      );
    },
  );
});

describe("ARCHITECTURE.md lists the files that there are", () => {
  test("planted", () => {
    const text = "| `core/a.ts`, `b.ts` | two |\n| `core/gone.ts` | none |\n`core/c.ts` in prose";
    const tree = ["src/core/a.ts", "src/core/b.ts", "src/core/c.ts", "src/x/commands/d.ts", "test/e.ts"];
    expect(architectureProblems(text, tree)).toEqual([
      "src/core/c.ts is not listed",
      "src/core/gone.ts is listed and is not there",
    ]);
  });
  test("in the checkout", () => {
    expect(architectureProblems(readText("ARCHITECTURE.md"), files)).toEqual([]);
  });
});

describe("no file names a package registry", () => {
  const host = ["registry", "example", "com"].join(".");
  const cases = [
    { name: "host", text: `see https://${host}/x`, found: 1 },
    { name: "host without a scheme", text: `//${host}/:_auth=`, found: 1 },
    { name: "resolved address", text: `"${"resolved"}": "https://packages/a.tgz"`, found: 1 },
    { name: "words", text: "the registry. A registry.json, npm.cmd, npm run x", found: 0 },
  ];
  test.each(cases)("planted: $name", ({ text, found }) => {
    expect(registryHosts(text).length).toBe(found);
  });
  test("in the checkout", () => {
    const tops = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile());
    const all = [...tops.map((entry) => entry.name), ...files];
    expect(all.flatMap((path) => registryHosts(readText(path)).map((host) => `${path}: ${host}`))).toEqual([]);
  });
});
