/** A server in the process of the tests: sessions whose connection is memory. */

import { systemPorts } from "../../src/core/system.ts";
import { parseConfig } from "../../src/node/config.ts";
import { Host } from "../../src/node/host.ts";
import { Node } from "../../src/node/node.ts";
import { allCommands } from "../../src/protocol/resp/all-commands.ts";
import { RespServer } from "../../src/protocol/resp/server.ts";
import type { Session } from "../../src/protocol/resp/session.ts";
import { RespClient } from "./resp-client.ts";

export class InProcessServer {
  readonly server: RespServer;
  readonly #host: Host;

  /** @param given Fields of the configuration. */
  constructor(given: object = {}) {
    const { config, mistakes } = parseConfig({ enableDebugCommand: true, ...given });
    if (config === undefined) throw new Error(JSON.stringify(mistakes));
    const node = new Node(config, systemPorts());
    this.server = new RespServer(node, allCommands);
    this.#host = new Host(node);
    this.#host.onTick = () => this.server.tick();
    void this.#host.start();
  }

  async connect(protocol: 2 | 3): Promise<RespClient> {
    const client = new RespClient((receive, ended) => {
      let session: Session | undefined;
      const close = () => {
        ended();
        session?.disconnected();
      };
      session = this.server.accept({
        remoteAddress: "127.0.0.1:1",
        localAddress: "127.0.0.1:2",
        pendingBytes: 0,
        write: (bytes) => receive(new Uint8Array(bytes)),
        pause: () => {},
        resume: () => {},
        close: () => queueMicrotask(close),
        cut: () => queueMicrotask(close),
      });
      return { send: (bytes) => session?.receive(bytes), end: close, close };
    });
    await client.use(protocol);
    return client;
  }

  close(): void {
    void this.#host.stop();
  }
}
