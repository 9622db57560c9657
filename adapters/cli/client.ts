/**
 * Requests of the command line to a node, over HTTP.
 *
 * `node:http` and `node:https` are used because they take a private certificate authority (`ca`) on Bun, Deno and Node
 * alike, and leave paths as they are. Each request has a connection of its own and a deadline over all of it. Redirects
 * are not followed: a node sends none, and a token must not follow one.
 *
 * What a node answers to say no is `application/problem+json`; it becomes a `CommandFailure` whose exit code tells
 * scripts what to do. An answer that is no problem and no success comes from something that is no node.
 */
import { Buffer } from "node:buffer";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { formatDuration } from "./duration.ts";
import { CommandFailure, type ExitCode } from "./exit-code.ts";

/** Bytes of one reply. Policy: the command fails. A node's JSON has 64 MiB at most. */
const MAX_REPLY_BYTES = 128 * 2 ** 20;

export interface ClientOptions {
  /** Where the node is, without credentials, query and fragment. */
  readonly url: URL;
  readonly token: string | undefined;
  /** Certificate authorities in PEM form, instead of the system's. */
  readonly ca: string | undefined;
  readonly timeoutMs: number;
}

export interface NodeRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST";
  /** Path and query as they go over the wire. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Instead of the client's. */
  readonly timeoutMs?: number;
  /** Statuses that are an answer to the caller and no failure, beside 2xx. */
  readonly expect?: readonly number[];
}

export interface NodeReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

const CUT_OFF = "the connection was closed in the middle of the answer";

/** Exit codes by the code of a problem, ... */
const BY_PROBLEM: Readonly<Record<string, ExitCode>> = {
  "not-found": 1,
  "precondition-failed": 1,
  "unknown-route": 69,
  "request-timeout": 75,
  "not-ready": 75,
  overloaded: 75,
  "out-of-memory": 75,
  "nothing-stored": 78,
  "no-cluster": 78,
  "backup-failed": 74,
  "outcome-unknown": 74,
  "misdirected-request": 77,
  "internal-error": 70,
};

/** ... and by status, for problems that are not known here. */
function exitCodeOf(status: number): ExitCode {
  if (status === 401 || status === 403) return 77;
  if (status === 408 || status === 429 || status === 503 || status === 504 || status === 507) return 75;
  return status >= 500 ? 70 : 65;
}

/** The Authorization header of a token: Bearer, or Basic where its characters are not allowed there. */
function authorization(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  return `Basic ${Buffer.from(`:${token}`, "utf8").toString("base64")}`;
}

