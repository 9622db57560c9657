/**
 * Conformance of the commands about connections: HELLO, AUTH, PING, RESET, CLIENT. Servers are asked without a password.
 */
import type { Case } from "../case.ts";
import { call, fails } from "../steps.ts";

const SYNTAX = "ERR syntax error";
const INTEGER = "ERR value is not an integer or out of range";
const NAME = "ERR Client names cannot contain spaces, newlines or special characters.";
const WRONG = "WRONGPASS invalid username-password pair or user is disabled.";

const basics: Case[] = [
  {
    name: "PING and ECHO",
    steps: [
      call("PING", "PONG"),
      call("ping hello", "hello"),
      call(["PING", ""], ""),
      call("ECHO hello", "hello"),
      call(["ECHO", "\0\r\n\xff"], "\0\r\n\xff"),
      fails("PING a b", "ERR wrong number of arguments for 'ping' command"),
      fails("ECHO", "ERR wrong number of arguments for 'echo' command"),
    ],
  },
  {
    name: "unknown commands",
    steps: [
      fails("NOSUCH", "ERR unknown command 'NOSUCH', with args beginning with: "),
      fails("NOSUCH a bc", "ERR unknown command 'NOSUCH', with args beginning with: 'a' 'bc' "),
      fails("CLIENT NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."),
      fails("CLIENT", "ERR wrong number of arguments for 'client' command"),
    ],
  },
  {
    name: "commands of other types",
    shoalOnly: true,
    steps: [
      ...["HSET k f v", "hset", "LPUSH k v", "SADD k m", "ZADD k 1 m", "XADD s * a b", "GEOADD k", "PFADD k a"].map(
        (command) => ({ send: command.split(" "), match: /^ERR unsupported command '[a-z]+': Shoal stores opaque/ }),
      ),
      fails(
        "EVAL return 0",
        "ERR unsupported command 'eval': Shoal stores opaque values (strings) and has no scripting commands",
      ),
      { send: ["COMMAND", "INFO", "hset"], expect: [null] },
    ],
  },
  {
    name: "QUIT",
    steps: [call("QUIT", "OK"), { ...call("QUIT now", "OK"), connection: 1 }],
  },
  {
    name: "RESET",
    steps: [
      call("SELECT 3", "OK"),
      call("CLIENT SETNAME me", "OK"),
      call("MULTI", "OK"),
      call("SET a 1", "QUEUED"),
      call("RESET", "RESET"),
      call("GET a", null),
      call("CLIENT GETNAME", null),
      fails("RESET now", "ERR wrong number of arguments for 'reset' command"),
      { send: ["CLIENT", "INFO"], match: / db=0 .* resp=2/ },
    ],
    protocols: [2],
  },
];

const handshake: Case[] = [
  {
    name: "HELLO tells what the server is",
    steps: [
      { send: ["HELLO", "3"], match: /^{"%":\[\["server","\w+"],\["version","[\d.]+"],\["proto",3],\["id",\d+],/ },
      { send: ["HELLO"], match: /,\["mode","standalone"],\["role","master"],\["modules",\[]]]}$/ },
    ],
    protocols: [3],
  },
  {
    name: "HELLO 2 and back",
    steps: [
      { send: ["HELLO", "2"], match: /^\["server","\w+","version","[\d.]+","proto",2,"id",\d+,"mode","standalone",/ },
      { send: ["HELLO", "2", "SETNAME", "me"], match: /"role","master","modules",\[]]$/ },
      call("CLIENT GETNAME", "me"),
    ],
    protocols: [2],
  },
  {
    name: "HELLO refuses",
    steps: [
      fails("HELLO x", "ERR Protocol version is not an integer or out of range"),
      fails("HELLO 1", "NOPROTO unsupported protocol version"),
      fails("HELLO 4", "NOPROTO unsupported protocol version"),
      fails("HELLO 3 AUTH a", "ERR Syntax error in HELLO option 'AUTH'"),
      fails("HELLO 3 PLEASE", "ERR Syntax error in HELLO option 'PLEASE'"),
      fails(["HELLO", "3", "SETNAME", "a b"], NAME),
      fails("HELLO 2 AUTH nobody secret", WRONG),
      { send: ["CLIENT", "INFO"], match: / name= .* resp=[23]/ },
    ],
  },
  {
    name: "AUTH without a password",
    steps: [
      fails(
        "AUTH secret",
        "ERR AUTH <password> called without any password configured for the default user. " +
          "Are you sure your configuration is correct?",
      ),
      call("AUTH default anything", "OK"),
      fails("AUTH nobody secret", WRONG),
      fails("AUTH a b c", SYNTAX),
      fails("AUTH", "ERR wrong number of arguments for 'auth' command"),
    ],
  },
  {
    name: "ACL",
    steps: [
      call("ACL WHOAMI", "default"),
      call("ACL USERS", ["default"]),
      call("ACL LIST", ["user default on nopass ~* &* +@all"]),
      call("ACL GETUSER nobody", null),
      { send: ["ACL", "GETUSER", "default"], match: /"flags",.*"nopass".*"commands","\+@all"/ },
      { send: ["ACL", "CAT"], match: /"keyspace".*"string".*"connection"/ },
      { send: ["ACL", "CAT", "connection"], match: /"ping"/ },
      fails("ACL CAT nosuch", "ERR Unknown category 'nosuch'"),
      fails("ACL CAT x y", "ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP."),
      fails("ACL NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try ACL HELP."),
    ],
  },
];

