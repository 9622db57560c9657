/**
 * The tidy rules about source files. Each rule looks at all sources and returns what it finds; a rule that sees one
 * file at a time is made with `perFile`. The tests plant a violation of every rule and expect it to be found.
 *
 * The rules read blanked code (see source.ts) and rely on the formatter: they need not know every way to write a thing,
 * only the one way it is written here.
 */
import { findFunctions } from "./functions.ts";
import type { Source } from "./source.ts";

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export interface Rule {
  readonly name: string;
  find(sources: readonly Source[]): Finding[];
}

type Report = (line: number, message: string) => void;

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 70;
const MIN_TODO_WORDS = 8;

/** A marker in a comment at the head of a file or function that may be longer than others. */
const MAY_BE_LONG = /\btidy: (generated table|test cases)\b/;

/** Layers of one number are beside each other; imports go to lower numbers or stay in their layer. */
const LAYERS: Readonly<Record<string, number>> = {
  core: 0,
  store: 1,
  journal: 2,
  cluster: 2,
  node: 3,
  protocol: 4,
  cache: 5,
  client: 5,
};
/** The files of `src/` itself, `index.ts` first: what packages import. */
const ENTRY_LEVEL = 6;
/** The layers beside each other that do not know each other. */
const STRANGERS = [["journal", "cluster"]];
/** The packages that run on every runtime and that `src/` may therefore use. */
const PORTABLE_PACKAGES = new Set(["hono", "zod", "msgpackr"]);
/** The adapter folders and files that put other adapters together. */
const ENTRY_POINT = /^adapters\/(cli\/|[\w-]+\/serve[\w-]*\.ts$)/;

/** A name that stands for itself, as a spread, or as a property of `globalThis`; not a property of something else. */
const FORBIDDEN_GLOBALS = new RegExp(
  String.raw`(?<=\bglobalThis\??\.|\.\.\.|(?<![\w$#.]))(?:` +
    "Date|performance|process|Buffer|Bun|Deno|console|(?:set|clear)(?:Timeout|Interval|Immediate)|" +
    String.raw`Math\.random|crypto\.(?:getRandomValues|randomUUID))(?![\w$])`,
  "g",
);
/** The implementations of the ports, the only files of `src/` that may touch globals. */
const GLOBAL_USERS = new Set(["src/core/system.ts", "src/core/bytes.ts"]);

const BANNED_FILE_NAMES = /^(utils?|helpers?|common|misc|types?)$/;
const DECLARATION = /\b(class|interface|type|enum|function|const|let)\s+([\w$]+)/g;
const BANNED_SUFFIX = /(Manager|Helper|Service|Impl)s?$/;

function perFile(name: string, look: (source: Source, report: Report) => void): Rule {
  return {
    name,
    find(sources) {
      const findings: Finding[] = [];
      for (const source of sources) {
        look(source, (line, message) => findings.push({ path: source.path, line, message }));
      }
      return findings;
    },
  };
}

/** The path that a relative specifier means, seen from a file. */
export function resolveImport(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

const layers = perFile("imports go down the layers", (source, report) => {
  for (const { line, specifier } of source.imports) {
    const problem = source.path.startsWith("src/")
      ? problemInSrc(source.path, specifier)
      : problemInAdapter(source.path, specifier);
    if (problem !== undefined) report(line, `${problem}: ${specifier}`);
  }
});

function problemInSrc(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) {
    if (/^(node|bun|deno|jsr|npm|cloudflare):/.test(specifier) || specifier === "bun") return "src/ imports a runtime";
    const packageName = specifier.split("/")[0] as string;
    return PORTABLE_PACKAGES.has(packageName) ? undefined : "src/ imports a package that is not portable";
  }
  const target = resolveImport(path, specifier);
  if (!target.startsWith("src/")) return "src/ imports from outside src/";
  const from = path.split("/")[1] as string;
  const to = target.split("/")[1] as string;
  const fromLevel = from.endsWith(".ts") ? ENTRY_LEVEL : LAYERS[from];
  const toLevel = to.endsWith(".ts") ? ENTRY_LEVEL : LAYERS[to];
  if (fromLevel === undefined || toLevel === undefined) return "no layer of src/ is called so";
  if (toLevel > fromLevel) return `${from} imports ${to}, which is above it`;
  const strangers = from !== to && STRANGERS.some((pair) => pair.includes(from) && pair.includes(to));
  return strangers ? `${from} and ${to} do not know each other` : undefined;
}

function problemInAdapter(path: string, specifier: string): string | undefined {
  if (!path.startsWith("adapters/") || !specifier.startsWith(".") || ENTRY_POINT.test(path)) return undefined;
  const target = resolveImport(path, specifier);
  if (target.startsWith("src/")) return undefined;
  if (!target.startsWith("adapters/")) return "an adapter imports from outside src/ and adapters/";
  return target.split("/")[1] === path.split("/")[1] ? undefined : "an adapter imports another adapter";
}

