/**
 * The connection itself: HELLO, AUTH, PING, ECHO, SELECT, QUIT, RESET; and, in client.ts, CLIENT.
 *
 * HELLO names the server "shoal" and, as its version, the version of Redis whose commands and texts it follows, because
 * clients switch features by it. Shoal's own version is in INFO. Nothing of a HELLO is applied before all of it was found
 * to be right. Secrets are compared in constant time (node/access.ts).
 */

import { REDIS_VERSION, SERVER_NAME } from "../../../core/release.ts";
import { DEFAULT_NAME } from "../../../node/access.ts";
import { serverCluster } from "../../server-cluster.ts";
import type { Args } from "../args.ts";
import { type Command, type CommandFlag, command } from "../command.ts";
import { actAs } from "../permission.ts";
import type { Session } from "../session.ts";
import { clientCommand } from "./client.ts";
import { isClientName, NAME_ERROR } from "./client-line.ts";
import { databaseArgument } from "./keys-move.ts";

const WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled.";
const NO_PASSWORD_SET =
  "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration " +
  "is correct?";
const HELLO_WITHOUT_AUTH =
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> " +
  "option can be used to authenticate the client and select the RESP protocol version at the same time";

/**
 * Authenticates the session if user (argument `name`, 0 for none) and password (argument `password`) are right. A secret
 * alone says whose it is. "default" says no more than no name, because libraries that were given only a password send
 * it. Where nobody has to authenticate, the default user takes any password, as in Redis.
 */
function authenticate(session: Session, args: Args, name: number, password: number): boolean {
  const { access } = session.server;
  const given = name === 0 ? DEFAULT_NAME : args.text(name);
  const byDefault = given === DEFAULT_NAME;
  const open = byDefault ? access.anonymous : undefined;
  const principal = open ?? access.authenticate(args.copy(password), byDefault ? undefined : given);
  if (principal === undefined) session.reply.error(WRONG_PASSWORD);
  else actAs(session, principal);
  return principal !== undefined;
}

function auth(session: Session, args: Args): void {
  const { reply } = session;
  if (args.count > 3) return reply.error("ERR syntax error");
  if (args.count === 2 && session.server.access.anonymous !== undefined) return reply.error(NO_PASSWORD_SET);
  if (authenticate(session, args, args.count === 3 ? 1 : 0, args.count - 1)) reply.ok();
}

interface Greeting {
  protocol: 2 | 3;
  /** Argument of the user's name, the password follows; 0 for none. */
  user: number;
  name: string | undefined;
}

/** What a HELLO asks for, or the error's text. */
function parseGreeting(session: Session, args: Args): Greeting | string {
  const greeting: Greeting = { protocol: session.protocol, user: 0, name: undefined };
  if (args.count > 1) {
    const version = args.bigint(1);
    if (version === undefined) return "ERR Protocol version is not an integer or out of range";
    if (version !== 2n && version !== 3n) return "NOPROTO unsupported protocol version";
    greeting.protocol = version === 2n ? 2 : 3;
  }
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, "AUTH") && i + 2 < args.count) {
      greeting.user = i + 1;
      i += 2;
    } else if (args.is(i, "SETNAME") && i + 1 < args.count) {
      if (!isClientName(args, ++i)) return NAME_ERROR;
      greeting.name = args.latin1(i);
    } else {
      return `ERR Syntax error in HELLO option '${args.text(i)}'`;
    }
  }
  return greeting;
}

function hello(session: Session, args: Args): void {
  const { reply } = session;
  const greeting = parseGreeting(session, args);
  if (typeof greeting === "string") return reply.error(greeting);
  const { user, name, protocol } = greeting;
  if (user !== 0 && !authenticate(session, args, user, user + 1)) return;
  if (!session.authenticated) return reply.error(HELLO_WITHOUT_AUTH);
  if (name !== undefined) session.name = name;
  session.protocol = protocol;
  const fields = { server: SERVER_NAME, version: REDIS_VERSION, proto: protocol, id: session.id };
  reply.map(7);
  for (const [field, value] of Object.entries({ ...fields, mode: serverMode(session.server), role: "master" })) {
    reply.text(field);
    if (typeof value === "number") reply.integer(value);
    else reply.text(value);
  }
  reply.text("modules");
  reply.array(0);
}

