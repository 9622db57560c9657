/**
 * Conformance of the commands about the server: INFO, CONFIG, COMMAND, SLOWLOG and the others. What a case changes in the
 * configuration it changes back.
 */
import type { Case, Step } from "../case.ts";
import { call, fails, type Words, wordsOf } from "../steps.ts";

function matches(command: Words, match: RegExp): Step {
  return { send: wordsOf(command), match };
}

const SYNTAX = "ERR syntax error";
const INTEGER = "ERR value is not an integer or out of range";

function setFails(parameter: string, value: string, reason: string): Step {
  const error = `ERR CONFIG SET failed (possibly related to argument '${parameter}') - ${reason}`;
  return fails(["CONFIG", "SET", parameter, value], error);
}

/** A map of two texts, which RESP2 sees as an array. */
function mapCall(command: Words, pairs: readonly (readonly [string, string])[]): Step {
  const send = wordsOf(command);
  return { send, expect: pairs.flat(), expect3: { "%": pairs } };
}

const info: Case[] = [
  {
    name: "INFO has sections",
    steps: [
      matches("INFO", /^# Server\r\n(.|\r\n)*# Clients\r\n(.|\r\n)*# Memory\r\n(.|\r\n)*# Stats\r\n/),
      matches("INFO server", /^# Server\r\nredis_version:\d+\.\d+\.\d+\r\n(.|\r\n)*\r\n$/),
      matches("info SERVER clients", /^# Server\r\n(.|\r\n)*\r\n\r\n# Clients\r\nconnected_clients:\d+\r\n/),
      matches("INFO all", /\r\n# Commandstats\r\n/),
      matches("INFO everything", /\r\ncmdstat_info:calls=\d+,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=\d+,/),
      call("INFO nosuch", ""),
      call("INFO cluster", "# Cluster\r\ncluster_enabled:0\r\n"),
      matches("INFO replication", /^# Replication\r\nrole:master\r\nconnected_slaves:0\r\n/),
      matches("INFO memory", /\r\nmaxmemory:\d+\r\nmaxmemory_human:\S+\r\nmaxmemory_policy:\w+/),
    ],
  },
  {
    name: "INFO keyspace",
    steps: [
      call("INFO keyspace", "# Keyspace\r\n"),
      call("MSET a 1 b 2", "OK"),
      call("EXPIRE a 1000", 1),
      matches("INFO keyspace", /^# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=\d+(,\S+)?\r\n$/),
      call("SELECT 9", "OK"),
      call("SET a 1", "OK"),
      matches("INFO keyspace", /^# Keyspace\r\ndb0:keys=2,\S+\r\ndb9:keys=1,expires=0,avg_ttl=0(,\S+)?\r\n$/),
    ],
  },
  {
    name: "INFO counts",
    steps: [
      call("CONFIG RESETSTAT", "OK"),
      call("SET a 1", "OK"),
      call("GET a", "1"),
      call("GET nope", null),
      fails("GET", "ERR wrong number of arguments for 'get' command"),
      matches("INFO stats", /\r\nkeyspace_hits:1\r\nkeyspace_misses:1\r\n/),
      matches("INFO commandstats", /\r\ncmdstat_get:calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,/),
      matches("INFO errorstats", /^# Errorstats\r\nerrorstat_ERR:count=1\r\n$/),
    ],
  },
  {
    name: "INFO shoal",
    shoalOnly: true,
    steps: [matches("INFO", /\r\n# Shoal\r\nshoal_version:\d+\.\d+\.\d+\r\n/)],
  },
];

const config: Case[] = [
  {
    name: "CONFIG GET and SET",
    steps: [
      call("CONFIG SET slowlog-max-len 77", "OK"),
      mapCall("CONFIG GET slowlog-max-len", [["slowlog-max-len", "77"]]),
      mapCall("CONFIG GET SLOWLOG-MAX-LE*", [["slowlog-max-len", "77"]]),
      call("CONFIG SET slowlog-max-len 128 timeout 0", "OK"),
      mapCall("CONFIG GET slowlog-max-len", [["slowlog-max-len", "128"]]),
      mapCall("CONFIG GET nosuch*", []),
      mapCall("CONFIG GET databases", [["databases", "16"]]),
      mapCall("CONFIG GET save", [["save", ""]]),
      mapCall("CONFIG GET appendonly", [["appendonly", "no"]]),
      call(["CONFIG", "SET", "save", ""], "OK"),
      call(["CONFIG", "SET", "requirepass", ""], "OK"),
      call("CONFIG SET appendonly no", "OK"),
      matches("CONFIG GET *", /"maxmemory".*"maxclients"|"maxclients".*"maxmemory"/),
    ],
  },
  {
    name: "CONFIG SET is all or nothing",
    steps: [
      fails(
        "CONFIG SET slowlog-max-len 5 timeout x",
        "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer",
      ),
      mapCall("CONFIG GET slowlog-max-len", [["slowlog-max-len", "128"]]),
      fails(
        "CONFIG SET slowlog-max-len 5 nosuch 1",
        "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'",
      ),
      mapCall("CONFIG GET slowlog-max-len", [["slowlog-max-len", "128"]]),
    ],
  },
  {
    name: "CONFIG SET refuses",
    steps: [
      fails("CONFIG SET nosuch 1", "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
      fails("CONFIG SET maxmemory", "ERR wrong number of arguments for 'config|set' command"),
      fails("CONFIG SET maxmemory 1gb timeout", SYNTAX),
      setFails("databases", "3", "can't set immutable config"),
      setFails("maxmemory", "much", "argument must be a memory value"),
      setFails("maxmemory", "-1", "argument must be a memory value"),
      setFails("timeout", "x", "argument couldn't be parsed into an integer"),
      setFails("notify-keyspace-events", "q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
      fails(
        "CONFIG SET maxmemory 100mb maxmemory 200mb",
        "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter",
      ),
      fails("CONFIG REWRITE", "ERR The server is running without a config file"),
      fails("CONFIG NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP."),
      fails("CONFIG GET", "ERR wrong number of arguments for 'config|get' command"),
    ],
  },
  {
    name: "CONFIG notify-keyspace-events",
    steps: [
      call("CONFIG SET notify-keyspace-events KEA", "OK"),
      mapCall("CONFIG GET notify-keyspace-events", [["notify-keyspace-events", "AKE"]]),
      call("CONFIG SET notify-keyspace-events xK", "OK"),
      mapCall("CONFIG GET notify-keyspace-events", [["notify-keyspace-events", "xK"]]),
      call(["CONFIG", "SET", "notify-keyspace-events", ""], "OK"),
      mapCall("CONFIG GET notify-keyspace-events", [["notify-keyspace-events", ""]]),
    ],
  },
  {
    name: "limits of Shoal",
    shoalOnly: true,
    steps: [
      call("CONFIG SET maxmemory 128mb maxmemory-policy allkeys-lru", "OK"),
      mapCall("CONFIG GET maxmemory maxmemory-p*", [
        ["maxmemory", "134217728"],
        ["maxmemory-policy", "allkeys-lru"],
      ]),
      call("CONFIG SET maxmemory 256mb maxmemory-policy tinylfu", "OK"),
      mapCall("CONFIG GET maxmemory-policy", [["maxmemory-policy", "allkeys-lfu"]]),
      setFails("maxmemory", "1mb", "argument must be between 4194304 and 17179869184 inclusive"),
      setFails("timeout", "-1", "argument must be between 0 and 2147483 inclusive"),
      setFails("appendonly", "yes", "it is 'no', which only a restart can change"),
      mapCall("CONFIG GET requirepass", [["requirepass", ""]]),
    ],
  },
];

const commands: Case[] = [
  {
    name: "COMMAND INFO",
    steps: [
      call("COMMAND INFO nosuch", [null]),
      matches("COMMAND INFO get", /^\[\["get",2,.*"readonly".*"fast".*,1,1,1,.*"@read".*"@string".*"@fast"/),
      matches("COMMAND INFO mget nosuch", /^\[\["mget",-2,.*,1,-1,1,.*,null]$/),
      matches("COMMAND INFO config|get", /^\[\["config\|get",-3,.*"admin"/),
      matches("COMMAND INFO publish", /^\[\["publish",3,(?!.*"may_replicate")/),
      matches("COMMAND INFO client", /^\[\["client",-2,.*\["client\|\w+",/),
      matches("COMMAND", /\["get",2,/),
      matches("COMMAND COUNT", /^\d+$/),
    ],
  },
  {
    name: "COMMAND DOCS",
    steps: [
      mapCall("COMMAND DOCS nosuch", []),
      matches("COMMAND DOCS get", /"get".*"summary","[^"]+".*"since","1\.0\.0".*"group","string".*"arguments",.*"key"/),
      matches("COMMAND DOCS client", /"subcommands".*"client\|id".*"summary"/),
      matches("COMMAND DOCS", /"set".*"summary"/),
    ],
  },
  {
    name: "COMMAND LIST",
    steps: [
      matches("COMMAND LIST", /"get"/),
      call("COMMAND LIST FILTERBY PATTERN strl*", ["strlen"]),
      call("COMMAND LIST FILTERBY MODULE nosuch", []),
      call("COMMAND LIST FILTERBY ACLCAT nosuch", []),
      matches("COMMAND LIST FILTERBY ACLCAT transaction", /"multi"/),
      fails("COMMAND LIST FILTERBY NOSUCH x", SYNTAX),
      fails("COMMAND LIST NOSUCH", SYNTAX),
    ],
  },
  {
    name: "COMMAND GETKEYS",
    steps: [
      call("COMMAND GETKEYS SET k v", ["k"]),
      call("COMMAND GETKEYS MSET a 1 b 2", ["a", "b"]),
      call("COMMAND GETKEYS mget a b c", ["a", "b", "c"]),
      call("COMMAND GETKEYS OBJECT ENCODING k", ["k"]),
      call("COMMAND GETKEYS BITOP AND d a b", ["d", "a", "b"]),
      fails("COMMAND GETKEYS NOSUCH a b", "ERR Invalid command specified"),
      fails("COMMAND GETKEYS PING a", "ERR The command has no key arguments"),
      fails("COMMAND GETKEYS RENAME a", "ERR Invalid number of arguments specified for command"),
      matches("COMMAND GETKEYSANDFLAGS GET k", /^\[\["k",.*"RO".*"access"/),
      matches("COMMAND GETKEYSANDFLAGS DEL k", /^\[\["k",.*"RM","delete"/),
      matches("COMMAND GETKEYSANDFLAGS COPY a b", /^\[\["a",.*"RO","access".*\["b",.*"OW","update"/),
      matches("COMMAND GETKEYSANDFLAGS SET k v", /^\[\["k",.*"OW","update"/),
      matches("COMMAND GETKEYSANDFLAGS SET k v GET", /^\[\["k",.*"RW","access","update"/),
      matches("COMMAND GETKEYSANDFLAGS BITFIELD k OVERFLOW SAT GET i8 0", /^\[\["k",.*"RO","access"/),
      matches("COMMAND GETKEYSANDFLAGS BITFIELD k GET i8 0 SET i8 0 1", /^\[\["k",.*"RW","access","update"/),
      fails("COMMAND NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP."),
    ],
  },
];

const others: Case[] = [
  {
    name: "TIME and ROLE",
    steps: [
      matches("TIME", /^\["\d{10}","\d{1,6}"]$/),
      call("ROLE", ["master", 0, []]),
      fails("TIME now", "ERR wrong number of arguments for 'time' command"),
    ],
  },
  {
    name: "WAIT without replicas",
    steps: [
      call("WAIT 0 0", 0),
      call("WAIT -1 1", 0),
      call("WAIT 1 1", 0),
      call("MULTI", "OK"),
      call("WAIT 1 0", "QUEUED"),
      call("EXEC", [0]),
      fails("WAIT one 1", INTEGER),
      fails("WAIT 1 one", "ERR timeout is not an integer or out of range"),
      fails("WAIT 1 -1", "ERR timeout is negative"),
    ],
  },
  {
    name: "SLOWLOG",
    steps: [
      call("CONFIG SET slowlog-log-slower-than 0", "OK"),
      call("SLOWLOG RESET", "OK"),
      call("SET a value", "OK"),
      matches("SLOWLOG GET 1", /^\[\[\d+,\d+,\d+,\["SET","a","value"],"[^"]+",""]]$/),
      call("CONFIG SET slowlog-log-slower-than 10000", "OK"),
      matches("SLOWLOG GET", /^\[\[.*]]$/),
      matches("SLOWLOG LEN", /^[1-9]\d*$/),
      call("SLOWLOG RESET", "OK"),
      call("SLOWLOG LEN", 0),
      call("SLOWLOG GET -1", []),
      fails("SLOWLOG get 1 x", "ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP."),
      fails("SLOWLOG GET x", "ERR count should be greater than or equal to -1"),
      fails("SLOWLOG GET -2", "ERR count should be greater than or equal to -1"),
      fails("SLOWLOG NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try SLOWLOG HELP."),
    ],
  },
  {
    name: "DEBUG SLEEP",
    steps: [
      call("DEBUG SLEEP 0.001", "OK"),
      call("DEBUG SLEEP 0", "OK"),
      fails("DEBUG NOSUCH", "ERR unknown subcommand or wrong number of arguments for 'NOSUCH'. Try DEBUG HELP."),
    ],
  },
  {
    name: "SHUTDOWN refuses",
    steps: [
      fails("SHUTDOWN SOON", SYNTAX),
      fails("SHUTDOWN SAVE NOSAVE", SYNTAX),
      fails("SHUTDOWN ABORT NOW", SYNTAX),
      fails("SHUTDOWN ABORT", "ERR No shutdown in progress."),
    ],
  },
  {
    name: "persistence that is off",
    steps: [
      matches("LASTSAVE", /^1\d{9}$/),
      fails("BGSAVE SOON", SYNTAX),
      fails("SAVE NOW", "ERR wrong number of arguments for 'save' command"),
      ...["loading:0", "aof_enabled:0", "aof_rewrite_in_progress:0", "aof_last_write_status:ok"].map((field) =>
        matches("INFO persistence", new RegExp(`\\r\\n${field}\\r\\n`)),
      ),
      ...["rdb_bgsave_in_progress:0", "rdb_last_bgsave_status:ok", "rdb_last_bgsave_time_sec:-1", "rdb_saves:0"].map(
        (field) => matches("INFO persistence", new RegExp(`\\r\\n${field}\\r\\n`)),
      ),
      matches("INFO persistence", /\r\nrdb_last_save_time:1\d{9}\r\n/),
      matches("INFO memory", /\r\nmem_aof_buffer:0\r\n/),
      mapCall("CONFIG GET appendfsync", [["appendfsync", "everysec"]]),
      call("CONFIG SET appendfsync everysec", "OK"),
    ],
  },
  {
    name: "WAITAOF without persistence",
    redis: "7.2.0",
    steps: [
      call("WAITAOF 0 0 0", [0, 0]),
      call("WAITAOF 0 1 10", [0, 0]),
      fails("WAITAOF 1 0 10", "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."),
      fails("WAITAOF 2 0 10", "ERR value is out of range, value must between 0 and 1"),
      fails("WAITAOF 0 0 -1", "ERR timeout is negative"),
    ],
  },
  {
    name: "saving without persistence",
    shoalOnly: true,
    steps: ["SAVE", "BGSAVE", "BGREWRITEAOF"].map((name) =>
      fails(name, `ERR '${name.toLowerCase()}' needs persistence, which is off: start the node with a data directory`),
    ),
  },
  {
    name: "no cluster",
    steps: [
      fails("CLUSTER INFO", "ERR This instance has cluster support disabled"),
      fails("CLUSTER KEYSLOT a", "ERR This instance has cluster support disabled"),
      fails("CLUSTER KEYSLOT", "ERR wrong number of arguments for 'cluster|keyslot' command"),
      fails("CLUSTER NONSENSE", "ERR unknown subcommand 'NONSENSE'. Try CLUSTER HELP."),
      fails("ASKING", "ERR This instance has cluster support disabled"),
      fails("CLUSTER SLOTS", "ERR This instance has cluster support disabled"),
      fails("READONLY", "ERR This instance has cluster support disabled"),
      fails("READWRITE", "ERR This instance has cluster support disabled"),
    ],
  },
  {
    name: "MEMORY and LATENCY",
    steps: [
      matches("MEMORY STATS", /"peak\.allocated",\d+.*"total\.allocated",\d+.*"keys\.count",0/),
      matches("MEMORY DOCTOR", /^(Hi )?Sam, /),
      call("MEMORY PURGE", "OK"),
      fails("MEMORY NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try MEMORY HELP."),
      call("LATENCY LATEST", []),
      call("LATENCY HISTORY command", []),
      call("LATENCY RESET", 0),
    ],
  },
  {
    name: "HELP of every container",
    steps: ["CLIENT", "CONFIG", "COMMAND", "MEMORY", "SLOWLOG", "ACL", "OBJECT", "LATENCY"].map((container) =>
      matches(
        [container, "HELP"],
        new RegExp(`^\\["${container} <subcommand> .*Subcommands are:".*Prints this help\\."]$`),
      ),
    ),
  },
];

export const serverCases: readonly Case[] = [...info, ...config, ...commands, ...others];
