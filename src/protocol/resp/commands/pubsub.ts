/**
 * SUBSCRIBE and its relatives, PUBLISH, PUBSUB.
 *
 * Every topic of a request is confirmed with a message of its own, a push in RESP3 and an array in RESP2; that is the
 * only reply. In RESP2 a session that listens may send nothing but what changes its topics, PING, QUIT and RESET; the
 * dispatcher sees to that.
 */
import { encodeLatin1 } from "../../../core/bytes.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import { type Range, TOPIC_WORDS, type TopicKind } from "../pubsub.ts";
import type { Session } from "../session.ts";
import { wrongSubcommand } from "./command-docs-help.ts";

function range(args: Args, i: number): Range {
  return { bytes: args.bytes, start: args.start(i), end: args.end(i) };
}

/** Confirms one topic; `i` is its argument. */
function confirm(session: Session, args: Args, i: number, word: string, kind: TopicKind): void {
  const { reply } = session;
  reply.push(3);
  reply.text(word);
  reply.bulk(args.bytes, args.start(i), args.end(i));
  reply.integer(session.subscriptions?.count(kind) ?? 0);
}

function subscribe(kind: TopicKind, session: Session, args: Args): void {
  const { pubsub } = session.server;
  const names: string[] = [];
  for (let i = 1; i < args.count; i++) names.push(args.latin1(i));
  const refusal = pubsub.refusal(session, kind, names);
  if (refusal !== undefined) return session.reply.error(refusal);
  names.forEach((name, i) => {
    pubsub.subscribe(session, kind, name);
    confirm(session, args, i + 1, TOPIC_WORDS[kind].subscribe, kind);
  });
}

function unsubscribe(kind: TopicKind, session: Session, args: Args): void {
  if (args.count === 1) return unsubscribeAll(kind, session);
  for (let i = 1; i < args.count; i++) {
    session.server.pubsub.unsubscribe(session, kind, args.latin1(i));
    confirm(session, args, i, TOPIC_WORDS[kind].unsubscribe, kind);
  }
}

/** Without names: all topics of the kind, each confirmed; if there is none, one confirmation without a name. */
function unsubscribeAll(kind: TopicKind, session: Session): void {
  const { reply, server } = session;
  const names: readonly (string | undefined)[] = [...(session.subscriptions?.[kind] ?? [])];
  for (const name of names.length === 0 ? [undefined] : names) {
    if (name !== undefined) server.pubsub.unsubscribe(session, kind, name);
    reply.push(3);
    reply.text(TOPIC_WORDS[kind].unsubscribe);
    if (name === undefined) reply.null();
    else reply.bulk(encodeLatin1(name), 0, name.length);
    reply.integer(session.subscriptions?.count(kind) ?? 0);
  }
}

function names(kind: TopicKind, session: Session, args: Args): void {
  const { reply, server } = session;
  if (args.count > 3) return reply.error(wrongSubcommand(args, "PUBSUB"));
  const found = server.pubsub.names(kind, args.count === 3 ? range(args, 2) : undefined);
  reply.array(found.length);
  for (const name of found) reply.bulk(name, 0, name.length);
}

function listeners(kind: TopicKind, session: Session, args: Args): void {
  const { reply, server } = session;
  reply.array((args.count - 2) * 2);
  for (let i = 2; i < args.count; i++) {
    reply.bulk(args.bytes, args.start(i), args.end(i));
    reply.integer(server.pubsub.listeners(kind, args.latin1(i)));
  }
}

const HELP = [
  "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "CHANNELS [<pattern>]",
  "    Return the currently active channels matching a <pattern> (default: '*').",
  "NUMPAT",
  "    Return number of subscriptions to patterns.",
  "NUMSUB [<channel> ...]",
  "    Return the number of subscribers for the specified channels, excluding",
  "    pattern subscriptions(default: no channels).",
  "SHARDCHANNELS [<pattern>]",
  "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  "SHARDNUMSUB [<shardchannel> ...]",
  "    Return the number of subscribers for the specified shard level channel(s)",
  "HELP",
  "    Prints this help.",
];

function help(session: Session): void {
  session.reply.array(HELP.length);
  for (const line of HELP) session.reply.simple(line);
}

const LISTEN_FLAGS = ["pubsub", "noscript", "loading", "stale"] as const;
const PUBLISH_FLAGS = ["pubsub", "loading", "stale", "fast", "may_replicate"] as const;
const ASK_FLAGS = ["pubsub", "loading", "stale"] as const;
const SLOW = ["pubsub", "slow"];
const GROUP = "pubsub";

