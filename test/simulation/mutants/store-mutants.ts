/** Planted bugs in what a store does with records, clocks and leases. */
import { copyBytes } from "../../../src/core/bytes.ts";
import { EpochMode, RecordKind } from "../../../src/core/record.ts";
import { msToVersion } from "../../../src/core/version.ts";
import { Outcome } from "../../../src/store/outcome.ts";
import { partsOf } from "./live-parts.ts";
import type { Mutant } from "./mutant.ts";
import { isEpochKind } from "./record-copy.ts";

export const storeMutants: readonly Mutant[] = [
  {
    name: "wall-clock LWW",
    mistake: "stamps come from the wall clock alone: what peers have stamped is not merged",
    plant(life) {
      partsOf(life).node.clock.observe = () => true;
    },
  },
  {
    name: "stamps follow the wall clock back",
    mistake: "a clock that jumps back takes the versions with it",
    plant(life) {
      const { clock } = partsOf(life).node;
      let count = 0;
      clock.next = (nowMs) => msToVersion(nowMs) + (++count % 4_096);
    },
    options: { faults: ["clock-jump"] },
  },
  {
    name: "a clock that is off is merged",
    mistake: "there is no bound to what may move the own clock",
    plant(life) {
      const { cluster, node } = partsOf(life);
      const observe = node.clock.observe.bind(node.clock);
      node.clock.observe = (version) => observe(version, Number.POSITIVE_INFINITY);
      cluster.offsets.of = () => undefined;
    },
    options: { faults: ["bad-clock"] },
  },
  {
    name: "tombstone dropped early",
    mistake: "a delete leaves nothing behind, though something older may be under way",
    plant(life) {
      const { entries } = partsOf(life).store;
      const { maintain } = partsOf(life).store;
      partsOf(life).store.maintain = function (sliceMs) {
        while (entries.tombstones.size > 0) entries.remove(entries.tombstones.oldest, "replaced");
        return maintain.call(this, sliceMs);
      };
    },
  },
  {
    name: "epoch forgotten before stable",
    mistake: "an invalidation is forgotten as soon as its sweep is over",
    plant(life) {
      const { store } = partsOf(life);
      const maintain = store.maintain.bind(store);
      store.maintain = (sliceMs) => {
        const { entries } = store;
        const { stable } = entries;
        entries.stable = Number.POSITIVE_INFINITY;
        const more = maintain(sliceMs);
        entries.stable = stable;
        return more;
      };
    },
  },
  {
    name: "fill versioned at its end",
    mistake: "a fill counts from when it is stored, not from when its load began",
    plant(life) {
      const { leases, clock } = partsOf(life).node;
      const take = leases.take.bind(leases);
      leases.take = (token, nowMs) => {
        const lease = take(token, nowMs);
        return lease && { ...lease, began: clock.next(nowMs) };
      };
    },
  },
  {
    name: "epoch re-applied at replay time",
    mistake: "a copy of an invalidation counts from when it arrives",
    plant(life) {
      const { store, node } = partsOf(life);
      const apply = store.apply.bind(store);
      store.apply = (record, applied) => {
        if (isEpochKind(record.kind) && record.applied !== 0 && record.applied !== record.version) {
          record.applied = node.clock.next(node.nowMs);
        }
        return apply(record, applied);
      };
    },
  },
  {
    name: "soft epoch over a purge",
    mistake: "a subject has one epoch: a purge after a soft invalidation stays soft",
    plant(life) {
      const { store } = partsOf(life);
      const apply = store.apply.bind(store);
      const soft = new Set<string>();
      store.apply = (record, applied) => {
        if (isEpochKind(record.kind)) {
          const name = `${record.scope} ${String(record.key.slice(record.keyStart, record.keyEnd))}`;
          if (record.mode === EpochMode.STALE) soft.add(name);
          else if (soft.has(name)) record.mode = EpochMode.STALE;
        }
        return apply(record, applied);
      };
    },
  },
  {
    name: "touch that changes the version",
    mistake: "a new expiry is taken for a new value",
    plant(life) {
      const { store } = partsOf(life);
      const apply = store.apply.bind(store);
      store.apply = (record, applied) => {
        const outcome = apply(record, applied);
        if (record.kind === RecordKind.TOUCH && outcome === Outcome.APPLIED) {
          const id = store.lookup(record.key, record.keyStart, record.keyEnd);
          if (id !== 0) store.table.setVersion(id, record.version);
        }
        return outcome;
      };
    },
  },
  {
    name: "the last to arrive wins",
    mistake: "a set is stored whatever its version",
    plant(life) {
      const { store } = partsOf(life);
      const apply = store.apply.bind(store);
      store.apply = (record, applied) => {
        if (record.kind === RecordKind.SET) {
          const id = store.lookup(record.key, record.keyStart, record.keyEnd);
          const key = new Uint8Array(record.keyEnd - record.keyStart);
          copyBytes(record.key, record.keyStart, record.keyEnd, key, 0);
          if (id !== 0 && store.table.version(id) > record.version) store.entries.remove(id, "replaced");
        }
        return apply(record, applied);
      };
    },
  },
  {
    name: "two holders of a lease",
    mistake: "nobody asks whether a key is being loaded already",
    plant(life) {
      partsOf(life).node.leases.holder = () => undefined;
    },
  },
  {
    name: "expired entries are served",
    mistake: "only the timing wheel ends an entry's life, and it is late",
    plant(life) {
      const { table, entries } = partsOf(life).store;
      table.expired = () => false;
      entries.wheel.advance = () => 0;
    },
  },
  {
    name: "leases never end",
    mistake: "a lease that was filled or is over stays in the table",
    plant(life) {
      const { leases } = partsOf(life).node;
      leases.take = (token, nowMs) => leases.open(token, nowMs);
      leases.expire = () => {};
      leases.holder = () => undefined;
    },
  },
  {
    name: "four times the budget",
    mistake: "the budget counts the live bytes alone",
    plant(life) {
      const { store } = partsOf(life);
      store.resize(4 * store.maxBytes);
    },
  },
];
