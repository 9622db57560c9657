/**
 * The decision about every command: which roles it needs, and what it reaches beside its keys. A command that is not in
 * these tables fails the test, and so does one that the rules leave undecided.
 */
import { describe, expect, test } from "bun:test";
import { allCommands } from "../../../../src/protocol/resp/all-commands.ts";
import { type Command, command } from "../../../../src/protocol/resp/command.ts";
import { decidedReach, reachOf } from "../../../../src/protocol/resp/command-reach.ts";
import { decidedRoles, rolesOf } from "../../../../src/protocol/resp/command-role.ts";
import { CommandTable } from "../../../../src/protocol/resp/command-table.ts";

const TABLE: Readonly<Record<string, string>> = {
  "": `
    hello auth ping echo select quit reset multi exec discard unwatch time wait waitaof readonly readwrite asking
    cluster cluster|slots cluster|shards cluster|nodes cluster|info cluster|keyslot cluster|myid cluster|links
    cluster|help
    client client|id client|info client|getname client|setname client|setinfo client|reply client|no-touch
    client|caching client|getredir client|trackinginfo client|help
    unsubscribe punsubscribe sunsubscribe pubsub pubsub|help object object|help
    command command|count command|info command|docs command|list command|getkeys command|getkeysandflags command|help
    config config|help memory memory|help acl acl|whoami acl|cat acl|help slowlog slowlog|help latency latency|help`,
  read: `
    cluster|countkeysinslot cluster|getkeysinslot
    get strlen getrange substr mget lcs getbit bitcount bitpos bitfield_ro exists touch type scan keys randomkey dbsize
    ttl pttl expiretime pexpiretime dump object|encoding object|freq object|idletime object|refcount memory|usage
    memory|stats memory|doctor info watch client|tracking subscribe psubscribe ssubscribe pubsub|channels pubsub|numpat
    pubsub|numsub pubsub|shardchannels pubsub|shardnumsub shoal.get`,
  write: `
    set setex psetex setnx delex mset msetnx msetex append setrange bitop del
    unlink rename renamenx copy move expire pexpire expireat pexpireat persist restore publish spublish shoal.set
    shoal.lease shoal.fill shoal.release`,
  "read write": "getset getdel getex bitfield setbit incr decr incrby decrby incrbyfloat",
  invalidate: "shoal.invalidate shoal.purge",
  admin: `
    client|no-evict client|list client|kill client|pause client|unpause client|unblock flushdb flushall swapdb role
    save bgsave bgrewriteaof lastsave shutdown monitor debug config|get config|set config|resetstat config|rewrite memory|purge acl|list acl|users
    acl|getuser slowlog|get slowlog|len slowlog|reset latency|latest latency|history latency|reset`,
};

const words = (text: string) => text.trim().split(/\s+/);
const expected = new Map(Object.entries(TABLE).flatMap(([roles, list]) => words(list).map((name) => [name, roles])));

const routes = [...new CommandTable(allCommands).all()];
const supported = routes.map((route) => route.command).filter(({ group }) => group !== "unsupported");

describe("roles", () => {
  test("the table names every command once, and no other", () => {
    const listed = Object.values(TABLE).flatMap(words).sort();
    expect(listed).toEqual(supported.map(({ name }) => name).sort());
  });

  test.each(supported.map((one) => [one.name, one] as const))("%s", (name, one) => {
    expect(decidedRoles(one)?.join(" ")).toBe(expected.get(name) as string);
  });

  test("routes have them", () => {
    for (const { command: one, roles } of routes) expect(roles).toEqual(rolesOf(one));
  });

  test("commands that are answered with an error need none", () => {
    const refused = routes.filter((route) => route.command.group === "unsupported");
    expect(refused.length).toBeGreaterThan(100);
    for (const { roles } of refused) expect(roles).toEqual([]);
  });
});

describe("a command that nobody has decided on", () => {
  const plain = { arity: 1, group: "x", handler: () => {} };
  const cases: readonly { name: string; one: Command; roles: readonly string[] | undefined; reach: boolean }[] = [
    { name: "without a word", one: command({ ...plain, name: "x" }), roles: undefined, reach: false },
    {
      name: "that is fast",
      one: command({ ...plain, name: "x", flags: ["fast", "loading"] }),
      roles: undefined,
      reach: false,
    },
    {
      name: "that is dangerous",
      one: command({ ...plain, name: "x", flags: ["write"], categories: ["dangerous"] }),
      roles: ["admin"],
      reach: false,
    },
    {
      name: "that writes no key by name",
      one: command({ ...plain, name: "x", flags: ["write"] }),
      roles: ["write"],
      reach: false,
    },
    {
      name: "that reads a key",
      one: command({ ...plain, name: "x", flags: ["readonly"], keys: { first: 1, last: 1, step: 1 } }),
      roles: ["read"],
      reach: true,
    },
    {
      name: "that needs no authentication",
      one: command({ ...plain, name: "x", flags: ["no_auth"] }),
      roles: [],
      reach: true,
    },
  ];
  test.each(cases)("$name", ({ one, roles, reach }) => {
    expect(decidedRoles(one)).toEqual(roles as never);
    expect(decidedReach(one) !== undefined).toBe(reach);
  });

  test("is for admins without prefixes", () => {
    const one = command({ ...plain, name: "x" });
    expect(rolesOf(one)).toEqual(["admin"]);
    expect(reachOf(one).permits(null as never, null as never, null as never)).toBe(false);
  });
});

test("what every command reaches beside its keys is decided", () => {
  expect(supported.filter((one) => decidedReach(one) === undefined).map(({ name }) => name)).toEqual([]);
});
