import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  classOfEvent,
  EventClass,
  formatEventClasses,
  parseEventClasses,
} from "../../../../src/protocol/resp/notifications.ts";
import { Conversation, push } from "./conversation.ts";

describe("event classes", () => {
  const cases = [
    { text: "", formatted: "" },
    { text: "KEA", formatted: "AKE" },
    { text: "g$lshzxetd", formatted: "A" },
    { text: "Kxg", formatted: "gxK" },
    { text: "AKEnm", formatted: "AKEmn" },
    { text: "Elo", formatted: "lE" },
    { text: "Kq", formatted: undefined },
    { text: "K E", formatted: undefined },
  ];
  for (const { text, formatted } of cases) {
    test(`${JSON.stringify(text)} is ${formatted ?? "refused"}`, () => {
      const classes = parseEventClasses(text);
      expect(classes === undefined ? undefined : formatEventClasses(classes)).toBe(formatted);
    });
  }

  test("what is written is read back as the same", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 14 - 1 }),
        (classes) => parseEventClasses(formatEventClasses(classes)) === classes,
      ),
    );
  });

  test("every event has a class", () => {
    expect(classOfEvent("set")).toBe(EventClass.STRING);
    expect(classOfEvent("expired")).toBe(EventClass.EXPIRED);
    expect(classOfEvent("rename_from")).toBe(EventClass.GENERIC);
    expect(classOfEvent("whatever comes")).toBe(EventClass.GENERIC);
  });
});

describe("notifications", () => {
  const observed = (classes: string, database = 0) => {
    const conversation = new Conversation({ notifyKeyspaceEvents: classes });
    const [listener, writer] = [conversation.peer(), conversation.peer()];
    writer.call("SELECT", `${database}`);
    listener.call("PSUBSCRIBE", "__key*");
    return { conversation, listener, writer };
  };
  const event = (channel: string, message: string) => push("pmessage", "__key*", channel, message);

  test("name the key without its prefix, and the database as clients number it", () => {
    const { conversation, listener, writer } = observed("KE$", 3);
    writer.call("SET", "\xff\0k", "v");
    expect(listener.received()).toEqual([
      event("__keyspace@3__:\xff\0k", "set"),
      event("__keyevent@3__:set", "\xff\0k"),
    ]);
    conversation.peer().call("SWAPDB", "3", "5");
    writer.call("SELECT", "5");
    writer.call("SET", "k", "v");
    expect(listener.received()[1]).toEqual(event("__keyevent@5__:set", "k"));
  });

  test("tell what the node does by itself", () => {
    const { conversation, listener, writer } = observed("Ex");
    writer.say("SET k v PX 10");
    conversation.advance(2_000);
    expect(listener.received()).toEqual([event("__keyevent@0__:expired", "k")]);
  });

  test("miss: once for each read", () => {
    const { listener, writer } = observed("Em");
    writer.say("GET k");
    expect(listener.received()).toEqual([event("__keyevent@0__:keymiss", "k")]);
  });

  test("cost nothing while nothing is configured", () => {
    const { node, server } = new Conversation();
    expect(node.observer).toBeUndefined();
    for (const [classes, wanted] of [
      ["KEA", true],
      ["K", false],
      ["A", false],
      ["Kx", true],
      ["", false],
    ] as const) {
      node.configure({ notifyKeyspaceEvents: classes });
      server.configured();
      expect(node.observer !== undefined).toBe(wanted);
    }
  });
});
