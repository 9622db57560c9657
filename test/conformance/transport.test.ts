/** The suite of transports over all runtimes and between them, as processes, and over the network in memory. */
import { setDefaultTimeout } from "bun:test";
import type { Runtime } from "../e2e/server-process.ts";
import { testHostile } from "./transport/hostile-cases.ts";
import { MemoryEnds } from "./transport/memory-ends.ts";
import { RemoteEnd } from "./transport/remote-end.ts";
import { testSockets } from "./transport/socket-cases.ts";
import { testTransport } from "./transport/suite.ts";

setDefaultTimeout(30_000);

testTransport("memory", () => {
  const ends = new MemoryEnds();
  return [ends, ends];
});

const pairs: readonly (readonly [Runtime, Runtime])[] = [
  ["bun", "bun"],
  ["deno", "deno"],
  ["node", "node"],
  ["bun", "deno"],
  ["deno", "node"],
  ["node", "bun"],
];

for (const [one, other] of pairs) {
  let ends: readonly [RemoteEnd, RemoteEnd];
  const create = () => {
    ends = [new RemoteEnd(one), new RemoteEnd(other)];
    return ends;
  };
  testTransport(`${one} and ${other}`, create, () => {
    testSockets(() => ends);
    if (one === other) testHostile(() => ends[0]);
  });
}
