import { expect, test } from "bun:test";
import { Handshakes, MAX_HANDSHAKES } from "../../../../src/protocol/resp/handshakes.ts";
import { TestNode, World } from "../../node/test-node.ts";

function start(requestTimeoutMs: number) {
  const world = new World();
  const handshakes = new Handshakes(new TestNode(world, 1, { requestTimeoutMs }).node);
  const cut: string[] = [];
  const begin = (name: string) => handshakes.begin(() => cut.push(name));
  return { world, handshakes, cut, begin };
}

test.each([
  { name: "ten seconds", requestTimeoutMs: 60_000, limitMs: 10_000 },
  { name: "the time of a request, if that is shorter", requestTimeoutMs: 300, limitMs: 300 },
  { name: "ten seconds also where requests have no limit", requestTimeoutMs: 0, limitMs: 10_000 },
])("a handshake may take $name", ({ requestTimeoutMs, limitMs }) => {
  const { world, handshakes, cut, begin } = start(requestTimeoutMs);
  begin("slow");
  world.advance(limitMs - 1);
  expect(cut).toEqual([]);
  world.advance(1);
  expect(cut).toEqual(["slow"]);
  expect(handshakes.size).toBe(0);
});

test("one that has ended is not cut, and leaves no timer", () => {
  const { world, handshakes, cut, begin } = start(1_000);
  const done = begin("quick");
  done();
  done();
  expect([handshakes.size, world.waiting]).toEqual([0, 0]);
  world.advance(10_000);
  handshakes.cutAll();
  expect(cut).toEqual([]);
});

test("at the limit the oldest makes room", () => {
  const { world, handshakes, cut, begin } = start(1_000);
  for (let i = 0; i < MAX_HANDSHAKES + 2; i++) begin(String(i));
  expect(cut).toEqual(["0", "1"]);
  expect([handshakes.size, world.waiting]).toEqual([MAX_HANDSHAKES, MAX_HANDSHAKES]);
});

test("at the end all are cut", () => {
  const { world, handshakes, cut, begin } = start(1_000);
  begin("a");
  begin("b");
  handshakes.cutAll();
  expect(cut).toEqual(["a", "b"]);
  expect([handshakes.size, world.waiting]).toEqual([0, 0]);
});
