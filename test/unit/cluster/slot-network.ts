/**
 * The network of `SlotNode`s: SYNC messages are lost, doubled and reordered as a seed and three percentages say; links are cut
 * and mended; time goes on when the test lets it.
 */
import { ByteReader } from "../../../src/core/byte-reader.ts";
import type { SlotNode } from "./slot-nodes.ts";

interface Sent {
  readonly from: string;
  readonly to: string;
  readonly kind: number;
  readonly body: Uint8Array;
}

export class SlotNetwork {
  readonly nodes = new Map<string, SlotNode>();
  readonly sent: Sent[] = [];
  readonly cut = new Set<string>();
  nowMs = 1_800_000_000_000;
  monotonicMs = 0;
  lookMs = 0;
  readonly clock = { now: () => this.nowMs, monotonic: () => (this.monotonicMs += this.lookMs) };
  #random = 1;
  lossPercent = 0;
  twicePercent = 0;
  reorderPercent = 0;

  constructor(seed: number) {
    this.#random = (seed * 2_654_435_761) >>> 0 || 1;
  }

  random(below: number): number {
    let x = this.#random;
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random % below;
  }

  tickOfVersion(): number {
    return Math.floor(this.monotonicMs * 16);
  }

  add(node: SlotNode): SlotNode {
    this.nodes.set(node.id, node);
    return node;
  }

  list(): SlotNode[] {
    return [...this.nodes.values()];
  }

  isLinked(a: string, b: string): boolean {
    return this.nodes.has(a) && this.nodes.has(b) && !this.cut.has(linkOf(a, b));
  }

  cutLink(a: string, b: string): void {
    this.cut.add(linkOf(a, b));
    for (let i = this.sent.length - 1; i >= 0; i--) {
      if (linkOf(this.sent[i].from, this.sent[i].to) === linkOf(a, b)) this.sent.splice(i, 1);
    }
    this.nodes.get(a)?.cursors.delete(b);
    this.nodes.get(b)?.cursors.delete(a);
    this.nodes.get(a)?.sync.unlinked(b);
    this.nodes.get(b)?.sync.unlinked(a);
  }

  mendLink(a: string, b: string): void {
    this.cut.delete(linkOf(a, b));
    this.nodes.get(a)?.sync.linked(b);
    this.nodes.get(b)?.sync.linked(a);
  }

  kill(id: string): void {
    for (const other of this.nodes.keys()) if (other !== id) this.cutLink(id, other);
    this.nodes.delete(id);
    for (const other of this.nodes.keys()) this.cut.delete(linkOf(id, other));
  }

  caughtUp(node: SlotNode): boolean {
    return this.list().every((other) => other === node || (other.cursors.get(node.id) ?? 0) >= other.log.length);
  }

  /** Carries SYNC messages, in order but for what the percentages say. */
  carry(count: number): boolean {
    let done = 0;
    for (; done < count && this.sent.length > 0; done++) {
      const at = this.random(100) < this.reorderPercent ? this.random(this.sent.length) : 0;
      const [message] = this.sent.splice(at, 1);
      if (this.random(100) < this.lossPercent) continue;
      if (this.random(100) < this.twicePercent) this.sent.splice(this.random(this.sent.length + 1), 0, message);
      if (!this.isLinked(message.from, message.to)) continue;
      this.nodes.get(message.to)?.sync.receive(message.from, message.kind, new ByteReader(message.body));
    }
    return done > 0;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.monotonicMs += ms;
    for (const { test } of this.nodes.values()) {
      test.nowMs = this.nowMs;
      test.store.nowMs = this.nowMs;
    }
  }

  /** Everything goes on for a while, nothing is lost. True if all nodes are settled. */
  quiesce(rounds: number): boolean {
    this.lossPercent = 0;
    this.twicePercent = 0;
    this.reorderPercent = 0;
    for (let round = 0; round < rounds; round++) {
      this.advance(50);
      for (const node of this.list()) {
        node.heartbeat();
        for (const peer of this.list()) if (peer !== node) node.pump(peer, 1_000);
        node.sync.tick(1);
        node.test.store.maintain(1);
      }
      this.carry(1_000);
      if (round > 8 && this.list().every(({ sync }) => sync.isSettled && sync.progress.outgoing === 0)) return true;
    }
    return false;
  }
}

function linkOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
