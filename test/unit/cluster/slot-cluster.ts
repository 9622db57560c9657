/** Small clusters for the stories of slots: settled nodes, a joiner, what owners read. */
import { expect } from "bun:test";
import type { Member } from "../../../src/cluster/member.ts";
import { encodeText } from "../../../src/core/bytes.ts";
import { keySlot } from "../../../src/core/crc16.ts";
import { SlotNetwork } from "./slot-network.ts";
import { memberOf, SlotNode } from "./slot-nodes.ts";

export const KEYS = Array.from({ length: 400 }, (_, n) => `key:${n}`);

export function slotOfKey(key: string): number {
  return keySlot(encodeText(key), 0, key.length);
}

/** Nodes that know each other, settled. */
export function cluster(
  ids: readonly string[],
  bytesPerSecond?: number,
): { net: SlotNetwork; nodes: SlotNode[]; members: Member[] } {
  const net = new SlotNetwork(1);
  const nodes = ids.map((id, n) => net.add(new SlotNode(net, id, n + 1, "here", bytesPerSecond)));
  const members = nodes.map(({ id, origin }) => memberOf(id, origin));
  for (const node of nodes) node.learn(members);
  expect(net.quiesce(100)).toBe(true);
  return { net, nodes, members };
}

export function join(net: SlotNetwork, members: readonly Member[], id: string): { node: SlotNode; all: Member[] } {
  const node = net.add(new SlotNode(net, id, 100));
  const all = [...members, memberOf(id, 100)];
  return { node, all };
}

export function ownersRead(net: SlotNetwork, key: string): number[] {
  return net
    .list()
    .filter((node) => node.sync.slots.isOwner(slotOfKey(key)))
    .map((node) => node.read(key));
}
