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
