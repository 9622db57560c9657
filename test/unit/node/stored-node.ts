/** A node with a storage, under the control of a test: turns, time, and what became of those who waited. */
import { Host } from "../../../src/node/host.ts";
import type { PersistenceOptions } from "../../../src/node/persistence.ts";
import { drain, FaultyStorage } from "../journal/faulty-storage.ts";
import { TestNode, World } from "./test-node.ts";

/** A started host on a storage of its own or on one that is given; everything is loaded unless `loads` is false. */
export async function stored(
  options: Partial<PersistenceOptions> = {},
  storage = new FaultyStorage(),
  loads = true,
  world = new World(),
) {
  const test = new TestNode(world, 7);
  const host = new Host(test.node, { storage, persistence: options });
  const { persistence } = host;
  if (persistence === undefined) throw new Error("there is a storage");
  const started = host.start();
  while (persistence.state === "closed") await storage.step();
  await started;
  if (loads) await storage.settle();
  const told: string[] = [];
  /** One turn; who waits for it is told under the name. */
  const turn = async (work: () => void, name = "", receipt = false) => {
    test.node.beginTurn();
    work();
    const callback = (error: unknown) => told.push(error === undefined ? name : `${name} failed`);
    if (receipt) persistence.whenStored(callback);
    else if (name !== "") persistence.whenPromised(callback);
    host.afterTurn();
    await drain();
  };
  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= 10) {
      world.advance(Math.min(10, left));
      await storage.settle();
    }
  };
  return { world, storage, test, host, persistence, told, turn, advance };
}

/** What became of a promise, as far as it is known. */
export function outcomeOf(promise: Promise<unknown>): { text: string } {
  const outcome = { text: "" };
  promise.then(
    () => (outcome.text = "done"),
    (error: unknown) => (outcome.text = String(error)),
  );
  return outcome;
}
