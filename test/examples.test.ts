/**
 * The examples of the docstrings are run: each is a program of its own that imports Shoal by its name, and whose
 * `console.assert` ends it if it does not hold.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { executableOf, root } from "../adapters/cli/install.mjs";

interface Example {
  readonly name: string;
  readonly code: string;
}

/** All examples in a source text: the fenced blocks behind `@example`. */
export function examplesOf(file: string, source: string): Example[] {
  const blocks = [...source.matchAll(/@example\s+\*\s+```ts\n([\s\S]*?)\*\s+```/g)];
  return blocks.map((match, i) => ({
    name: `${file}, example ${i + 1}`,
    code: (match[1] as string).replace(/^\s*\* ?/gm, ""),
  }));
}

const STRICT = "console.assert = (holds, ...rest) => { if (!holds) throw new Error(`does not hold: ${rest}`); };\n";
const folder = `${root}/node_modules/.shoal-examples`;
const files = [...new Bun.Glob("src/**/*.ts").scanSync(root)].sort();
const examples = files.flatMap((file) => examplesOf(file, readFileSync(`${root}/${file}`, "utf8")));

async function run(name: string, code: string, runtime: "bun" | "deno"): Promise<{ exitCode: number; stderr: string }> {
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/${name.replace(/\W+/g, "-")}-${runtime}.ts`;
  writeFileSync(file, STRICT + code);
  const before = runtime === "deno" ? ["run", "--allow-all"] : [];
  const child = Bun.spawn([executableOf(runtime), ...before, file], { cwd: root, stdout: "ignore", stderr: "pipe" });
  const stderr = await new Response(child.stderr).text();
  return { exitCode: await child.exited, stderr };
}

describe("examples of the docstrings", () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("there are some", () => expect(examples.length).toBeGreaterThan(3));

  for (const { name, code } of examples) {
    test(name, async () => {
      const { exitCode, stderr } = await run(name, code, "bun");
      expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
    });
  }

  test("an assertion that does not hold is noticed", async () => {
    const [planted] = examplesOf("planted", "/**\n * @example\n * ```ts\n * console.assert(1 > 2);\n * ```\n */");
    expect((await run("planted", planted?.code ?? "", "bun")).exitCode).not.toBe(0);
  });
});
