/** A `TransportEnd` in a process of its own, on any runtime. */
import { fileURLToPath } from "node:url";
import { executableOf, root } from "../../../adapters/cli/install.mjs";
import type { Runtime } from "../../e2e/server-process.ts";
import type { EndRequest, EndState, OpenOptions } from "./transport-end.ts";

const CHILD = fileURLToPath(new URL("./transport-child.ts", import.meta.url));

export class RemoteEnd {
  readonly runtime: Runtime;
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  readonly #ready: Promise<void>;
  #number = 0;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    const words = runtime === "deno" ? ["run", "-A", "--quiet", CHILD] : [CHILD];
    this.#process = Bun.spawn([executableOf(runtime), ...words], {
      cwd: root,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#ready = new Promise((resolve, reject) => {
      void this.#read(resolve).finally(() => reject(new Error(`the process on ${runtime} has ended`)));
    });
    // Whoever opens something there is told; where nobody does it is stopped before it is ready.
    this.#ready.catch(() => {});
  }

  async open(options: OpenOptions): Promise<RemoteTransport> {
    await this.#ready;
    const { address } = (await this.ask({ do: "open", ...options })) as { address: string };
    return new RemoteTransport(this, options.id, address);
  }

  ask(request: EndRequest): Promise<unknown> {
    const number = ++this.#number;
    const result = new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
    this.#process.stdin.write(`${JSON.stringify({ number, request })}\n`);
    this.#process.stdin.flush();
    return result;
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** Bytes of memory that the process has. */
  async memory(): Promise<number> {
    const status = await Bun.file(`/proc/${this.#process.pid}/status`).text();
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async #read(ready: () => void): Promise<void> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) {
      text += decoder.decode(chunk, { stream: true });
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n")) {
        this.#answered(text.slice(0, at), ready);
        text = text.slice(at + 1);
      }
    }
    for (const { reject } of this.#waiting.values()) reject(new Error(`the process on ${this.runtime} has ended`));
  }

  #answered(line: string, ready: () => void): void {
    if (line === "ready") return ready();
    const { number, result, error } = JSON.parse(line) as { number: number; result?: unknown; error?: string };
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }
}

/** One transport there. */
export class RemoteTransport {
  readonly id: string;
  readonly address: string;
  readonly #end: RemoteEnd;

  constructor(end: RemoteEnd, id: string, address: string) {
    this.#end = end;
    this.id = id;
    this.address = address;
  }

  async reach(...addresses: string[]): Promise<void> {
    await this.#end.ask({ do: "reach", on: this.id, addresses });
  }

  async send(peer: string, channel: number, sizes: readonly number[]): Promise<void> {
    await this.#end.ask({ do: "send", on: this.id, peer, channel, sizes });
  }

  async unlink(peer: string): Promise<void> {
    await this.#end.ask({ do: "unlink", on: this.id, peer });
  }

  async state(): Promise<EndState> {
    return (await this.#end.ask({ do: "state", on: this.id })) as EndState;
  }

  async close(): Promise<void> {
    await this.#end.ask({ do: "close", on: this.id });
  }
}
