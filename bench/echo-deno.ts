/**
 * A bare server on Deno, the peer of `bench:resp --runtime deno`: reads into one buffer per connection and answers each
 * GET of the load generator (36 bytes) with as many bytes as a reply has, in one write. No parsing, no lookup, no copies.
 *
 *     deno run -A bench/echo-deno.ts PORT REPLY_BYTES
 */
import type { DenoConn } from "../adapters/deno/resp-listener.ts";

declare const Deno: {
  readonly args: string[];
  listen(options: { hostname: string; port: number }): AsyncIterable<DenoConn>;
};

const REQUEST_BYTES = 36;
const [port, replyBytes] = Deno.args.map(Number) as [number, number];
const listener = Deno.listen({ hostname: "127.0.0.1", port });
const reply = new Uint8Array(replyBytes * 8_192).fill(65);

async function serve(connection: DenoConn): Promise<void> {
  connection.setNoDelay(true);
  const buffer = new Uint8Array(65_536);
  let rest = 0;
  for (;;) {
    const size = await connection.read(buffer);
    if (size === null) return;
    const requests = Math.floor((rest + size) / REQUEST_BYTES);
    rest = (rest + size) % REQUEST_BYTES;
    let left = requests * replyBytes;
    let at = 0;
    while (left > 0) {
      const sent = await connection.write(reply.subarray(at, at + left));
      at += sent;
      left -= sent;
    }
  }
}

for await (const connection of listener) serve(connection).catch(() => {});