/** As Redis calls it. */
function serverMode(server: object): string {
  return serverCluster(server) === undefined ? "standalone" : "cluster";
}

function ping(session: Session, args: Args): void {
  const { reply } = session;
  if (args.count > 2) return reply.error("ERR wrong number of arguments for 'ping' command");
  // To a subscriber that speaks RESP2 everything is a message.
  if (session.protocol === 2 && session.subscriptions !== undefined) {
    reply.array(2);
    reply.text("pong");
    if (args.count === 1) reply.text("");
  } else if (args.count === 1) {
    reply.simple("PONG");
  }
  if (args.count === 2) reply.bulk(args.bytes, args.start(1), args.end(1));
}

function echo(session: Session, args: Args): void {
  session.reply.bulk(args.bytes, args.start(1), args.end(1));
}

function select(session: Session, args: Args): void {
  const database = databaseArgument(session, args, 1);
  if (database < 0) return;
  session.database = database;
  session.reply.ok();
}

function quit(session: Session): void {
  session.reply.ok();
  session.closeAfterReply();
}

/** Everything back to how the connection began, the library's name aside, as in Redis. */
function reset(session: Session): void {
  const { server } = session;
  server.endListening(session);
  session.transaction = undefined;
  session.watches = undefined;
  session.database = 0;
  session.protocol = 2;
  session.name = "";
  session.noEvict = false;
  session.noTouch = false;
  session.replicaReads = false;
  session.replyMode = "on";
  session.principal = server.access.anonymous;
  session.reply.simple("RESET");
}

const HANDSHAKE: readonly CommandFlag[] = ["noscript", "loading", "stale", "fast", "no_auth", "allow_busy"];
const CATEGORIES = ["fast", "connection"];

/** Every command about the connection that it is sent on. */
export const connectionCommands: readonly Command[] = [
  command({
    name: "hello",
    arity: -1,
    flags: HANDSHAKE,
    group: "connection",
    since: "6.0.0",
    summary: "Handshakes with the server: protocol, authentication, name.",
    complexity: "O(1)",
    syntax: "[protover [AUTH username password] [SETNAME clientname]]",
    categories: CATEGORIES,
    handler: hello,
  }),
  command({
    name: "auth",
    arity: -2,
    flags: HANDSHAKE,
    group: "connection",
    since: "1.0.0",
    summary: "Authenticates the connection.",
    complexity: "O(N) where N is the number of secrets that are configured.",
    syntax: "[username] password",
    categories: CATEGORIES,
    handler: auth,
  }),
  command({
    name: "ping",
    arity: -1,
    flags: ["fast"],
    group: "connection",
    since: "1.0.0",
    summary: "Returns the server's liveliness response.",
    complexity: "O(1)",
    syntax: "[message]",
    categories: CATEGORIES,
    handler: ping,
  }),
  command({
    name: "echo",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    group: "connection",
    since: "1.0.0",
    summary: "Returns the given string.",
    complexity: "O(1)",
    syntax: "message",
    categories: CATEGORIES,
    handler: echo,
  }),
  command({
    name: "select",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    group: "connection",
    since: "1.0.0",
    summary: "Changes the selected database.",
    complexity: "O(1)",
    syntax: "index",
    categories: CATEGORIES,
    handler: select,
  }),
  command({
    name: "quit",
    arity: -1,
    flags: HANDSHAKE,
    group: "connection",
    since: "1.0.0",
    summary: "Closes the connection.",
    complexity: "O(1)",
    categories: CATEGORIES,
    handler: quit,
  }),
  command({
    name: "reset",
    arity: 1,
    flags: HANDSHAKE,
    group: "connection",
    since: "6.2.0",
    summary: "Resets the connection.",
    complexity: "O(1)",
    categories: CATEGORIES,
    handler: reset,
  }),
  clientCommand,
];
