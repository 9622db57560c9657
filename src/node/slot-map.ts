/**
 * Slots in ranges: what of a region's ring people and Redis clients are told. All of it is made once for each ring and kept as
 * long as the ring is. Placement gives neighbouring slots to different nodes, so with three nodes or more there are about as
 * many ranges as slots.
 */
import { type Member, MemberState } from "../cluster/member.ts";
import type { RegionRing } from "../cluster/region-ring.ts";
import { encodeText } from "../core/bytes.ts";
import { hashBytes } from "../core/hash.ts";
import { SLOT_COUNT } from "../core/limits.ts";
import type { SlotMap, SlotNode, SlotSpan } from "./cluster-figures.ts";
import type { ClusterNode } from "./cluster-node.ts";
import type { SlotRange } from "./cluster-status-schema.ts";
import { parsePeerAddress } from "./peer-address.ts";

const ID_WORDS = 5;
const NONE: readonly SlotSpan[] = [];
const NOBODY: readonly SlotNode[] = [];

export interface SlotCounts {
  slots: number;
  primarySlots: number;
}

const countsOfRings = new WeakMap<RegionRing, ReadonlyMap<string, SlotCounts>>();
const spansOfRings = new WeakMap<RegionRing, ReadonlyMap<string, readonly SlotSpan[]>>();

/** How many slots each node of a ring holds, and of how many it is the primary. */
export function countSlots(ring: RegionRing): ReadonlyMap<string, SlotCounts> {
  const known = countsOfRings.get(ring);
  if (known !== undefined) return known;
  const counts = new Map<string, SlotCounts>(ring.nodes.map((id) => [id, { slots: 0, primarySlots: 0 }]));
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    ring.owners(slot).forEach((id, place) => {
      const count = counts.get(id);
      if (count === undefined) return;
      count.slots++;
      if (place === 0) count.primarySlots++;
    });
  }
  countsOfRings.set(ring, counts);
  return counts;
}

/** Ranges of slots with the same owners in the same order, ascending; together they are all slots. */
export function slotRanges(ring: RegionRing): readonly SlotRange[] {
  const ranges: { from: number; to: number; owners: string[] }[] = [];
  let owners: readonly string[] | undefined;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const now = ring.owners(slot);
    const last = ranges.at(-1);
    if (last !== undefined && owners !== undefined && isSame(owners, now)) last.to = slot;
    else ranges.push({ from: slot, to: slot, owners: [...now] });
    owners = now;
  }
  return ranges;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((id, i) => id === b[i]));
}

/** By node, the slots of which it is the primary. */
function primarySpans(ring: RegionRing): ReadonlyMap<string, readonly SlotSpan[]> {
  const known = spansOfRings.get(ring);
  if (known !== undefined) return known;
  const spans = new Map<string, { from: number; to: number }[]>();
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const id = ring.primary(slot);
    if (id === undefined) continue;
    const list = spans.get(id) ?? [];
    const last = list.at(-1);
    if (last?.to === slot - 1) last.to = slot;
    else list.push({ from: slot, to: slot });
    spans.set(id, list);
  }
  spansOfRings.set(ring, spans);
  return spans;
}

/** 40 hexadecimal digits that stand for a node's id, the same at all nodes. */
export function redisIdOf(id: string): string {
  const bytes = encodeText(id);
  const words = Array.from({ length: ID_WORDS }, (_, word) => hashBytes(bytes, 0, bytes.length, 0x6e6f6465, word));
  return words.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** The map of a node's own region, made anew only where something of it has changed. */
export class SlotMaps {
  readonly #cluster: ClusterNode;
  readonly #respPort: () => number;
  readonly #redisIds = new Map<string, string>();
  #ring: RegionRing | undefined;
  #map: SlotMap = { version: "", nodes: [], owners: () => NOBODY };

  constructor(cluster: ClusterNode, respPort: () => number) {
    this.#cluster = cluster;
    this.#respPort = respPort;
  }

  current(): SlotMap {
    const { rings, config, membership } = this.#cluster;
    const ring = rings.own;
    const members = membership.list().filter(({ region, state }) => region === config.region && isShown(state));
    const nodes = members.map((member) => this.#node(member, ring));
    const shown = nodes.map((one) =>
      [one.id, one.host, one.port, one.peerPort, one.isConnected, one.isSuspect, one.epoch].join(" "),
    );
    const version = `${ring.number} ${shown.join(" ")}`;
    if (ring !== this.#ring || version !== this.#map.version) this.#map = mapOf(version, nodes, ring);
    this.#ring = ring;
    return this.#map;
  }

  #node(member: Member, ring: RegionRing): SlotNode {
    const { config, peers } = this.#cluster;
    const { id, address, incarnation: epoch, state } = member;
    const isSelf = id === config.id;
    const isConnected = isSelf || peers.isLinked(id);
    const isSuspect = state === MemberState.SUSPECT;
    const { host = "", port: peerPort = 0, respPort = 0 } = parsePeerAddress(address) ?? {};
    const port = isSelf ? this.#respPort() : respPort;
    const primary = primarySpans(ring).get(id) ?? NONE;
    const place = { id, redisId: this.#redisId(id), host, port, peerPort };
    return { ...place, isSelf, isConnected, isSuspect, epoch, primary };
  }

  #redisId(id: string): string {
    const known = this.#redisIds.get(id);
    if (known !== undefined) return known;
    const redisId = redisIdOf(id);
    if (this.#redisIds.size >= this.#cluster.config.maxMembers) this.#redisIds.clear();
    this.#redisIds.set(id, redisId);
    return redisId;
  }
}

function isShown(state: MemberState): boolean {
  return state === MemberState.ALIVE || state === MemberState.SUSPECT;
}

function mapOf(version: string, nodes: readonly SlotNode[], ring: RegionRing): SlotMap {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const lists = new Map<readonly string[], readonly SlotNode[]>();
  const owners = (slot: number) => {
    const ids = ring.owners(slot);
    let list = lists.get(ids);
    if (list === undefined) {
      list = ids.flatMap((id) => byId.get(id) ?? []);
      lists.set(ids, list);
    }
    return list;
  };
  return { version, nodes, owners };
}
