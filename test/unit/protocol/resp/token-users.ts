/** A server with tokens of several kinds, and connections that have authenticated as one of them. */
import { allCommands } from "../../../../src/protocol/resp/all-commands.ts";
import { OwnServer } from "./commands/own-server.ts";
import type { Peer } from "./conversation.ts";

export const TOKENS = [
  { name: "reader", secret: "r-1", roles: ["read"] },
  { name: "writer", secret: "w-1", roles: ["write"] },
  { name: "purger", secret: "i-1", roles: ["invalidate"] },
  { name: "mine", secrets: ["m-1", "m-2"], roles: ["read", "write", "invalidate"], prefixes: ["mine:", "our:"] },
  { name: "ops", secret: "o-1", roles: ["admin"], prefixes: ["mine:"] },
  { name: "under", secret: "u-1", roles: ["read"], prefixes: ["_", "__keyspace"] },
];
const SECRETS: Readonly<Record<string, string>> = { mine: "m-1", ops: "o-1", under: "u-1" };
const CONFIG = { secrets: ["root"], tokens: TOKENS, notifyKeyspaceEvents: "KEA", enableDebugCommand: true };

export function serve(): OwnServer {
  return new OwnServer(CONFIG, allCommands);
}

/** A connection that has authenticated as a user. */
export function as(own: OwnServer, name: string, protocol: 2 | 3 = 3): Peer {
  const peer = own.peer(protocol);
  const secret = name === "default" ? "root" : (SECRETS[name] ?? `${name[0] === "p" ? "i" : name[0]}-1`);
  if (peer.call("AUTH", name, secret) !== "OK") throw new Error(`${name} was not let in`);
  return peer;
}

export const words = (text: string) => text.split(" ");
export const message = (reply: unknown) => (reply as { error?: string } | null)?.error ?? "";
