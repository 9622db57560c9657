/**
 * A RESP server with a few commands of its own, over connections that the test controls byte by byte: what arrives in
 * which chunk, what the socket takes, and when time passes.
 */
import { decodeLatin1, encodeLatin1 } from "../../../../src/core/bytes.ts";
import type { Log, Timer } from "../../../../src/core/ports.ts";
import { Principal } from "../../../../src/node/access.ts";
import { type NodeConfigInput, parseConfig } from "../../../../src/node/config.ts";
import { Node } from "../../../../src/node/node.ts";
import { ALL_KEYS, type Command, command, ONE_KEY } from "../../../../src/protocol/resp/command.ts";
import type { Connection } from "../../../../src/protocol/resp/connection.ts";
import { RespServer } from "../../../../src/protocol/resp/server.ts";
import type { Session, Unblock } from "../../../../src/protocol/resp/session.ts";
import { Transaction } from "../../../../src/protocol/resp/transaction.ts";
import { START_MS, seededRandom } from "../../store/test-store.ts";

/** A request as clients send it; words may hold any bytes, one per char. */
export function frame(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
}

export class FakeConnection implements Connection {
  remoteAddress = "127.0.0.1:5000";
  localAddress = "127.0.0.1:7379";
  pendingBytes = 0;
  paused = false;
  closed = false;
  /** Each write as text, one char per byte. */
  writes: string[] = [];

  write(bytes: Uint8Array): void {
    if (this.closed) throw new Error("written after close");
    this.writes.push(decodeLatin1(bytes));
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  close(): void {
    this.closed = true;
  }
  cut(): void {
    this.closed = true;
    this.pendingBytes = 0;
  }

  /** All that was written since the last call. */
  take(): string {
    return this.writes.splice(0).join("");
  }
}

export class Wire {
  readonly connection = new FakeConnection();
  readonly session: Session;

  constructor(server: RespServer) {
    this.session = server.accept(this.connection);
  }

  /** Delivers one chunk and returns what came back. */
  send(...chunks: string[]): string {
    for (const chunk of chunks) this.session.receive(encodeLatin1(chunk));
    return this.connection.take();
  }

  /** Sends one command. */
  call(...words: string[]): string {
    return this.send(frame(...words));
  }
}

interface Alarm {
  readonly atMs: number;
  readonly callback: () => void;
}

export class TestServer {
  nowMs = START_MS;
  readonly logged: string[] = [];
  readonly node: Node;
  readonly server: RespServer;
  /** What `WAITFOR` returned last. */
  unblock: Unblock | undefined;
  #alarms: Alarm[] = [];

