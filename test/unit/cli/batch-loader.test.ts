import { expect, test } from "bun:test";
import { BatchLoader } from "../../../adapters/cli/batch-loader.ts";

/** A node that has no room for the values that are given. */
function nodeWithoutRoomFor(...refused: string[]) {
  const stored: unknown[] = [];
  return {
    stored,
    async post<T>(_path: string, content: unknown): Promise<T> {
      const { entries } = content as { entries: { key: string }[] };
      const results = entries.map(({ key }) => {
        if (refused.includes(key)) return { status: "refused", problem: { detail: "no room" } };
        stored.push(key);
        return { status: "created" };
      });
      return { results } as T;
    },
  };
}

test("what is stored is counted, also where the first refusal ends the load", async () => {
  const node = nodeWithoutRoomFor("b");
  const seen: [number, string][] = [];
  const loader = new BatchLoader(node, async (line, reason) => {
    seen.push([line, reason]);
    throw new Error("no more");
  });
  for (const [i, key] of ["a", "b", "c"].entries()) await loader.add(i + 1, { key, value: "v" }, 0, 10);
  await expect(loader.flush()).rejects.toThrow("no more");
  expect(node.stored).toEqual(["a", "c"]);
  expect([loader.loaded, seen]).toEqual([2, [[2, "no room"]]]);
});
