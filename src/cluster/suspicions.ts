/**
 * Suspicions: who is suspect, since when, accused by whom, and when that becomes a death.
 *
 * A suspect has time to refute. It is long while one member alone accuses it, because that member itself may be the one with
 * the problem, and becomes shorter with each further accuser, down to `suspicionMs` at three more. Where there is nobody else
 * who could accuse (a cluster of two), twice that.
 */
import type { Member } from "./member.ts";

/** Accusers beside the first that make a suspicion as short as it gets. */
const MOST_CONFIRMATIONS = 3;
/** How much longer a suspicion takes that nobody confirms. */
const LONGEST = 3;
const LONGEST_OF_TWO = 2;

export interface Suspicion {
  readonly origin: number;
  readonly incarnation: number;
  readonly sinceMs: number;
  readonly accusers: Set<string>;
  /** Of the accused's health when it began: see local-health.ts. */
  readonly multiplier: number;
  /** When this node asks the suspect again. */
  askMs: number;
}

export class Suspicions {
  readonly #suspicions = new Map<string, Suspicion>();
  readonly #suspicionMs: number;

  constructor(suspicionMs: number) {
    this.#suspicionMs = suspicionMs;
  }

  get size(): number {
    return this.#suspicions.size;
  }

  get(id: string): Suspicion | undefined {
    return this.#suspicions.get(id);
  }

  entries(): Iterable<[string, Suspicion]> {
    return this.#suspicions;
  }

  /** Begins a suspicion, unless there is one of the same statement. */
  begin(suspect: Member, nowMs: number, multiplier: number): Suspicion {
    const known = this.#suspicions.get(suspect.id);
    const { origin, incarnation } = suspect;
    if (known !== undefined && known.origin === origin && known.incarnation === incarnation) return known;
    const suspicion = { origin, incarnation, sinceMs: nowMs, accusers: new Set<string>(), multiplier, askMs: nowMs };
    this.#suspicions.set(suspect.id, suspicion);
    return suspicion;
  }

  /** @returns false if it was known, or so many accuse already that one more changes nothing */
  accuse(suspicion: Suspicion, accuser: string): boolean {
    if (suspicion.accusers.has(accuser) || suspicion.accusers.size > MOST_CONFIRMATIONS) return false;
    suspicion.accusers.add(accuser);
    return true;
  }

  end(id: string): void {
    this.#suspicions.delete(id);
  }

  /**
   * When the suspect is dead.
   *
   * @param others live members beside this node and the suspect
   */
  deadlineMs(suspicion: Suspicion, others: number): number {
    const expected = Math.min(MOST_CONFIRMATIONS, others);
    const confirmations = Math.min(expected, Math.max(0, suspicion.accusers.size - 1));
    const share = expected === 0 ? 0 : Math.log(confirmations + 1) / Math.log(expected + 1);
    const times = expected === 0 ? LONGEST_OF_TWO : LONGEST - (LONGEST - 1) * share;
    return suspicion.sinceMs + this.#suspicionMs * times * suspicion.multiplier;
  }
}
