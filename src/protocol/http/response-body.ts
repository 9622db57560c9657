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
 *
 * A listener that knows when a response has left the process can have such large copies used again (`recycles`): it takes
 * each from `takeLent`, and gives it back. Then they are powers of two long. Limits: `MAX_SPARE_BYTES` wait to be used again,
 * and copies above `MAX_LENT_BYTES` never do; policy: the garbage collector gets them.
 */
import { allocateBytes, copyBytes } from "../../core/bytes.ts";

const BLOCK_BYTES = 64 * 1_024;
/** The longest piece of a block. */
const MAX_PIECE_BYTES = 4 * 1_024;
/** The longest copy that is used again, and how many bytes of them are kept for that. */
const MAX_LENT_BYTES = 2 ** 20;
const MAX_SPARE_BYTES = 4 * 2 ** 20;
const PROBE_BYTES = [1, 100_000];

export class ResponseBodies {
  /** A class that was found to copy what it is given. */
  #copying: typeof Response | undefined;
  /** The class that was tried last, or is being tried. */
  #tried: typeof Response | undefined;
  #block = allocateBytes(0);
  #used = 0;
  /** True if large copies are given back; see the head of this file. */
  recycles = false;
  #lent: Uint8Array<ArrayBuffer> | undefined;
  /** Copies to be used again, by the logarithm of their length. */
  readonly #spares: Uint8Array<ArrayBuffer>[][] = [];
  #spareBytes = 0;

  /** Bytes of copies that wait to be used again. */
  get spareBytes(): number {
    return this.#spareBytes;
  }

  /** A body with the bytes `source[start, end)`, for a response that is made at once, of the present global class. */
  of(source: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
    if (Response === this.#copying) return source.subarray(start, end) as Uint8Array<ArrayBuffer>;
    if (Response !== this.#tried) this.#try(Response);
    return this.#copy(source, start, end);
  }

  /** The large copy that was made since the last call, if one was: for who gives it back once it has been sent. */
  takeLent(): Uint8Array<ArrayBuffer> | undefined {
    const lent = this.#lent;
    this.#lent = undefined;
    return lent;
  }

  /** Takes back what `takeLent` gave, and nobody reads any more: it is written over. */
  giveBack(lent: Uint8Array<ArrayBuffer>): void {
    const whole = new Uint8Array(lent.buffer);
    if (this.#spareBytes + whole.length > MAX_SPARE_BYTES) return;
    this.#spareBytes += whole.length;
    this.#sparesOf(Math.log2(whole.length)).push(whole);
  }

  #lend(length: number): Uint8Array<ArrayBuffer> {
    const bits = 32 - Math.clz32(length - 1);
    const spare = this.#sparesOf(bits).pop();
    if (spare !== undefined) this.#spareBytes -= spare.length;
    this.#lent = (spare ?? allocateBytes(2 ** bits)).subarray(0, length);
    return this.#lent;
  }

  #sparesOf(bits: number): Uint8Array<ArrayBuffer>[] {
    this.#spares[bits] ??= [];
    return this.#spares[bits];
  }

  #copy(source: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
    const copy = this.#allocate(end - start);
    copyBytes(source, start, end, copy, 0);
    return copy;
  }

  #allocate(length: number): Uint8Array<ArrayBuffer> {
    if (length > MAX_PIECE_BYTES) {
      return this.recycles && length <= MAX_LENT_BYTES ? this.#lend(length) : allocateBytes(length);
    }
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