export const pubsubCommands: readonly Command[] = [
  command({
    name: "subscribe",
    arity: -2,
    flags: LISTEN_FLAGS,
    group: GROUP,
    since: "2.0.0",
    summary: "Listens for messages published to channels.",
    complexity: "O(N) where N is the number of channels to subscribe to.",
    syntax: "channel [channel ...]",
    categories: SLOW,
    handler: (session, args) => subscribe("channel", session, args),
  }),
  command({
    name: "unsubscribe",
    arity: -1,
    flags: LISTEN_FLAGS,
    group: GROUP,
    since: "2.0.0",
    summary: "Stops listening to messages posted to channels.",
    complexity: "O(N) where N is the number of channels to unsubscribe.",
    syntax: "[channel [channel ...]]",
    categories: SLOW,
    handler: (session, args) => unsubscribe("channel", session, args),
  }),
  command({
    name: "psubscribe",
    arity: -2,
    flags: LISTEN_FLAGS,
    group: GROUP,
    since: "2.0.0",
    summary: "Listens for messages published to channels that match one or more patterns.",
    complexity: "O(N) where N is the number of patterns to subscribe to.",
    syntax: "pattern [pattern ...]",
    categories: SLOW,
    handler: (session, args) => subscribe("pattern", session, args),
  }),
  command({
    name: "punsubscribe",
    arity: -1,
    flags: LISTEN_FLAGS,
    group: GROUP,
    since: "2.0.0",
    summary: "Stops listening to messages published to channels that match one or more patterns.",
    complexity: "O(N) where N is the number of patterns to unsubscribe.",
    syntax: "[pattern [pattern ...]]",
    categories: SLOW,
    handler: (session, args) => unsubscribe("pattern", session, args),
  }),
  command({
    name: "ssubscribe",
    arity: -2,
    flags: LISTEN_FLAGS,
    group: GROUP,
    since: "7.0.0",
    summary: "Listens for messages published to shard channels.",
    complexity: "O(N) where N is the number of shard channels to subscribe to.",
    syntax: "shardchannel [shardchannel ...]",
    categories: SLOW,
    handler: (session, args) => subscribe("shard", session, args),
  }),
  command({
    name: "sunsubscribe",
    arity: -1,
    flags: LISTEN_FLAGS,
    group: GROUP,
    since: "7.0.0",
    summary: "Stops listening to messages posted to shard channels.",
    complexity: "O(N) where N is the number of shard channels to unsubscribe.",
    syntax: "[shardchannel [shardchannel ...]]",
    categories: SLOW,
    handler: (session, args) => unsubscribe("shard", session, args),
  }),
  command({
    name: "publish",
    arity: 3,
    flags: PUBLISH_FLAGS,
    group: GROUP,
    since: "2.0.0",
    summary: "Posts a message to a channel.",
    complexity: "O(N+M) where N is the number of clients subscribed to the channel and M is the number of patterns.",
    syntax: "channel message",
    categories: ["pubsub", "fast"],
    handler: (session, args) => {
      session.reply.integer(session.server.pubsub.publish(range(args, 1), range(args, 2)));
    },
  }),
  command({
    name: "spublish",
    arity: 3,
    flags: PUBLISH_FLAGS,
    group: GROUP,
    since: "7.0.0",
    summary: "Posts a message to a shard channel.",
    complexity: "O(N) where N is the number of clients subscribed to the shard channel.",
    syntax: "shardchannel message",
    categories: ["pubsub", "fast"],
    handler: (session, args) => {
      session.reply.integer(session.server.pubsub.publishShard(range(args, 1), range(args, 2)));
    },
  }),
  command({
    name: "pubsub",
    arity: -2,
    group: GROUP,
    since: "2.8.0",
    summary: "A container for Pub/Sub commands.",
    complexity: "Depends on subcommand.",
    syntax: "subcommand [arg [arg ...]]",
    categories: ["slow"],
    handler: help,
    subcommands: [
      command({
        name: "pubsub|channels",
        arity: -2,
        flags: ASK_FLAGS,
        group: GROUP,
        since: "2.8.0",
        summary: "Returns the active channels.",
        complexity: "O(N) where N is the number of active channels.",
        syntax: "[pattern]",
        categories: SLOW,
        handler: (session, args) => names("channel", session, args),
      }),
      command({
        name: "pubsub|help",
        arity: 2,
        flags: ["loading", "stale"],
        group: GROUP,
        since: "6.2.0",
        summary: "Returns helpful text about the different subcommands.",
        complexity: "O(1)",
        categories: ["slow"],
        handler: help,
      }),
      command({
        name: "pubsub|numpat",
        arity: 2,
        flags: ASK_FLAGS,
        group: GROUP,
        since: "2.8.0",
        summary: "Returns the number of distinct patterns that clients are subscribed to.",
        complexity: "O(1)",
        categories: SLOW,
        handler: (session) => session.reply.integer(session.server.pubsub.size("pattern")),
      }),
      command({
        name: "pubsub|numsub",
        arity: -2,
        flags: ASK_FLAGS,
        group: GROUP,
        since: "2.8.0",
        summary: "Returns the number of subscribers to channels.",
        complexity: "O(N) where N is the number of requested channels.",
        syntax: "[channel [channel ...]]",
        categories: SLOW,
        handler: (session, args) => listeners("channel", session, args),
      }),
      command({
        name: "pubsub|shardchannels",
        arity: -2,
        flags: ASK_FLAGS,
        group: GROUP,
        since: "7.0.0",
        summary: "Returns the active shard channels.",
        complexity: "O(N) where N is the number of active shard channels.",
        syntax: "[pattern]",
        categories: SLOW,
        handler: (session, args) => names("shard", session, args),
      }),
      command({
        name: "pubsub|shardnumsub",
        arity: -2,
        flags: ASK_FLAGS,
        group: GROUP,
        since: "7.0.0",
        summary: "Returns the number of subscribers to shard channels.",
        complexity: "O(N) where N is the number of requested shard channels.",
        syntax: "[shardchannel [shardchannel ...]]",
        categories: SLOW,
        handler: (session, args) => listeners("shard", session, args),
      }),
    ],
  }),
];
