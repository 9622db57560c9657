/** The walk waits for storage, whatever its entries weigh. */
import { expect, test } from "bun:test";
import { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { SnapshotWriter } from "../../../src/journal/snapshot-writer.ts";
import { until } from "../../e2e/until.ts";
import { TestNode, World } from "../node/test-node.ts";

/** Storage that takes chunks when the test says so. */
class SlowStorage extends MemoryStorage {
  readonly taken: (() => void)[] = [];

  override async writeChunk(snapshot: number, heat: number, sequence: number, frame: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.taken.push(resolve));
    await super.writeChunk(snapshot, heat, sequence, frame);
  }
}

test("no more than four chunks wait for storage, though each entry is one", async () => {
  const test = new TestNode(new World(), 1, { maxMemory: 32 * 2 ** 20 });
  for (let n = 0; n < 20; n++) test.set(`k${n}`, "v".repeat(300_000));
  const storage = new SlowStorage();
  await storage.open();
  const { node } = test;
  const writer = new SnapshotWriter(storage, await storage.beginSnapshot(0, 1), {
    store: node.store,
    clock: node.ports.clock,
    origin: node.clock.origin,
    hasPeers: false,
    describeOthers: () => {},
    highest: () => node.clock.last,
    stored: () => Promise.resolve(),
  });
  writer.step(1_000);
  expect(storage.taken.length).toBe(4);
  for (const take of storage.taken) take();
  await until("storage to have taken them", () => writer.step(1_000) && storage.taken.length > 4);
  expect(storage.taken.length).toBe(8);
});
