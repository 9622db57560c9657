/**
 * A queue of tags whose epochs wait to be forgotten, each with the sweep's position that it waits for. In pages of typed
 * arrays, because there may be a million of them.
 */
const PAGE_TAGS = 512;
const PAGE_BYTES = PAGE_TAGS * 12;

interface Page {
  readonly tags: Int32Array;
  readonly positions: Float64Array;
}

export class TagQueue {
  #pages: Page[] = [];
  /** Place of the oldest one in the first page. */
  #first = 0;
  size = 0;

  get allocatedBytes(): number {
    return this.#pages.length * PAGE_BYTES;
  }

  /** The oldest tag, and the position that was given with it. There must be one. */
  get tag(): number {
    return this.#pages[0].tags[this.#first];
  }
  get position(): number {
    return this.#pages[0].positions[this.#first];
  }

  push(tag: number, position: number): void {
    const at = this.#first + this.size;
    if (at === this.#pages.length * PAGE_TAGS) {
      this.#pages.push({ tags: new Int32Array(PAGE_TAGS), positions: new Float64Array(PAGE_TAGS) });
    }
    const page = this.#pages[this.#pages.length - 1];
    page.tags[at % PAGE_TAGS] = tag;
    page.positions[at % PAGE_TAGS] = position;
    this.size++;
  }

  /** Takes the oldest one out. */
  shift(): void {
    this.size--;
    if (this.size === 0) {
      this.clear();
    } else if (++this.#first === PAGE_TAGS) {
      this.#pages.shift();
      this.#first = 0;
    }
  }

  clear(): void {
    this.#pages = [];
    this.#first = 0;
    this.size = 0;
  }
}
