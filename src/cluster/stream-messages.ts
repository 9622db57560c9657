/**
 * What passes between the two ends of a stream, beside its records.
 *
 *     STREAM       flag (1)   previous (7)   records
 *     ACKNOWLEDGE  origin (4)   life (4)   position (7)   watermark (7)   held (1)
 *     RESUME       origin (4)   life (4)   position (7)
 *     TRUNCATED    origin (4)   life (4)   asked (7)   now (7)
 *
 * `origin` is whose stream it is, `life` the origin of the end that receives it: what was said to or by an earlier life of
 * either says nothing about this one. A position is a version: all of the stream up to there has come through.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";

/** What the records of a STREAM message are. */
export const StreamFlag = {
  /** What follows on the record with the stamp `previous`. */
  IN_ORDER: 0,
  /** Invalidations (for those who hold the stream, deletes too) that wait in a backlog; they come again in their order. */
  AHEAD: 1,
} as const;
export type StreamFlag = (typeof StreamFlag)[keyof typeof StreamFlag];

export interface Acknowledgement {
  readonly origin: number;
  readonly life: number;
  /** How far the stream has come: nothing up to here has to be sent again. */
  readonly position: number;
  /** How far everything was applied; below the position while what a truncated log lost is still being pulled. */
  readonly watermark: number;
  /** True if the stream is held: nothing behind the position is applied, because the clocks are too far apart. */
  readonly held: boolean;
}

export interface Resumption {
  readonly origin: number;
  readonly life: number;
  /** The stream is to go on behind this version. */
  readonly position: number;
}

export interface Truncation {
  readonly origin: number;
  readonly life: number;
  /** From where the log was to be sent, and no longer can. */
  readonly asked: number;
  /** The stream goes on behind this version; what lies between is to be had from others. Above `asked`. */
  readonly now: number;
}

export function writeAcknowledgement(body: ByteWriter, said: Acknowledgement): void {
  body.u32(said.origin);
  body.u32(said.life);
  body.u56(said.position);
  body.u56(said.watermark);
  body.u8(said.held ? 1 : 0);
}

/** @throws {ReadError} */
export function readAcknowledgement(body: ByteReader): Acknowledgement {
  const [origin, life] = [body.u32(), body.u32()];
  const [position, watermark] = [body.u56(), body.u56()];
  const held = body.u8();
  body.expectEnd();
  if (watermark > position) throw new ReadError("a watermark lies above its stream's position");
  if (held > 1) throw new ReadError(`a stream is held (1) or not (0), and not ${held}`);
  return { origin, life, position, watermark, held: held === 1 };
}

export function writeResumption(body: ByteWriter, said: Resumption): void {
  body.u32(said.origin);
  body.u32(said.life);
  body.u56(said.position);
}

/** @throws {ReadError} */
export function readResumption(body: ByteReader): Resumption {
  const said = { origin: body.u32(), life: body.u32(), position: body.u56() };
  body.expectEnd();
  return said;
}

export function writeTruncation(body: ByteWriter, said: Truncation): void {
  body.u32(said.origin);
  body.u32(said.life);
  body.u56(said.asked);
  body.u56(said.now);
}

/** @throws {ReadError} */
export function readTruncation(body: ByteReader): Truncation {
  const said = { origin: body.u32(), life: body.u32(), asked: body.u56(), now: body.u56() };
  body.expectEnd();
  if (said.now <= said.asked) throw new ReadError("a truncated stream goes on where it was asked to, or before");
  return said;
}
