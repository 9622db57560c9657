/**
 * A RESP server with all commands of keys, connection and server, a clock that the test moves, and timers that ring when it
 * has moved far enough.
 */
import type { Clock, Timer } from "../../../../../src/core/ports.ts";
import { type NodeConfigInput, parseConfig } from "../../../../../src/node/config.ts";
import { Node } from "../../../../../src/node/node.ts";
import type { Command } from "../../../../../src/protocol/resp/command.ts";
import { connectionCommands } from "../../../../../src/protocol/resp/commands/connection.ts";
import { keyCommands } from "../../../../../src/protocol/resp/commands/keys.ts";
import { pubsubCommands } from "../../../../../src/protocol/resp/commands/pubsub.ts";
import { serverCommands } from "../../../../../src/protocol/resp/commands/server.ts";
import { stringCommands } from "../../../../../src/protocol/resp/commands/strings.ts";
import { transactionCommands } from "../../../../../src/protocol/resp/commands/transactions.ts";
import { unsupportedCommands } from "../../../../../src/protocol/resp/commands/unsupported.ts";
import { RespServer } from "../../../../../src/protocol/resp/server.ts";
import { START_MS, seededRandom } from "../../../store/test-store.ts";
import { Peer } from "../conversation.ts";

export const everyCommand = [
  ...keyCommands,
  ...stringCommands,
  ...connectionCommands,
  ...serverCommands,
  ...transactionCommands,
  ...pubsubCommands,
  ...unsupportedCommands,
];

interface Alarm {
  readonly atMs: number;
  readonly ring: () => void;
}

export class OwnServer {
  nowMs = START_MS;
  readonly node: Node;
  readonly server: RespServer;
  #alarms: Alarm[] = [];

  constructor(config: NodeConfigInput = {}, commands: readonly Command[] = everyCommand) {
    const clock: Clock = { now: () => this.nowMs, monotonic: () => this.nowMs };
    const timer: Timer = {
      after: (delayMs, ring) => {
        const alarm = { atMs: this.nowMs + delayMs, ring };
        this.#alarms.push(alarm);
        return () => {
          this.#alarms = this.#alarms.filter((one) => one !== alarm);
        };
      },
    };
    const parsed = parseConfig(config);
    if (parsed.config === undefined) throw new Error(JSON.stringify(parsed.mistakes));
    this.node = new Node(parsed.config, { clock, random: seededRandom(1), timer, log: { write: () => {} } });
    this.server = new RespServer(this.node, commands);
  }

  /** Timers that are set. */
  get alarms(): number {
    return this.#alarms.length;
  }

  peer(protocol: 2 | 3 = 2): Peer {
    return new Peer(this.server, protocol);
  }

  /** Moves the clock, step by step through the timers that are due. */
  advance(ms: number): void {
    const until = this.nowMs + ms;
    for (;;) {
      const next = this.#alarms.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > until) break;
      this.#alarms = this.#alarms.filter((one) => one !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.ring();
    }
    this.nowMs = until;
    this.server.tick();
  }
}
