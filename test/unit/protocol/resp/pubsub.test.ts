import { describe, expect, test } from "bun:test";
import { MAX_CHANNELS_PER_SESSION, MAX_PATTERNS_PER_SESSION } from "../../../../src/protocol/resp/pubsub.ts";
import { Conversation, error, push } from "./conversation.ts";

describe("PubSub", () => {
  test("renders a message once per protocol", () => {
    const conversation = new Conversation();
    const listeners = [2, 3, 2, 3].map((protocol) => conversation.peer(protocol as 2 | 3));
    for (const listener of listeners) listener.send(["SUBSCRIBE", "a"], ["PSUBSCRIBE", "*"]);
    expect(conversation.peer().say("PUBLISH a hello")).toBe(8);
    const [message, pmessage] = [
      ["message", "a", "hello"],
      ["pmessage", "*", "a", "hello"],
    ] as const;
    for (const [i, listener] of listeners.entries()) {
      expect(listener.received()).toEqual(i % 2 === 0 ? [message, pmessage] : [push(...message), push(...pmessage)]);
    }
  });

  test("a session that ends leaves nothing behind", () => {
    const conversation = new Conversation();
    const peer = conversation.peer();
    peer.send(["SUBSCRIBE", "a", "b"], ["PSUBSCRIBE", "a*"], ["SSUBSCRIBE", "s"]);
    const { pubsub } = conversation.server;
    expect(["channel", "pattern", "shard"].map((kind) => pubsub.size(kind as "channel"))).toEqual([2, 1, 1]);
    expect(pubsub.silent).toBe(false);
    peer.session.disconnected();
    expect(["channel", "pattern", "shard"].map((kind) => pubsub.size(kind as "channel"))).toEqual([0, 0, 0]);
    expect(pubsub.silent).toBe(true);
    expect(peer.session.subscriptions).toBeUndefined();
  });

  test("a listener that switches its protocol gets the new form", () => {
    const conversation = new Conversation();
    const listener = conversation.peer(3);
    listener.say("SUBSCRIBE a");
    conversation.peer().say("PUBLISH a 1");
    expect(listener.received()).toEqual([push("message", "a", "1")]);
    listener.session.protocol = 2;
    conversation.peer().say("PUBLISH a 2");
    expect(listener.received()).toEqual([["message", "a", "2"]]);
  });

  test("a session's own message follows the reply of PUBLISH, before the next reply", () => {
    const peer = new Conversation().peer();
    peer.say("SUBSCRIBE a");
    expect(peer.send(["PUBLISH", "a", "1"], ["PING"])).toEqual([1, push("message", "a", "1"), "PONG"]);
  });

  test("messages of a pipeline reach another session in order, in one write", () => {
    const conversation = new Conversation();
    const [listener, publisher] = [conversation.peer(), conversation.peer()];
    listener.say("SUBSCRIBE a");
    publisher.send(...Array.from({ length: 100 }, (_, i) => ["PUBLISH", "a", `${i}`]));
    expect(listener.received()).toEqual(Array.from({ length: 100 }, (_, i) => push("message", "a", `${i}`)));
  });

  const names = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);
  const limits = [
    { command: "SUBSCRIBE", noun: "channel", limit: MAX_CHANNELS_PER_SESSION },
    { command: "PSUBSCRIBE", noun: "pattern", limit: MAX_PATTERNS_PER_SESSION },
    { command: "SSUBSCRIBE", noun: "shard channel", limit: MAX_CHANNELS_PER_SESSION },
  ];
  for (const { command, noun, limit } of limits) {
    test(`${command}: a session has at most ${limit} ${noun}s`, () => {
      const peer = new Conversation().peer();
      expect(peer.send([command, ...names(limit)]).length).toBe(limit);
      expect(peer.send([command, ...names(limit)]).length).toBe(limit);
      expect(peer.call(command, "another")).toEqual(
        error(`ERR too many ${noun}s: ${limit + 1}, the limit of a connection is ${limit}`),
      );
      expect(peer.say("PING")).toBe("PONG");
    });
  }
});
