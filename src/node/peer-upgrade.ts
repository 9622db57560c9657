/**
 * Requests that want to become a socket of a peer: what of them is looked at before they do.
 *
 * They come to `PEER_PATH`, beside the HTTP API. Browsers name the page that opens a WebSocket as its origin, and let any page
 * open one to any host: so an origin must be that of the host that is asked, if there is one; nodes name none. Cookies and
 * credentials in the request are not looked at: who a peer is, it proves in the handshake.
 */

/** Where peers connect to. */
export const PEER_PATH = "/v1/peer";

/** The names of the fields that are looked at, in lower case, to their values; null where there is none. */
export type ReadField = (name: "origin" | "host" | "upgrade") => string | null;

export interface UpgradeRefusal {
  readonly status: 403 | 426;
  readonly detail: string;
}

/** True for the path of a request, query included, that wants to become a peer's socket. */
export function isPeerPath(path: string): boolean {
  return path === PEER_PATH || path.startsWith(`${PEER_PATH}?`);
}

/** Why a request to `PEER_PATH` does not become a peer's socket; undefined if it may. */
export function refuseUpgrade(field: ReadField): UpgradeRefusal | undefined {
  if (field("upgrade")?.toLowerCase() !== "websocket") {
    return { status: 426, detail: "only peers connect here, by WebSocket" };
  }
  const origin = field("origin");
  const host = field("host");
  if (origin === null || (host !== null && hostOf(origin) === host.toLowerCase())) return undefined;
  return { status: 403, detail: "the origin is another host" };
}

/** The host and port of an origin; "null", and what is none, gives undefined. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/?#@]+)$/i.exec(origin)?.[1]?.toLowerCase();
}
