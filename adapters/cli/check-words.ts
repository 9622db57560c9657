/**
 * Looks for everything that is wrong with a command's words before they are parsed: unknown options (with the nearest
 * that there is), options without their value, options given twice, too few and too many arguments.
 *
 * Stricter than the parser in one point: `--ttl --tag x` is refused instead of taking "--tag" as the value of `--ttl`. Where
 * a value begins with a dash, `--ttl=-x` says so; an argument that does stands behind `--`.
 */
import type { Argument, Command, Option } from "commander";
import { didYouMean } from "./suggest.ts";

/** "KEY", "[VALUE]", "KEY..." */
export function argumentTerm(argument: Argument): string {
  const name = `${argument.name().toUpperCase()}${argument.variadic ? "..." : ""}`;
  return argument.required ? name : `[${name}]`;
}

/** The words of a command that say what it takes: `shoal set KEY [VALUE]`. */
export function usageOf(command: Command): string {
  return [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" ");
}

class Check {
  readonly mistakes: string[] = [];
  readonly #command: Command;
  readonly #operands: string[] = [];
  readonly #given = new Set<Option>();
  #unknown = false;

  constructor(command: Command) {
    this.#command = command;
  }

  /** Looks at the word at `i`; returns how many further words belong to it. */
  word(words: readonly string[], i: number): number {
    const word = words[i] as string;
    if (!word.startsWith("-") || word === "-") {
      this.operand(word);
      return 0;
    }
    const [flag, value] = word.startsWith("--") ? splitOnce(word, "=") : [word, undefined];
    const option = this.#command.options.find((one) => one.long === flag || one.short === flag);
    if (option === undefined) this.#unknownOption(flag);
    else return this.#option(option, flag, value, words[i + 1]);
    return 0;
  }

  operand(word: string): void {
    this.#operands.push(word);
  }

  #flags(): string[] {
    return [...this.#command.options.flatMap((one) => (one.long === undefined ? [] : [one.long])), "--help"];
  }

  finish(): string[] {
    const expected = this.#command.registeredArguments;
    const missing = expected.filter((argument, i) => argument.required && i >= this.#operands.length);
    for (const argument of missing) this.mistakes.push(`${argumentTerm(argument)}: is missing`);
    if (this.#unknown) return [...this.mistakes, `allowed: ${this.#flags().join(", ")}`];
    if (expected.at(-1)?.variadic === true) return this.mistakes;
    const allowed =
      expected.length === 0 ? "no arguments are" : `${expected.map(argumentTerm).join(" ")} is all that is`;
    for (const word of this.#operands.slice(expected.length)) {
      this.mistakes.push(`${JSON.stringify(word)}: not expected here; ${allowed} allowed`);
    }
    return this.mistakes;
  }

  #unknownOption(flag: string): void {
    // What follows may have been meant as its value, so that it is not complained about as well.
    this.#unknown = true;
    const near = didYouMean(flag, this.#flags());
    const takesWords = this.#command.registeredArguments.length > 0;
    const behind = takesWords && near === "" ? "; an argument that begins with a dash stands behind --" : "";
    this.mistakes.push(`${flag}: no such option${near}${behind}`);
  }

  #option(option: Option, flag: string, value: string | undefined, next: string | undefined): number {
    const repeatable = Array.isArray(option.defaultValue) || option.optional;
    if (this.#given.has(option) && !repeatable) this.mistakes.push(`${flag}: given twice`);
    this.#given.add(option);
    if (!option.required && !option.optional) {
      if (value !== undefined) this.mistakes.push(`${flag}: takes no value`);
      return 0;
    }
    if (value !== undefined) return 0;
    if (next !== undefined && (!next.startsWith("-") || next === "-" || /^-\d/.test(next))) return 1;
    if (option.optional) return 0;
    const written = next === undefined ? "" : `; write ${flag}=${next} if ${next} is meant as its value`;
    this.mistakes.push(`${flag}: has no value${written}`);
    return 0;
  }
}

function splitOnce(word: string, separator: string): [string, string | undefined] {
  const at = word.indexOf(separator);
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

/** Everything that is wrong with the words, a line each. */
export function checkWords(command: Command, words: readonly string[]): string[] {
  const check = new Check(command);
  for (let i = 0; i < words.length; i++) {
    if (words[i] === "--") {
      for (const word of words.slice(i + 1)) check.operand(word);
      break;
    }
    i += check.word(words, i);
  }
  return check.finish();
}
