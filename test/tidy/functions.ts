/**
 * Finds the functions of a source file and their lengths, from blanked code (see source.ts).
 *
 * A function is a parenthesised parameter list followed by a body: `(...) {`, `(...): Type {`, `(...) => {` or
 * `(...) => (`, unless the word before the list belongs to a statement (`if`, `for`, ...) or to `extends mixin(Base)`.
 * A return type is stepped over token by token: a brace after `:`, `|`, `&`, `=>` and the like is an object type,
 * another one is the body. A function's length is counted from the line of its name to that of its last brace.
 *
 * For a callback, the name of the function that gets it is told too: rules about tests need it.
 */

export interface FunctionSpan {
  /** Offset of the name, or of the parameter list where there is none. */
  readonly start: number;
  /** Offset of the body's opening and closing brackets. */
  readonly body: number;
  readonly end: number;
  readonly name: string;
  /** What the function is an argument of, `test` or `describe.each` for example; empty where it is none. */
  readonly calledBy: string;
}

const STATEMENT_WORDS = new Set("if for while switch catch with await".split(" "));
const MODIFIER_WORDS = /^(return|async|yield|default|case|of|in)$/;
const CLOSING: Record<string, string> = { "(": ")", "[": "]", "{": "}" };
/** What stands before a brace that opens an object type, not a body. */
const BEFORE_OBJECT_TYPE = new Set([
  ":",
  "|",
  "&",
  "=>",
  "?",
  ",",
  "<",
  "extends",
  "readonly",
  "keyof",
  "is",
  "asserts",
]);

/** Every function with a body. */
export function findFunctions(code: string): FunctionSpan[] {
  const { closes, opens, parents } = matchBrackets(code);
  const spans: FunctionSpan[] = [];
  for (const [open, close] of closes) {
    if (code[open] !== "(") continue;
    const before = code.slice(0, open).trimEnd();
    const word = /[\w$#]+$/.exec(before)?.[0] ?? "";
    const name = MODIFIER_WORDS.test(word) ? "" : word;
    if (STATEMENT_WORDS.has(word) || /\bextends\s+[\w$.]+$/.test(before)) continue;
    const body = bodyAfter(code, close + 1, closes);
    if (body < 0) continue;
    const start = name === "" ? open : before.length - name.length;
    spans.push({
      start,
      body,
      end: closes.get(body) ?? body,
      name,
      calledBy: callerOf(code, parents.get(open), opens),
    });
  }
  return spans;
}

interface Brackets {
  /** The offset of each opening bracket's partner, the reverse, and each opening bracket's nearest one around it. */
  readonly closes: Map<number, number>;
  readonly opens: Map<number, number>;
  readonly parents: Map<number, number>;
}

/** Brackets without a partner are left out. */
function matchBrackets(code: string): Brackets {
  const closes = new Map<number, number>();
  const opens = new Map<number, number>();
  const parents = new Map<number, number>();
  const stack: number[] = [];
  for (let i = 0; i < code.length; i++) {
    const character = code[i] as string;
    if (character in CLOSING) {
      const parent = stack.at(-1);
      if (parent !== undefined) parents.set(i, parent);
      stack.push(i);
    } else if (character === ")" || character === "]" || character === "}") {
      const start = stack.pop();
      if (start === undefined || CLOSING[code[start] as string] !== character) continue;
      closes.set(start, i);
      opens.set(i, start);
    }
  }
  return { closes, opens, parents };
}

/** The dotted name before the bracket at `open`, or before the calls there: `describe.each` of `describe.each(table)(`. */
function callerOf(code: string, open: number | undefined, opens: ReadonlyMap<number, number>): string {
  if (open === undefined || code[open] !== "(") return "";
  let before = code.slice(0, open).trimEnd();
  while (before.endsWith(")")) before = code.slice(0, opens.get(before.length - 1) ?? 0).trimEnd();
  return /[\w$.]+$/.exec(before)?.[0] ?? "";
}

/** The offset of the body that follows a parameter list which ended before `at`, or -1. */
function bodyAfter(code: string, at: number, closes: ReadonlyMap<number, number>): number {
  const next = skipSpace(code, at);
  if (code[next] === "{") return next;
  if (code.startsWith("=>", next)) return arrowBody(code, next);
  return code[next] === ":" ? bodyAfterType(code, next, closes) : -1;
}

function arrowBody(code: string, arrow: number): number {
  const next = skipSpace(code, arrow + 2);
  return code[next] === "{" || code[next] === "(" ? next : -1;
}

/** Steps over the return type that begins with the colon at `at`. */
function bodyAfterType(code: string, at: number, closes: ReadonlyMap<number, number>): number {
  const token = /\s*(=>|[\w$.]+|\S)/y;
  token.lastIndex = at;
  let before = "";
  let angles = 0;
  for (let match = token.exec(code); match !== null; match = token.exec(code)) {
    const text = match[1] as string;
    const offset = token.lastIndex - text.length;
    if (text === "{" && !BEFORE_OBJECT_TYPE.has(before)) return isType(before) ? offset : -1;
    if (text in CLOSING) {
      const close = closes.get(offset);
      if (close === undefined) return -1;
      token.lastIndex = close + 1;
      before = CLOSING[text] as string;
      continue;
    }
    if (text === "<") angles++;
    if (text === ">") angles--;
    // A function type is one only inside brackets here, so a bare arrow ends the return type.
    if (text === "=>" && angles === 0) return arrowBody(code, offset);
    if (text === "," && angles > 0) {
      before = text;
      continue;
    }
    if (/^[;,)\]}=]$/.test(text) || /^(case|default|return|const|let|if|for|while|throw)$/.test(text)) return -1;
    before = text;
  }
  return -1;
}

/** True if a type can end with this token. */
function isType(token: string): boolean {
  return /^[\w$.]+$|^[>)\]}"'`]$/.test(token);
}

function skipSpace(code: string, at: number): number {
  let next = at;
  while (/\s/.test(code[next] ?? "")) next++;
  return next;
}
