/**
 * For which hosts a server answers: the defence against DNS rebinding, where a page in the operator's browser reaches a
 * node on the loopback address under a name of its own. A node without any secret answers only for loopback names and
 * the host that it was configured with; one with secrets for all, since such a page does not know them.
 *
 * `keyStart` does that on the way to a key without parsing: it remembers, for a few `scheme://host/v1/keys/` that were
 * seen, whether their host is one of those. Limit: `MAX_PREFIXES`; the oldest is forgotten.
 */
import { isLoopback } from "../../node/config.ts";
import { Problem } from "./problem.ts";
import type { HttpServer } from "./server.ts";

const MAX_PREFIXES = 16;
const KEYS = "/v1/keys/";

interface Prefix {
  readonly text: string;
  /** The configured host for which `own` was found out. */
  readonly host: string;
  /** True if a server without a secret answers for it. */
  readonly own: boolean;
}

export class Hosts {
  readonly #server: HttpServer;
  readonly #prefixes: Prefix[] = [];

  constructor(server: HttpServer) {
    this.#server = server;
  }

  /** Prefixes that are remembered. */
  get size(): number {
    return this.#prefixes.length;
  }

  /**
   * Where the key begins in the URL of a key, -1 in all others.
   *
   * @throws Problem `misdirected-request`
   */
  keyStart(url: string): number {
    const { anonymous } = this.#server.access;
    for (const { text, own, host } of this.#prefixes) {
      if (!url.startsWith(text) || host !== this.#server.config.host) continue;
      if (!own && anonymous !== undefined) throw misdirected();
      return text.length;
    }
    const authorityEnd = url.indexOf("/", url.indexOf("://") + 3);
    if (authorityEnd < 0 || !url.startsWith(KEYS, authorityEnd)) return -1;
    const text = url.slice(0, authorityEnd + KEYS.length);
    const own = this.#isOwn(text);
    if (this.#prefixes.length >= MAX_PREFIXES) this.#prefixes.shift();
    this.#prefixes.push({ text, own, host: this.#server.config.host });
    if (!own && anonymous !== undefined) throw misdirected();
    return text.length;
  }

  /** @throws Problem `misdirected-request` if the server does not answer for the URL's host. */
  require(url: string): void {
    if (this.#server.access.anonymous !== undefined && !this.#isOwn(url)) throw misdirected();
  }

  #isOwn(url: string): boolean {
    if (!URL.canParse(url)) return false;
    const hostname = new URL(url).hostname.replace(/^\[|\]$/g, "");
    return isLoopback(hostname) || hostname === this.#server.config.host.toLowerCase();
  }
}

function misdirected(): Problem {
  const allowed = "localhost, a loopback address or the configured host; or configure a secret";
  return new Problem("misdirected-request", {
    detail: "this node does not answer for this host",
    field: "Host",
    allowed,
  });
}
