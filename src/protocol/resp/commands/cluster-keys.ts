/**
 * CLUSTER COUNTKEYSINSLOT and GETKEYSINSLOT: the fresh entries of the session's database in a slot, as far as this node has them.
 *
 * There is no index by slot, so both walk over all entries, in slices of `SLICE_IDS` ids with a timer between them; the
 * session waits meanwhile. Inside a transaction nothing waits: there the walk is made in one go. What comes or goes during
 * the walk may be found or not.
 */
import { keySlot } from "../../../core/crc16.ts";
import { databaseOf, userStart } from "../../../core/keyspace.ts";
import { SLOT_COUNT } from "../../../core/limits.ts";
import type { ClusterFigures } from "../../../node/cluster-figures.ts";
import { scanEntries } from "../../../store/scan.ts";
import type { Args } from "../args.ts";
import type { Reply } from "../reply.ts";
import type { Session } from "../session.ts";

/** Ids that one slice looks at: about a millisecond. */
export const SLICE_IDS = 16_384;
/** Most keys that GETKEYSINSLOT returns. Policy: it returns so many. */
const MAX_KEYS = 1_000_000;
const NOT_AN_INTEGER = "ERR value is not an integer or out of range";

export function countKeysInSlot(session: Session, _: ClusterFigures, args: Args): void {
  const { reply } = session;
  const slot = args.bigint(2);
  if (slot === undefined) return reply.error(NOT_AN_INTEGER);
  if (slot < 0n || slot >= BigInt(SLOT_COUNT)) return reply.error("ERR Invalid slot");
  let count = 0;
  const visit = () => {
    count++;
    return true;
  };
  walk(session, Number(slot), visit, (late) => late.integer(count));
}

export function getKeysInSlot(session: Session, _: ClusterFigures, args: Args): void {
  const { reply } = session;
  const [slot, wanted] = [args.bigint(2), args.bigint(3)];
  if (slot === undefined || wanted === undefined) return reply.error(NOT_AN_INTEGER);
  if (slot < 0n || slot >= BigInt(SLOT_COUNT) || wanted < 0n) return reply.error("ERR Invalid slot or number of keys");
  const most = wanted > BigInt(MAX_KEYS) ? MAX_KEYS : Number(wanted);
  const keys: Uint8Array[] = [];
  const visit = (key: Uint8Array, start: number, end: number) => {
    if (keys.length < most) keys.push(key.slice(start, end));
    return keys.length < most;
  };
  walk(session, most === 0 ? -1 : Number(slot), visit, (late) => {
    late.array(keys.length);
    for (const key of keys) late.bulk(key, 0, key.length);
  });
}

/** Visits the keys of a slot, as their users write them, until `visit` returns false; then replies. */
function walk(
  session: Session,
  slot: number,
  visit: (key: Uint8Array, start: number, end: number) => boolean,
  write: (reply: Reply) => void,
): void {
  const { server, node, physicalDatabase } = session;
  const { store } = node;
  let [cursor, goesOn] = [0, slot >= 0];
  const slice = (ids: number) => {
    cursor = scanEntries(store.entries, cursor, ids, (id) => {
      if (!goesOn) return;
      store.locate(id);
      const { bytes, keyStart, keyEnd } = store;
      if (keySlot(bytes, keyStart, keyEnd) !== slot) return;
      if (databaseOf(bytes, keyStart, keyEnd) !== physicalDatabase) return;
      goesOn = visit(bytes, userStart(bytes, keyStart, keyEnd), keyEnd);
    });
    goesOn &&= cursor !== 0;
  };
  if (goesOn) slice(session.transaction === undefined ? SLICE_IDS : Number.POSITIVE_INFINITY);
  if (!goesOn) return write(session.reply);
  const unblock = session.block();
  const later = () => {
    if (session.closed) return;
    server.turn(() => {
      node.beginTurn();
      slice(SLICE_IDS);
      if (!goesOn) unblock(write);
    });
    if (goesOn) node.ports.timer.after(0, later);
  };
  node.ports.timer.after(0, later);
}
