/** The options STALE, SWR and SIE of SHOAL.SET and SHOAL.FILL: who is served a stale entry, and for how long. */
import { describe, expect, test } from "bun:test";
import { START_MS } from "../../store/test-store.ts";
import { Conversation, error, type Peer } from "./conversation.ts";

const SYNTAX = "ERR syntax error";
const NOT_AN_INTEGER = "ERR value is not an integer or out of range";

/** The fields of a SHOAL.GET's map, or null. */
function fields(peer: Peer, ...words: string[]): Record<string, unknown> | null {
  const reply = peer.call("SHOAL.GET", ...words) as { "%": [string, unknown][] } | null;
  return reply === null ? null : Object.fromEntries(reply["%"]);
}

describe("STALE, SWR and SIE", () => {
  const allowances: { options: string; swr: number; sie: number }[] = [
    { options: "PX 1000", swr: 0, sie: 0 },
    { options: "PX 1000 STALE 500", swr: 500, sie: 500 },
    { options: "PX 1000 SWR 500", swr: 500, sie: 500 },
    { options: "SIE 500 PX 1000", swr: 0, sie: 500 },
    { options: "PX 1000 SWR 200 SIE 500", swr: 200, sie: 500 },
    { options: "SIE 200 PX 1000 TAGS 1 t SWR 500", swr: 500, sie: 500 },
    { options: "EX 1 TYPE a/b SWR 1 SIE 1", swr: 1, sie: 1 },
  ];
  for (const { options, swr, sie } of allowances) {
    for (const soft of [false, true]) {
      test(`${options}${soft ? ", invalidated softly" : ""}: ${swr} and ${sie} ms more`, () => {
        const conversation = new Conversation();
        const peer = conversation.peer();
        const other = conversation.peer();
        expect(peer.say(`SHOAL.SET k v ${options}`)).toBe("OK");
        const { token } = Object.fromEntries((peer.say("SHOAL.LEASE filled") as { "%": [string, string][] })["%"]);
        peer.say(`SHOAL.FILL ${token} filled v ${options}`);
        if (soft) peer.say("SHOAL.INVALIDATE KEYS 2 k filled");
        const moments = [0, 999, 1_000, 1_000 + swr - 1, 1_000 + swr, 1_000 + sie - 1, 1_000 + sie];
        let nowMs = 0;
        for (const at of moments) {
          conversation.advance(Math.max(0, at - nowMs));
          nowMs = Math.max(nowMs, at);
          const left = (ms: number) => Math.max(0, 1_000 + ms - nowMs);
          const expected = { ttl: left(0), swr: left(swr), sie: left(sie), stale: soft || nowMs >= 1_000 };
          for (const key of ["k", "filled"]) {
            const seen = fields(other, key, "STALE");
            if (nowMs < 1_000 + sie) expect(seen, `${key} at ${nowMs}`).toMatchObject(expected);
            else expect(seen, `${key} at ${nowMs}`).toBeNull();
          }
        }
      });
    }
  }

  test("stale times are cut to what an entry can hold", () => {
    const peer = new Conversation().peer();
    const [latest, far] = [2 ** 48 - 1, 2 ** 48 - 1_001];
    peer.say(`SHOAL.SET k v PXAT ${far} SWR ${latest} SIE ${latest}`);
    expect(fields(peer, "k")).toMatchObject({
      ...{ ttl: far - START_MS, swr: latest - START_MS, sie: latest - START_MS },
    });
  });

  const mistakes: { words: string[]; text: string }[] = [
    { words: ["STALE", "10"], text: "ERR STALE counts from the expiry: it needs PX, EX, PXAT or EXAT" },
    { words: ["PX", "1", "STALE", "x"], text: NOT_AN_INTEGER },
    { words: ["SWR", "10"], text: "ERR SWR counts from the expiry: it needs PX, EX, PXAT or EXAT" },
    { words: ["SIE", "10"], text: "ERR SIE counts from the expiry: it needs PX, EX, PXAT or EXAT" },
    { words: ["PX", "1", "SWR", "0"], text: "ERR invalid SWR time: 0 ms, must be from 1 to 281474976710655" },
    { words: ["PX", "1", "SIE", "-1"], text: "ERR invalid SIE time: -1 ms, must be from 1 to 281474976710655" },
    { words: ["PX", "1", "SWR", "x"], text: NOT_AN_INTEGER },
    { words: ["PX", "1", "SIE"], text: SYNTAX },
    { words: ["PX", "1", "STALE", "1", "SWR", "1"], text: SYNTAX },
    { words: ["PX", "1", "SIE", "1", "STALE", "1"], text: SYNTAX },
    { words: ["PX", "1", "STALE", "1", "STALE", "1"], text: SYNTAX },
    { words: ["PX", "1", "SWR", "1", "SIE", "1", "SWR", "1"], text: SYNTAX },
    { words: ["PX", "1", "STALE", "0"], text: "ERR invalid STALE time: 0 ms, must be from 1 to 281474976710655" },
  ];
  for (const { words, text } of mistakes) {
    test(`${words.join(" ")}: ${text}`, () => {
      const peer = new Conversation().peer();
      peer.say("SET k old");
      expect(peer.call("SHOAL.SET", "k", "v", ...words)).toEqual(error(text));
      expect(peer.say("GET k")).toBe("old");
    });
  }
});
