/** Nodes of one region that know each other, and what a random history does to them. */
import fc from "fast-check";
import { EpochMode } from "../../../src/core/record.ts";
import { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { Host } from "../../../src/node/host.ts";
import type { MemoryNetwork } from "../../../src/node/memory-transport.ts";
import { TestNode, type World } from "./test-node.ts";

export interface Member {
  readonly test: TestNode;
  readonly host: Host;
  readonly storage: MemoryStorage;
}

/** Nodes of one region that know each other; nothing is stored until `persist`. */
export function region(world: World, network: MemoryNetwork, names: readonly string[], skewMs = 0): Member[] {
  return names.map((name, i) => {
    const test = new TestNode(world, 100 + i, { region: name }, i * skewMs);
    const storage = new MemoryStorage();
    const peers = names.filter((one) => one !== name);
    return { test, storage, host: new Host(test.node, { storage, transport: network.join(name), peers }) };
  });
}

/** Opens what a host stores and loads it, without starting its clockwork. */
export async function persist({ persistence }: Host): Promise<void> {
  await persistence?.open();
  await persistence?.recover((work) => work());
}

/** Ends a turn at all of them. */
export function turn(members: readonly Member[]): void {
  for (const { host } of members) host.afterTurn();
}

const { PURGE, STALE } = EpochMode;

/** What somebody does to a key, or what happens to all. */
export type Step =
  | { who: number; what: "set" | "delete" | "purge" | "stale" | "tag" | "pattern" | "flush" | "load"; key: string }
  | { what: "deliver" | "time" | "tick" };
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        who: fc.nat(2),
        what: fc.constantFrom(
          "set" as const,
          "set" as const,
          "delete" as const,
          "purge" as const,
          "stale" as const,
          "tag" as const,
          "pattern" as const,
          "load" as const,
          "flush" as const,
        ),
        key: fc.constantFrom("a1", "a2", "b1"),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ what: fc.constantFrom("deliver" as const, "time" as const, "tick" as const) }),
    },
  ),
  { maxLength: 40, size: "max" },
);

/** Does step `n` of a history at the node that it names. */
export function run(members: readonly Member[], network: MemoryNetwork, step: Step, n: number): void {
  if (step.what === "deliver") return network.deliver();
  if (step.what === "time") return members[0].test.world.advance(1);
  if (step.what === "tick") return void members[n % members.length].test.tick();
  if (!("who" in step)) return;
  const { test, host } = members[step.who];
  test.node.beginTurn();
  if (step.what === "set") test.set(step.key, `${n}`, { tags: [step.key.slice(1)] });
  if (step.what === "delete") test.delete(step.key);
  if (step.what === "purge") test.invalidate({ keys: [step.key] }, PURGE);
  if (step.what === "stale") test.invalidate({ keys: [step.key] }, STALE);
  if (step.what === "tag") test.invalidate({ tags: [step.key.slice(1)] }, n % 2 === 0 ? PURGE : STALE);
  if (step.what === "pattern") test.invalidate({ patterns: [`${step.key.slice(0, 1)}*`] });
  if (step.what === "flush") test.node.flush(0);
  if (step.what === "load") test.fill(test.lease(step.key), `${n}`, { tags: [step.key.slice(1)] });
  host.afterTurn();
}
