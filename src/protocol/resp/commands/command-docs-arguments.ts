/**
 * What COMMAND DOCS tells about a command's arguments, derived from its syntax line: redis-cli shows hints from it, and
 * client generators read it. Redis keeps both, by hand; here the line is the only source.
 *
 *     key [key ...]          an argument that may be repeated
 *     [NX | XX]              optional, one of them
 *     <FIRST | SECOND>       one of them          ON|OFF   the same, within a line
 *     [EX seconds]           a token and its argument, optional together
 *
 * Words in upper case are tokens, all others are names of arguments; their type is guessed from the name. A line that
 * does not follow these rules throws where the table is tested, not where a server runs.
 */

/** One argument, as COMMAND DOCS names its fields. */
export interface Argument {
  readonly name: string;
  readonly type: "key" | "pattern" | "integer" | "unix-time" | "string" | "pure-token" | "oneof" | "block";
  readonly token?: string;
  readonly flags: readonly ("optional" | "multiple" | "multiple_token")[];
  readonly arguments: readonly Argument[];
}

const TOKENS = /\.\.\.|[[\]<>]|[^\s[\]<>]+/g;
const TOKEN_WORD = /^[A-Z][A-Z0-9_-]*$/;
const KEY_WORDS = /^(?:key|newkey|destkey|source|destination|key\d)$/;
const INTEGER_WORDS =
  /^(?:(?:milli)?seconds|count|cursor|offset|start|end|decrement|increment|destination-db|db|index\d?|timeout|client-id|num\w+|bit|value-ms|ms|ttl|frequency|min-match-len|n|len|protover|maxage)$/;

/** @throws {Error} on a line that does not follow the rules above */
export function parseSyntax(syntax: string): readonly Argument[] {
  const parser = new SyntaxParser(syntax.match(TOKENS) ?? []);
  const parsed = parser.alternatives();
  if (!parser.done) throw new Error(`syntax does not end where it should: ${syntax}`);
  return parsed.length === 1 ? (parsed[0] as Argument[]) : [oneOf(parsed)];
}

class SyntaxParser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** Sequences up to the closing bracket or the end, split at lone bars. */
  alternatives(): Argument[][] {
    const sequences: Argument[][] = [[]];
    while (!this.done) {
      const token = this.#tokens[this.#at] as string;
      if (token === "]" || token === ">" || token === "...") break;
      this.#at++;
      const sequence = sequences.at(-1) as Argument[];
      if (token === "|") sequences.push([]);
      else if (token === "[") this.#optional(sequence);
      else if (token === "<") sequence.push(this.#required());
      else this.#word(token, sequence);
    }
    return sequences;
  }

  #close(bracket: string): void {
    if (this.#tokens[this.#at++] !== bracket) throw new Error(`syntax lacks a "${bracket}"`);
  }

  #required(): Argument {
    const inner = this.alternatives();
    this.#close(">");
    return single(inner);
  }

  /** A bracket: a repetition of what is before it, or something optional. */
  #optional(sequence: Argument[]): void {
    const inner = this.alternatives();
    const repeats = this.#tokens[this.#at] === "...";
    if (repeats) this.#at++;
    this.#close("]");
    const count = inner[0]?.length ?? 0;
    const before = sequence.slice(sequence.length - count);
    if (repeats && inner.length === 1 && before.length === count && sameNames(before, inner[0] as Argument[])) {
      sequence.length -= count;
      const repeated = single([before]);
      sequence.push(flagged(repeated, repeated.token === undefined ? ["multiple"] : ["multiple", "multiple_token"]));
    } else {
      sequence.push(flagged(single(inner), repeats ? ["optional", "multiple"] : ["optional"]));
    }
  }

  #word(word: string, sequence: Argument[]): void {
    if (word.includes("|")) {
      sequence.push(oneOf(word.split("|").map((one) => [plain(one)])));
      return;
    }
    if (!TOKEN_WORD.test(word)) {
      sequence.push(plain(word));
      return;
    }
    const following: Argument[] = [];
    while (!this.done && /^[a-z][^|]*$/.test(this.#tokens[this.#at] as string)) {
      following.push(plain(this.#tokens[this.#at++] as string));
    }
    if (following.length === 0) sequence.push(plain(word));
    else sequence.push({ ...single([following]), token: word });
  }
}

function plain(word: string): Argument {
  if (TOKEN_WORD.test(word)) {
    return { name: word.toLowerCase(), type: "pure-token", token: word, flags: [], arguments: [] };
  }
  return { name: word, type: typeOf(word), flags: [], arguments: [] };
}

function typeOf(word: string): Argument["type"] {
  if (KEY_WORDS.test(word)) return "key";
  if (word === "pattern") return "pattern";
  if (word.startsWith("unix-time")) return "unix-time";
  return INTEGER_WORDS.test(word) ? "integer" : "string";
}

/** One argument for a group: itself, a block of several, or a choice. */
function single(alternatives: readonly (readonly Argument[])[]): Argument {
  const [first] = alternatives;
  if (alternatives.length > 1 || first === undefined) return oneOf(alternatives);
  if (first.length === 1) return first[0] as Argument;
  return { name: nameOf(first), type: "block", flags: [], arguments: first };
}

function oneOf(alternatives: readonly (readonly Argument[])[]): Argument {
  const choices = alternatives.map((sequence) => single([sequence]));
  return { name: nameOf(choices), type: "oneof", flags: [], arguments: choices };
}

function nameOf(parts: readonly Argument[]): string {
  return parts.map((part) => part.name).join("-");
}

function flagged(argument: Argument, flags: Argument["flags"]): Argument {
  return { ...argument, flags: [...argument.flags, ...flags] };
}

function sameNames(a: readonly Argument[], b: readonly Argument[]): boolean {
  return a.length > 0 && a.every((argument, i) => argument.name === b[i]?.name && argument.token === b[i]?.token);
}
