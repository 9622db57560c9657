/**
 * Discovery: which addresses to begin with, so that a node finds its cluster. All other members are learnt from whoever is found.
 *
 * Three sources are merged, in this order: addresses that are configured or were added while the node runs; what a `Resolver`
 * answers to the configured names; and the members of this node's last life. The last ones count only until anybody has been
 * met, because from then on the members' own statements say where they are.
 *
 * A name is looked up again after `intervalMs`, spread by 15 % so that nodes that were started together do not ask together. An
 * answer takes the place of the one before. A look-up that fails, or takes longer than `LOOK_UP_MS`, changes nothing and is made
 * again after a time that doubles from `FIRST_RETRY_MS` up to `intervalMs`; the log tells of the first failure and of the end.
 *
 * It is pulled: `tick` does whatever is due. Limits: `MAX_ANSWERS` of a name, `MAX_SEEDS` in all, `MAX_REMEMBERED` members;
 * policy: those behind are left out, and the log says so.
 */
import { type Member, MemberState } from "../cluster/member.ts";
import type { Ports } from "../core/ports.ts";
import { formatPeerAddress, parsePeerAddress } from "./peer-address.ts";

export const MAX_ANSWERS = 256;
export const MAX_SEEDS = 512;
export const MAX_REMEMBERED = 256;
/** Longest time for a look-up, ms. */
export const LOOK_UP_MS = 15_000;
const FIRST_RETRY_MS = 500;
/** Shortest time between two times that members are remembered, ms. */
const REMEMBER_MS = 10_000;
/** An interval is drawn from so much less to so much more. */
const SPREAD = 0.15;
const TWO_32 = 2 ** 32;

/** Answers to names. */
export interface Resolver {
  /**
   * Hosts that a name stands for, with or without ports; none if there is no such name. Rejects with an `Error` if that could
   * not be found out.
   */
  resolve(name: string): Promise<readonly string[]>;
}

export interface DiscoveryConfig {
  /** Addresses that are always seeds. */
  readonly peers: readonly string[];
  /** What is looked up. */
  readonly names: readonly string[];
  /** Port of an answer that has none. */
  readonly port: number;
  readonly intervalMs: number;
  /** Where this node is reached: no seed. */
  readonly ownAddress: string;
}

export interface DiscoveryOptions {
  readonly config: DiscoveryConfig;
  readonly ports: Pick<Ports, "clock" | "random" | "log">;
  /** Needed where there are names. */
  readonly resolver?: Resolver | undefined;
  /** Addresses of the members of this node's last life. */
  readonly known?: readonly string[];
  /** All members, this node included; another array when something has changed. */
  readonly members: () => readonly Member[];
  readonly ownId: string;
  /** The seeds have changed. */
  readonly onSeeds: (seeds: readonly string[]) => void;
  /** Addresses to begin with in the next life. */
  readonly onRemember?: (addresses: readonly string[]) => void;
}

interface LookUp {
  readonly name: string;
  answers: readonly string[];
  /** Monotonic ms; when it is made again, or given up. */
  dueMs: number;
  /** Counts attempts: an answer to one that was given up is not taken. */
  attempt: number;
  isUnderWay: boolean;
  isAnswered: boolean;
  failures: number;
}