  constructor(config: NodeConfigInput = {}) {
    const clock = { now: () => this.nowMs, monotonic: () => this.nowMs };
    const timer: Timer = {
      after: (delayMs, callback) => {
        const alarm = { atMs: this.nowMs + delayMs, callback };
        this.#alarms.push(alarm);
        return () => {
          this.#alarms = this.#alarms.filter((one) => one !== alarm);
        };
      },
    };
    const log: Log = { write: (level, event) => void this.logged.push(`${level}: ${event}`) };
    const parsed = parseConfig(config);
    if (parsed.config === undefined) throw new Error(JSON.stringify(parsed.mistakes));
    this.node = new Node(parsed.config, { clock, random: seededRandom(1), timer, log });
    this.server = new RespServer(this.node, this.#commands());
  }

  wire(): Wire {
    return new Wire(this.server);
  }

  /** Moves the clock, runs what is due, and ticks. */
  advance(ms: number): void {
    this.nowMs += ms;
    const due = this.#alarms.filter(({ atMs }) => atMs <= this.nowMs);
    this.#alarms = this.#alarms.filter(({ atMs }) => atMs > this.nowMs);
    for (const { callback } of due) callback();
    this.server.tick();
  }

  #commands(): Command[] {
    return [...keyCommands, ...modeCommands, ...this.#timeCommands()];
  }

  #timeCommands(): Command[] {
    return [
      command({
        name: "sleep",
        arity: 2,
        flags: ["fast"],
        group: "test",
        handler: (session, args) => {
          this.nowMs += args.integer(1);
          session.reply.ok();
        },
      }),
      command({
        name: "waitfor",
        arity: 1,
        group: "test",
        handler: (session) => {
          this.unblock = session.block();
        },
      }),
      command({
        name: "now",
        arity: 1,
        group: "test",
        handler: (session) => session.block()((reply) => reply.simple("at once")),
      }),
    ];
  }
}

const keyCommands: Command[] = [
  command({
    name: "get",
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    group: "string",
    handler: ({ node, reply }, args) => {
      const id = node.find(args.bytes, args.start(1), args.end(1));
      if (id === 0) return reply.null();
      node.store.locate(id);
      reply.bulk(node.store.bytes, node.store.valueStart, node.store.valueEnd);
    },
  }),
  command({
    name: "set",
    arity: -3,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    group: "string",
    handler: (session, args) => {
      const { bytes } = args;
      const outcome = session.node.set(bytes, args.start(1), args.end(1), bytes, args.start(2), args.end(2), 0);
      if (!session.replyOutcome(outcome, args)) session.reply.ok();
    },
  }),
  // The arguments as the handler sees them, keys in their stored form.
  command({
    name: "stored",
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ALL_KEYS,
    group: "test",
    handler: ({ reply }, args) => {
      reply.array(args.count - 1);
      for (let i = 1; i < args.count; i++) reply.bulk(args.bytes, args.start(i), args.end(i));
    },
  }),
  command({
    name: "echo",
    arity: 2,
    flags: ["fast"],
    group: "connection",
    handler: ({ reply }, args) => reply.bulk(args.bytes, args.start(1), args.end(1)),
  }),
  command({
    name: "repeat",
    arity: 3,
    group: "test",
    handler: ({ reply }, args) => {
      const value = new Uint8Array(args.integer(1)).fill(120);
      for (let i = 0; i < args.integer(2); i++) reply.bulk(value, 0, value.length);
    },
  }),
];

const modeCommands: Command[] = [
  command({
    name: "ping",
    arity: -1,
    flags: ["fast"],
    group: "connection",
    handler: ({ reply }) => reply.simple("PONG"),
  }),
  command({
    name: "quit",
    arity: -1,
    flags: ["fast", "no_auth"],
    group: "connection",
    handler: (session) => {
      session.reply.ok();
      session.closeAfterReply();
    },
  }),
  command({
    name: "auth",
    arity: -2,
    flags: ["fast", "no_auth"],
    group: "connection",
    handler: (session) => {
      session.principal = new Principal("default", ["admin"], []);
      session.reply.ok();
    },
  }),
  command({
    name: "select",
    arity: 2,
    flags: ["fast"],
    group: "connection",
    handler: (session, args) => {
      session.database = args.integer(1);
      session.reply.ok();
    },
  }),
  command({
    name: "multi",
    arity: 1,
    flags: ["fast", "no_multi"],
    group: "transactions",
    handler: (session) => {
      session.transaction = new Transaction();
      session.reply.ok();
    },
  }),
  command({
    name: "exec",
    arity: 1,
    group: "transactions",
    handler: (session) => {
      const { transaction } = session;
      session.transaction = undefined;
      if (transaction === undefined) return session.reply.error("ERR EXEC without MULTI");
      if (transaction.failed) return session.reply.error("EXECABORT Transaction discarded because of previous errors.");
      session.reply.array(transaction.requests.length);
      for (const { route, args } of transaction.requests) session.server.execute(session, route, args);
    },
  }),
  command({
    name: "throw",
    arity: -1,
    flags: ["fast"],
    group: "test",
    handler: ({ reply }) => {
      reply.array(3);
      reply.integer(1);
      throw new Error("a\r\nbug");
    },
  }),
  command({
    name: "tell",
    arity: 3,
    flags: ["fast"],
    group: "test",
    handler: (session, args) => {
      const text = args.latin1(2);
      session.server.session(args.integer(1))?.push((reply) => reply.simple(text));
      session.reply.ok();
    },
  }),
  command({
    name: "client",
    arity: -2,
    group: "connection",
    handler: () => {},
    subcommands: [
      command({ name: "client|id", arity: 2, group: "connection", handler: (s) => s.reply.integer(s.id) }),
      command({
        name: "client|reply",
        arity: 3,
        group: "connection",
        handler: (session, args) => {
          session.replyMode = args.is(2, "OFF") ? "off" : args.is(2, "SKIP") ? "skip" : "on";
          session.reply.ok();
        },
      }),
      command({
        name: "client|pause",
        arity: -3,
        group: "connection",
        handler: (session, args) => {
          session.server.pause(session.node.nowMs + args.integer(2), args.count > 3 ? "write" : "all");
          session.reply.ok();
        },
      }),
      command({
        name: "client|unpause",
        arity: 2,
        group: "connection",
        handler: (session) => {
          session.server.unpause();
          session.reply.ok();
        },
      }),
    ],
  }),
  command({
    name: "monitor",
    arity: 1,
    flags: ["admin"],
    group: "server",
    handler: (session) => {
      session.server.monitor(session, true);
      session.reply.ok();
    },
  }),
];
