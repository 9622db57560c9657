/** No node throws, whatever it is asked or sent: an assertion that fails is a bug even where nobody can read its effects. */
import type { Checker } from "../checker.ts";

export function createNoErrors(): Checker {
  return {
    name: "errors",
    finish({ world }, report) {
      for (const { node, error, atMs } of world.errors) {
        const text = error instanceof Error ? `${error.stack ?? error.message}` : String(error);
        report("", `${node} threw ${text}`, atMs);
      }
    },
  };
}
