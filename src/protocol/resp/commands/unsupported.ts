/**
 * What Shoal does not have: the commands of Redis's other data types, of scripting, and of its modules.
 *
 * Shoal stores opaque values, so a client that sends HSET is told that once and clearly, instead of "unknown command"
 * (which reads like a typo) or a wrong-type error (which reads like a wrong key). The arity is not checked and COMMAND
 * does not list these: a client that asks what exists is told the truth. Modules' commands share a prefix ("json.",
 * "ft."), so `unsupportedReply` answers for every name behind it.
 */
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import type { Session } from "../session.ts";

/** Groups of commands by what Shoal would need to have for them. */
const GROUPS: Readonly<Record<string, string>> = {
  hash:
    "hdel hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat hkeys hlen hmget hmset " +
    "hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx hstrlen httl hvals",
  list:
    "blmove blmpop blpop brpop brpoplpush lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ltrim " +
    "rpop rpoplpush rpush rpushx",
  set:
    "sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop srandmember srem " +
    "sscan sunion sunionstore",
  "sorted set":
    "bzmpop bzpopmax bzpopmin zadd zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop " +
    "zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex " +
    "zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore",
  stream:
    "xack xackdel xadd xautoclaim xclaim xdel xdelex xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange xsetid " +
    "xtrim",
  geo: "geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore",
  hyperloglog: "pfadd pfcount pfdebug pfmerge pfselftest",
  sorting: "sort sort_ro",
  scripting: "eval eval_ro evalsha evalsha_ro fcall fcall_ro function script",
  "vector set": "vadd vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vrange vrem vsetattr vsim",
  module: "module",
  replication: "failover psync replconf replicaof restore-asking slaveof sync",
  migration: "migrate",
};

/** Modules by the prefix of their commands. */
const PREFIXES: Readonly<Record<string, string>> = {
  "json.": "JSON",
  "ft.": "search",
  "ts.": "time series",
  "bf.": "Bloom filter",
  "cf.": "cuckoo filter",
  "cms.": "count-min sketch",
  "topk.": "top-k",
  "tdigest.": "t-digest",
  "graph.": "graph",
  "tfunction.": "scripting",
};

const LONGEST_PREFIX = 10;

/**
 * The error for a command that Shoal does not have.
 *
 * @param name the command's name in lower case
 * @param group what it belongs to
 */
function unsupportedError(name: string, group: string): string {
  return `ERR unsupported command '${name}': Shoal stores opaque values (strings) and has no ${group} commands`;
}

/** One command for each name; their handler answers with `unsupportedError`. COMMAND leaves them out. */
export const unsupportedCommands: readonly Command[] = Object.entries(GROUPS).flatMap(([group, names]) =>
  names.split(" ").map((name) => refusal(name, group)),
);

/**
 * Answers a request whose name begins with a module's prefix, in either case.
 *
 * @returns false, having replied nothing, if the name has no such prefix: it is unknown
 */
export function unsupportedReply(session: Session, args: Args): boolean {
  const start = args.start(0);
  const head = Math.min(args.length(0), LONGEST_PREFIX);
  let name = "";
  for (let i = 0; i < head; i++) name += String.fromCharCode(args.bytes[start + i] as number);
  const prefix = name.toLowerCase().slice(0, name.indexOf(".") + 1);
  const group = Object.hasOwn(PREFIXES, prefix) ? PREFIXES[prefix] : undefined;
  if (group === undefined) return false;
  session.reply.error(unsupportedError(args.text(0).slice(0, 128).toLowerCase(), group));
  return true;
}

function refusal(name: string, group: string): Command {
  return command({
    name,
    arity: -1,
    group: "unsupported",
    summary: `Not supported: there are no ${group} commands`,
    handler: (session) => session.reply.error(unsupportedError(name, group)),
  });
}
