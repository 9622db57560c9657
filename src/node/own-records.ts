/**
 * Own records: what this node stamped in a turn goes into the log of its stream, and is told to those that sync from here,
 * once it is stored as promised. Turns are logged in their order; heartbeats and markers, which are stamped for the stream
 * itself, have to wait for those before them.
 */
import type { OutgoingStreams } from "../cluster/outgoing-streams.ts";
import type { SlotSync } from "../cluster/slot-sync.ts";
import { MutableRecord } from "../core/record.ts";
import { decodeRecord } from "../core/record-codec.ts";
import { slotOf } from "./cluster-parts.ts";

interface Waiting {
  /** The turn that must be logged. */
  readonly turn: number;
  readonly callback: () => void;
}

export class OwnRecords {
  readonly #outgoing: Pick<OutgoingStreams, "append">;
  readonly #sync: Pick<SlotSync, "applied">;
  readonly #record = new MutableRecord();
  /** Turns that stamped something, and how many of them are in the log. */
  #turns = 0;
  #logged = 0;
  readonly #waiting: Waiting[] = [];

  constructor(outgoing: Pick<OutgoingStreams, "append">, sync: Pick<SlotSync, "applied">) {
    this.#outgoing = outgoing;
    this.#sync = sync;
  }

  /** True if nothing waits for storage. */
  get areLogged(): boolean {
    return this.#logged === this.#turns;
  }

  /**
   * A turn's records.
   *
   * @param whenPromised calls at once, or when all up to now is stored
   * @param onLater they are in the log now, outside of the turn
   */
  add(own: Uint8Array, whenPromised: (callback: () => void) => void, onLater: () => void): void {
    this.#turns++;
    let isLater = false;
    whenPromised(() => {
      this.#log(own);
      this.#logged++;
      while (this.#waiting.length > 0 && this.#waiting[0].turn <= this.#logged) this.#waiting.shift()?.callback();
      if (isLater) onLater();
    });
    isLater = true;
  }

  /** Calls back at once, or when what was added until now is in the log. */
  whenLogged(callback: () => void): void {
    if (this.areLogged) callback();
    else this.#waiting.push({ turn: this.#turns, callback });
  }

  #log(records: Uint8Array): void {
    const record = this.#record;
    for (let start = 0; start < records.length; ) {
      const end = decodeRecord(records, start, records.length, record, true);
      const slot = slotOf(record);
      this.#outgoing.append(records, start, end, record.version, slot, record.global);
      this.#sync.applied(record, slot);
      start = end;
    }
  }
}
