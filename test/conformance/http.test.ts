/**
 * Runs every case of `http/cases/` against every target: in the process, mounted in another application, and
 * `shoal serve` on each runtime over sockets.
 */
import { setDefaultTimeout } from "bun:test";
import { InProcessTarget } from "./http/in-process-target.ts";
import { ProcessTarget } from "./http/process-target.ts";
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

for (const runtime of ["bun", "deno", "node"] as const) {
  testHttpProtocol((setting) => ProcessTarget.start(runtime, setting), {
    name: `shoal serve on ${runtime}`,
    abilities: ["sockets", "resp", "all-paths"],
    perCase: false,
  });
}
