/**
 * The other side of the storage thread: sends requests, and settles their promises. When the thread ends, for whatever
 * reason, everything that is outstanding is rejected as "closed", and so is everything that is asked later.
 */
import { Worker } from "node:worker_threads";
import { StorageError } from "../../src/journal/storage.ts";
import type { OperationName, Operations, Reply, Request } from "./thread-messages.ts";

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StorageError) => void;
  readonly progress: ((done: number) => void) | undefined;
}

/** Starts a thread; tests start one that can be made to fail. */
export type StartThread = () => Worker;

export class ThreadClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #failure: StorageError | undefined;
  #heard = false;

  constructor(start: StartThread = startThread) {
    this.#worker = start();
    this.#worker.on("message", (reply: Reply) => this.#receive(reply));
    this.#worker.on("error", (error: Error) => {
      // What fails before the first reply is that the thread cannot run at all.
      const [code, what] = this.#heard ? (["closed", "died"] as const) : (["unusable", "did not start"] as const);
      this.#fail(new StorageError(code, `the storage thread ${what}: ${error.message}`));
      void this.#worker.terminate();
    });
    this.#worker.on("exit", () => this.#fail(new StorageError("closed", "the storage thread has ended")));
  }

  /** False once the thread has ended. */
  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** Sends a request; `transfer` are buffers that the thread is to have. */
  request<K extends OperationName>(
    name: K,
    args: Parameters<Operations[K]>,
    transfer: readonly ArrayBuffer[] = [],
    progress?: (done: number) => void,
  ): Promise<ReturnType<Operations[K]>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const request: Request = { id: this.#nextId++, name, args };
      try {
        this.#worker.postMessage(request, [...transfer]);
      } catch (error) {
        // Of all that is sent, only a buffer that was handed over before cannot be.
        return reject(
          new StorageError("unusable", `${name}: ${error instanceof Error ? error.message : String(error)}`),
        );
      }
      this.#pending.set(request.id, { resolve: resolve as (value: unknown) => void, reject, progress });
    });
  }

  /** Ends the thread, whatever it is doing; what is outstanding is rejected with `reason`. */
  async end(reason: StorageError = new StorageError("closed", "the storage is closed")): Promise<void> {
    this.#fail(reason);
    await this.#worker.terminate();
  }

  #receive(reply: Reply): void {
    this.#heard = true;
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ("progress" in reply) return pending.progress?.(reply.progress);
    this.#pending.delete(reply.id);
    if ("error" in reply) pending.reject(new StorageError(reply.error.code, reply.error.message));
    else pending.resolve(reply.value);
  }

  #fail(error: StorageError): void {
    this.#failure ??= error;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(this.#failure);
  }
}

function startThread(): Worker {
  return new Worker(new URL("./storage-thread.ts", import.meta.url));
}
