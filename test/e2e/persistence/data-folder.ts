/** Folders for data, gone after the tests, and nodes that store there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Runtime, type ServerProcess, startShoal } from "../server-process.ts";
import { until } from "../until.ts";

const created: string[] = [];

/** For `afterAll`. */
export function removeFolders(): void {
  for (const path of created.splice(0)) rmSync(path, { recursive: true, force: true });
}

/** A new empty folder. */
export function newFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "shoal-stored-"));
  created.push(path);
  return path;
}

/** A line of a server's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The lines with an event that a server has logged. */
export function loggedBy(server: ServerProcess, event: string): LogLine[] {
  const lines = server.stdout.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
  return lines.map((line) => JSON.parse(line) as LogLine).filter((line) => line.event === event);
}

/** Starts a node on a data directory, and waits until everything is loaded. */
export async function startStored(
  runtime: Runtime,
  directory: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const server = await startShoal(runtime, environment, ["--data", directory]);
  await until("recovery", () => loggedBy(server, "recovered").length > 0, 20_000);
  return server;
}

export function urlOf(server: ServerProcess): string {
  return `http://127.0.0.1:${server.httpPort}`;
}
