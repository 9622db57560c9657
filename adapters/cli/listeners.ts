/** The sockets of `shoal serve`: both protocols on one address, on whichever runtime this is. */
import type { NodeConfig } from "../../src/node/config.ts";
import type { HttpServer } from "../../src/protocol/http/server.ts";
import type { RespServer } from "../../src/protocol/resp/server.ts";
import type { Certificate } from "./certificate.ts";
import { runtimeName } from "./runtime.ts";

/** A port that is off. */
export const OFF = -1;

interface Listener {
  readonly hostname: string;
  readonly port: number;
  /** For later connections of a port that speaks TLS. */
  useCertificate?(certificate: Certificate): Promise<void>;
  /** Stops accepting; the result, where there is one to wait for, tells that all connections have ended. */
  close(graceful: boolean): Promise<void>;
}

/**
 * Loaded where they exist. Deno's own sockets are used for the Redis protocol in plain text, and its own server for HTTP. For
 * TLS of the former, and where HTTP has to be strict, it runs the listeners of Node (deno/resp-listener.ts and
 * deno/http-listener.ts say more).
 */
const adapters = {
  bun: {
    resp: () => import("../bun/resp-listener.ts"),
    respTls: () => import("../bun/resp-listener.ts"),
    http: () => import("../bun/http-listener.ts"),
    httpStrict: () => import("../bun/http-listener.ts"),
  },
  deno: {
    resp: () => import("../deno/resp-listener.ts"),
    respTls: () => import("../node/resp-listener.ts"),
    http: () => import("../deno/http-listener.ts"),
    httpStrict: () => import("../node/http-listener.ts"),
  },
  node: {
    resp: () => import("../node/resp-listener.ts"),
    respTls: () => import("../node/resp-listener.ts"),
    http: () => import("../node/http-listener.ts"),
    httpStrict: () => import("../node/http-listener.ts"),
  },
};

/** Why a port could not be bound, in words; thrown by `openListeners`. */
export class ListenError extends Error {}

function reasonOf(error: unknown, host: string, port: number): string {
  const address = `${host}:${port}`;
  const { code, name, message } = error as { code?: string; name?: string; message?: string };
  if (code === "EADDRINUSE" || name === "AddrInUse") return `${address} is in use by another process`;
  if (code === "EACCES" || name === "PermissionDenied") return `${address} may not be used by this user`;
  if (code === "EADDRNOTAVAIL" || name === "AddrNotAvailable") return `${host} is no address of this machine`;
  return `${address} cannot be used: ${message}`;
}

/** The listeners that there are. */
export interface Listeners {
  /** Undefined if the port is off. */
  readonly resp: Listener | undefined;
  readonly http: Listener | undefined;
}

async function open(
  port: number,
  config: NodeConfig,
  tls: Certificate | undefined,
  listen: (address: { hostname: string; port: number; tls?: Certificate }) => Promise<Listener>,
): Promise<Listener | undefined> {
  if (port === OFF) return undefined;
  try {
    return await listen({ hostname: config.host, port, ...(tls === undefined ? {} : { tls }) });
  } catch (error) {
    throw new ListenError(reasonOf(error, config.host, port));
  }
}

/**
 * Binds both ports, or neither.
 *
 * @throws ListenError
 */
export async function openListeners(
  servers: { readonly resp: RespServer; readonly http: HttpServer },
  config: NodeConfig,
  tls: Certificate | undefined,
): Promise<Listeners> {
  const { resp: loadResp, respTls: loadRespTls, http, httpStrict } = adapters[runtimeName()];
  const loadHttp = config.strictHttp ? httpStrict : http;
  const resp = await open(config.respPort, config, tls, async ({ tls: certificate, ...address }) => {
    if (certificate === undefined) return (await loadResp()).listenResp(servers.resp, address);
    return (await loadRespTls()).listenResp(servers.resp, { ...address, tls: certificate });
  });
  try {
    const listener = await open(config.httpPort, config, tls, async (address) =>
      (await loadHttp()).listenHttp(servers.http, address),
    );
    return { resp, http: listener };
  } catch (error) {
    await resp?.close(false);
    throw error;
  }
}
