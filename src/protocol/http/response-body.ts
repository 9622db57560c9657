/**
 * Value bytes on their way from the store into a response, copied exactly once, since the store may move or reuse them as
 * soon as the turn is over.
 *
 * `new Response(bytes)` has to copy what it is given (Fetch, "extract a body"), and the runtimes' own classes do. So they
 * may be given a view into the store, and no other copy is made. A class that keeps the view instead (as that of Node's
 * adapter does, to save the copy) gets a copy of ours. Which kind it is, is tried out once for each class: a body is
 * changed after its response was made, and must not change in there. Until that is known, and for any doubt, bytes are copied.
 *
 * Small copies of ours are pieces of a larger block, because allocating an ArrayBuffer costs more than to copy a few KiB
 * into it. A block lives as long as a piece of it; values above 4 KiB are allocated alone (blocks of 256 KiB and 1 MiB for
 * them took a quarter more time on Node: what costs is fresh memory).
 */
import { allocateBytes, copyBytes } from "../../core/bytes.ts";

const BLOCK_BYTES = 64 * 1_024;
/** The longest piece of a block. */
const MAX_PIECE_BYTES = 4 * 1_024;
const PROBE_BYTES = [1, 100_000];

export class ResponseBodies {
  /** A class that was found to copy what it is given. */
  #copying: typeof Response | undefined;
  /** The class that was tried last, or is being tried. */
  #tried: typeof Response | undefined;
  #block = allocateBytes(0);
  #used = 0;

  /** A body with the bytes `source[start, end)`, for a response that is made at once, of the present global class. */
  of(source: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
    if (Response === this.#copying) return source.subarray(start, end) as Uint8Array<ArrayBuffer>;
    if (Response !== this.#tried) this.#try(Response);
    return this.#copy(source, start, end);
  }

  #copy(source: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
    const copy = this.#allocate(end - start);
    copyBytes(source, start, end, copy, 0);
    return copy;
  }

  #allocate(length: number): Uint8Array<ArrayBuffer> {
    if (length > MAX_PIECE_BYTES) return allocateBytes(length);
    if (this.#used + length > this.#block.length) {
      this.#block = allocateBytes(BLOCK_BYTES);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used = at + length;
    return this.#block.subarray(at, this.#used);
  }

  #try(tried: typeof Response): void {
    this.#tried = tried;
    const probes = PROBE_BYTES.map(async (bytes) => {
      const body = new Uint8Array(bytes);
      const response = new tried(body);
      body.fill(1);
      const kept = new Uint8Array(await response.arrayBuffer());
      return kept.length === bytes && kept.every((byte) => byte === 0);
    });
    Promise.all(probes).then(
      (copied) => {
        if (copied.every((one) => one)) this.#copying = tried;
      },
      () => {},
    );
  }
}
