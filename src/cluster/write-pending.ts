/**
 * Writes the body of a STREAM message: as much of what is pending for a peer as may be under way, and one record in any case.
 * Records that lie next to each other in the log, and go to the peer all, are copied as one range.
 */
import { assert } from "../core/assert.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { OutgoingStream } from "./outgoing-stream.ts";
import type { RecordLog } from "./record-log.ts";
import { StreamFlag } from "./stream-messages.ts";

/** A message ends with the record that takes it beyond this. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Takes what it writes from `stream.pending`, where there must be something, and puts it under way. */
export function writePending<For>(
  stream: OutgoingStream,
  log: RecordLog<For>,
  body: ByteWriter,
  monotonicMs: number,
): void {
  const { pending, window } = stream;
  assert(!pending.isEmpty, "a message of a stream contains a record");
  body.u8(StreamFlag.IN_ORDER);
  body.u56(stream.sentTo);
  const before = body.length;
  const limit = before + Math.min(MAX_MESSAGE_BYTES, window.room);
  while (!pending.isEmpty && body.length < limit) {
    const chunk = log.chunkOf(pending.first);
    const from = pending.first - chunk.first;
    const start = chunk.startOf(from);
    let to = Math.min(pending.firstEnd, chunk.end) - chunk.first;
    if (body.length + chunk.startOf(to) - start > limit) {
      to = from + 1;
      while (body.length + chunk.startOf(to) - start < limit) to++;
    }
    body.range(chunk.bytes, start, chunk.startOf(to));
    stream.sentTo = chunk.versions[to - 1];
    pending.takeTo(chunk.first + to);
  }
  window.sent(stream.sentTo, body.length - before, monotonicMs);
}