/** Of what is there when the program runs: two types may name each other. */
const cycles: Rule = {
  name: "no import cycles",
  find(sources) {
    const byPath = new Map(sources.map((source) => [source.path, source]));
    const finished = new Set<string>();
    const trail: string[] = [];
    const findings: Finding[] = [];
    const visit = (source: Source): void => {
      trail.push(source.path);
      for (const { line, specifier, typeOnly } of source.imports) {
        if (typeOnly) continue;
        const target = byPath.get(specifier.startsWith(".") ? resolveImport(source.path, specifier) : "");
        if (target === undefined || finished.has(target.path)) continue;
        const start = trail.indexOf(target.path);
        if (start < 0) visit(target);
        else findings.push({ path: source.path, line, message: [...trail.slice(start), target.path].join(" -> ") });
      }
      trail.pop();
      finished.add(source.path);
    };
    for (const source of sources) if (!finished.has(source.path)) visit(source);
    return findings;
  },
};

const globals = perFile("src/ touches no runtime's globals", (source, report) => {
  if (!source.path.startsWith("src/") || GLOBAL_USERS.has(source.path)) return;
  for (const match of source.code.matchAll(FORBIDDEN_GLOBALS)) {
    report(source.lineAt(match.index), match[0]);
  }
});

const fileLength = perFile(`no file over ${MAX_FILE_LINES} lines`, (source, report) => {
  const lines = source.text.trimEnd().split("\n").length;
  const firstCode = source.lineAt(Math.max(0, source.code.search(/\S/)));
  const says = source.comments.some((comment) => comment.line <= firstCode && MAY_BE_LONG.test(comment.text));
  if (lines > MAX_FILE_LINES && !says) report(1, `${lines} lines`);
});

const functionLength = perFile(`no function over ${MAX_FUNCTION_LINES} lines`, (source, report) => {
  for (const { start, body, end, name, calledBy } of findFunctions(source.code)) {
    // A describe groups tests as a file does; the tests in it are measured.
    if (calledBy.startsWith("describe")) continue;
    const line = source.lineAt(start);
    const lines = source.lineAt(end) - line + 1;
    if (lines <= MAX_FUNCTION_LINES) continue;
    const head = source.lineAt(body) + 1;
    const says = source.comments.some(
      (comment) => comment.endLine >= line - 1 && comment.line <= head && MAY_BE_LONG.test(comment.text),
    );
    if (!says) report(line, `${name === "" ? "a function" : name} has ${lines} lines`);
  }
});

/** Reports each match in code whose line has no comment in words. */
function unexplained(source: Source, pattern: RegExp, report: Report): void {
  for (const match of source.code.matchAll(pattern)) {
    const line = source.lineAt(match.index);
    const why = source.comments.find((comment) => comment.line <= line && comment.endLine >= line);
    const words = why?.text.replace(/biome-ignore\s+\S+|@ts-[\w-]+/g, "").match(/[A-Za-z]{2,}/g) ?? [];
    if (words.length < 2) report(line, "the line does not say why");
  }
}

const noAny = perFile("no `any` that is not explained on its line", (source, report) => {
  unexplained(source, /(?<![\w$.#])any(?![\w$])/g, report);
});

const noNonNull = perFile("no non-null `!` that is not explained on its line", (source, report) => {
  unexplained(source, /(?<=[\w$)\]}])!(?!=)/g, report);
});

const todos = perFile("a TODO says what is missing and what happens meanwhile", (source, report) => {
  for (const [index, comment] of source.comments.entries()) {
    const match = /\b(TODO|FIXME|XXX|HACK)\b/.exec(comment.text);
    if (match === null) continue;
    let text = comment.text.slice(match.index + match[0].length);
    for (let next = index + 1, line = comment.endLine; source.comments[next]?.line === line + 1; next++, line++) {
      if (comment.text.startsWith("//")) text += source.comments[next]?.text.replace("//", "");
    }
    const words = text.match(/[A-Za-z][\w'-]*/g) ?? [];
    if (words.length < MIN_TODO_WORDS || !text.includes(".")) report(comment.line, match[0]);
  }
});

const fileNames = perFile("no file is a drawer", ({ path }, report) => {
  for (const part of path.split("/")) {
    if (BANNED_FILE_NAMES.test(part.split(".")[0] as string)) report(1, `"${part}" does not say what is in it`);
  }
});

const identifiers = perFile("names say what a thing is", (source, report) => {
  for (const match of source.code.matchAll(DECLARATION)) {
    const name = match[2] as string;
    const prefixed = /^(class|interface|type)$/.test(match[1] as string) && /^I[A-Z][a-z]/.test(name);
    if (BANNED_SUFFIX.test(name) || prefixed) report(source.lineAt(match.index), name);
  }
});

const emptyTests = perFile("no empty test, and none that turns the others off", (source, report) => {
  if (!/\.test\.[cm]?[jt]sx?$/.test(source.path)) return;
  for (const match of source.code.matchAll(/(?<![\w$.])(test|it|describe)\.only\b/g)) {
    report(source.lineAt(match.index), match[0]);
  }
  for (const { start, body, end, calledBy } of findFunctions(source.code)) {
    // A skipped test may be empty: its name says what could not be tested, and why.
    const empty = source.code.slice(body + 1, end).trim() === "";
    if (empty && /^(test|it|describe)(\.(?!skip)|$)/.test(calledBy)) report(source.lineAt(start), "empty");
  }
});

export const sourceRules: readonly Rule[] = [
  layers,
  cycles,
  globals,
  fileLength,
  functionLength,
  noAny,
  noNonNull,
  todos,
  fileNames,
  identifiers,
  emptyTests,
];
