/** A `TransportEnd` on whatever runtime runs this file: asked by lines of JSON on its input, answers by lines on its output. */
import process from "node:process";
import { createInterface } from "node:readline";
import { type EndRequest, type ListenHttp, type PeerAdapter, TransportEnd } from "./transport-end.ts";

const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const adapter = (await import(`../../../adapters/${runtime}/peer-sockets.ts`)) as PeerAdapter;
const end = new TransportEnd(adapter, async (isStrict) => {
  const place = isStrict && runtime === "deno" ? "node" : runtime;
  return ((await import(`../../../adapters/${place}/http-listener.ts`)) as { listenHttp: ListenHttp }).listenHttp;
});

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const { number, request } = JSON.parse(line) as { number: number; request: EndRequest };
  const answer = (value: object) => process.stdout.write(`${JSON.stringify({ number, ...value })}\n`);
  end.ask(request).then(
    (result) => answer({ result: result ?? null }),
    (error) => answer({ error: String(error instanceof Error ? error.stack : error) }),
  );
}
process.exit(0);
