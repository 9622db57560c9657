/**
 * Copies: when a write is in place at as many nodes as its client wants. This node counts where it owns the slot; each other
 * owner, of the region or of all regions, counts when it has acknowledged the write's version on this node's stream, in the
 * same life in which it was an owner when the write was stamped. Who becomes an owner later gets the write by slot sync and
 * is not counted.
 *
 * When all who can count have done so, or the time is up, the number is told; the write stays where it is, however few.
 * Limit: `MAX_WAITS`; policy: `full`, and the router does not begin further writes that want copies.
 */
import type { Acknowledgements, AcknowledgementWait } from "./acknowledgements.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Deadlines } from "./deadlines.ts";

/** Writes that wait for copies. */
export const MAX_WAITS = 65_536;

export class Copies {
  readonly #view: ClusterView;
  readonly #acknowledgements: Acknowledgements;
  readonly #deadlines: Deadlines;
  #waiting = 0;

  constructor(view: ClusterView, acknowledgements: Acknowledgements, deadlines: Deadlines) {
    this.#view = view;
    this.#acknowledgements = acknowledgements;
    this.#deadlines = deadlines;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get full(): boolean {
    return this.#waiting >= MAX_WAITS;
  }

  /**
   * Waits for copies of what this node has just stamped.
   *
   * @param wanted 2 to 8
   * @param done is told the number that was reached, maybe at once
   */
  wait(
    version: number,
    slot: number,
    global: boolean,
    wanted: number,
    timeoutMs: number,
    done: (copies: number) => void,
  ): void {
    const { config, membership } = this.#view;
    let copies = 0;
    const others: { readonly id: string; readonly origin: number | undefined }[] = [];
    for (const id of this.#view.rings.owners(slot, global)) {
      if (id === config.id) copies++;
      else others.push({ id, origin: membership.member(id)?.origin });
    }
    if (others.length === 0) return done(copies);
    let open = others.length;
    const waits: AcknowledgementWait[] = [];
    const end = () => {
      deadline.cancel();
      for (const wait of waits) wait.giveUp();
      this.#waiting--;
      done(copies);
    };
    this.#waiting++;
    const deadline = this.#deadlines.after(timeoutMs, end);
    for (const { id, origin } of others) {
      const one = this.#acknowledgements.wait(id, version, () => {
        open--;
        if (membership.member(id)?.origin === origin) copies++;
        if (copies >= wanted || open === 0) end();
      });
      waits.push(one);
    }
  }
}
