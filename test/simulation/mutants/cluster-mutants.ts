/** Planted bugs in streams, slots, membership, receipts, and what is stored. */
import { MessageKind } from "../../../src/cluster/message.ts";
import { RecordKind } from "../../../src/core/record.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import { partsOf } from "./live-parts.ts";
import type { Mutant } from "./mutant.ts";
import { copyRecord, isEpochKind } from "./record-copy.ts";

const LATE_MS = 150;

export const clusterMutants: readonly Mutant[] = [
  {
    name: "acknowledgement before apply",
    mistake: "an invalidation is acknowledged when it is received, and applied a little later",
    plant(life) {
      const { store, node } = partsOf(life);
      const apply = store.apply.bind(store);
      store.apply = (record, applied) => {
        if (!isEpochKind(record.kind) || record.origin === node.clock.origin) return apply(record, applied);
        const copy = copyRecord(record);
        node.ports.timer.after(LATE_MS, () => apply(copy, applied));
        return Outcome.APPLIED;
      };
    },
  },
  {
    name: "receipts do not wait",
    mistake: "what was sent counts as acknowledged",
    plant(life) {
      partsOf(life).cluster.outgoing.acknowledged = () => Number.MAX_SAFE_INTEGER;
    },
  },
  {
    name: "a dead origin's tail is not pulled",
    mistake: "who is dead has said all it had to say",
    plant(life) {
      const { sync } = partsOf(life).cluster;
      sync.pull = () => {};
    },
  },
  {
    name: "a joiner is served before its markers",
    mistake: "an owner has its slots as soon as it owns them",
    plant(life) {
      const { slots } = partsOf(life).cluster;
      slots.isVisible = (slot) => slots.isOwner(slot);
      slots.isReadable = (slot) => slots.isOwner(slot);
    },
  },
  {
    name: "read-modify-write on a hidden key",
    mistake: "the primary carries out atomic operations whether it has the slot or not",
    plant(life) {
      const { router, config } = partsOf(life).cluster;
      const { placement } = router;
      const atomic = placement.atomic.bind(placement);
      placement.atomic = (slot) => {
        const isOwn = placement.owners(slot)[0] === config.id;
        return isOwn ? { peer: config.id, joiner: "" } : atomic(slot);
      };
      const isAtomicHere = placement.isAtomicHere.bind(placement);
      placement.isAtomicHere = (slot, joiner) => placement.owners(slot)[0] === config.id || isAtomicHere(slot, joiner);
    },
    options: { faults: ["join"], regions: 1 },
  },
  {
    name: "cursor advanced over a gap",
    mistake: "a stream's message is applied whatever stamp stands before it",
    plant(life) {
      const { incoming } = partsOf(life).cluster;
      const receive = incoming.receive.bind(incoming);
      incoming.receive = (peer, kind, body) => {
        // Behind the flag stands the stamp before the first record.
        if (kind === MessageKind.STREAM && body.left > 8) body.bytes.fill(0, body.at + 1, body.at + 8);
        receive(peer, kind, body);
      };
    },
    options: { faults: ["loss"] },
  },
  {
    name: "what a joiner misses while it syncs",
    mistake: "records of a slot go to its owners alone, not to those that are getting it",
    plant(life) {
      partsOf(life).cluster.slots.alsoSendTo = () => [];
    },
    options: { faults: ["join", "disk-loss"] },
  },
  {
    name: "stable runs ahead",
    mistake: "whatever this node has seen, everybody has",
    plant(life) {
      const { cluster, node } = partsOf(life);
      cluster.stability.stable = () => node.clock.last;
    },
  },
  {
    name: "syncs without tombstones",
    mistake: "what is deleted needs no copying",
    plant(life) {
      const { store, cluster } = partsOf(life);
      const apply = store.apply.bind(store);
      store.apply = (record, applied) => {
        // What a stream brings is above its watermark.
        const isCopy = record.kind === RecordKind.DELETE && record.version <= cluster.watermarks.of(record.origin);
        return isCopy ? Outcome.IGNORED : apply(record, applied);
      };
    },
  },
  {
    name: "no fence",
    mistake: "a node without its region's majority goes on serving",
    plant(life) {
      partsOf(life).cluster.fence.mayServe = () => true;
    },
    options: { faults: ["partition"] },
  },
  {
    name: "sessions are forgotten",
    mistake: "a read in a session is a read like any other",
    plant(life) {
      const { router } = partsOf(life).cluster;
      const execute = router.execute.bind(router);
      router.execute = (operation, done) => {
        if (operation.kind === "get") execute({ ...operation, session: undefined }, done);
        else execute(operation, done);
      };
    },
  },
  {
    name: "replies before the journal",
    mistake: "under fsync: always a write is answered before it is stored",
    plant(life) {
      const { persistence } = partsOf(life).host;
      if (persistence !== undefined) persistence.whenPromised = (callback) => callback(undefined);
    },
    options: { faults: ["power-cut", "slow-disk"] },
  },
  {
    name: "invalidations are not journaled",
    mistake: "only what adds entries is worth storing",
    plant(life) {
      const { outbox } = partsOf(life).node;
      const journal = outbox.journal.bind(outbox);
      outbox.journal = (record) => {
        if (!isEpochKind(record.kind)) journal(record);
      };
    },
    options: { faults: ["kill"] },
  },
  {
    name: "watermarks ahead of what is stored",
    mistake: "what was received is written down as received a moment more than it was",
    plant(life) {
      const { watermarks } = partsOf(life).cluster;
      const list = watermarks.list.bind(watermarks);
      watermarks.list = () => list().map(({ origin, version }) => ({ origin, version: version + 4_096 * 400 }));
    },
    options: { faults: ["kill", "cut"] },
  },
  {
    name: "replicas get nothing",
    mistake: "a record goes to the primary alone",
    plant(life) {
      const { rings, config } = partsOf(life).cluster;
      const owners = rings.owners.bind(rings);
      rings.owners = (slot, global) => owners(slot, global).filter((id, i) => i === 0 || id === config.id);
    },
  },
  {
    name: "a slot's owners are not distinct",
    mistake: "the walk around the ring may come to the same node twice",
    plant(life) {
      const { rings } = partsOf(life).cluster;
      const { update } = rings;
      rings.update = function (live) {
        const changed = update.call(this, live);
        for (const ring of changed) {
          const owners = ring.owners.bind(ring);
          ring.owners = (slot) => (slot % 7 === 0 ? owners(slot).map((_, __, all) => all[0]) : owners(slot));
        }
        return changed;
      };
    },
  },
];
