/** A node with both protocols that has done a little of everything: for tests of what is told about it. */
import { createLatencyHistogram } from "../../../adapters/cli/latency-histogram.ts";
import { MemoryStorage } from "../../../src/journal/memory-storage.ts";
import { parseConfig } from "../../../src/node/config.ts";
import { Host } from "../../../src/node/host.ts";
import { Node } from "../../../src/node/node.ts";
import { Latencies } from "../../../src/protocol/latencies.ts";
import { allCommands } from "../../../src/protocol/resp/all-commands.ts";
import { RespServer } from "../../../src/protocol/resp/server.ts";
import { TurnBatch } from "../../../src/protocol/resp/turn-batch.ts";
import type { ServerProcess } from "../../../src/protocol/server-process.ts";
import type { HttpFigures, StatisticsSources } from "../../../src/protocol/statistics.ts";
import { encodeCommand } from "../../conformance/resp-client.ts";
import { World } from "../node/test-node.ts";
import { Peer } from "./resp/conversation.ts";

export const processFacts: ServerProcess = {
  pid: 1,
  os: "Linux 6.1 x86_64",
  runtime: "bun 1.4.5",
  executable: "/bin/shoal",
  configFile: "",
  port: 7_379,
  systemMemoryBytes: 2 ** 33,
  residentBytes: () => 200 * 2 ** 20,
  memory: () => ({ residentBytes: 200 * 2 ** 20, heapBytes: 5_000_000, heapUsedBytes: 4_000_000, externalBytes: 7 }),
  cpuSeconds: () => ({ user: 1.5, system: 0.25 }),
};

export class BusyServer {
  readonly world = new World();
  readonly node: Node;
  readonly resp: RespServer;
  readonly http: HttpFigures;
  readonly host: Host;
  readonly peer: Peer;

  /** @param timed with histograms, and so with percentiles */
  constructor(timed = true) {
    const createHistogram = timed ? createLatencyHistogram : undefined;
    const { config } = parseConfig({ maxMemory: "4mb", maxNamespaces: 4, region: "eu" });
    if (config === undefined) throw new Error("the configuration is wrong");
    const ports = this.world.ports(1);
    this.node = new Node(config, createHistogram === undefined ? ports : { ...ports, createHistogram });
    this.resp = new RespServer(this.node, allCommands);
    this.host = new Host(this.node, { storage: new MemoryStorage() });
    this.resp.persistence = this.host.persistence;
    this.resp.afterTurn = () => this.host.afterTurn();
    const latencies = new Latencies(createHistogram);
    for (const ns of [800, 90_000, 2e10]) latencies.record("http", "get", ns);
    this.http = {
      requests: [
        { command: "get", status: 200, count: 2 },
        { command: "get", status: 404, count: 1 },
      ],
      inFlight: 1,
      bodyBytes: 4_096,
      receivedBytes: 10,
      sentBytes: 20,
      latencies,
    };
    this.peer = new Peer(this.resp, 3);
  }

  get sources(): StatisticsSources {
    return { node: this.node, resp: this.resp, http: this.http, facts: processFacts };
  }

  /** Reads, writes, evictions, invalidations, leases, errors, transactions, tracking. */
  async work(): Promise<void> {
    await this.host.start();
    await this.host.recovered;
    const { peer } = this;
    this.#do("CLIENT TRACKING ON");
    for (let n = 0; n < 300; n++) this.#do(`SET user:${n} ${"v".repeat(20_000)}`);
    for (let n = 200; n < 320; n++) this.#do(`GET user:${n}`);
    for (const name of ['quoted"back\\slash', "line\nbreak", "plain", "fifth", "sixth"])
      peer.send(["GET", `${name}:1`]);
    peer.send(["GET", Uint8Array.of(0xfe, 0x3a, 0x31)]);
    this.#do("GET none");
    this.#do("SHOAL.SET tagged v TAGS 1 red");
    this.#do("SHOAL.PURGE TAGS 1 red");
    // Its receipt, and all behind it, leaves when it is stored.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#do("SHOAL.LEASE key PX 1000");
    this.#do("INCR user:299");
    this.#do("GET");
    this.#do("NOSUCH");
    this.#do("MULTI");
    for (let n = 0; n < 200; n++) this.#do("GET user:1");
    this.#do("EXEC");
    const batch = new TurnBatch(this.resp);
    batch.add(peer.session, encodeCommand(["PING"]));
    batch.run();
    this.world.advance(1_000);
  }

  #do(words: string): void {
    this.peer.send(words.split(" "));
  }
}
