/** The file of last known peers: what is written is read again, and what is damaged is not used. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KnownPeersFile } from "../../../adapters/cli/known-peers-file.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function create(cluster = "test", directory = mkdtempSync(join(tmpdir(), "shoal-peers-"))) {
  directories.push(directory);
  const errors: Error[] = [];
  return { directory, errors, file: new KnownPeersFile(directory, cluster, (error) => errors.push(error)) };
}

test("what was saved last is loaded by the next life, and nothing else is left behind", async () => {
  const { directory, file, errors } = create();
  expect(await file.load()).toEqual({ peers: [] });
  for (let i = 0; i < 50; i++) file.save([`a:${i + 1}`, "[fdaa::3]:7400"]);
  await file.settled();
  expect(errors).toEqual([]);
  expect(readdirSync(directory)).toEqual(["peers.json"]);
  expect(await create("test", directory).file.load()).toEqual({ peers: ["a:50", "[fdaa::3]:7400"] });
});

describe("a file that is not used", () => {
  const good = { version: 1, cluster: "test", peers: ["a:1"] };
  const cases = [
    { name: "is cut off", text: JSON.stringify(good).slice(0, 20), problem: "it is not JSON" },
    { name: "is empty", text: "", problem: "it is not JSON" },
    { name: "is null", text: "null", problem: "it is of version undefined, not 1" },
    {
      name: "is of another version",
      text: JSON.stringify({ ...good, version: 2 }),
      problem: "it is of version 2, not 1",
    },
    {
      name: "is another cluster's",
      text: JSON.stringify({ ...good, cluster: "other" }),
      problem: 'it is of the cluster "other"',
    },
    { name: "has no list", text: JSON.stringify({ ...good, peers: {} }), problem: "its peers are no addresses" },
    {
      name: "has no addresses",
      text: JSON.stringify({ ...good, peers: ["a"] }),
      problem: "its peers are no addresses",
    },
    { name: "is too long", text: " ".repeat(262_145), problem: "it has 262145 bytes; at most 262144 are read" },
  ];
  test.each(cases)("$name", async ({ text, problem }) => {
    const { file } = create();
    writeFileSync(file.path, text);
    expect(await file.load()).toEqual({ peers: [], problem });
    file.save(["b:2"]);
    await file.settled();
    expect(await file.load()).toEqual({ peers: ["b:2"] });
  });
});

test("a longer list than is ever written is cut", async () => {
  const { file } = create();
  const peers = Array.from({ length: 300 }, (_, i) => `a:${i + 1}`);
  writeFileSync(file.path, JSON.stringify({ version: 1, cluster: "test", peers }));
  expect((await file.load()).peers).toHaveLength(256);
});

test("a write that fails is reported, and leaves what was there", async () => {
  const { directory, file, errors } = create();
  file.save(["a:1"]);
  await file.settled();
  const before = readFileSync(file.path, "utf8");
  const gone = new KnownPeersFile(join(directory, "gone"), "test", (error) => errors.push(error));
  gone.save(["b:2"]);
  await gone.settled();
  expect(errors.map((error) => (error as { code?: string }).code)).toEqual(["ENOENT"]);
  expect(readFileSync(file.path, "utf8")).toBe(before);
});
