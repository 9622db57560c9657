/** The suite's ends over `MemoryNetwork`, which delivers whenever somebody looks. */
import { MemoryNetwork } from "../../../src/node/memory-transport.ts";
import type { TestEnd, TestTransport } from "./suite.ts";
import { type OpenOptions, sendFrames, watch } from "./transport-end.ts";

export class MemoryEnds implements TestEnd {
  #network = new MemoryNetwork();

  async open({ id }: OpenOptions): Promise<TestTransport> {
    const network = this.#network;
    const transport = network.join(id);
    const opened = watch(transport, undefined, () => undefined);
    return {
      id,
      address: id,
      reach: async (...addresses) => transport.reach?.(addresses),
      send: async (peer, channel, sizes) => sendFrames(opened, { peer, channel, sizes }),
      unlink: async (peer) => transport.unlink?.(peer),
      state: async () => {
        network.deliver();
        return { links: opened.links, received: opened.received, status: undefined };
      },
      close: async () => {
        await transport.close();
      },
    };
  }

  async stop(): Promise<void> {
    this.#network = new MemoryNetwork();
  }
}