export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #lookUps: readonly LookUp[];
  #joined: readonly string[] = [];
  #seeds: readonly string[];
  #members: readonly Member[] | undefined;
  #hasMet = false;
  #remembered = "";
  #rememberDueMs = Number.NEGATIVE_INFINITY;
  #firstLook = Promise.withResolvers<void>();
  #leftOut = 0;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    const { names } = options.config;
    if (names.length > 0 && options.resolver === undefined) throw new Error("names are to be looked up, by nobody");
    const fresh = { answers: [], dueMs: Number.NEGATIVE_INFINITY, attempt: 0, failures: 0 };
    this.#lookUps = names.map((name) => ({ ...fresh, name, isUnderWay: false, isAnswered: false }));
    if (names.length === 0) this.#firstLook.resolve();
    this.#seeds = this.#merge();
  }

  /** Addresses to begin with. */
  get seeds(): readonly string[] {
    return this.#seeds;
  }

  /** Settles when each name was answered, or failed, for the first time. */
  get firstLook(): Promise<void> {
    return this.#firstLook.promise;
  }

  /** False if it is certain that there is nobody to be found. */
  get expectsPeers(): boolean {
    return this.#seeds.length > 0 || this.#lookUps.some(({ isAnswered }) => !isAnswered);
  }

  /** Takes further addresses for this life, instead of those of the last call. */
  join(addresses: readonly string[]): void {
    this.#joined = addresses;
    this.#update();
  }

  /** What is due: to be called every second or more often. */
  tick(): void {
    const nowMs = this.#options.ports.clock.monotonic();
    for (const lookUp of this.#lookUps) {
      if (nowMs < lookUp.dueMs) continue;
      if (lookUp.isUnderWay) this.#failed(lookUp, lookUp.attempt, `no answer within ${LOOK_UP_MS} ms`);
      else this.#begin(lookUp, nowMs);
    }
    this.#observe(nowMs);
  }

  #begin(lookUp: LookUp, nowMs: number): void {
    const attempt = ++lookUp.attempt;
    lookUp.isUnderWay = true;
    lookUp.dueMs = nowMs + LOOK_UP_MS;
    this.#options.resolver?.resolve(lookUp.name).then(
      (hosts) => this.#answered(lookUp, attempt, hosts),
      (error: unknown) => this.#failed(lookUp, attempt, error instanceof Error ? error.message : String(error)),
    );
  }

  #answered(lookUp: LookUp, attempt: number, hosts: readonly string[]): void {
    if (attempt !== lookUp.attempt || !lookUp.isUnderWay) return;
    const { clock, log } = this.#options.ports;
    const { intervalMs } = this.#options.config;
    const { name, failures } = lookUp;
    if (failures > 0) log.write("info", "a name is answered again", { name, failures });
    if (hosts.length > MAX_ANSWERS) {
      log.write("warn", "a name has more answers than are used", { name, answers: hosts.length, used: MAX_ANSWERS });
    }
    // In an order that does not depend on the server, which may turn them.
    lookUp.answers = [...hosts].sort().slice(0, MAX_ANSWERS);
    lookUp.isUnderWay = false;
    lookUp.isAnswered = true;
    lookUp.failures = 0;
    lookUp.dueMs = clock.monotonic() + intervalMs * (1 - SPREAD + 2 * SPREAD * this.#draw());
    this.#update();
    this.#looked();
  }

  #failed(lookUp: LookUp, attempt: number, reason: string): void {
    if (attempt !== lookUp.attempt || !lookUp.isUnderWay) return;
    const { clock, log } = this.#options.ports;
    const { name, failures } = lookUp;
    if (failures === 0) log.write("warn", "a name could not be looked up", { name, reason });
    const limitMs = Math.min(this.#options.config.intervalMs, FIRST_RETRY_MS * 2 ** Math.min(failures, 20));
    lookUp.isUnderWay = false;
    lookUp.failures = failures + 1;
    lookUp.dueMs = clock.monotonic() + limitMs * (0.5 + this.#draw() / 2);
    this.#looked();
  }

  #looked(): void {
    if (this.#lookUps.every(({ isAnswered, failures }) => isAnswered || failures > 0)) this.#firstLook.resolve();
  }

  #draw(): number {
    return this.#options.ports.random.uint32() / TWO_32;
  }

  /** Looks whether somebody was met, and whom to remember. */
  #observe(nowMs: number): void {
    const { members, ownId, onRemember } = this.#options;
    const now = members();
    if (now === this.#members && nowMs < this.#rememberDueMs) return;
    const others = now.filter(({ id, state }) => id !== ownId && state !== MemberState.LEFT);
    if (now !== this.#members) {
      this.#members = now;
      if (!this.#hasMet && others.some(({ state }) => state === MemberState.ALIVE)) {
        this.#hasMet = true;
        this.#update();
      }
    }
    if (onRemember === undefined || nowMs < this.#rememberDueMs || !this.#hasMet || others.length === 0) return;
    const byLife = [...others].sort((a, b) => a.state - b.state);
    const addresses = [...new Set(byLife.map(({ address }) => address))].slice(0, MAX_REMEMBERED).sort();
    const text = addresses.join("\n");
    if (text === this.#remembered) return;
    this.#remembered = text;
    this.#rememberDueMs = nowMs + REMEMBER_MS;
    onRemember(addresses);
  }

  #update(): void {
    const seeds = this.#merge();
    if (seeds.length === this.#seeds.length && seeds.every((seed, i) => seed === this.#seeds[i])) return;
    this.#seeds = seeds;
    this.#options.onSeeds(seeds);
  }

  #merge(): readonly string[] {
    const { config, known = [], ports } = this.#options;
    const { peers, port, ownAddress } = config;
    const own = parsePeerAddress(ownAddress);
    const found = this.#lookUps.flatMap(({ answers }) => answers);
    const merged = new Set<string>();
    for (const text of [...peers, ...this.#joined, ...found, ...(this.#hasMet ? [] : known)]) {
      const address = parsePeerAddress(text);
      if (address === undefined) continue;
      const isOwn = address.host === own?.host && (address.port || port) === own.port;
      if (!isOwn) merged.add(formatPeerAddress(address, port));
    }
    const leftOut = Math.max(0, merged.size - MAX_SEEDS);
    if (leftOut > 0 && leftOut !== this.#leftOut) {
      ports.log.write("warn", "there are more addresses to begin with than are used", { leftOut, used: MAX_SEEDS });
    }
    this.#leftOut = leftOut;
    return [...merged].slice(0, MAX_SEEDS);
  }
}
