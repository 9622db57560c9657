/**
 * SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE and WAITAOF: Redis's commands about what is on disk.
 *
 * There is one kind of snapshot, and it retires the journal before it; so BGSAVE and BGREWRITEAOF do the same. It is
 * written while the node serves. SAVE keeps only its own connection waiting. One that is asked for while another is being
 * written is refused, or, with BGSAVE SCHEDULE and BGREWRITEAOF, begun when that one is finished; as in Redis, asking
 * several times begins one.
 *
 * WAITAOF tells, as in Redis, whether what was written is synced, so that it would survive a power cut: in the mode
 * `always` it is, in `everysec` it will be within about a second, in `no` only once a snapshot stands for it. It waits for
 * all that the node has written, not for the connection's own writes alone. Where storage fails meanwhile, that is the
 * answer. There are no replicas. Without persistence there is nothing to be saved, which all say but LASTSAVE, and WAITAOF with numlocal 0.
 */
import type { ServerPersistence } from "../../server-persistence.ts";
import type { Args } from "../args.ts";
import { type Command, command } from "../command.ts";
import { mayNotBeStored } from "../durability.ts";
import type { Session } from "../session.ts";
import { LOADING } from "../storage-gate.ts";
import { waitFor } from "./server-wait.ts";

const BUSY = "ERR Background save already in progress";
const MAX_INT64 = 2n ** 63n - 1n;

/** The persistence of a session's node; undefined after an error was replied. */
function persistenceOf(session: Session, name: string): ServerPersistence | undefined {
  const { persistence } = session.server;
  if (persistence === undefined) {
    session.reply.error(`ERR '${name}' needs persistence, which is off: start the node with a data directory`);
  } else if (persistence.state === "recovering") {
    session.reply.error(LOADING);
    return undefined;
  }
  return persistence;
}

/** Begins a snapshot; what becomes of it is in the log and in INFO. */
function begin(persistence: ServerPersistence): void {
  persistence.snapshot().catch(() => {});
}

function save(session: Session): void {
  const { reply } = session;
  const persistence = persistenceOf(session, "save");
  if (persistence === undefined) return;
  if (persistence.snapshotting) return reply.error(BUSY);
  const unblock = session.block();
  persistence.snapshot().then(
    () => unblock((late) => late.ok()),
    (cause: unknown) => unblock((late) => late.error(`ERR ${messageOf(cause)}`)),
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function backgroundSave(session: Session, args: Args): void {
  const { reply, server } = session;
  const schedules = args.count === 2 && args.is(1, "SCHEDULE");
  if (args.count > 1 && !schedules) return reply.error("ERR syntax error");
  const persistence = persistenceOf(session, "bgsave");
  if (persistence === undefined) return;
  if (!persistence.snapshotting) {
    begin(persistence);
    return reply.simple("Background saving started");
  }
  if (!schedules) return reply.error(BUSY);
  server.durability.snapshotScheduled = true;
  reply.simple("Background saving scheduled");
}

function rewrite(session: Session): void {
  const { reply, server } = session;
  const persistence = persistenceOf(session, "bgrewriteaof");
  if (persistence === undefined) return;
  if (persistence.snapshotting) {
    server.durability.snapshotScheduled = true;
    return reply.simple("Background append only file rewriting scheduled");
  }
  begin(persistence);
  reply.simple("Background append only file rewriting started");
}

function lastSave(session: Session): void {
  const { server, reply } = session;
  const savedMs = server.persistence?.status().lastSnapshotMs ?? 0;
  reply.integer(Math.floor((savedMs === 0 ? server.startedAtMs : savedMs) / 1_000));
}

/** WAITAOF numlocal numreplicas timeout */
function waitForAof(session: Session, args: Args): void {
  const { reply, server } = session;
  const { persistence } = server;
  const [local, replicas, timeout] = [args.bigint(1), args.bigint(2), args.bigint(3)];
  if (local === undefined) return reply.error("ERR value is not an integer or out of range");
  if (local < 0n || local > 1n) return reply.error("ERR value is out of range, value must between 0 and 1");
  if (replicas === undefined) return reply.error("ERR value is not an integer or out of range");
  if (replicas < 0n || replicas > MAX_INT64) return reply.error("ERR value is out of range, must be positive");
  if (timeout === undefined) return reply.error("ERR timeout is not an integer or out of range");
  if (timeout < 0n) return reply.error("ERR timeout is negative");
  if (persistence === undefined && local > 0n) {
    return reply.error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
  }
  if ((local === 0n && replicas === 0n) || session.transaction !== undefined) {
    return replySynced(reply, persistence?.synced ? 1 : 0);
  }
  let synced = 0;
  const end = waitFor(session, Number(timeout), (late) => replySynced(late, synced));
  server.durability.whenSynced((error) => {
    synced = error === undefined ? 1 : 0;
    if (error !== undefined && local > 0n) end((late) => late.error(mayNotBeStored(error)));
    else if (error === undefined && replicas === 0n) end((late) => replySynced(late, 1));
  });
}

function replySynced(reply: Session["reply"], local: number): void {
  reply.array(2);
  reply.integer(local);
  reply.integer(0);
}

const SAVING = ["admin", "noscript", "no_async_loading"] as const;
const ADMIN = ["admin", "slow", "dangerous"];

export const persistenceCommands: readonly Command[] = [
  command({
    name: "save",
    arity: 1,
    flags: [...SAVING, "no_multi"],
    group: "server",
    since: "1.0.0",
    summary: "Writes a snapshot, and replies when it is finished.",
    complexity: "O(N) where N is the number of entries, in slices.",
    categories: ADMIN,
    handler: save,
  }),
  command({
    name: "bgsave",
    arity: -1,
    flags: SAVING,
    group: "server",
    since: "1.0.0",
    summary: "Begins a snapshot.",
    complexity: "O(1)",
    syntax: "[SCHEDULE]",
    categories: ADMIN,
    handler: backgroundSave,
  }),
  command({
    name: "bgrewriteaof",
    arity: 1,
    flags: SAVING,
    group: "server",
    since: "1.0.0",
    summary: "Begins a snapshot, which retires the journal before it.",
    complexity: "O(1)",
    categories: ADMIN,
    handler: rewrite,
  }),
  command({
    name: "lastsave",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    group: "server",
    since: "1.0.0",
    summary: "Returns when the last snapshot was finished, in seconds since the Unix epoch.",
    complexity: "O(1)",
    categories: ["admin", "fast", "dangerous"],
    handler: lastSave,
  }),
  command({
    name: "waitaof",
    arity: 4,
    flags: ["noscript", "blocking"],
    group: "generic",
    since: "7.2.0",
    summary: "Blocks until everything that was written is in the journal, and synced.",
    complexity: "O(1)",
    syntax: "numlocal numreplicas timeout",
    categories: ["slow", "blocking", "connection"],
    handler: waitForAof,
  }),
];
