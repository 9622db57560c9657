/**
 * What the tidy rules rely on: that a source is read as code, and that its functions are found.
 */
import { describe, expect, test } from "bun:test";
import { findFunctions } from "./functions.ts";
import { readSource } from "./source.ts";

describe("a source is read as code", () => {
  const cases = [
    { name: "line comment", text: "a; // any\nb", code: "a;       \nb" },
    { name: "block comment keeps its lines", text: "a /* x\ny */ b", code: "a     \n     b" },
    { name: "comment that never ends", text: "a /* x", code: "a     " },
    { name: "string", text: "a(\"Date\", 'b')", code: "a(\"    \", ' ')" },
    { name: "escaped quote", text: 'a("\\"//") + b', code: 'a("    ") + b' },
    { name: "comment marks in a string", text: '"//" + "/*" + c', code: '"  " + "  " + c' },
    { name: "quotes in a comment", text: "// it's\na", code: "       \na" },
    { name: "template", text: "`a ${b} c` + d", code: "`   {b}  ` + d" },
    { name: "braces in a template's code", text: "`${{ a: `x${b}` }}y` + c", code: "` {{ a: `  {b}` }} ` + c" },
    { name: "regular expression", text: 'a = /any[/]"/g.test(b)', code: "a =           .test(b)" },
    { name: "regular expression after return", text: "return /a'/", code: "return     " },
    { name: "division", text: "a / b / c", code: "a / b / c" },
    { name: "division after a call and an increment", text: "f(a) / i++ / b! / 'c'", code: "f(a) / i++ / b! / ' '" },
    { name: "hash-bang", text: "#!/usr/bin/env node\na", code: `${" ".repeat(19)}\na` },
  ];
  test.each(cases)("$name", ({ text, code }) => {
    expect(readSource("a.ts", text).code).toBe(code);
    expect(code.length).toBe(text.length);
  });

  test("imports of every form are listed, those in comments and strings are not", () => {
    const text = `import a from "./a.ts";
import type { B } from './b.ts';
import "./c.ts";
export * from "./d.ts";
const e = await import("./e.ts"); // import "./no.ts"
const f: import("./f.ts").F = 'from "./no.ts"';
import {
  g,
} from "./g.ts";`;
    const imports = readSource("x.ts", text).imports.map(({ line, specifier }) => `${line} ${specifier}`);
    expect(imports).toEqual(["1 ./a.ts", "2 ./b.ts", "3 ./c.ts", "4 ./d.ts", "5 ./e.ts", "6 ./f.ts", "9 ./g.ts"]);
  });

  test("imports of types only are told apart", () => {
    const text = `import type { A } from "./a.ts";
export type * from "./b.ts";
import { type C, d } from "./no.ts";
import type, { e } from "./no.ts";
import type from "./no.ts";
import "./no.ts";`;
    const typeOnly = readSource("x.ts", text).imports.filter((one) => one.typeOnly);
    expect(typeOnly.map(({ specifier }) => specifier)).toEqual(["./a.ts", "./b.ts"]);
  });
});

describe("functions are found", () => {
  const cases = [
    { name: "declaration", text: "function f(a) { b }", expected: ["f"] },
    { name: "method with a return type", text: "class A { get(a: B): C { d } }", expected: ["get"] },
    { name: "object type as return type", text: "function f(): { a: number } { b }", expected: ["f"] },
    { name: "generic return type", text: "async f(): Promise<Map<string, { a: 1 }>> { b }", expected: ["f"] },
    { name: "union and tuple as return type", text: "f(): [a, b] | { c: d } | undefined { e }", expected: ["f"] },
    { name: "predicate", text: "function f(a): a is { b: 1 } { c }", expected: ["f"] },
    { name: "function type inside a generic one", text: "f(): Promise<() => void> { b }", expected: ["f"] },
    { name: "arrow with a block", text: "const f = (a) => { b };", expected: [""] },
    { name: "arrow with a return type", text: "const f = (a): B => { c };", expected: [""] },
    { name: "arrow with an object", text: "const f = () => ({ a });", expected: [""] },
    { name: "function in a template", text: "`${map((a) => { b })}`", expected: [""] },
    { name: "nested", text: "function f() { return () => { a }; }", expected: ["f", ""] },
    { name: "statements", text: "if (a) { } for (b) { } while (c) { } switch (d) { } catch (e) { }", expected: [] },
    { name: "overload, interface, abstract", text: "f(a): B; g(): { c: d }; h(): void\n}", expected: [] },
    { name: "mixin", text: "class A extends mixin(B) { c = 1 }", expected: [] },
    { name: "conditional", text: "a ? f(b) : { c: 1 };", expected: [] },
    { name: "case with a block", text: "switch (a) { case f(b): { c } case g(d): { e } }", expected: [] },
  ];
  test.each(cases)("$name", ({ text, expected }) => {
    expect(
      findFunctions(readSource("a.ts", text).code)
        .map((span) => span.name)
        .sort(),
    ).toEqual(expected.sort());
  });

  test("a callback knows what it is given to", () => {
    const text = `describe("a", () => { test.each([[f(1)], [{}]])("b", (c) => { d }); });`;
    const callers = findFunctions(readSource("a.ts", text).code).map((span) => span.calledBy);
    expect(callers).toEqual(["describe", "test.each"]);
  });
});
