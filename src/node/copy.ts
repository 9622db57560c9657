/**
 * A value under a second name, or under another one. What an entry is stays with it: its kind (set or fill), the moment
 * its load began, tags, expiry and stale times; so an invalidation that reaches the original later reaches the copy too.
 */
import { copyBytes } from "../core/bytes.ts";
import { RecordKind } from "../core/record.ts";
import { Flag } from "../store/entry-table.ts";
import { Outcome } from "../store/outcome.ts";
import type { Node } from "./node.ts";

/** What the observer is told when an entry moves: Redis's names. */
export const RENAME_EVENTS = { from: "rename_from", to: "rename_to" };

/** Writes the entry's value under the stored key `kb[ks, ke)` as well. */
export function copyEntry(node: Node, fromId: number, kb: Uint8Array, ks: number, ke: number, event: string): Outcome {
  const { store } = node;
  store.locate(fromId);
  const size = store.valueEnd - store.valueStart;
  const value = node.scratch(size);
  copyBytes(store.bytes, store.valueStart, store.valueEnd, value, 0);
  const record = node.describe(fromId, store.table.hasFlag(fromId, Flag.FILL) ? RecordKind.FILL : RecordKind.SET);
  record.setKey(kb, ks, ke);
  record.setValue(value, 0, size);
  const replaced = store.lookup(kb, ks, ke);
  if (record.kind === RecordKind.FILL && replaced !== 0 && store.table.version(replaced) >= record.began) {
    // A fill keeps its age, so it would lose to what it is to replace: from here on it counts as written now.
    record.kind = RecordKind.SET;
  }
  return node.commit(record, event);
}

/** Copies, deletes the original, and then tells the observer: of the old key first, as Redis does. */
export function renameEntry(
  node: Node,
  fromId: number,
  kb: Uint8Array,
  ks: number,
  ke: number,
  events: { readonly from: string; readonly to: string },
): Outcome {
  const { store, observer } = node;
  store.locate(fromId);
  const from = store.bytes.slice(store.keyStart, store.keyEnd);
  const isNew = observer !== undefined && node.peek(kb, ks, ke) === 0;
  const outcome = copyEntry(node, fromId, kb, ks, ke, "");
  if (outcome === Outcome.APPLIED) node.delete(from, 0, from.length, "");
  if (outcome !== Outcome.APPLIED || observer === undefined) return outcome;
  observer.changed(from, 0, from.length, events.from);
  if (isNew) observer.changed(kb, ks, ke, "new");
  observer.changed(kb, ks, ke, events.to);
  return outcome;
}