export class NodeClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The node's address, for messages. */
  get address(): string {
    return this.#options.url.href.replace(/\/$/, "");
  }

  /**
   * Sends a request and reads the whole reply.
   *
   * @throws CommandFailure if the node is not reached, does not answer in time, or answers with a problem.
   */
  async send(request: NodeRequest): Promise<NodeReply> {
    const reply = await this.#exchange(request);
    const { status } = reply;
    if ((status >= 200 && status < 300) || request.expect?.includes(status) === true) return reply;
    throw this.#refusal(reply);
  }

  /** Posts an object and reads one. */
  async post<T>(path: string, content: unknown, timeoutMs?: number): Promise<T> {
    const body = Buffer.from(JSON.stringify(content), "utf8");
    const headers = { "content-type": "application/json" };
    return this.#parse<T>(
      await this.send({
        method: "POST",
        target: path,
        headers,
        body,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      }),
    );
  }

  /** Posts nothing and reads an object. */
  async change<T>(path: string): Promise<T> {
    return this.#parse<T>(await this.send({ method: "POST", target: path, headers: { "content-length": "0" } }));
  }

  /** Reads an object. */
  async read<T>(path: string): Promise<T> {
    return this.#parse<T>(await this.send({ method: "GET", target: path }));
  }

  #parse<T>({ body }: NodeReply): T {
    try {
      const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
      if (typeof value === "object" && value !== null) return value as T;
    } catch {
      // Said below.
    }
    throw new CommandFailure(69, "no-node", `${this.address} answers, but not as a Shoal node does`);
  }

  /**
   * Sends a request and hands the body of a good reply on, piece by piece; the next one waits for `take`. The deadline is
   * one of silence: as long as something comes, it may take as long as it likes.
   *
   * @throws CommandFailure as `send` does, and what `take` throws.
   */
  async download(request: NodeRequest, take: (piece: Uint8Array) => Promise<void>): Promise<void> {
    const deadlineMs = request.timeoutMs ?? this.#options.timeoutMs;
    const silence = new AbortController();
    const give = () => setTimeout(() => silence.abort(), deadlineMs);
    let deadline = give();
    let taking = false;
    let begun = false;
    try {
      const incoming = await this.#begin(request, silence.signal);
      const status = incoming.statusCode ?? 0;
      if (status < 200 || status >= 300) throw this.#refusal(await readReply(incoming));
      begun = true;
      for await (const piece of incoming as AsyncIterable<Uint8Array>) {
        clearTimeout(deadline);
        taking = true;
        await take(piece);
        taking = false;
        deadline = give();
      }
      if (!incoming.complete) throw this.#unreachable(new Error(CUT_OFF), deadlineMs);
    } catch (error) {
      if (taking) throw error;
      if (silence.signal.aborted) throw this.#late(deadlineMs);
      throw this.#unreachable(begun ? new Error(CUT_OFF) : (error as Error), deadlineMs);
    } finally {
      clearTimeout(deadline);
    }
  }

  #exchange(request: NodeRequest): Promise<NodeReply> {
    const deadlineMs = request.timeoutMs ?? this.#options.timeoutMs;
    return this.#begin(request, AbortSignal.timeout(deadlineMs))
      .then(readReply)
      .catch((error: Error) => {
        throw this.#unreachable(error, deadlineMs);
      });
  }

  /** Sends a request, and resolves with the reply when its head has come. */
  #begin({ method, target, headers = {}, body }: NodeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, token, ca } = this.#options;
    const secure = url.protocol === "https:";
    const all: Record<string, string> = { "user-agent": "shoal-cli", accept: "*/*", ...headers };
    if (token !== undefined) all.authorization = authorization(token);
    if (body !== undefined) all["content-length"] = String(body.length);
    return new Promise((resolve, reject) => {
      const outgoing = (secure ? httpsRequest : httpRequest)(
        {
          method,
          hostname: url.hostname.replace(/^\[|\]$/g, ""),
          port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
          path: url.pathname.replace(/\/$/, "") + target,
          headers: all,
          agent: false,
          signal,
          ...(secure && ca !== undefined ? { ca } : {}),
        },
        resolve,
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }

  #late(deadlineMs: number): CommandFailure {
    const text = `${this.address} did not answer within ${formatDuration(deadlineMs)} (--timeout)`;
    return new CommandFailure(75, "timeout", text);
  }

  #unreachable(error: Error & { code?: unknown }, deadlineMs: number): CommandFailure {
    if (error instanceof CommandFailure) return error;
    const { name, message } = error;
    const code = typeof error.code === "string" ? error.code : "";
    if (name === "AbortError" || name === "TimeoutError") return this.#late(deadlineMs);
    return new CommandFailure(69, "unreachable", `${this.address} cannot be reached: ${reasonOf(code, message)}`);
  }

  #refusal({ status, headers, body }: NodeReply): CommandFailure {
    const problem = readProblem(headers, body);
    if (problem === undefined) {
      // A reply to HEAD has no body to tell.
      if (body.length === 0 && (status === 401 || status === 403)) {
        return new CommandFailure(77, "unauthenticated", `${this.address} does not permit this (status ${status})`);
      }
      const text = `${this.address} answers with status ${status}, and not as a Shoal node does`;
      return new CommandFailure(status === 502 || status === 503 || status === 504 ? 75 : 69, "no-node", text);
    }
    const code = String(problem.type ?? "").replace(/^urn:shoal:problem:/, "") || "problem";
    const { title, detail, allowed, field } = problem;
    const where = typeof field === "string" ? ` (${field})` : "";
    const instead = typeof allowed === "string" ? `; allowed: ${allowed}` : "";
    const message = `${typeof detail === "string" ? detail : String(title ?? `status ${status}`)}${where}${instead}`;
    const mistakes = mistakesOf(problem.mistakes);
    const details = { problem, ...(mistakes.length === 0 ? {} : { mistakes }) };
    return new CommandFailure(BY_PROBLEM[code] ?? exitCodeOf(status), code, message, details);
  }
}

/** Why a connection did not come about, in words. */
function reasonOf(code: string, message: string): string {
  if (code === "ECONNREFUSED") return "nothing listens there (is `shoal serve` running?)";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "there is no such host";
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code)) {
    const short = message.split(";")[0] as string;
    return `its certificate is not trusted: ${short} (--ca names the file of a private authority)`;
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) return "it does not speak TLS (try http://)";
  if (code.startsWith("HPE_")) return "what listens there does not speak HTTP (is this the Redis port?)";
  if (code === "ECONNRESET") return "the connection was closed before an answer (a port with TLS needs https://)";
  return message;
}

/** The whole body; an answer that ends early is an error. */
function readReply(incoming: IncomingMessage): Promise<NodeReply> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    incoming.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes <= MAX_REPLY_BYTES) return;
      reject(new CommandFailure(65, "too-large", `the answer is larger than ${MAX_REPLY_BYTES} bytes`));
      incoming.destroy();
    });
    incoming.on("error", reject);
    incoming.on("aborted", () => reject(new Error(CUT_OFF)));
    incoming.on("end", () => {
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) });
    });
  });
}

function readProblem(headers: IncomingHttpHeaders, body: Uint8Array): Record<string, unknown> | undefined {
  if (!/^application\/problem\+json\b/i.test(headers["content-type"] ?? "")) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Lines for the mistakes that a problem lists. */
function mistakesOf(given: unknown): string[] {
  if (!Array.isArray(given)) return [];
  return given.map((one: { field?: unknown; detail?: unknown; allowed?: unknown }) => {
    const instead = typeof one.allowed === "string" ? `; allowed: ${one.allowed}` : "";
    return `${String(one.field)}: ${String(one.detail)}${instead}`;
  });
}
