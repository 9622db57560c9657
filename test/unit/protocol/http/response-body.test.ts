/** Values on their way into responses: whatever a Response class does with bytes, later writes to the store are not seen. */
import { afterEach, describe, expect, test } from "bun:test";
import { ResponseBodies } from "../../../../src/protocol/http/response-body.ts";

const Native = globalThis.Response;
afterEach(() => {
  globalThis.Response = Native;
});

/** Keeps the bytes that it is given, as the adapter of Node does, and looks at them when they are read. */
class Keeping extends Native {
  readonly kept: Uint8Array;
  constructor(body: Uint8Array) {
    super(null);
    this.kept = body;
  }
  override arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.resolve(new Uint8Array(this.kept).buffer);
  }
}

const classes = [
  { name: "the runtime's", use: Native, copies: 0 },
  { name: "one that keeps views", use: Keeping as unknown as typeof Response, copies: 1 }, // a Response made of bytes only
];

describe.each(classes)("a class of responses: $name", ({ use, copies }) => {
  test.each([0, 1, 100, 4_096, 4_097, 70_000])("%d bytes", async (length) => {
    globalThis.Response = use;
    const bodies = new ResponseBodies();
    const store = new Uint8Array(100_000).fill(7);
    const seen: Response[] = [];
    // The first ones are made before anything is known of the class.
    for (let round = 0; round < 20; round++) {
      store.fill(7);
      const body = bodies.of(store, 9, 9 + length);
      seen.push(new use(body));
      if (round > 10 && length > 0) expect(body.buffer === store.buffer).toBe(copies === 0);
      store.fill(8);
      await Promise.resolve();
      if (round === 10) await new Native(new Uint8Array(200_000)).arrayBuffer().then(() => known(bodies, store));
    }
    for (const response of seen) {
      const bytes = new Uint8Array(await response.arrayBuffer());
      expect([bytes.length, bytes.every((byte) => byte === 7)]).toEqual([length, true]);
    }
  });
});

/** Waits until the class was tried out: its answer does not come in the same turn. */
async function known(bodies: ResponseBodies, store: Uint8Array): Promise<void> {
  for (let turn = 0; turn < 100 && bodies.of(store, 0, 1).buffer !== store.buffer; turn++) await Promise.resolve();
}

test("another class is not trusted for what the first one does", async () => {
  const bodies = new ResponseBodies();
  const store = new Uint8Array(100);
  bodies.of(store, 0, 10);
  await known(bodies, store);
  expect(bodies.of(store, 0, 10).buffer === store.buffer).toBe(true);
  globalThis.Response = Keeping as unknown as typeof Response; // as above
  expect(bodies.of(store, 0, 10).buffer === store.buffer).toBe(false);
});

describe("copies that are given back", () => {
  function lending(): { bodies: ResponseBodies; copy: (length: number) => Uint8Array<ArrayBuffer> } {
    globalThis.Response = Keeping as unknown as typeof Response; // as above
    const bodies = new ResponseBodies();
    bodies.recycles = true;
    const store = Uint8Array.from({ length: 3 * 2 ** 20 }, (_, i) => i % 251);
    return { bodies, copy: (length) => bodies.of(store, 1, 1 + length) };
  }

  const cases = [
    { name: "small ones never", first: 4_096, second: 4_096, again: undefined },
    { name: "the same length", first: 65_536, second: 65_536, again: true },
    { name: "a shorter one between the same powers of two", first: 65_536, second: 32_769, again: true },
    { name: "a longer one between the same powers of two", first: 32_769, second: 65_536, again: true },
    { name: "another power of two", first: 65_536, second: 65_537, again: false },
    { name: "the longest", first: 2 ** 20, second: 2 ** 20, again: true },
    { name: "longer ones never", first: 2 ** 20 + 1, second: 2 ** 20 + 1, again: undefined },
  ];
  test.each(cases)("are used again: $name", ({ first, second, again }) => {
    const { bodies, copy } = lending();
    const one = copy(first);
    const lent = bodies.takeLent();
    expect(lent === undefined).toBe(again === undefined);
    expect(bodies.takeLent()).toBeUndefined();
    if (lent !== undefined) bodies.giveBack(lent);
    one.fill(255);
    const two = copy(second);
    expect(two.buffer === one.buffer && two.byteOffset === one.byteOffset).toBe(again === true);
    expect(two.length).toBe(second);
    expect(two.every((byte, i) => byte === (i + 1) % 251)).toBe(true);
  });

  test("what was not given back is not written over", () => {
    const { bodies, copy } = lending();
    const one = copy(50_000);
    bodies.takeLent();
    expect(copy(50_000).buffer === one.buffer).toBe(false);
  });

  test("no more than 4 MiB wait to be used again", () => {
    const { bodies, copy } = lending();
    const lent = Array.from({ length: 6 }, () => {
      copy(2 ** 20);
      return bodies.takeLent();
    });
    for (const one of lent) if (one !== undefined) bodies.giveBack(one);
    expect(bodies.spareBytes).toBe(4 * 2 ** 20);
    copy(2 ** 20);
    expect(bodies.spareBytes).toBe(3 * 2 ** 20);
  });

  test("nothing is lent where nobody gives back", () => {
    const { bodies, copy } = lending();
    bodies.recycles = false;
    expect(copy(65_536).buffer.byteLength).toBe(65_536);
    expect(bodies.takeLent()).toBeUndefined();
  });
});
