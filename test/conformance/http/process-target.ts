/** `shoal serve` as a process, over sockets: its HTTP port, and its RESP port for what concerns both protocols. */

import { variableOf } from "../../../adapters/cli/settings.ts";
import { type Runtime, type ServerProcess, startShoal } from "../../e2e/server-process.ts";
import { RespClient } from "../resp-client.ts";
import type { HttpTarget, Reply, SentRequest } from "./case.ts";
import { HttpConnection } from "./http-connection.ts";
import type { Setting } from "./settings.ts";

/** A field of the configuration as text: lists of texts with commas, lists of objects as JSON. */
function asVariable(value: unknown): string {
  const list = [value].flat();
  return typeof list[0] === "object" ? JSON.stringify(value) : list.join(",");
}

export class ProcessTarget implements HttpTarget {
  readonly #server: ServerProcess;
  readonly #login: readonly string[] | undefined;
  /** Kept open from one request to the next; a request that runs meanwhile takes another one. */
  #idle: HttpConnection | undefined;
  #commands: RespClient | undefined;

  private constructor(server: ServerProcess, login: readonly string[] | undefined) {
    this.#server = server;
    this.#login = login;
  }

  static async start(runtime: Runtime, setting: Setting): Promise<ProcessTarget> {
    const fields = Object.entries(setting.config).map(([name, value]) => [variableOf(name), asVariable(value)]);
    const server = await startShoal(runtime, Object.fromEntries(fields));
    return new ProcessTarget(server, setting.login);
  }

  async exchange(request: SentRequest): Promise<Reply | undefined> {
    const has = (wanted: string) => request.headers.some(([name]) => name.toLowerCase() === wanted);
    const host: [string, string][] = has("host") ? [] : [["Host", `127.0.0.1:${this.#server.httpPort}`]];
    const connection = this.#idle?.usable === true ? this.#idle : await this.connect();
    this.#idle = undefined;
    const reply = await connection.exchange({ ...request, headers: [...host, ...request.headers] });
    if (!connection.usable || this.#idle !== undefined) connection.close();
    else this.#idle = connection;
    return reply;
  }

  connect(): Promise<HttpConnection> {
    return HttpConnection.open(this.#server.httpPort);
  }

  async connectResp(): Promise<RespClient> {
    const client = await RespClient.connect(this.#server.port);
    if (this.#login !== undefined) await client.call("AUTH", ...this.#login);
    await client.use(3);
    return client;
  }

  async reset(): Promise<void> {
    this.#idle?.close();
    this.#idle = undefined;
    this.#commands ??= await this.connectResp();
    await this.#commands.call("FLUSHALL");
  }

  async close(): Promise<void> {
    this.#idle?.close();
    this.#commands?.close();
    await this.#server.stop();
  }
}
