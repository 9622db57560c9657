/**
 * What every transport does alike: `testTransport` runs against two ends, which may be of two runtimes. Tests that need
 * sockets are in socket-cases.ts. (tidy: test cases)
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "../../e2e/until.ts";
import type { EndState, OpenOptions } from "./transport-end.ts";

/** A transport under test. */
export interface TestTransport {
  readonly id: string;
  readonly address: string;
  reach(...addresses: string[]): Promise<void>;
  send(peer: string, channel: number, sizes: readonly number[]): Promise<void>;
  unlink(peer: string): Promise<void>;
  state(): Promise<EndState>;
  close(): Promise<void>;
}

/** Where transports under test are made. */
export interface TestEnd {
  open(options: OpenOptions): Promise<TestTransport>;
  stop(): Promise<void>;
}

/** Two transports, closed at the end of the test. */
export interface Pair {
  readonly a: TestTransport;
  readonly b: TestTransport;
}

export async function withPair(
  ends: readonly [TestEnd, TestEnd],
  options: { readonly a?: Partial<OpenOptions>; readonly b?: Partial<OpenOptions> },
  run: (pair: Pair) => Promise<void>,
): Promise<void> {
  const a = await ends[0].open({ id: "a", ...options.a });
  const b = await ends[1].open({ id: "b", ...options.b });
  try {
    await run({ a, b });
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
}

export async function linksOf(one: TestTransport): Promise<string> {
  return (await one.state()).links.join(" ");
}

/** Waits until each has announced a link to the other, and nothing else. */
export async function linked({ a, b }: Pair): Promise<void> {
  await until("both are linked", async () => (await linksOf(a)) === "+b" && (await linksOf(b)) === "+a");
}

/** Waits until so many frames have come, and expects all of them to be whole and in order. */
export async function received(one: TestTransport, from: string, sizes: readonly number[]): Promise<void> {
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  await until(`${one.id} has received ${sizes.length} frames of ${from}`, async () => {
    return ((await one.state()).received[from]?.count ?? 0) >= sizes.length;
  });
  expect((await one.state()).received[from]).toEqual({ count: sizes.length, bytes, wrong: 0 });
}

const KIB = 1_024;
const SIZES = [5, 100, 125, 126, 127, 65_535, 65_536, 5, 1_024 * KIB, 300, 300, 300];

/** Declares the tests. */
export function testTransport(
  name: string,
  create: () => readonly [TestEnd, TestEnd],
  more: (ends: () => readonly [TestEnd, TestEnd]) => void = () => {},
): void {
  describe(name, () => {
    let ends: readonly [TestEnd, TestEnd];
    beforeAll(() => {
      ends = create();
    });
    afterAll(() => Promise.all(ends.map((end) => end.stop())));

    test("frames arrive whole and in order on both channels, both ways", () =>
      withPair(ends, {}, async (pair) => {
        const { a, b } = pair;
        await a.reach(b.address);
        await linked(pair);
        await Promise.all([a.send("b", 0, SIZES), a.send("b", 1, SIZES), b.send("a", 0, SIZES), b.send("a", 1, SIZES)]);
        for (const channel of [0, 1]) {
          await received(b, `a/${channel}`, SIZES);
          await received(a, `b/${channel}`, SIZES);
        }
      }));

    test("a link that is taken away is lost for both, and made again", () =>
      withPair(ends, {}, async (pair) => {
        const { a, b } = pair;
        await a.reach(b.address);
        await linked(pair);
        await a.unlink("b");
        await until("both have another link", async () => {
          return (await linksOf(a)) === "+b -b +b" && (await linksOf(b)) === "+a -a +a";
        });
        await a.send("b", 0, SIZES);
        await received(b, "a/0", SIZES);
      }));

    test("who closes is lost for the other", async () => {
      const a = await ends[0].open({ id: "a" });
      const b = await ends[1].open({ id: "b" });
      await a.reach(b.address);
      await linked({ a, b });
      await b.close();
      await until("the link is lost", async () => (await linksOf(a)) === "+b -b");
      await a.close();
    });

    more(() => ends);
  });
}
