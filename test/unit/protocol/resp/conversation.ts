/**
 * A RESP server in the process with a clock that the test moves, and conversations with it: what a connection sends,
 * and all that comes back, as plain values (see resp-reader.ts). Nothing waits: a reply is there when `send` returns.
 */
import type { Clock, Timer } from "../../../../src/core/ports.ts";
import { type NodeConfigInput, parseConfig } from "../../../../src/node/config.ts";
import { Node } from "../../../../src/node/node.ts";
import { type Command, command } from "../../../../src/protocol/resp/command.ts";
import { pubsubCommands } from "../../../../src/protocol/resp/commands/pubsub.ts";
import { shoalCommands } from "../../../../src/protocol/resp/commands/shoal.ts";
import { trackingSubcommands } from "../../../../src/protocol/resp/commands/tracking.ts";
import { transactionCommands } from "../../../../src/protocol/resp/commands/transactions.ts";
import type { Connection } from "../../../../src/protocol/resp/connection.ts";
import { RespServer } from "../../../../src/protocol/resp/server.ts";
import type { Session } from "../../../../src/protocol/resp/session.ts";
import { type Argument, encodeCommand } from "../../../conformance/resp-client.ts";
import { readFrame } from "../../../conformance/resp-reader.ts";
import { START_MS, seededRandom } from "../../store/test-store.ts";

/** The least of GET, SET, DEL, SELECT, FLUSHALL and PING that these tests need, whatever the other groups do. */
const basicCommands: readonly Command[] = [
  command({
    name: "get",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: { first: 1, last: 1, step: 1 },
    group: "string",
    handler: (session, args) => {
      const id = session.find(args.bytes, args.start(1), args.end(1));
      const { store } = session.node;
      if (id === 0) return session.reply.null();
      store.locate(id);
      session.reply.bulk(store.bytes, store.valueStart, store.valueEnd);
    },
  }),
  command({
    name: "set",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: { first: 1, last: 1, step: 1 },
    group: "string",
    handler: (session, args) => {
      const expiresAt = args.count > 3 ? session.node.nowMs + args.integer(4) : 0;
      const { bytes } = args;
      session.node.set(bytes, args.start(1), args.end(1), bytes, args.start(2), args.end(2), expiresAt);
      session.reply.ok();
    },
  }),
  command({
    name: "del",
    arity: 2,
    flags: ["write"],
    keys: { first: 1, last: 1, step: 1 },
    group: "generic",
    handler: (session, args) => {
      session.reply.integer(session.node.delete(args.bytes, args.start(1), args.end(1)) ? 1 : 0);
    },
  }),
  command({
    name: "select",
    arity: 2,
    group: "connection",
    handler: (session, args) => {
      session.database = args.integer(1);
      session.reply.ok();
    },
  }),
  command({
    name: "swapdb",
    arity: 3,
    group: "server",
    handler: (session, args) => {
      session.node.swapDatabases(args.integer(1), args.integer(2));
      session.server.databasesSwapped();
      session.reply.ok();
    },
  }),
  command({
    name: "flushall",
    arity: 1,
    flags: ["write"],
    group: "server",
    handler: (session) => {
      session.node.flush(-1);
      session.reply.ok();
    },
  }),
  command({ name: "ping", arity: 1, group: "connection", handler: (session) => session.reply.simple("PONG") }),
  command({
    name: "client",
    arity: -2,
    group: "connection",
    handler: () => {},
    subcommands: trackingSubcommands,
  }),
];

/** One connection. */
export class Peer {
  readonly session: Session;
  readonly #input: number[] = [];

  constructor(server: RespServer, protocol: 2 | 3) {
    const connection: Connection = {
      remoteAddress: "127.0.0.1:1",
      localAddress: "127.0.0.1:2",
      pendingBytes: 0,
      write: (bytes) => {
        for (const byte of bytes) this.#input.push(byte);
      },
      pause: () => {},
      resume: () => {},
      close: () => {},
      cut: () => {},
    };
    this.session = server.accept(connection);
    this.session.protocol = protocol;
  }

  /** Sends commands in one chunk and returns all that has arrived, pushes from before included. */
  send(...commands: readonly (readonly Argument[])[]): unknown[] {
    this.session.receive(Uint8Array.from(commands.flatMap((words) => [...encodeCommand(words)])));
    return this.received();
  }

  /** Sends one command, given as words that are separated by spaces, and returns the one frame that has arrived. */
  say(words: string): unknown {
    return this.call(...words.split(" "));
  }

  /** Sends one command and returns the one frame that has arrived. */
  call(...words: readonly Argument[]): unknown {
    const frames = this.send(words);
    if (frames.length !== 1) throw new Error(`${frames.length} frames: ${JSON.stringify(frames)}`);
    return frames[0];
  }

  /** What has arrived since the last look. */
  received(): unknown[] {
    const bytes = Uint8Array.from(this.#input.splice(0));
    const frames: unknown[] = [];
    for (let at = 0; at < bytes.length; ) {
      const frame = readFrame(bytes, at, this.session.protocol);
      if (frame === undefined) throw new Error("half a frame");
      frames.push(frame.value);
      at = frame.next;
    }
    return frames;
  }
}

/** A server and its clock. */
export class Conversation {
  nowMs = START_MS;
  readonly node: Node;
  readonly server: RespServer;

  constructor(config: NodeConfigInput = {}) {
    const clock: Clock = { now: () => this.nowMs, monotonic: () => this.nowMs };
    const timer: Timer = { after: () => () => {} };
    const parsed = parseConfig(config);
    if (parsed.config === undefined) throw new Error(JSON.stringify(parsed.mistakes));
    this.node = new Node(parsed.config, { clock, random: seededRandom(1), timer, log: { write: () => {} } });
    const commands = [...basicCommands, ...transactionCommands, ...pubsubCommands, ...shoalCommands];
    this.server = new RespServer(this.node, commands);
  }

  peer(protocol: 2 | 3 = 3): Peer {
    return new Peer(this.server, protocol);
  }

  /** Moves the clock, and lets the node do its maintenance. */
  advance(ms: number): void {
    this.nowMs += ms;
    this.server.turn(() => {
      while (this.node.tick(100));
    });
  }
}

/** A push, as the reader returns it. */
export const push = (...elements: unknown[]) => ({ ">": elements });
/** A map, as the reader returns it. */
export const map = (object: Readonly<Record<string, unknown>>) => ({ "%": Object.entries(object) });
/** An error, as the reader returns it. */
export const error = (text: string) => ({ error: text });
