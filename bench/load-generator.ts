/**
 * A load generator that is cheaper than the servers it loads, run as a process of its own on Bun: requests are rendered
 * before the clock starts, and replies are only counted in bytes, since all of one kind have the same length.
 *
 *     bun bench/load-generator.ts PORT KIND CONNECTIONS PIPELINE REQUESTS KEYS VALUE_BYTES REPLY_BYTES
 *
 * KIND is get, set, mixed (set and get in turn; REPLY_BYTES is that of a get) or fill (all keys in order, with a TTL).
 * Prints {"seconds", "requests"}. It ends by itself: after the requests, or with an error after 120 seconds.
 */
import process from "node:process";

const [port, kind, connections, pipeline, requests, keys, valueBytes, replyBytes] = process.argv
  .slice(2)
  .map((word, i) => (i === 1 ? word : Number(word))) as [
  number,
  string,
  number,
  number,
  number,
  number,
  number,
  number,
];

const BATCHES = Math.max(8, Math.ceil(Math.min(512, 25_600 / connections) / pipeline));
let state = 88_172_645;
function nextKey(): string {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return `key:${String((state >>> 0) % keys).padStart(12, "0")}`;
}
/** The same for all keys, and nothing that a server could compress. */
const value = Array.from({ length: valueBytes }, () => {
  nextKey();
  return String.fromCharCode(97 + ((state >>> 8) % 26));
}).join("");
function render(name: string): string {
  return `*5\r\n$3\r\nSET\r\n$${name.length}\r\n${name}\r\n$${valueBytes}\r\n${value}\r\n$2\r\nPX\r\n$8\r\n36000000\r\n`;
}
function renderPlain(name: string): string {
  return `*3\r\n$3\r\nSET\r\n$${name.length}\r\n${name}\r\n$${valueBytes}\r\n${value}\r\n`;
}
function renderGet(name: string): string {
  return `*2\r\n$3\r\nGET\r\n$${name.length}\r\n${name}\r\n`;
}
const SET_REPLY_BYTES = "+OK\r\n".length;

interface Batch {
  readonly bytes: Buffer;
  /** Bytes of its replies. */
  readonly due: number;
}

/** `pipeline` requests; `fill` walks all keys in order instead. */
let filled = 0;
let turn = 0;
function batch(): Batch {
  let due = 0;
  const rendered = Array.from({ length: pipeline }, () => {
    if (kind === "mixed") {
      const get = turn++ % 2 === 1;
      due += get ? replyBytes : SET_REPLY_BYTES;
      return get ? renderGet(nextKey()) : renderPlain(nextKey());
    }
    due += replyBytes;
    if (kind === "fill") return render(`key:${String(filled++ % keys).padStart(12, "0")}`);
    return kind === "set" ? renderPlain(nextKey()) : renderGet(nextKey());
  });
  return { bytes: Buffer.from(rendered.join("")), due };
}

interface Connection {
  readonly batches: Batch[];
  next: number;
  /** Bytes of replies that are still to come for the batch under way. */
  due: number;
}
let left = Math.ceil(requests / pipeline);
let running = 0;
let started = 0;
const total = left * pipeline;

function finish(): void {
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${JSON.stringify({ seconds, requests: total })}\n`);
  process.exit(0);
}

function send(socket: Bun.Socket<Connection>): void {
  if (left === 0) {
    running--;
    if (running === 0) finish();
    return;
  }
  left--;
  const { data } = socket;
  const { bytes, due } = kind === "fill" ? batch() : (data.batches[data.next++ % data.batches.length] as Batch);
  data.due = due;
  const sent = socket.write(bytes);
  if (sent < bytes.length) unsent.set(socket, bytes.subarray(Math.max(0, sent)));
}
const unsent = new Map<Bun.Socket<Connection>, Buffer>();

const sockets: Bun.Socket<Connection>[] = [];
for (let i = 0; i < connections; i++) {
  const batches = Array.from({ length: kind === "fill" ? 0 : BATCHES }, batch);
  const socket = await Bun.connect<Connection>({
    hostname: "127.0.0.1",
    port,
    data: { batches, next: 0, due: 0 },
    socket: {
      data(one, bytes) {
        one.data.due -= bytes.length;
        if (one.data.due === 0) send(one);
        else if (one.data.due < 0) throw new Error("more bytes than replies have: an error reply?");
      },
      drain(one) {
        const rest = unsent.get(one);
        if (rest === undefined) return;
        const sent = one.write(rest);
        if (sent >= rest.length) unsent.delete(one);
        else if (sent > 0) unsent.set(one, rest.subarray(sent));
      },
      close() {
        throw new Error("the server closed a connection");
      },
    },
  });
  socket.setNoDelay(true);
  sockets.push(socket);
}
setTimeout(() => {
  process.stderr.write("the load did not end within 120 seconds\n");
  process.exit(1);
}, 120_000);
started = performance.now();
running = sockets.length;
for (const socket of sockets) send(socket);
