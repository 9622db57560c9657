/**
 * Members in one process under virtual time: what they send arrives after a latency, or is lost, or not at all where the
 * network is cut. Everything is drawn from a seed.
 */
import { ClockOffsets } from "../../../src/cluster/clock-offsets.ts";
import { type ClusterConfig, defaultClusterConfig } from "../../../src/cluster/cluster-config.ts";
import { Fence } from "../../../src/cluster/fence.ts";
import { isLive, type Member, MemberState } from "../../../src/cluster/member.ts";
import { Membership } from "../../../src/cluster/membership.ts";
import { MessageKind, readFrame } from "../../../src/cluster/message.ts";
import { Peers } from "../../../src/cluster/peers.ts";
import type { Clock, Random } from "../../../src/core/ports.ts";
import { EPOCH_MS } from "../../../src/core/version.ts";

/** Time goes on in steps of so much. */
export const STEP_MS = 5;
const FIRST_FENCE_KIND = MessageKind.FENCE_PROBE;

/** mulberry32: a seeded source of numbers. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return {
    uint32() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return (mixed ^ (mixed >>> 14)) >>> 0;
    },
  };
}

export interface NetworkNode {
  readonly id: string;
  readonly origin: number;
  readonly membership: Membership;
  readonly fence: Fence;
  readonly peers: Peers;
  readonly offsets: ClockOffsets;
  readonly clock: { wallOffsetMs: number } & Clock;
  /** What `onChange` was told: who, and which state. */
  readonly changes: {
    readonly atMs: number;
    readonly id: string;
    readonly origin: number;
    readonly state: MemberState;
  }[];
  /** It does nothing, and receives nothing until it goes on; what is sent to it waits. */
  isStopped: boolean;
  isCrashed: boolean;
}

interface Sent {
  readonly from: NetworkNode;
  readonly to: string;
  readonly frame: Uint8Array;
}

