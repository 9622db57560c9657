/** The connections of a crash test: they send what the workload draws, and write down what they sent and what came back. */
import { RespClient } from "../../conformance/resp-client.ts";
import type { Action, Observed, Operation } from "./crash-model.ts";
import { CONNECTIONS, type Draw, OTHER_DATABASE, toCommand, type Workload } from "./crash-workload.ts";

/** Requests that a connection sends before it waits for the answers. */
const MAX_PIPELINE = 8;
/** Keys that are read at a time. */
const READ_BATCH = 500;
const NO_KEYS: ReadonlySet<string> = new Set();

export type Acknowledged = (action: Action) => void;

/** An answer that no request of the workload may get. */
export class UnexpectedReply extends Error {
  override readonly name = "UnexpectedReply";
}

export class Driver {
  /** What was sent, by connection. */
  readonly sent: readonly Operation[][] = Array.from({ length: CONNECTIONS }, () => []);
  readonly #workload: Workload;
  readonly #draw: Draw;
  #clients: RespClient[] = [];
  #stopped = false;

  constructor(workload: Workload, draw: Draw) {
    this.#workload = workload;
    this.#draw = draw;
  }

  async connect(port: number): Promise<void> {
    this.#clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => RespClient.connect(port)));
    await this.#clients[OTHER_DATABASE]?.call("SELECT", 1);
  }

  /** Writes keys that were never used, while the server may still be loading. */
  async writeFresh(count: number): Promise<readonly string[]> {
    const actions = Array.from({ length: count }, () => this.#workload.fresh(0));
    await this.#burst(0, actions, () => {});
    return actions.flatMap((action) => (action.kind === "set" ? [action.key] : []));
  }

  /**
   * Sends requests on all connections until `stop`, or until the server is gone.
   *
   * @param pauseMs The longest pause between two bursts of a connection.
   */
  async run(pauseMs: number, acknowledged: Acknowledged): Promise<void> {
    const loop = async (connection: number) => {
      while (!this.#stopped) {
        const length = this.#draw.between(1, MAX_PIPELINE);
        const actions = Array.from({ length }, () => this.#workload.next(connection));
        if (!(await this.#burst(connection, actions, acknowledged))) return;
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#draw.between(0, pauseMs)));
      }
    };
    await Promise.all(this.#clients.map((_, connection) => loop(connection)));
  }

  stop(): void {
    this.#stopped = true;
  }

  /** To be called when the server is dead: what has no answer by now gets none. */
  end(): void {
    const now = Date.now();
    for (const operation of this.sent.flat()) if (operation.ackedAt === 0) operation.ackedAt = now;
    for (const client of this.#clients) client.close();
  }

  /** False if the connection ended first. */
  async #burst(connection: number, actions: readonly Action[], acknowledged: Acknowledged): Promise<boolean> {
    const client = this.#clients[connection] as RespClient;
    const operations = actions.map((action): Operation => {
      const operation = {
        action,
        sentMs: performance.now(),
        sentAt: Date.now(),
        ackedMs: Number.POSITIVE_INFINITY,
        ackedAt: 0,
        refused: false,
      };
      (this.sent[connection] as Operation[]).push(operation);
      client.send(...toCommand(action));
      return operation;
    });
    for (const operation of operations) {
      let reply: unknown;
      try {
        reply = await client.reply();
      } catch {
        return false;
      }
      operation.ackedMs = performance.now();
      operation.ackedAt = Date.now();
      operation.refused = isRefusal(operation.action, reply);
      acknowledged(operation.action);
    }
    return true;
  }
}

/** True for LOADING. Throws for an error that no request of the workload may get. */
function isRefusal(action: Action, reply: unknown): boolean {
  const error = typeof reply === "object" && reply !== null && "error" in reply ? String(reply.error) : undefined;
  // A snapshot may be under way already, or the server may be on its way out.
  if (error === undefined || action.kind === "save") return false;
  if (error.startsWith("LOADING ")) return true;
  throw new UnexpectedReply(`${toCommand(action)[0]} got: ${error}`);
}

/** Reads the values and expiry times of keys; `names` are by connection, as the workload knows them. */
export async function readAll(
  client: RespClient,
  names: readonly ReadonlySet<string>[],
): Promise<Map<string, Observed>> {
  const found = new Map<string, Observed>();
  for (const database of [0, 1]) {
    await client.call("SELECT", database);
    const listed = (await client.call("KEYS", "c*")) as string[];
    const expected = names.flatMap((keys, connection) =>
      (connection === OTHER_DATABASE) === (database === 1) ? [...keys] : [...NO_KEYS],
    );
    const keys = [...new Set([...expected, ...listed])];
    for (let at = 0; at < keys.length; at += READ_BATCH) {
      const batch = keys.slice(at, at + READ_BATCH);
      for (const key of batch) {
        client.send("GET", key);
        client.send("PEXPIRETIME", key);
      }
      for (const key of batch) {
        const value = await client.reply();
        const expiresAt = await client.reply();
        if (value !== null) found.set(key, { value: String(value), expiresAt: Number(expiresAt) });
      }
    }
  }
  await client.call("SELECT", 0);
  return found;
}
