import { describe, expect, test } from "bun:test";
import { allCommands } from "../../../../src/protocol/resp/all-commands.ts";
import { CommandTable } from "../../../../src/protocol/resp/command-table.ts";

/** What the server promises, by group; a subcommand after its container. */
const PROMISED = [
  "hello auth ping echo quit reset select client|id client|info client|list client|getname client|setname",
  "client|setinfo client|kill client|pause client|unpause client|reply client|no-evict client|no-touch",
  "client|tracking client|trackinginfo client|caching client|getredir command command|count command|info",
  "command|docs command|getkeys command|list info config|get config|set config|resetstat time dbsize",
  "memory|usage memory|stats object|encoding object|freq object|idletime object|refcount slowlog|get",
  "save bgsave bgrewriteaof lastsave waitaof slowlog|len slowlog|reset role wait debug shutdown monitor acl|whoami acl|list acl|cat acl|getuser",
  "del unlink exists type touch copy move rename renamenx randomkey keys scan expire pexpire expireat",
  "pexpireat ttl pttl expiretime pexpiretime persist dump restore flushdb flushall swapdb",
  "get set delex msetex setex psetex setnx getset getdel getex mget mset msetnx append strlen setrange",
  "getrange substr incr decr incrby decrby incrbyfloat lcs setbit getbit bitcount bitpos bitop bitfield",
  "bitfield_ro multi exec discard watch unwatch subscribe unsubscribe psubscribe punsubscribe publish",
  "pubsub|channels pubsub|numsub pubsub|numpat ssubscribe sunsubscribe spublish pubsub|shardchannels",
  "pubsub|shardnumsub shoal.set shoal.get shoal.invalidate shoal.purge shoal.lease shoal.fill shoal.release",
].flatMap((line) => line.split(" "));

describe("allCommands", () => {
  const table = new CommandTable(allCommands);

  test("has every command that is promised", () => {
    expect(PROMISED.filter((name) => table.named(name) === undefined)).toEqual([]);
  });

  test("definitions are as clients expect to read them", () => {
    for (const { command } of table.all()) {
      expect(command.name).toMatch(/^[a-z0-9._-]+(\|[a-z0-9-]+)?$/);
      expect([command.name, command.arity]).not.toEqual([command.name, 0]);
      for (const sub of command.subcommands ?? []) expect(sub.name).toStartWith(`${command.name}|`);
      const { keys } = command;
      if (typeof keys !== "function" && keys.first > 0)
        expect([command.name, keys.step > 0]).toEqual([command.name, true]);
    }
  });
});
