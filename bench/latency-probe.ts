/**
 * Latency of GET beside writes at a fixed rate, measured by a process of its own on Bun:
 *
 *     bun bench/latency-probe.ts PORT SECONDS WRITES_PER_SECOND KEYS VALUE_BYTES SAVE(yes|no)
 *
 * Each millisecond one GET goes out on each of eight connections whose answer has come, and a share of the writes on a ninth
 * one. Ticks that a connection misses because its answer is late count as well, with the time from the tick on, so a pause
 * counts for as long as it lasts. With SAVE a BGSAVE is asked for whenever none is under way. Keys are those of
 * load-generator.ts. Prints {"p50", "p99", "p999", "max" (ms), "reads", "writes", "saves"}; ends after the given time.
 */
import process from "node:process";
import { percentile } from "./report.ts";

const [port, seconds, writesPerSecond, keys, valueBytes] = process.argv.slice(2, 7).map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const saves = process.argv[7] === "yes";
const READERS = 8;
const TICK_MS = 1;
/** The first part is not measured: connections, code and caches warm up. */
const WARM_UP_MS = 300;
/** A reply of GET, a hit. */
const REPLY_BYTES = `$${valueBytes}\r\n\r\n`.length + valueBytes;

interface Reader {
  /** When the request under way was sent; 0 if there is none. */
  sentMs: number;
  due: number;
}

const latencies: number[] = [];
let began = Number.POSITIVE_INFINITY;
let written = 0;
let saved = 0;
let saving = false;
let state = 123_456_789;

function nextName(): string {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return `key:${String((state >>> 0) % keys).padStart(12, "0")}`;
}

function answered(reader: Reader, nowMs: number): void {
  if (reader.sentMs >= began) {
    for (let late = nowMs - reader.sentMs; late > 0; late -= TICK_MS) latencies.push(late);
  }
  reader.sentMs = 0;
}

function refuse(): never {
  throw new Error("the server closed a connection");
}

async function connectReader(): Promise<Bun.Socket<Reader>> {
  const socket = await Bun.connect<Reader>({
    hostname: "127.0.0.1",
    port,
    data: { sentMs: 0, due: 0 },
    socket: {
      data({ data }, bytes) {
        data.due -= bytes.length;
        if (data.due < 0) throw new Error(`more than the reply of a hit: ${bytes.toString().slice(0, 100)}`);
        if (data.due === 0) answered(data, performance.now());
      },
      close: refuse,
    },
  });
  socket.setNoDelay(true);
  return socket;
}

const readers = await Promise.all(Array.from({ length: READERS }, connectReader));
const writer = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {}, close: refuse } });
const control = await Bun.connect({
  hostname: "127.0.0.1",
  port,
  socket: {
    data(_, bytes) {
      const text = bytes.toString();
      if (text.includes("rdb_bgsave_in_progress")) saving = !text.includes("rdb_bgsave_in_progress:0");
    },
    close: refuse,
  },
});
const value = "v".repeat(valueBytes);
let owed = 0;
let unsent: Buffer | undefined;

function write(elapsedMs: number): void {
  owed += (writesPerSecond * elapsedMs) / 1_000;
  // The server is slower than the rate, or slows writers down: what it does not take is not written.
  if (unsent !== undefined) {
    const sent = writer.write(unsent);
    unsent = sent >= unsent.length ? undefined : unsent.subarray(Math.max(0, sent));
    owed = Math.min(owed, writesPerSecond / 100);
    return;
  }
  const count = Math.floor(owed);
  if (count === 0) return;
  owed -= count;
  written += count;
  const one = () => `*3\r\n$3\r\nSET\r\n$16\r\n${nextName()}\r\n$${valueBytes}\r\n${value}\r\n`;
  const bytes = Buffer.from(Array.from({ length: count }, one).join(""));
  const sent = writer.write(bytes);
  if (sent < bytes.length) unsent = bytes.subarray(Math.max(0, sent));
}

const startedMs = performance.now();
let lastMs = startedMs;
let asked = 0;
const timer = setInterval(() => {
  const nowMs = performance.now();
  if (began === Number.POSITIVE_INFINITY && nowMs > startedMs + WARM_UP_MS) began = nowMs;
  for (const socket of readers) {
    if (socket.data.sentMs !== 0) continue;
    socket.data.due = REPLY_BYTES;
    socket.data.sentMs = nowMs;
    socket.write(`*2\r\n$3\r\nGET\r\n$16\r\n${nextName()}\r\n`);
  }
  write(Math.min(20, nowMs - lastMs));
  lastMs = nowMs;
  if (saves && nowMs > asked + 50) {
    asked = nowMs;
    if (!saving) {
      saved++;
      saving = true;
      control.write("BGSAVE\r\n");
    }
    control.write("INFO persistence\r\n");
  }
  if (nowMs < startedMs + WARM_UP_MS + seconds * 1_000) return;
  clearInterval(timer);
  for (const { data } of readers) if (data.sentMs !== 0) answered(data, nowMs);
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => percentile(latencies, share));
  const max = latencies.reduce((most, one) => Math.max(most, one), 0);
  process.stdout.write(
    `${JSON.stringify({ p50, p99, p999, max, reads: latencies.length, writes: written, saves: saved })}\n`,
  );
  process.exit(0);
}, TICK_MS);
