/**
 * Runs every case of `http/cases/` against every target: in the process, mounted in another application, and
 * `shoal serve` on each runtime over sockets (on Deno on both of its listeners).
 */
import { setDefaultTimeout } from "bun:test";
import type { Runtime } from "../e2e/server-process.ts";
import type { Ability } from "./http/case.ts";
import { InProcessTarget } from "./http/in-process-target.ts";
import { ProcessTarget } from "./http/process-target.ts";
import type { Setting } from "./http/settings.ts";
import { testHttpProtocol } from "./http/suite.ts";

setDefaultTimeout(30_000);

testHttpProtocol(async (setting) => new InProcessTarget(setting), {
  name: "in-process",
  abilities: ["clock", "resp", "all-paths"],
  perCase: true,
});

// Of paths that it does not have, the application in which it is mounted says so.
testHttpProtocol(async (setting) => new InProcessTarget(setting, "/inner/cache"), {
  name: "mounted",
  abilities: ["clock", "resp"],
  perCase: true,
});

const overSockets: readonly Ability[] = ["sockets", "resp", "all-paths"];
const servers: readonly { runtime: Runtime; strict?: true; abilities: readonly Ability[] }[] = [
  { runtime: "bun", abilities: ["own-version", "http/1-only"] },
  // `Deno.serve` answers in the version of the request, and speaks HTTP/2 to whoever begins with its preface; it has no
  // option for either.
  { runtime: "deno", abilities: [] },
  { runtime: "deno", strict: true, abilities: ["own-version", "http/1-only"] },
  { runtime: "node", abilities: ["own-version", "http/1-only"] },
];

for (const { runtime, strict = false, abilities } of servers) {
  const config = strict ? { strictHttp: true } : {};
  const start = (setting: Setting) =>
    ProcessTarget.start(runtime, { ...setting, config: { ...setting.config, ...config } });
  testHttpProtocol(start, {
    name: `shoal serve on ${runtime}${strict ? " with strictHttp" : ""}`,
    abilities: [...overSockets, ...abilities],
    perCase: false,
  });
}
