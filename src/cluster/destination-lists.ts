/**
 * Destination lists: for whom a record is, as one object that all records with the same destinations share.
 *
 * Whoever says where records go returns the same array as long as nothing changes, so a list is found by its array; another
 * array with the same names finds the same list. Limit: `MAX_LISTS`. Policy: all are forgotten, and made anew as they are
 * asked for; records keep theirs.
 */
import type { OutgoingStream } from "./outgoing-stream.ts";

const MAX_LISTS = 16_384;

export interface DestinationList {
  readonly peers: readonly string[];
  /** Their streams; this node has none. */
  readonly streams: readonly OutgoingStream[];
}

export class DestinationLists {
  readonly #streamOf: (peer: string) => OutgoingStream | undefined;
  readonly #byNames = new Map<string, DestinationList>();
  #byArray = new WeakMap<readonly string[], DestinationList>();
  #lastArray: readonly string[] | undefined;
  #last: DestinationList | undefined;

  /** @param streamOf undefined for this node itself */
  constructor(streamOf: (peer: string) => OutgoingStream | undefined) {
    this.#streamOf = streamOf;
  }

  of(peers: readonly string[]): DestinationList {
    if (this.#last !== undefined && peers === this.#lastArray) return this.#last;
    const list = this.#byArray.get(peers) ?? this.#byNameOf(peers);
    this.#lastArray = peers;
    this.#last = list;
    return list;
  }

  /** Streams were taken away. */
  clear(): void {
    this.#byNames.clear();
    this.#byArray = new WeakMap();
    this.#last = undefined;
  }

  #byNameOf(peers: readonly string[]): DestinationList {
    const names = JSON.stringify(peers);
    let list = this.#byNames.get(names);
    if (list === undefined) {
      if (this.#byNames.size >= MAX_LISTS) this.clear();
      const streams = new Set<OutgoingStream>();
      for (const peer of peers) {
        const stream = this.#streamOf(peer);
        if (stream !== undefined) streams.add(stream);
      }
      list = { peers: [...peers], streams: [...streams] };
      this.#byNames.set(names, list);
    }
    this.#byArray.set(peers, list);
    return list;
  }
}
