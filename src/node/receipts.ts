/**
 * Receipts: how far an invalidation has come. A region is *acknowledged* when each of its members, the dead included, has
 * acknowledged the invalidation's version on this node's stream, or is dead and proven to serve nothing any more. It is
 * *unproven* if some members answered and others stand open when the time is up, or when all that stand open are dead and
 * their region has no fence that could prove anything; *unreachable* if nobody of it answered.
 *
 * The members are those known when the invalidation was stamped: who joins later learns of it before it shows anything. A
 * member that has left since does not count; one that has come back in another life counts when that life has acknowledged.
 *
 * `begin` answers when what was to be waited for is known: nothing, the own region, or all; and, where there is a journal,
 * when this node's own frame is written. Limit: `MAX_RECEIPTS`; policy: the oldest is answered as if its time were up.
 */
import { MemberState } from "../cluster/member.ts";
import type { Acknowledgements, AcknowledgementWait } from "./acknowledgements.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { RegionReach, Wait } from "./operation.ts";

/** Invalidations that are waited for. */
export const MAX_RECEIPTS = 16_384;

/** What a journal says of what it stores. */
export interface WhenStored {
  /** Calls back when everything that this node has stamped so far is stored; with false if it could not be. */
  whenStored(callback: (isStored: boolean) => void): void;
}

export interface Reached {
  readonly regions: readonly RegionReach[];
  readonly stored: boolean;
}

interface Region {
  readonly name: string;
  /** Who has not acknowledged, with the life that was known. */
  readonly open: Map<string, number>;
  answered: boolean;
  status: RegionReach["status"];
  delayMs: number;
}

interface Receipt {
  readonly beganMs: number;
  readonly wait: Wait;
  readonly regions: readonly Region[];
  readonly waits: AcknowledgementWait[];
  readonly done: (reached: Reached) => void;
  deadline: Deadline | undefined;
  stored: boolean;
  isStoredKnown: boolean;
  over: boolean;
}

export class Receipts {
  readonly #view: ClusterView;
  readonly #acknowledgements: Acknowledgements;
  readonly #deadlines: Deadlines;
  readonly #journaling: WhenStored | undefined;
  /** Those that wait, the oldest first. */
  readonly #open = new Set<Receipt>();

  constructor(
    view: ClusterView,
    acknowledgements: Acknowledgements,
    deadlines: Deadlines,
    journaling: WhenStored | undefined,
  ) {
    this.#view = view;
    this.#acknowledgements = acknowledgements;
    this.#deadlines = deadlines;
    this.#journaling = journaling;
  }

  get waiting(): number {
    return this.#open.size;
  }

  /** Follows what this node has just stamped; `done` is told once, maybe at once. */
  begin(version: number, wait: Wait, timeoutMs: number, done: (reached: Reached) => void): void {
    const receipt: Receipt = {
      beganMs: this.#deadlines.nowMs,
      wait,
      regions: this.#regions(),
      waits: [],
      done,
      deadline: undefined,
      stored: this.#journaling === undefined,
      isStoredKnown: this.#journaling === undefined,
      over: false,
    };
    if (this.#open.size >= MAX_RECEIPTS) {
      const [oldest] = this.#open;
      this.#end(oldest);
    }
    this.#follow(version, timeoutMs, receipt);
  }

  /** Looks at who has died, left or been fenced meanwhile. */
  tick(): void {
    for (const receipt of [...this.#open]) this.#look(receipt);
  }

  #follow(version: number, timeoutMs: number, receipt: Receipt): void {
    this.#open.add(receipt);
    this.#journaling?.whenStored((isStored) => {
      receipt.stored = isStored;
      receipt.isStoredKnown = true;
      this.#look(receipt);
    });
    for (const region of receipt.regions) {
      for (const id of [...region.open.keys()]) {
        const answer = () => {
          region.open.delete(id);
          region.answered = true;
          this.#look(receipt);
        };
        if (this.#acknowledgements.has(id, version)) answer();
        else receipt.waits.push(this.#acknowledgements.wait(id, version, answer));
      }
    }
    this.#look(receipt);
    if (!receipt.over) receipt.deadline = this.#deadlines.after(timeoutMs, () => this.#end(receipt));
  }

  /** The own region first, then the others by name, with all members but this node. */
  #regions(): Region[] {
    const { config, membership } = this.#view;
    const own = regionOf(config.region);
    own.answered = true;
    const others = new Map<string, Region>();
    for (const member of membership.list()) {
      if (member.id === config.id || member.state === MemberState.LEFT) continue;
      let region = member.region === config.region ? own : others.get(member.region);
      if (region === undefined) {
        region = regionOf(member.region);
        others.set(member.region, region);
      }
      region.open.set(member.id, member.origin);
    }
    return [own, ...[...others.values()].sort((a, b) => (a.name < b.name ? -1 : 1))];
  }

  #look(receipt: Receipt): void {
    if (receipt.over) return;
    for (const region of receipt.regions) {
      if (region.status !== "pending") continue;
      region.status = this.#statusOf(region);
      if (region.status !== "pending") region.delayMs = this.#deadlines.nowMs - receipt.beganMs;
    }
    const known = (region: Region) => region.status !== "pending";
    const { wait, regions } = receipt;
    const enough = wait === "local" || (wait === "region" ? known(regions[0]) : regions.every(known));
    if (enough && receipt.isStoredKnown) this.#tell(receipt);
  }

  #statusOf(region: Region): RegionReach["status"] {
    const { membership, fence } = this.#view;
    let hopeless = !fence.regionFences(region.name);
    for (const [id, origin] of region.open) {
      const member = membership.member(id);
      if (member === undefined || member.state === MemberState.LEFT) region.open.delete(id);
      else if (member.state !== MemberState.DEAD && member.origin === origin) hopeless = false;
      else if (fence.isFenced(id, origin)) region.open.delete(id);
      // It is back, and will acknowledge.
      else if (member.state !== MemberState.DEAD) hopeless = false;
    }
    if (region.open.size === 0) return "acknowledged";
    return hopeless ? notAcknowledged(region) : "pending";
  }

  /** The time is up. */
  #end(receipt: Receipt): void {
    this.#look(receipt);
    if (receipt.over) return;
    const last = receipt.wait === "local" ? 0 : receipt.wait === "region" ? 1 : receipt.regions.length;
    for (const region of receipt.regions.slice(0, last)) {
      if (region.status !== "pending") continue;
      region.status = notAcknowledged(region);
      region.delayMs = this.#deadlines.nowMs - receipt.beganMs;
    }
    this.#tell(receipt);
  }

  #tell(receipt: Receipt): void {
    receipt.over = true;
    this.#open.delete(receipt);
    receipt.deadline?.cancel();
    for (const wait of receipt.waits) wait.giveUp();
    const regions = receipt.regions.map(({ name, status, delayMs }) => ({ region: name, status, delayMs }));
    receipt.done({ regions, stored: receipt.stored });
  }
}

function regionOf(name: string): Region {
  return { name, open: new Map(), answered: false, status: "pending", delayMs: 0 };
}

function notAcknowledged(region: Region): "unproven" | "unreachable" {
  return region.answered ? "unproven" : "unreachable";
}
