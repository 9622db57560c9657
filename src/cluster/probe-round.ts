/**
 * ProbeRound: in which order members are probed. Each comes once a round, in an order that is drawn for the round, so that
 * the time until a member is probed again is bounded, and probes of different nodes do not fall together. Who joins is
 * put somewhere into the round that is under way.
 */
import type { Random } from "../core/ports.ts";
import type { Member } from "./member.ts";

export class ProbeRound {
  readonly #random: Random;
  #left: string[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * Whose turn it is; who has died meanwhile may be among them.
   *
   * @param members of whom a new round is made, when one is over
   */
  next(members: readonly Member[]): string | undefined {
    if (this.#left.length === 0) this.#draw(members);
    return this.#left.pop();
  }

  join(id: string): void {
    this.#left.splice(this.#random.uint32() % (this.#left.length + 1), 0, id);
  }

  #draw(members: readonly Member[]): void {
    const drawn = members.map((member) => member.id);
    for (let i = drawn.length - 1; i > 0; i--) {
      const j = this.#random.uint32() % (i + 1);
      [drawn[i], drawn[j]] = [drawn[j], drawn[i]];
    }
    this.#left = drawn;
  }
}
