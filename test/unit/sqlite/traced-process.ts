/** A `storage-process.ts` whose system calls are watched, or made to fail, for as long as a test wants. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { within } from "../../e2e/until.ts";
import type { Answer, Command } from "./storage-process.ts";

const PROGRAM = fileURLToPath(new URL("./storage-process.ts", import.meta.url));
const DEADLINE_MS = 20_000;

/** Why nothing can be traced here; undefined if it can. */
export function whyNotTraced(): string | undefined {
  const { error, status } = spawnSync("strace", ["-o", "/dev/null", "true"]);
  if (error !== undefined) return "strace is not installed";
  return status === 0 ? undefined : "processes may not be traced";
}

export class TracedProcess {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #answers: AsyncIterator<string>;

  private constructor(directory: string) {
    this.#child = Bun.spawn([process.execPath, PROGRAM, directory], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#answers = linesOf(this.#child.stdout);
  }

  static async start(directory: string): Promise<TracedProcess> {
    const started = new TracedProcess(directory);
    await started.#answer("the process opens its storage");
    return started;
  }

  async ask(command: Command): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    this.#child.stdin.flush();
    return JSON.parse(await this.#answer(JSON.stringify(command))) as Answer;
  }

  /** What `work` leads to, and the traced calls that the process makes meanwhile, a line each. */
  async traced<T>(options: readonly string[], work: () => Promise<T>): Promise<{ value: T; calls: string[] }> {
    const strace = Bun.spawn(["strace", "-f", "-p", String(this.#child.pid), ...options], { stderr: "pipe" });
    const lines = linesOf(strace.stderr);
    const attached = async (): Promise<void> => {
      while (!(await lines.next()).value?.includes("attached"));
    };
    await within("strace attaches", attached(), DEADLINE_MS);
    const value = await work();
    strace.kill("SIGINT");
    const calls: string[] = [];
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) calls.push(line.value);
    await strace.exited;
    return { value, calls: calls.filter((line) => line.includes("(")) };
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #answer(what: string): Promise<string> {
    const { value, done } = await within(what, this.#answers.next(), DEADLINE_MS);
    if (done === true) throw new Error(`the process ended: ${what}`);
    return value;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() as string;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
