/** Which requests may become a peer's socket. */
import { expect, test } from "bun:test";
import { isPeerPath, refuseUpgrade } from "../../../src/node/peer-upgrade.ts";

const cases: readonly { name: string; fields: Readonly<Record<string, string>>; expected: number | undefined }[] = [
  { name: "a node", fields: { host: "fra:7400", upgrade: "websocket" }, expected: undefined },
  { name: "in capitals", fields: { host: "fra:7400", upgrade: "WebSocket" }, expected: undefined },
  { name: "no upgrade", fields: { host: "fra:7400" }, expected: 426 },
  { name: "another upgrade", fields: { host: "fra:7400", upgrade: "h2c" }, expected: 426 },
  {
    name: "the host's own page",
    fields: { host: "Fra:7400", upgrade: "websocket", origin: "http://fra:7400" },
    expected: undefined,
  },
  {
    name: "a page of another host",
    fields: { host: "fra:7400", upgrade: "websocket", origin: "https://example.com" },
    expected: 403,
  },
  {
    name: "a page of another port",
    fields: { host: "fra:7400", upgrade: "websocket", origin: "http://fra:80" },
    expected: 403,
  },
  { name: "a page of nowhere", fields: { host: "fra:7400", upgrade: "websocket", origin: "null" }, expected: 403 },
  {
    name: "a user before the host",
    fields: { host: "fra:7400", upgrade: "websocket", origin: "http://fra:7400@example.com" },
    expected: 403,
  },
  { name: "no host, and an origin", fields: { upgrade: "websocket", origin: "null" }, expected: 403 },
];

for (const { name, fields, expected } of cases) {
  test(name, () => expect(refuseUpgrade((field) => fields[field] ?? null)?.status).toBe(expected as 403));
}

test("the path is that of peers, with whatever query", () => {
  const paths = ["/v1/peer", "/v1/peer?resp=6379", "/v1/peers", "/v1/peer/x", "/x/v1/peer"];
  expect(paths.map(isPeerPath)).toEqual([true, true, false, false, false]);
});
