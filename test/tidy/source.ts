/**
 * A source file as the tidy rules see it: its code with everything blanked out that is not code.
 *
 * `readSource` walks the text once, as a TypeScript lexer would, and gives back a text of the same length, line for
 * line, in which comments, the contents of strings, the text of template literals and regular expressions are spaces.
 * So a rule is one regular expression over `code`, and an offset means the same place in `text` and `code`. Code inside
 * `${}` stays. Comments and import specifiers, which some rules need, are listed.
 *
 * The one thing a lexer cannot know is whether `/` divides or opens a regular expression. It is decided by what stands
 * before: after a value it divides. After `)` and `}` it is taken to divide, which is wrong only for a statement that
 * begins with a regular expression. There is no JSX here.
 */

export interface Comment {
  /** First and last line, from 1. */
  readonly line: number;
  readonly endLine: number;
  /** The comment with its delimiters. */
  readonly text: string;
}

export interface Import {
  readonly line: number;
  readonly specifier: string;
  /** `import type` or `export type`: gone when the program runs. */
  readonly typeOnly: boolean;
}

export interface Source {
  /** Relative to the checkout, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly code: string;
  readonly comments: readonly Comment[];
  /** Static, dynamic, re-exporting and type imports. */
  readonly imports: readonly Import[];
  /** The line of an offset, from 1. */
  lineAt(offset: number): number;
}

/** Words after which a `/` opens a regular expression although they look like names. */
const OPERATOR_WORDS = new Set(
  "return typeof instanceof in of new delete void throw case do else await yield extends default".split(" "),
);
const IMPORT = /(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*(["'])/g;
const WORD_CHARACTER = /[\w$]/;

/** Reads one source file. */
export function readSource(path: string, text: string): Source {
  const { code, comments } = new Lexer(text).run();
  const lineStarts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  const lineAt = (offset: number) => {
    let low = 0;
    let high = lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((lineStarts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
  const imports = [...code.matchAll(IMPORT)].map((match) => {
    const quote = match.index + match[0].length - 1;
    const end = code.indexOf(match[1] as string, quote + 1);
    const keyword = Math.max(code.lastIndexOf("import", quote), code.lastIndexOf("export", quote), 0);
    const typeOnly = /^\w+\s+type\b(?!\s*(?:,|from\b))/.test(code.slice(keyword, quote));
    return { line: lineAt(quote), specifier: text.slice(quote + 1, end < 0 ? undefined : end), typeOnly };
  });
  const located = comments.map(({ start, end }) => ({
    line: lineAt(start),
    endLine: lineAt(end - 1),
    text: text.slice(start, end),
  }));
  return { path, text, code, comments: located, imports, lineAt };
}

interface Range {
  readonly start: number;
  readonly end: number;
}

class Lexer {
  readonly #text: string;
  readonly #code: string[] = [];
  readonly #comments: Range[] = [];
  /** For each `${` that is open, how many braces are open within it. */
  readonly #templates: number[] = [];
  #at = 0;
  /** The last word or character of code: what decides about `/`. */
  #before = "";

  constructor(text: string) {
    this.#text = text;
  }

  run(): { code: string; comments: Range[] } {
    if (this.#text.startsWith("#!")) this.#comment(this.#lineEnd());
    while (this.#at < this.#text.length) this.#step();
    return { code: this.#code.join(""), comments: this.#comments };
  }

  #step(): void {
    const text = this.#text;
    const character = text[this.#at] as string;
    if (text.startsWith("//", this.#at)) this.#comment(this.#lineEnd());
    else if (text.startsWith("/*", this.#at)) this.#comment(this.#after("*/", 2));
    else if (character === '"' || character === "'") this.#string(character);
    else if (character === "`") this.#openTemplate();
    else if (character === "/" && !this.#followsValue() && this.#regexEnd() > 0) this.#regex();
    else if (character === "}" && this.#templates.at(-1) === 0) this.#resumeTemplate();
    else if (WORD_CHARACTER.test(character)) this.#word();
    else this.#punctuation(character);
  }

  #word(): void {
    let end = this.#at + 1;
    while (end < this.#text.length && WORD_CHARACTER.test(this.#text[end] as string)) end++;
    this.#before = this.#text.slice(this.#at, end);
    this.#keep(end);
  }

  #punctuation(character: string): void {
    const depth = this.#templates.length - 1;
    if (depth >= 0 && character === "{") (this.#templates[depth] as number)++;
    if (depth >= 0 && character === "}") (this.#templates[depth] as number)--;
    if (/\S/.test(character)) {
      const previous = this.#text[this.#at - 1] ?? "";
      const doubled = (character === "+" || character === "-") && previous === character;
      const nonNull = character === "!" && /[\w$)\]]/.test(previous);
      this.#before = doubled || nonNull ? "value" : character;
    }
    this.#keep(this.#at + 1);
  }

  #comment(end: number): void {
    this.#comments.push({ start: this.#at, end });
    this.#blank(end);
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== "\n") {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#keep(this.#at + 1);
    this.#blank(end);
    if (this.#text[end] === quote) this.#keep(end + 1);
    this.#before = "value";
  }

  #openTemplate(): void {
    this.#keep(this.#at + 1);
    this.#templateText();
  }

  #resumeTemplate(): void {
    this.#templates.pop();
    this.#keep(this.#at + 1);
    this.#templateText();
  }

  /** Blanks a template's text up to its end, or up to the next `${`. */
  #templateText(): void {
    let end = this.#at;
    while (end < this.#text.length && this.#text[end] !== "`" && !this.#text.startsWith("${", end)) {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#blank(end);
    if (this.#text[end] === "`") {
      this.#keep(end + 1);
      this.#before = "value";
    } else if (end < this.#text.length) {
      this.#blank(end + 1);
      this.#keep(end + 2);
      this.#templates.push(0);
      this.#before = "{";
    }
  }

  #regex(): void {
    this.#blank(this.#regexEnd());
    while (/[a-z]/.test(this.#text[this.#at] ?? "")) this.#blank(this.#at + 1);
    this.#before = "value";
  }

  /** The offset after the regular expression that begins here, or 0 if none ends on this line. */
  #regexEnd(): number {
    let inClass = false;
    for (let i = this.#at + 1; i < this.#text.length; i++) {
      const character = this.#text[i];
      if (character === "\n") return 0;
      if (character === "\\") i++;
      else if (character === "[") inClass = true;
      else if (character === "]") inClass = false;
      else if (character === "/" && !inClass) return i + 1;
    }
    return 0;
  }

  #followsValue(): boolean {
    const before = this.#before;
    return /[)\]}]$/.test(before) || (WORD_CHARACTER.test(before.at(-1) ?? "") && !OPERATOR_WORDS.has(before));
  }

  #lineEnd(): number {
    const end = this.#text.indexOf("\n", this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #after(delimiter: string, skip: number): number {
    const end = this.#text.indexOf(delimiter, this.#at + skip);
    return end < 0 ? this.#text.length : end + delimiter.length;
  }

  #keep(end: number): void {
    this.#code.push(this.#text.slice(this.#at, end));
    this.#at = end;
  }

  #blank(end: number): void {
    this.#code.push(this.#text.slice(this.#at, end).replace(/[^\n]/g, " "));
    this.#at = Math.min(end, this.#text.length);
  }
}
