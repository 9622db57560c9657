/**
 * An HTTP server that answers as a test says: for what a real node answers rarely or never (503, a redirect, half an
 * answer, silence), and to see what the command line really sends.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Instead of a complete answer. */
  readonly broken?: "silence" | "half" | "hang up";
}

/** A problem as a node sends it. */
export function problem(status: number, code: string, more: Readonly<Record<string, unknown>> = {}): Answer {
  const body = {
    type: `urn:shoal:problem:${code}`,
    title: "A title",
    status,
    detail: `the detail of ${code}`,
    ...more,
  };
  return { status, headers: { "content-type": "application/problem+json" }, body: JSON.stringify(body) };
}

export class ScriptedNode {
  readonly seen: SeenRequest[] = [];
  answer: Answer = {};
  url = "";
  readonly #server: ReturnType<typeof createServer>;

  private constructor(tls: { key: string; cert: string } | undefined) {
    const handle = (request: IncomingMessage, response: ServerResponse) => this.#handle(request, response);
    this.#server = tls === undefined ? createServer(handle) : createSecureServer(tls, handle);
  }

  static async start(tls?: { key: string; cert: string }): Promise<ScriptedNode> {
    const node = new ScriptedNode(tls);
    await new Promise<void>((resolve) => node.#server.listen(0, "127.0.0.1", resolve));
    const { port } = node.#server.address() as { port: number };
    node.url = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
    return node;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      this.seen.push({ method, url, headers, body: Buffer.concat(chunks).toString("latin1") });
      const { status = 200, headers: extra = {}, body = "", broken } = this.answer;
      if (broken === "silence") return;
      if (broken === "hang up") {
        request.socket.destroy();
        return;
      }
      if (broken === "half") {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => request.socket.destroy());
        return;
      }
      response.writeHead(status, { ...extra });
      response.end(method === "HEAD" ? undefined : body);
    });
  }
}
