/** What a node's own store holds under a key, as a reader of that node alone would find it; looking changes nothing. */
import { decodeText, encodeText } from "../../src/core/bytes.ts";
import type { Node } from "../../src/node/node.ts";
import { Flag } from "../../src/store/entry-table.ts";

export interface LocalEntry {
  readonly label: string;
  readonly version: number;
  readonly origin: number;
  readonly isFill: boolean;
  /** A plain read may be answered with it. */
  readonly isFresh: boolean;
  /** It may be served at least where stale is allowed. */
  readonly isServable: boolean;
  readonly expiresAt: number;
}

const encoded = new Map<string, Uint8Array>();

/** The entry of a key, tombstones aside; undefined if there is none. */
export function localEntry(node: Node, key: string): LocalEntry | undefined {
  let bytes = encoded.get(key);
  if (bytes === undefined) {
    bytes = encodeText(key);
    encoded.set(key, bytes);
  }
  const { store } = node;
  const { table } = store;
  const id = store.lookup(bytes, 0, bytes.length);
  if (id === 0 || table.hasFlag(id, Flag.TOMBSTONE)) return undefined;
  // The wall clock of the node's last turn may be old by now.
  const before = store.entries.nowMs;
  store.nowMs = Math.floor(node.ports.clock.now());
  store.locate(id);
  const entry = {
    label: key.startsWith("n.") ? numberLabel(node) : textLabel(node),
    version: table.version(id),
    origin: store.originOf(id),
    isFill: table.hasFlag(id, Flag.FILL),
    isFresh: store.isFresh(id),
    isServable: store.isServable(id),
    expiresAt: table.expiresAt(id),
  };
  store.nowMs = before;
  return entry;
}

/** A number, as counters hold it; `store` is located. */
function numberLabel({ store }: Node): string {
  return decodeText(store.bytes, store.valueStart, store.valueEnd);
}

function textLabel({ store }: Node): string {
  const head = decodeText(store.bytes, store.valueStart, Math.min(store.valueEnd, store.valueStart + 80)).split("~")[0];
  return head.slice(0, Math.max(0, head.lastIndexOf("/")));
}
