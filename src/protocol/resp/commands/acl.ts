/**
 * ACL, as far as there is something to tell: who this connection is, and what the configured users may do.
 *
 * Users are configured, not changed by clients: the default user, who may do everything once it has given one of the
 * configured secrets (or at once, where nobody has to authenticate), and one for each token. Roles are shown by the
 * nearest words of Redis; which role each command needs is in ../command-role.ts. Secrets are never shown, not even
 * hashed.
 */
import { decodeText } from "../../../core/bytes.ts";
import type { Principal, Role } from "../../../node/access.ts";
import type { Args } from "../args.ts";
import { type Command, type CommandFlag, command, type Handler } from "../command.ts";
import type { Session } from "../session.ts";
import { helpSubcommand, wrongSubcommand } from "./command-docs-help.ts";

/** Redis's categories, in its order. */
const CATEGORIES = [
  ..."keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub admin fast slow".split(
    " ",
  ),
  ..."blocking dangerous connection transaction scripting".split(" "),
];

const RULES: Readonly<Record<Role, string>> = {
  read: "+@read",
  write: "+@write -@dangerous",
  invalidate: "+shoal.invalidate +shoal.purge",
  admin: "+@all",
};

/** What a user may do, in Redis's words. */
interface Rules {
  readonly flags: readonly string[];
  readonly commands: string;
  readonly keys: string;
  readonly channels: string;
}

function rulesOf(session: Session, { roles, prefixes }: Principal): Rules {
  const open = session.server.access.anonymous !== undefined;
  const some = ["-@all", "+@connection", "+@transaction", ...roles.map((role) => RULES[role])].join(" ");
  const under = (sign: string) =>
    prefixes.length === 0 ? `${sign}*` : prefixes.map((prefix) => `${sign}${decodeText(prefix)}*`).join(" ");
  return {
    flags: open ? ["on", "nopass"] : ["on"],
    commands: roles.includes("admin") ? RULES.admin : some,
    keys: under("~"),
    channels: under("&"),
  };
}

/** Those who are configured; where nobody has to authenticate, the one whom everybody is. */
function usersOf({ server }: Session): readonly Principal[] {
  const { anonymous, users } = server.access;
  return anonymous === undefined ? users : [anonymous];
}

function list(session: Session): void {
  const { reply } = session;
  const users = usersOf(session);
  reply.array(users.length);
  for (const user of users) {
    const { flags, commands, keys, channels } = rulesOf(session, user);
    reply.text(["user", user.name, ...flags, keys, channels, commands].join(" "));
  }
}

function users(session: Session): void {
  const all = usersOf(session);
  session.reply.array(all.length);
  for (const { name } of all) session.reply.text(name);
}

function getUser(session: Session, args: Args): void {
  const { reply } = session;
  const name = args.text(2);
  const user = usersOf(session).find((one) => one.name === name);
  if (user === undefined) return reply.null();
  const { flags, ...rules } = rulesOf(session, user);
  reply.map(6);
  reply.text("flags");
  reply.set(flags.length);
  for (const flag of flags) reply.text(flag);
  reply.text("passwords");
  reply.array(0);
  for (const field of ["commands", "keys", "channels"] as const) {
    reply.text(field);
    reply.text(rules[field]);
  }
  reply.text("selectors");
  reply.array(0);
}

function categories(session: Session, args: Args): void {
  const { reply, server } = session;
  if (args.count === 2) {
    reply.array(CATEGORIES.length);
    for (const category of CATEGORIES) reply.text(category);
    return;
  }
  if (args.count !== 3) return reply.error(wrongSubcommand(args, "ACL"));
  const category = args.text(2).toLowerCase();
  if (!CATEGORIES.includes(category)) return reply.error(`ERR Unknown category '${args.text(2)}'`);
  const names: string[] = [];
  for (const { command: one } of server.commands.all()) if (one.categories.includes(category)) names.push(one.name);
  reply.array(names.length);
  for (const name of names) reply.text(name);
}

interface Definition {
  readonly name: string;
  readonly arity: number;
  readonly admin: boolean;
  readonly summary: string;
  readonly syntax?: string;
  readonly handler: Handler;
}

function subcommand({ name, arity, admin, summary, syntax = "", handler }: Definition): Command {
  const flags: CommandFlag[] = ["noscript", "loading", "stale"];
  return command({
    name: `acl|${name}`,
    arity,
    flags: admin ? ["admin", ...flags] : flags,
    group: "server",
    since: "6.0.0",
    summary,
    complexity: "O(1)",
    syntax,
    categories: admin ? ["admin", "slow", "dangerous"] : ["slow"],
    handler,
  });
}

export const aclCommand: Command = command({
  name: "acl",
  arity: -2,
  group: "server",
  since: "6.0.0",
  summary: "A container for Access List Control commands.",
  complexity: "Depends on subcommand.",
  categories: ["slow"],
  handler: () => {},
  subcommands: [
    subcommand({
      name: "whoami",
      arity: 2,
      admin: false,
      summary: "Returns the authenticated username of the current connection.",
      handler: (session) => session.reply.text(session.userName),
    }),
    subcommand({
      name: "cat",
      arity: -2,
      admin: false,
      summary: "Lists the ACL categories, or the commands inside a category.",
      syntax: "[category]",
      handler: categories,
    }),
    subcommand({
      name: "list",
      arity: 2,
      admin: true,
      summary: "Dumps the effective rules in ACL file format.",
      handler: list,
    }),
    subcommand({ name: "users", arity: 2, admin: true, summary: "Lists all ACL users.", handler: users }),
    subcommand({
      name: "getuser",
      arity: 3,
      admin: true,
      summary: "Lists the ACL rules of a user.",
      syntax: "username",
      handler: getUser,
    }),
    helpSubcommand({
      container: "acl",
      group: "server",
      since: "6.0.0",
      lines: [
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.",
        "GETUSER <username>",
        "    Get the user's details.",
        "LIST",
        "    Show users details in config file format.",
        "USERS",
        "    List all the registered usernames.",
        "WHOAMI",
        "    Return the current connection username.",
      ],
    }),
  ],
});
