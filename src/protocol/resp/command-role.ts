/**
 * Which roles a command needs: the one place where that is decided.
 *
 * Most commands say it themselves, by the flags and categories that Redis gives them:
 *
 *     admin or dangerous       admin
 *     write                    write
 *     readonly                 read
 *     no_auth                  none
 *     connection, transaction  none: MULTI and EXEC may be sent by everybody, each queued request is checked
 *
 * The others are listed by name. Commands that write and also answer with what was there, or with a number from which it
 * follows, need both roles (so does a condition on the value: permission.ts). A command for
 * which neither a rule nor the list decides is for admins: a new one is closed until somebody has thought about it, and
 * a test fails.
 *
 * What a token with key prefixes may reach is another question: command-reach.ts.
 */
import type { Role } from "../../node/access.ts";
import type { Command } from "./command.ts";

const NONE: readonly Role[] = [];
const READ: readonly Role[] = ["read"];
const WRITE: readonly Role[] = ["write"];
const READ_AND_WRITE: readonly Role[] = ["read", "write"];
const INVALIDATE: readonly Role[] = ["invalidate"];
const ADMIN: readonly Role[] = ["admin"];

const names = (roles: readonly Role[], list: string) => list.split(" ").map((name) => [name, roles] as const);

const BY_NAME: ReadonlyMap<string, readonly Role[]> = new Map([
  ...names(NONE, "time acl|whoami acl|cat unsubscribe punsubscribe sunsubscribe"),
  ...names(NONE, "cluster|slots cluster|shards cluster|nodes cluster|info cluster|keyslot cluster|myid cluster|links"),
  ...names(READ, "cluster|countkeysinslot cluster|getkeysinslot"),
  ...names(READ, "keys watch client|tracking info memory|stats memory|doctor subscribe psubscribe ssubscribe"),
  ...names(READ, "pubsub|channels pubsub|numpat pubsub|numsub pubsub|shardchannels pubsub|shardnumsub"),
  ...names(WRITE, "publish spublish restore"),
  ...names(READ_AND_WRITE, "getset getdel getex bitfield setbit incr decr incrby decrby incrbyfloat"),
  ...names(INVALIDATE, "shoal.invalidate shoal.purge"),
  ...names(ADMIN, "memory|purge"),
]);

/** Groups whose commands do nothing but answer. */
const SPEAKING_GROUPS = ["unsupported"];

/** The roles that a command needs, all of them; undefined if nothing here decides. */
export function decidedRoles(command: Command): readonly Role[] | undefined {
  const { name, flags, categories, group } = command;
  const named = BY_NAME.get(name);
  if (named !== undefined) return named;
  // A container is asked for help at most; its subcommands have roles of their own.
  if (command.subcommands !== undefined || name.endsWith("|help") || SPEAKING_GROUPS.includes(group)) return NONE;
  if (flags.includes("admin") || categories.includes("admin") || categories.includes("dangerous")) return ADMIN;
  if (flags.includes("write")) return WRITE;
  if (flags.includes("readonly")) return READ;
  const free = flags.includes("no_auth") || categories.includes("connection") || categories.includes("transaction");
  return free ? NONE : undefined;
}

/** The roles that a command needs, all of them. */
export function rolesOf(command: Command): readonly Role[] {
  return decidedRoles(command) ?? ADMIN;
}