const client: Case[] = [
  {
    name: "CLIENT names",
    steps: [
      call("CLIENT GETNAME", null),
      call("CLIENT SETNAME me", "OK"),
      call("CLIENT GETNAME", "me"),
      { send: ["CLIENT", "LIST"], match: /(^|\n)id=\d+ addr=\S+ laddr=\S+ fd=-?\d+ name=me / },
      call(["CLIENT", "SETNAME", ""], "OK"),
      call("CLIENT GETNAME", null),
      fails(["CLIENT", "SETNAME", "a b"], NAME),
      fails(["CLIENT", "SETNAME", "a\n"], NAME),
      fails(["CLIENT", "SETNAME", "\xe9"], NAME),
    ],
  },
  {
    name: "CLIENT SETINFO",
    redis: "7.2",
    steps: [
      call("CLIENT SETINFO lib-name me", "OK"),
      call("CLIENT SETINFO LIB-VER 1.2.3", "OK"),
      { send: ["CLIENT", "INFO"], match: / lib-name=me lib-ver=1\.2\.3/ },
      fails(
        ["CLIENT", "SETINFO", "lib-name", "a b"],
        "ERR lib-name cannot contain spaces, newlines or special characters.",
      ),
      fails("CLIENT SETINFO colour red", "ERR Unrecognized option 'colour'"),
    ],
  },
  {
    name: "CLIENT INFO and LIST",
    steps: [
      { send: ["CLIENT", "ID"], match: /^[1-9]\d*$/ },
      call("SELECT 5", "OK"),
      { send: ["CLIENT", "INFO"], match: /^id=\d+ .* flags=N db=5 sub=0 psub=0 ssub=0 multi=-1 .* cmd=client\|info / },
      {
        send: ["CLIENT", "LIST", "TYPE", "normal"],
        match: / db=5 .* cmd=client\|list user=default redir=-1 resp=[23]/,
      },
      call("CLIENT LIST TYPE replica", ""),
      call("CLIENT LIST ID 999999999", ""),
      fails("CLIENT LIST TYPE nosuch", "ERR Unknown client type 'nosuch'"),
      fails("CLIENT LIST ID one", "ERR Invalid client ID"),
      fails("CLIENT LIST ID", SYNTAX),
    ],
  },
  {
    name: "CLIENT REPLY",
    steps: [call("CLIENT REPLY ON", "OK"), fails("CLIENT REPLY MAYBE", SYNTAX)],
  },
  {
    name: "CLIENT NO-EVICT and NO-TOUCH",
    redis: "7.2",
    steps: [
      call("CLIENT NO-EVICT ON", "OK"),
      call("CLIENT NO-TOUCH on", "OK"),
      { send: ["CLIENT", "INFO"], match: / flags=eT / },
      call("CLIENT NO-EVICT OFF", "OK"),
      call("CLIENT NO-TOUCH OFF", "OK"),
      { send: ["CLIENT", "INFO"], match: / flags=N / },
      fails("CLIENT NO-EVICT maybe", SYNTAX),
      fails("CLIENT NO-TOUCH maybe", SYNTAX),
    ],
  },
  {
    name: "CLIENT KILL",
    steps: [
      { send: ["SUBSCRIBE", "ch"], push: ["subscribe", "ch", 1], connection: 1 },
      call("CLIENT KILL TYPE pubsub", 1),
      call("CLIENT KILL TYPE pubsub", 0),
      call("CLIENT KILL ID 999999999", 0),
      call("CLIENT KILL ADDR 1.2.3.4:5 LADDR 1.2.3.4:5 USER default SKIPME no", 0),
      fails("CLIENT KILL 1.2.3.4:5", "ERR No such client"),
      fails("CLIENT KILL ID 0", "ERR client-id should be greater than 0"),
      fails("CLIENT KILL ID x", "ERR client-id should be greater than 0"),
      fails("CLIENT KILL TYPE nosuch", "ERR Unknown client type 'nosuch'"),
      fails("CLIENT KILL USER nobody", "ERR No such user 'nobody'"),
      fails("CLIENT KILL SKIPME maybe", SYNTAX),
      fails("CLIENT KILL NAME x", SYNTAX),
      fails("CLIENT KILL ID 1 TYPE", SYNTAX),
    ],
  },
  {
    name: "CLIENT PAUSE and UNPAUSE",
    steps: [
      call("CLIENT PAUSE 60000 WRITE", "OK"),
      call("GET a", null),
      call("CLIENT UNPAUSE", "OK"),
      call("SET a 1", "OK"),
      call("CLIENT PAUSE 0", "OK"),
      call("GET a", "1"),
      fails("CLIENT PAUSE soon", "ERR timeout is not an integer or out of range"),
      fails("CLIENT PAUSE -1", "ERR timeout is negative"),
      fails("CLIENT PAUSE 1 SOME", "ERR CLIENT PAUSE mode must be WRITE or ALL"),
      fails(
        "CLIENT Pause 1 ALL x",
        "ERR unknown subcommand or wrong number of arguments for 'Pause'. Try CLIENT HELP.",
      ),
    ],
  },
  {
    name: "CLIENT UNBLOCK",
    steps: [
      call("CLIENT UNBLOCK 999999999", 0),
      call("CLIENT UNBLOCK 999999999 ERROR", 0),
      fails("CLIENT UNBLOCK one", INTEGER),
      fails("CLIENT UNBLOCK 1 GENTLY", "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
    ],
  },
];

export const connectionCases: readonly Case[] = [...basics, ...handshake, ...client];
