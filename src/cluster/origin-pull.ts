/**
 * Pulls: what an origin left behind that this node has not received, from everybody who has received more of it.
 *
 * Asked for are entries and tombstones of this node's slots that the origin stamped above this node's watermark (fills that
 * began up to `maxLeaseMs` below it, because a fill carries the moment its load began), and all epochs. They are applied
 * like late records of its stream. When everybody who was asked has answered, the watermark becomes the highest of theirs;
 * those who say nothing for `recoveryTimeoutMs` are reported and no longer waited for.
 *
 * A peer may have received something and lost it again, for space or by time. It names the slots in which it has forgotten
 * anything between both watermarks: these slots cannot be served from here as they are, and are synced whole
 * (`onForgotten`). Not covered is a fill that began before this node's watermark and was evicted within the moments between
 * its stamp and the pull.
 *
 * A pull of a live origin fetches what was stamped for a ring that this node never adopted; it raises no watermark.
 *
 * Limits: `MAX_ASKED` peers at a time, over all pulls; the others wait. One pull for each origin: another one for it adds
 * peers, and begins anew if it goes further back.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import type { Clock } from "../core/ports.ts";
import type { MutableRecord } from "../core/record.ts";
import { VERSIONS_PER_MS } from "../core/version.ts";
import { IncomingSync, Progress } from "./incoming-sync.ts";
import type { LiveMembers } from "./live-members.ts";
import { Channel, MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";
import { SlotSet } from "./slot-set.ts";
import { SyncSide, writeCancel, writePlace, writeRequest } from "./sync-messages.ts";
import type { Watermarks } from "./watermarks.ts";

const MAX_ASKED = 8;
const REQUEST_MS = 500;
/** Time after which a source that serves too many is asked again, ms. */
const LATER_MS = 100;

export interface OriginPullOptions {
  readonly id: string;
  readonly origin: number;
  readonly region: string;
  readonly peers: PeerSender;
  readonly clock: Clock;
  readonly members: LiveMembers;
  readonly watermarks: Watermarks;
  readonly maxLeaseMs: number;
  readonly recoveryTimeoutMs: number;
  readonly nextId: () => number;
  readonly apply: (record: MutableRecord) => void;
  /** Slots in which somebody has forgotten what this node never had. */
  readonly onForgotten: (slots: SlotSet) => void;
  /** A pull is over; `unanswered` are those who did not answer. */
  readonly onDone: (origin: number, unanswered: readonly string[]) => void;
}

export interface PullScope {
  /** Everything above this version. */
  readonly above: number;
  readonly slots: SlotSet;
  readonly peers: readonly string[];
  /** True if the origin is gone: its watermark is raised at the end. */
  readonly isGone: boolean;
  /** True if everything above it may have been missed for long: then also deletes that others have forgotten. */
  readonly isTruncated?: boolean;
}

interface Pull {
  readonly origin: number;
  readonly above: number;
  readonly slots: SlotSet;
  readonly isGone: boolean;
  readonly isTruncated: boolean;
  readonly waiting: string[];
  readonly asked: Set<string>;
  readonly active: Map<string, IncomingSync>;
  readonly unanswered: string[];
  readonly forgotten: SlotSet;
  highest: number;
}

export class OriginPulls {
  readonly #options: OriginPullOptions;
  readonly #pulls = new Map<number, Pull>();
  #active = 0;
  bytes = 0;

  constructor(options: OriginPullOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#pulls.size;
  }

  /** True while the origin is being pulled; 0: any. */
  isPulling(origin: number): boolean {
    return origin === 0 ? this.#pulls.size > 0 : this.#pulls.has(origin);
  }

  begin(origin: number, scope: PullScope): void {
    const before = this.#pulls.get(origin);
    if (before !== undefined && scope.above >= before.above && scope.isGone === before.isGone && !scope.isTruncated) {
      for (const peer of scope.peers) this.#add(before, peer);
      return;
    }
    const peers = new Set(scope.peers);
    if (before !== undefined) {
      for (const peer of before.asked) peers.add(peer);
      for (const attempt of [...before.active.values()]) {
        this.#stop(attempt);
        this.#close(before, attempt);
      }
    }
    const pull: Pull = {
      origin,
      above: Math.min(scope.above, before?.above ?? scope.above),
      slots: scope.slots,
      isGone: scope.isGone,
      isTruncated: scope.isTruncated === true || before?.isTruncated === true,
      waiting: [],
      asked: new Set(),
      active: new Map(),
      unanswered: [],
      forgotten: new SlotSet(),
      highest: 0,
    };
    if (before !== undefined) pull.slots.addAll(before.slots);
    this.#pulls.set(origin, pull);
    for (const peer of [...peers].sort()) this.#add(pull, peer);
  }

  unlinked(peer: string): void {
    for (const pull of this.#pulls.values()) {
      const attempt = pull.active.get(peer);
      if (attempt !== undefined) attempt.run = 0;
      // Its answer begins anew on the next link, if there is one in time.
      if (attempt !== undefined && attempt.received > 0) this.#restart(pull, attempt);
    }
  }

