/**
 * What commands write: results to stdout, messages to stderr, as text for people or as JSON for programs.
 *
 * Colours are for terminals: `FORCE_COLOR` decides if it is set, else `NO_COLOR` and `TERM=dumb` turn them off. Text that
 * came from elsewhere (keys, tags, what a node answers) is shown with its control characters escaped, so that a value
 * cannot drive somebody's terminal. A reader that closed the pipe ends the process quietly.
 */
import process from "node:process";
import { styleText } from "node:util";
import { CommandFailure } from "./exit-code.ts";

type Style = Parameters<typeof styleText>[0];
type Environment = Readonly<Record<string, string | undefined>>;
type OutputStream = NodeJS.WriteStream;

/** True if what is written to the stream should be coloured. */
export function wantsColour(stream: { readonly isTTY?: boolean }, environment: Environment): boolean {
  const forced = environment.FORCE_COLOR;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
}

/** Text with its control characters escaped. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const code = character.charCodeAt(0);
    return { 9: "\\t", 10: "\\n", 13: "\\r" }[code] ?? `\\x${code.toString(16).padStart(2, "0")}`;
  });
}

/** "1,234 frames" */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? noun : nouns}`;
}

/** A word between quotes, with what a terminal could misunderstand escaped. */
export function quoted(text: string): string {
  return `"${visible(text)}"`;
}

function isGone(error: Error & { code?: string }): boolean {
  return error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED" || error.name === "BrokenPipe";
}

function write(stream: OutputStream, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      if (isGone(error)) process.exit(0);
      reject(new CommandFailure(70, "output", `the result cannot be written: ${error.message}`));
    };
    try {
      stream.write(data, (error) => (error ? failed(error) : resolve()));
    } catch (error) {
      // Deno throws where the others call back, if stdout is a file.
      failed(error as Error);
    }
  });
}

/** Leaves errors of the streams to who writes. Not for a server: a log that lost its reader must not go unnoticed. */
export function reportWhereWritten(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

export class Printer {
  /** True if results and errors are to be JSON. */
  readonly json: boolean;
  /** True if stdout is a terminal. */
  readonly atTerminal = process.stdout.isTTY === true;
  readonly outColours = wantsColour(process.stdout, process.env);
  readonly #errColours = wantsColour(process.stderr, process.env);

  constructor(json: boolean) {
    this.json = json;
  }

  /** A part of a result in a style, if stdout has colours. */
  style(style: Style, text: string): string {
    return this.outColours ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Writes a result as it is. Resolves once it was handed over. */
  out(data: string | Uint8Array): Promise<void> {
    return data.length === 0 ? Promise.resolve() : write(process.stdout, data);
  }

  /** Writes a result: the object as a line of JSON, or the text and a line end. */
  result(object: unknown, text: string): Promise<void> {
    return this.out(this.json ? `${JSON.stringify(object)}\n` : text === "" ? "" : `${text}\n`);
  }

  /** Tells people something that is no result; programs that asked for JSON are not disturbed. */
  note(text: string): Promise<void> {
    return this.json ? Promise.resolve() : write(process.stderr, `shoal: ${text}\n`);
  }

  /** Points something out that is wrong: as an object for programs that asked for JSON, as text for people. */
  warn(object: unknown, text: string): Promise<void> {
    return write(process.stderr, this.json ? `${JSON.stringify(object)}\n` : `shoal: ${visible(text)}\n`);
  }

  /** Reports why a command failed. */
  failure(failure: CommandFailure): Promise<void> {
    if (this.json) return write(process.stderr, `${JSON.stringify(failure.toJson())}\n`);
    const red = (text: string) => (this.#errColours ? styleText("red", text, { validateStream: false }) : text);
    const mistakes = failure.details.mistakes ?? [];
    const lines = [`${red("shoal:")} ${visible(failure.message)}`, ...mistakes.map((line) => `  ${visible(line)}`)];
    return write(process.stderr, `${lines.join("\n")}\n`);
  }
}
