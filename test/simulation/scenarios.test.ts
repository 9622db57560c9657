/** Every scenario comes true; and the runner notices what does not. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runScenario } from "./scenario.ts";

const folder = join(import.meta.dir, "scenarios");

describe("scenarios", () => {
  for (const name of readdirSync(folder).sort()) {
    test(name.replace(".txt", "").replaceAll("-", " "), () => {
      runScenario(readFileSync(join(folder, name), "utf8"));
    });
  }
});

describe("the runner of scenarios", () => {
  test.each([
    {
      name: "a wrong value",
      line: "n1: get a:1 => two",
      expected: "ms: n1: get a:1 => two\n  n1 answered miss",
    },
    { name: "a step that there is not", line: "explode n1", expected: 'there is no step "explode"' },
    { name: "a request that there is not", line: "n1: burn a:1", expected: 'nobody can ask for "burn"' },
    { name: "a node that there is not", line: "n7: get a:1", expected: "there is no node n7" },
  ])("notices $name", ({ line, expected }) => {
    expect(() => runScenario(`nodes n1@r1\n\n# nothing is there\n${line}`)).toThrow(expected);
  });
});