  /** @returns false if the message belongs to no pull */
  receive(peer: string, kind: number, id: number, body: ByteReader): boolean {
    const found = this.#find(peer, id);
    if (found === undefined) return false;
    const { pull, attempt } = found;
    attempt.heardMs = this.#options.clock.monotonic();
    const progress =
      kind === MessageKind.SYNC_END
        ? attempt.finish(body)
        : attempt.data(body, { apply: (record) => this.#options.apply(record) });
    if (progress === Progress.STRANGE) {
      this.#stop(attempt);
      this.#restart(pull, attempt);
      return true;
    }
    const place = { id, run: attempt.run, number: attempt.received };
    this.#options.peers.send(peer, MessageKind.SYNC_ACKNOWLEDGE, (out) => writePlace(out, place), Channel.BULK);
    if (progress === Progress.ENDED) this.#ended(pull, attempt);
    return true;
  }

  /** The peer cannot answer now: it is asked again. */
  cancelled(peer: string, id: number): void {
    const found = this.#find(peer, id);
    if (found === undefined) return;
    const isBusy = found.attempt.received === 0;
    const anew = this.#restart(found.pull, found.attempt, !isBusy);
    // Who serves too many already would only be kept from it by being asked at once.
    if (isBusy && anew !== undefined) anew.sentMs = this.#options.clock.monotonic() - REQUEST_MS + LATER_MS;
  }

  tick(): void {
    if (this.#pulls.size === 0) return;
    const { clock, members, recoveryTimeoutMs } = this.#options;
    const now = clock.monotonic();
    for (const pull of [...this.#pulls.values()]) {
      for (const attempt of [...pull.active.values()]) {
        const isGone = members.byId(attempt.peer) === undefined;
        if (isGone || now - attempt.heardMs > recoveryTimeoutMs) {
          pull.unanswered.push(attempt.peer);
          this.#stop(attempt);
          this.#close(pull, attempt);
        } else if (now - attempt.sentMs >= REQUEST_MS) this.#ask(attempt);
      }
      while (this.#active < MAX_ASKED) {
        const peer = pull.waiting.shift();
        if (peer === undefined) break;
        this.#start(pull, peer);
      }
      if (pull.active.size === 0 && pull.waiting.length === 0) this.#finish(pull);
    }
  }

  #add(pull: Pull, peer: string): void {
    if (peer === this.#options.id || pull.asked.has(peer)) return;
    pull.asked.add(peer);
    pull.waiting.push(peer);
  }

  #start(pull: Pull, peer: string, asks = true): void {
    const { origin, region, nextId, clock, maxLeaseMs } = this.#options;
    const fillsAbove = Math.max(0, pull.above - maxLeaseMs * VERSIONS_PER_MS);
    const request = {
      id: nextId(),
      origin,
      received: 0,
      region,
      ring: 0,
      lastResort: false,
      gather: false,
      slots: pull.slots,
      required: [],
      pull: { origin: pull.origin, above: pull.above, fillsAbove },
    };
    const attempt = new IncomingSync(peer, request, clock.monotonic());
    pull.active.set(peer, attempt);
    this.#active++;
    if (asks) this.#ask(attempt);
  }

  #restart(pull: Pull, attempt: IncomingSync, asks = true): IncomingSync | undefined {
    const { heardMs, peer } = attempt;
    this.#close(pull, attempt);
    this.#start(pull, peer, asks);
    const anew = pull.active.get(peer);
    // Being refused again and again is no answer.
    if (anew !== undefined) anew.heardMs = heardMs;
    return anew;
  }

  #ask(attempt: IncomingSync): void {
    const { peers, clock } = this.#options;
    attempt.sentMs = clock.monotonic();
    const request = { ...attempt.request, received: attempt.received };
    peers.send(attempt.peer, MessageKind.SYNC_REQUEST, (body) => writeRequest(body, request), Channel.BULK);
  }

  #ended(pull: Pull, attempt: IncomingSync): void {
    const { end, head } = attempt;
    if (end === undefined || head === undefined) return;
    const hasLess = end.watermark <= pull.above;
    if (pull.isTruncated && !hasLess && head.stable > pull.above) pull.forgotten.addAll(pull.slots);
    pull.highest = Math.max(pull.highest, end.watermark);
    end.floors.forEach((floor, slot) => {
      if (floor > 0 && pull.slots.has(slot)) pull.forgotten.add(slot);
    });
    this.#close(pull, attempt);
  }

  #close(pull: Pull, attempt: IncomingSync): void {
    this.bytes += attempt.bytes;
    if (pull.active.get(attempt.peer) !== attempt) return;
    pull.active.delete(attempt.peer);
    this.#active--;
  }

  #finish(pull: Pull): void {
    const { watermarks, onForgotten, onDone } = this.#options;
    this.#pulls.delete(pull.origin);
    if (pull.forgotten.count > 0) onForgotten(pull.forgotten);
    if (pull.isGone && pull.highest > 0) watermarks.raise(pull.origin, pull.highest);
    onDone(pull.origin, pull.unanswered);
  }

  #stop(attempt: IncomingSync): void {
    const none = new SlotSet();
    const cancel = { side: SyncSide.SOURCE, id: attempt.request.id, later: none, retained: none };
    this.#options.peers.send(attempt.peer, MessageKind.SYNC_CANCEL, (body) => writeCancel(body, cancel), Channel.BULK);
  }

  #find(peer: string, id: number): { pull: Pull; attempt: IncomingSync } | undefined {
    for (const pull of this.#pulls.values()) {
      const attempt = pull.active.get(peer);
      if (attempt !== undefined && attempt.request.id === id) return { pull, attempt };
    }
    return undefined;
  }
}