export class MemberNetwork {
  nowMs = 0;
  /** Share of the frames that are lost. */
  loss = 0;
  latencyMs: readonly [number, number] = [1, 15];
  /** Whether nodes fence; they need not where nothing is asked of it, which saves much time. */
  fences = true;
  readonly random: Random;
  readonly #nodes = new Map<string, NetworkNode>();
  readonly #due = new Map<number, Sent[]>();
  readonly #cut = new Set<string>();
  #nextOrigin = 1;
  /** Everybody that ever was. */
  readonly lives: NetworkNode[] = [];

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  node(id: string): NetworkNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  get nodes(): readonly NetworkNode[] {
    return [...this.#nodes.values()];
  }

  /** Starts a life. It is linked to everybody that runs, and says hello. */
  start(
    id: string,
    config: Partial<ClusterConfig> = {},
    { wallOffsetMs = 0, known = [] as readonly Member[], link = true } = {},
  ): NetworkNode {
    const peers = new Peers();
    const start = this.nowMs;
    const clock = {
      wallOffsetMs,
      now: () => EPOCH_MS + 1e10 + this.nowMs + clock.wallOffsetMs,
      monotonic: () => 1_000 + this.nowMs - start,
    };
    const changes: NetworkNode["changes"] = [];
    const origin = this.#nextOrigin++;
    const whole = { ...defaultClusterConfig(), ...config, id };
    const offsets = new ClockOffsets(() => clock.monotonic());
    const membership = new Membership({
      config: whole,
      origin,
      clock,
      random: seededRandom(this.random.uint32()),
      peers,
      offsets,
      onChange: ({ id: changed, origin: life, state }) =>
        changes.push({ atMs: this.nowMs, id: changed, origin: life, state }),
    });
    membership.know(known ?? []);
    const fence = new Fence({ config: whole, origin, clock, peers, members: () => membership.list() });
    const node = { id, origin, membership, fence, peers, offsets, clock, changes, isStopped: false, isCrashed: false };
    this.#nodes.set(id, node);
    this.lives.push(node);
    if (link) for (const other of this.#nodes.values()) if (other !== node) this.link(id, other.id);
    return node;
  }

  link(a: string, b: string): void {
    if (this.#cut.has(`${a} ${b}`)) return;
    for (const [one, other] of [
      [this.node(a), this.node(b)],
      [this.node(b), this.node(a)],
    ]) {
      if (one.isCrashed || other.isCrashed || one.peers.isLinked(other.id)) continue;
      one.peers.link(other.id);
      one.membership.linked(other.id);
      one.membership.introduce(other.membership.self);
    }
  }

  /** Both ends learn that their link is lost. */
  unlink(a: string, b: string): void {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ]) {
      const node = this.#nodes.get(one);
      if (node === undefined || node.isCrashed || !node.peers.isLinked(other)) continue;
      node.peers.unlink(other);
      node.membership.unlinked(other);
    }
  }

  /** Nothing passes between the two any more. With `silently` the links are not lost: nothing arrives, that is all. */
  cut(a: string, b: string, silently = true): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`);
    if (!silently) this.unlink(a, b);
  }

  heal(): void {
    this.#cut.clear();
    for (const a of this.nodes) for (const b of this.nodes) if (a.id < b.id) this.link(a.id, b.id);
  }

  /** The node is gone from one moment to the next. With `silently` its peers' links stay. */
  crash(id: string, silently = true): void {
    const node = this.node(id);
    node.isCrashed = true;
    if (silently) return;
    for (const other of this.nodes) if (other !== node) this.unlink(other.id, id);
  }

  /** The next life of a crashed node. */
  restart(
    id: string,
    config: Partial<ClusterConfig> = {},
    options: { wallOffsetMs?: number; known?: readonly Member[] } = {},
  ) {
    if (!this.node(id).isCrashed) this.crash(id, false);
    for (const other of this.nodes) this.unlink(other.id, id);
    return this.start(id, config, options);
  }

  run(forMs: number): void {
    const end = this.nowMs + forMs;
    while (this.nowMs < end) this.#step();
  }

  /** Runs until it is so; returns the time it took, or undefined. */
  runUntil(isSo: () => boolean, atMostMs: number): number | undefined {
    const start = this.nowMs;
    while (this.nowMs < start + atMostMs) {
      if (isSo()) return this.nowMs - start;
      this.#step();
    }
    return isSo() ? this.nowMs - start : undefined;
  }

  /** What everybody who runs thinks: true if all know these, and only these, as alive. */
  agree(ids: readonly string[]): boolean {
    const expected = [...ids].sort().join();
    return this.nodes.every(
      (node) =>
        node.isCrashed ||
        node.membership
          .live()
          .filter(isLive)
          .map((member) => member.id)
          .join() === expected,
    );
  }

  /** The state of a member as a node sees it. */
  state(at: string, of: string): MemberState | undefined {
    return this.node(at).membership.member(of)?.state;
  }

  /** How often somebody who was there was taken for dead. */
  falseDeaths(): number {
    return this.lives.flatMap((life) => life.changes).filter(({ state }) => state === MemberState.DEAD).length;
  }

  #step(): void {
    this.nowMs += STEP_MS;
    const due = this.#due.get(this.nowMs) ?? [];
    this.#due.delete(this.nowMs);
    for (const sent of due) this.#deliver(sent);
    for (const node of this.#nodes.values()) {
      if (node.isCrashed || node.isStopped) continue;
      node.membership.tick();
      if (this.fences) node.fence.tick();
      this.#send(node);
    }
  }

  #deliver(sent: Sent): void {
    const to = this.#nodes.get(sent.to);
    if (to === undefined || to.isCrashed || !to.peers.isLinked(sent.from.id)) return;
    // What a former life sent does not come over the link of the next.
    if (this.#nodes.get(sent.from.id) !== sent.from) return;
    if (to.isStopped) return this.#arrive(sent, 1);
    readFrame(sent.frame, (kind, body) => {
      if (kind >= FIRST_FENCE_KIND) to.fence.receive(sent.from.id, kind, body);
      else to.membership.receive(sent.from.id, kind, body);
    });
    this.#send(to);
  }

  #send(from: NetworkNode): void {
    for (const { peer, frame } of from.peers.take()) {
      if (this.#cut.has(`${from.id} ${peer}`)) continue;
      if (this.loss > 0 && this.random.uint32() / 2 ** 32 < this.loss) continue;
      const [least, most] = this.latencyMs;
      const latencyMs = least + (this.random.uint32() / 2 ** 32) * (most - least);
      this.#arrive({ from, to: peer, frame }, Math.max(1, Math.ceil(latencyMs / STEP_MS)));
    }
  }

  #arrive(sent: Sent, steps: number): void {
    const atMs = this.nowMs + steps * STEP_MS;
    const due = this.#due.get(atMs);
    if (due === undefined) this.#due.set(atMs, [sent]);
    else due.push(sent);
  }
}

/** Names in the order of the alphabet. */
export function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `n${String(i).padStart(3, "0")}`);
}
