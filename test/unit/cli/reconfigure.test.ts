import { expect, test } from "bun:test";
import { reconfigure } from "../../../adapters/cli/reconfigure.ts";
import type { Settings } from "../../../adapters/cli/settings.ts";
import { allCommands } from "../../../src/protocol/resp/all-commands.ts";
import { RespServer } from "../../../src/protocol/resp/server.ts";
import { TestNode } from "../node/test-node.ts";

test("a certificate that a listener cannot use is tried again the next time", async () => {
  const { node, world } = new TestNode();
  const tried: string[] = [];
  let usable = false;
  const resp = {
    hostname: "127.0.0.1",
    port: 1,
    async useCertificate({ cert }: { cert: string }) {
      tried.push(cert);
      if (!usable) throw new Error("a bad one");
    },
    close: async () => {},
  };
  const running = { server: new RespServer(node, allCommands), listeners: { resp, http: undefined }, log: world.log };
  const settingsWith = (cert: string): Settings => ({
    config: node.config,
    mistakes: [],
    warnings: [],
    file: "",
    sources: new Map(),
    certificate: { cert, key: "key" },
    again: () => settingsWith(cert),
  });
  let latest = settingsWith("old");
  latest = await reconfigure(running, latest, settingsWith("new"));
  usable = true;
  latest = await reconfigure(running, latest, settingsWith("new"));
  latest = await reconfigure(running, latest, settingsWith("new"));
  expect(tried).toEqual(["new", "new"]);
  const outcomes = world.logged.filter(({ event }) => event === "configuration read").map(({ fields }) => fields);
  expect(outcomes).toEqual(["failed", "changed", "unchanged"].map((certificate) => ({ changed: [], certificate })));
});
