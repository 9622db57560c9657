/** Tracking where a session's own command is not the cause, and where a receiver goes away on the way. */
import { describe, expect, test } from "bun:test";
import { Conversation, type Peer, push } from "./conversation.ts";

const keys = (...names: string[]) => push("invalidate", names);

/** Pushes of invalidations, in which key names are gathered. */
function invalidated(frames: readonly unknown[]): string[] {
  return frames.flatMap((frame) => {
    const [kind, names] = (frame as { ">"?: [string, string[]] })[">"] ?? [];
    return kind === "invalidate" ? (names ?? []) : [];
  });
}

describe("NOLOOP", () => {
  for (const mode of ["", " BCAST"]) {
    test(`a key that a session's own write evicts is told all the same:${mode}`, () => {
      const conversation = new Conversation({ maxMemory: "4mb", maxValueBytes: "512kb", policy: "lru" });
      const reader = conversation.peer();
      reader.call("SET", "old", "v");
      expect(reader.say(`CLIENT TRACKING ON NOLOOP${mode}`)).toBe("OK");
      reader.say("GET old");
      const told: string[] = [];
      for (let i = 0; i < 64; i++) told.push(...invalidated(reader.send(["SET", `k${i}`, "x".repeat(400_000)])));
      expect(told).toContain("old");
    });
  }

  test("a key that expires while the session itself runs is told", () => {
    const conversation = new Conversation();
    const reader = conversation.peer();
    expect(reader.say("CLIENT TRACKING ON NOLOOP")).toBe("OK");
    reader.send(["SET", "k", "v", "PX", "1000"], ["GET", "k"]);
    conversation.server.begin(reader.session);
    conversation.node.observer?.changed(new TextEncoder().encode("k"), 0, 1, "expired");
    conversation.server.end(reader.session);
    expect(reader.received()).toEqual([keys("k")]);
  });
});

test("BCAST: a receiver that is cut while broadcasts are sent does not hold later ones back", () => {
  const conversation = new Conversation({ maxOutputBytes: "64kb", outputSoftBytes: "64kb" });
  const [slow, reader, writer] = [conversation.peer(), conversation.peer(), conversation.peer()];
  slow.say("CLIENT TRACKING ON BCAST PREFIX s");
  reader.say("CLIENT TRACKING ON BCAST PREFIX r");
  Object.assign((slow as Peer).session.connection, { pendingBytes: 10 ** 9 });
  const long = "x".repeat(1_000);
  writer.send(...Array.from({ length: 300 }, (_, i) => ["SET", `s${i}${long}`, "v"]));
  expect(slow.session.closed).toBe(true);
  writer.say("SET r v");
  expect(reader.received()).toEqual([keys("r")]);
});
