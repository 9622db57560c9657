/**
 * The story of a key in a simulation, as lines in the order of true time: what happened to the world, what clients asked and were
 * told, which messages that name the key went from whom to whom, and what each node applied. For people who look for a cause.
 */
import { MessageKind, readFrame } from "../../src/cluster/message.ts";
import { encodeText } from "../../src/core/bytes.ts";
import { meansKey } from "./checkers/epoch-reach.ts";
import { describeExchange, describeRequest } from "./history.ts";
import { removes, tagsOf } from "./keyspace.ts";
import { keyOf } from "./request.ts";
import { describeApplied, isEpoch } from "./witness.ts";
import type { World } from "./world.ts";

const MESSAGE_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(MessageKind).map(([name, kind]) => [kind, name]),
);
const MAX_MESSAGES = 20_000;

interface Line {
  readonly atMs: number;
  readonly text: string;
}

/** Remembers the messages of a simulation that name any of the keys, or a tag of them. */
export class MessageLog {
  readonly lines: Line[] = [];
  readonly #needles: readonly { readonly key: string; readonly bytes: Uint8Array }[];

  constructor(keys: readonly string[], world: World) {
    const names = new Set(
      keys.flatMap((key) => (key === "" ? [] : [key, ...(key.startsWith("n.") ? [] : tagsOf(key))])),
    );
    this.#needles = [...names].map((key) => ({ key, bytes: encodeText(key) }));
    world.network.onFrame = (from, to, frame, _channel, isLost) => {
      if (this.lines.length < MAX_MESSAGES) this.#look(world.nowMs, `${from} -> ${to}`, frame, isLost);
    };
  }

  #look(atMs: number, way: string, frame: Uint8Array, isLost: boolean): void {
    try {
      readFrame(frame, (kind, body) => {
        const range = body.bytes.subarray(body.at, body.end);
        body.at = body.end;
        const named = this.#needles.filter(({ bytes }) => includes(range, bytes)).map(({ key }) => key);
        if (named.length === 0) return;
        const what = `${MESSAGE_NAMES[kind] ?? `kind ${kind}`} of ${range.length} bytes, about ${named.join(" ")}`;
        this.lines.push({ atMs, text: `${way} ${what}${isLost ? " IS LOST" : ""}` });
      });
    } catch {
      // A frame that nobody can read has its own checker.
    }
  }
}

function includes(bytes: Uint8Array, needle: Uint8Array): boolean {
  for (let at = bytes.indexOf(needle[0]); at >= 0; at = bytes.indexOf(needle[0], at + 1)) {
    let length = 1;
    while (length < needle.length && bytes[at + length] === needle[length]) length++;
    if (length === needle.length) return true;
  }
  return false;
}

/** All lines about a key; about an empty one, what happened to the world and what nodes logged. */
export function tellStory(world: World, key: string, messages?: MessageLog): string[] {
  const lines: Line[] = world.events.map(({ atMs, text }) => ({ atMs, text: `* ${text}` }));
  for (const { atMs, node, level, text } of world.logs) {
    if (key === "" || level === "error" || level === "warn")
      lines.push({ atMs, text: `${node} logs ${level}: ${text}` });
  }
  if (key !== "") {
    for (const exchange of world.history.exchanges) {
      const { request, invokedMs, respondedMs, node, id, client } = exchange;
      if (keyOf(request) !== key && !removes(request, key)) continue;
      lines.push({ atMs: invokedMs, text: `? #${id} ${client} asks ${node}: ${describeRequest(request)}` });
      if (exchange.reply !== undefined) lines.push({ atMs: respondedMs, text: `! ${describeExchange(exchange)}` });
    }
    for (const record of world.witness.records) {
      const isAbout = isEpoch(record) ? meansKey(record, key) : record.key === key;
      if (isAbout) lines.push({ atMs: record.atMs, text: `  ${describeApplied(record)}` });
    }
    lines.push(...(messages?.lines ?? []).map(({ atMs, text }) => ({ atMs, text: `    ${text}` })));
  }
  // Sorting is stable: what is of one moment stays in the order of its kind.
  lines.sort((a, b) => a.atMs - b.atMs);
  const story = lines.map(({ atMs, text }) => `${atMs.toFixed(2).padStart(10)} ${text}`);
  for (const { id, life } of world.nodes) {
    story.push(
      `${"at the end".padStart(10)} ${id}: ${life?.describe() ?? "down"}${key === "" ? "" : ` owners of ${key}: ${life?.owners(key).join(" ")}`}`,
    );
  }
  return story;
}
