/** Batches written the short way, and their replies. */
import { expect } from "bun:test";
import type { CheckedServer } from "./checked-server.ts";

export interface Found {
  readonly key: unknown;
  readonly found: boolean;
  readonly value: unknown;
  readonly contentType?: string;
  readonly etag: string;
  readonly ageMs: number;
  readonly ttlMs: number | null;
  readonly stale: boolean;
  readonly tags: unknown[];
}

export interface Result {
  readonly key: unknown;
  readonly status: string;
  readonly etag?: string;
  readonly problem?: { readonly code: string; readonly detail: string };
}

export async function getAll(server: CheckedServer, body: object): Promise<readonly Found[]> {
  const reply = await server.post("/v1/batch/get", body);
  expect(reply.status).toBe(200);
  return reply.json.entries;
}

export async function setAll(
  server: CheckedServer,
  entries: readonly object[],
  database = 0,
): Promise<readonly Result[]> {
  const reply = await server.post("/v1/batch/set", { entries, database });
  expect(reply.status).toBe(200);
  return reply.json.results;
}

export const statuses = (results: readonly Result[]) => results.map(({ status, problem }) => problem?.code ?? status);
export const values = (entries: readonly Found[]) => entries.map(({ value }) => value ?? null);
