/**
 * Addresses of peers as they are written: `host:port`, `[fdaa::3]:7400`, or with `ws://` or `wss://` in front. Pure.
 *
 * Where a port may be left out (`fra.example.internal`, `fdaa::3`), the caller says which one is meant. An IPv6 address
 * without brackets is taken as a whole: what follows its last colon is no port.
 *
 * A member whose Redis protocol has another port than usual says so behind its address: `ws://cache-1.internal:7400/?resp=6379`.
 * Transports pass that on in the path, where nobody looks at it.
 */

export interface PeerAddress {
  /** "ws" or "wss"; empty: not said. */
  readonly scheme: "" | "ws" | "wss";
  /** A name or an address, without brackets, in lower case. */
  readonly host: string;
  /** 1 to 65,535; 0: not said. */
  readonly port: number;
  /** Port of the Redis protocol there, 1 to 65,535; 0: none, or nobody knows. */
  readonly respPort: number;
}

/** Where nothing else is said. */
export const DEFAULT_RESP_PORT = 7_379;

const NAME = /^(?=.{1,253}$)[0-9a-z_]([0-9a-z_-]{0,61}[0-9a-z_])?(\.[0-9a-z_]([0-9a-z_-]{0,61}[0-9a-z_])?)*\.?$/;
const IPV6 = /^(?=.*:.*:)[0-9a-f:.]{2,45}(%[0-9a-z._-]{1,32})?$/;
const PARTS = /^(?:(ws|wss):\/\/)?(?:\[([^\]]*)\](?::(\d{1,5}))?|([^:[\]/?]*)(?::(\d{1,5}))?)\/?(?:\?resp=(\d{1,5}))?$/;

/** An address, or undefined if it is none. */
export function parsePeerAddress(text: string): PeerAddress | undefined {
  const lower = text.trim().toLowerCase();
  if (IPV6.test(lower)) return { scheme: "", host: lower, port: 0, respPort: DEFAULT_RESP_PORT };
  const parts = PARTS.exec(lower);
  if (parts === null) return undefined;
  const [, scheme = "", bracketed, portBehind, name = "", portOfName, resp = DEFAULT_RESP_PORT] = parts;
  const port = Number(portBehind ?? portOfName ?? 0);
  const respPort = Number(resp);
  const isHost = bracketed === undefined ? NAME.test(name) : IPV6.test(bracketed);
  const isPort = (portBehind ?? portOfName) === undefined || (port >= 1 && port <= 65_535);
  if (!isHost || !isPort || respPort > 65_535) return undefined;
  return { scheme: scheme as PeerAddress["scheme"], host: bracketed ?? name, port, respPort };
}

/** The address as text; `port` is used where it has none. */
export function formatPeerAddress({ scheme, host, port, respPort }: PeerAddress, defaultPort: number): string {
  const name = `${host.includes(":") ? `[${host}]` : host}:${port || defaultPort}`;
  if (respPort === DEFAULT_RESP_PORT) return scheme === "" ? name : `${scheme}://${name}`;
  return `${scheme || "ws"}://${name}/?resp=${respPort}`;
}

/** True for addresses that only programs of the same machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** True for what a server may listen on and nobody can connect to. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || /^[0:]*:[0:]*$/.test(host);
}
