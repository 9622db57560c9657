/** The command line as a process on each runtime: through pipes, and at a terminal (a pseudo-terminal of Bun's). */
import { root } from "../../../adapters/cli/install.mjs";
import { type Runtime, shoalCommand } from "../server-process.ts";
import { until, within } from "../until.ts";

export const RUNTIMES: readonly Runtime[] = ["bun", "deno", "node"];
const DEADLINE_MS = 20_000;

export interface CliOutput {
  readonly exitCode: number;
  readonly bytes: Uint8Array;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** What stdin brings; nothing if it is not given. */
  readonly input?: Uint8Array | string;
}

/** The environment of the tests without what would configure a node, the command line or its colours. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const ours = /^(SHOAL_|BUN_JSC_|NO_COLOR$|FORCE_COLOR$|TERM$|COLORTERM$|CI$)/;
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name));
  return { ...(Object.fromEntries(kept) as Record<string, string>), TERM: "xterm-256color", ...extra };
}

/** Runs a command to its end, its streams being pipes. */
export async function runCli(runtime: Runtime, words: readonly string[], options: CliOptions = {}): Promise<CliOutput> {
  const { environment = {}, input } = options;
  const child = Bun.spawn(shoalCommand(runtime, ...words), {
    cwd: root,
    env: cleanEnvironment(environment),
    stdin: input === undefined ? "ignore" : Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  const late = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const [bytes, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(late);
  return { exitCode, bytes, stdout: new TextDecoder().decode(bytes), stderr };
}

/** A command whose three streams are one terminal. */
export class TerminalSession {
  /** Everything that it showed. */
  shown = "";
  readonly exited: Promise<number>;
  readonly #process: Bun.Subprocess;

  constructor(
    runtime: Runtime,
    words: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    columns = 80,
  ) {
    const decoder = new TextDecoder();
    let atEnd: () => void = () => {};
    const closed = new Promise<void>((resolve) => {
      atEnd = resolve;
    });
    // Made by `spawn` itself, it is the process's controlling terminal: Ctrl-C is a signal, and its end is reported.
    const [executable = "", ...rest] = shoalCommand(runtime, ...words);
    // At a terminal Deno clears its own progress line, unless it is told to be quiet.
    const command = runtime === "deno" ? [executable, "run", "--quiet", ...rest.slice(1)] : [executable, ...rest];
    this.#process = Bun.spawn(command, {
      cwd: root,
      env: cleanEnvironment(environment),
      terminal: {
        cols: columns,
        rows: 50,
        data: (_, bytes) => {
          this.shown += decoder.decode(bytes, { stream: true });
        },
        exit: () => atEnd(),
      },
    });
    this.exited = this.#process.exited.then(async (exitCode) => {
      // What the process wrote last is read before the terminal reports its end.
      await within("the end of the terminal", closed);
      return exitCode;
    });
  }

  /** Types text. */
  type(text: string): void {
    this.#process.terminal?.write(text);
  }

  sees(what: RegExp): Promise<boolean> {
    return until(`seeing ${what} in ${JSON.stringify(this.shown)}`, () => what.test(this.shown), DEADLINE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null) this.#process.kill("SIGKILL");
    await this.#process.exited;
    this.#process.terminal?.close();
  }
}
