import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, openConnection } from "../../../adapters/sqlite/connection.ts";
import { chunkKey } from "../../../adapters/sqlite/schema.ts";
import { SqliteStorage } from "../../../adapters/sqlite/sqlite-storage.ts";
import { restoreData, verifyData } from "../../../adapters/sqlite/verify.ts";
import type { Damage } from "../../../adapters/sqlite/verify-report.ts";
import { readFrame, sealFrame } from "../../../src/journal/frame.ts";
import { makeFrame } from "../../conformance/storage-frames.ts";
import {
  append,
  heatOf,
  newDirectory,
  openDatabase,
  rejection,
  removeDirectories,
  writeSnapshot,
} from "./test-directory.ts";

afterEach(removeDirectories);

setDefaultTimeout(30_000);

const RECORDS = 20;

/** A closed directory with snapshot 1 after frame 4, and frames up to 9; then `change` of the file, if any. */
function makeData(change?: (db: Connection) => void): string {
  const path = newDirectory();
  const { database, close } = openDatabase(path);
  append(database, 1, 9, RECORDS);
  writeSnapshot(database, 4, 6, 1, RECORDS);
  close();
  if (change !== undefined) {
    const db = openConnection(join(path, "shoal.db"));
    change(db);
    db.close();
  }
  return path;
}

type Change = (frame: Uint8Array) => Uint8Array;

function changeRow(table: "journal" | "chunk", key: number, change: Change): (db: Connection) => void {
  const column = table === "journal" ? "sequence" : "id";
  return (db) => {
    const frame = db.prepare(`SELECT frame FROM ${table} WHERE ${column} = ?`).pluck().get(key) as Uint8Array;
    db.prepare(`UPDATE ${table} SET frame = ? WHERE ${column} = ?`).run(change(new Uint8Array(frame)), key);
  };
}

/** Damages a byte of the frame's second record and makes the frame's own checksum fit. */
function damageRecord(frame: Uint8Array): Uint8Array {
  const at = readFrame(frame).recordsStart + 200;
  frame[at] = (frame[at] as number) ^ 1;
  sealFrame(frame);
  return frame;
}

function flip(at: number): Change {
  return (frame) => {
    frame[at] = (frame[at] as number) ^ 1;
    return frame;
  };
}

const CHUNK = chunkKey(1, heatOf(3), 3);

const table: {
  name: string;
  change: (db: Connection) => void;
  damage: Omit<Damage, "reason">;
  reason: string;
  complete?: true;
}[] = [
  {
    name: "a frame that does not fit its checksum",
    change: changeRow("journal", 7, flip(100)),
    damage: { table: "journal", row: 7, offset: 0 },
    reason: "checksum",
  },
  {
    name: "a record in a frame that does",
    change: changeRow("journal", 7, damageRecord),
    damage: { table: "journal", row: 7, offset: makeFrame(7, { records: 1 }).length },
    reason: "",
  },
  {
    name: "a frame that was cut",
    change: changeRow("journal", 9, (frame) => frame.slice(0, 20)),
    damage: { table: "journal", row: 9, offset: 0 },
    reason: "header",
  },
  {
    name: "a frame that is missing",
    change: (db) => db.exec("DELETE FROM journal WHERE sequence = 6"),
    damage: { table: "journal", row: 6, offset: 0 },
    reason: "the frame is missing",
  },
  {
    name: "the first frames behind the snapshot are missing",
    change: (db) => db.exec("DELETE FROM journal WHERE sequence < 8"),
    damage: { table: "journal", row: 5, offset: 0 },
    reason: "frames up to 7 are missing",
  },
  {
    name: "a frame in another's place",
    change: (db) =>
      db.exec("UPDATE journal SET frame = (SELECT frame FROM journal WHERE sequence = 8) WHERE sequence = 7"),
    damage: { table: "journal", row: 7, offset: 0 },
    reason: "its number is 8",
  },
  {
    name: "a chunk",
    change: changeRow("chunk", CHUNK, flip(60)),
    damage: { table: "chunk", row: CHUNK, offset: 0 },
    reason: "checksum",
  },
  {
    name: "a chunk that is missing",
    change: (db) => db.prepare("DELETE FROM chunk WHERE id = ?").run(CHUNK),
    damage: { table: "snapshot", row: 1, offset: 0 },
    reason: "6 chunks, 5 are there",
  },
  {
    name: "the row of the state",
    change: (db) => db.exec("UPDATE state SET last = 3"),
    damage: { table: "state", row: 0, offset: 0 },
    reason: "checksum",
  },
];

describe("verifyData", () => {
  test("data without damage: what there is", async () => {
    const path = makeData();
    const shares: number[] = [];
    const report = await verifyData(path, (done) => shares.push(done));
    expect(report).toMatchObject({ path: join(path, "shoal.db"), version: 1, damage: [], complete: true });
    expect(report.journal).toMatchObject({ frames: 5, records: 5 * RECORDS, first: 5, last: 9 });
    expect(report.snapshots).toMatchObject([{ id: 1, after: 4, chunks: 6, records: 6 * RECORDS, intact: true }]);
    expect(report.fileBytes).toBe(statSync(report.path).size);
    expect(shares.at(-1)).toBe(1);
    expect(await verifyData(report.path)).toEqual(report);
    expect(readdirSync(path).sort()).toEqual(["lock.db", "shoal.db"]);
  });

  for (const { name, change, damage, reason } of table) {
    test(`finds ${name}`, async () => {
      const report = await verifyData(makeData(change));
      expect({ damage: report.damageCount, complete: report.complete }).toEqual({ damage: 1, complete: false });
      const [{ reason: found, ...place }] = report.damage as [Damage];
      expect(place).toEqual(damage);
      expect(found).toContain(reason);
      expect(report.snapshots.map(({ intact }) => intact)).toEqual([
        damage.table !== "chunk" && damage.table !== "snapshot",
      ]);
    });
  }

  test("finds damage to SQLite's own structures, and changes nothing", async () => {
    const path = makeData();
    const file = join(path, "shoal.db");
    const bytes = readFileSync(file);
    bytes.fill(0xee, bytes.length - 20_000, bytes.length - 4_000);
    writeFileSync(file, bytes);
    const report = await verifyData(path);
    expect(report.complete).toBe(false);
    expect(report.damage.some(({ table }) => table === "file" || table === "chunk")).toBe(true);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  test("looks at a directory in use, which goes on", async () => {
    const path = newDirectory();
    const storage = new SqliteStorage({ directory: path });
    await storage.open();
    let next = 1;
    while (next <= 200) await storage.append([makeFrame(next++, { records: 500 })], false);
    let running = true;
    const verified = verifyData(path).finally(() => {
      running = false;
    });
    while (running) await storage.append([makeFrame(next++)], false);
    const report = await verified;
    expect(report).toMatchObject({ complete: true, damageCount: 0 });
    expect(report.journal.last).toBeGreaterThanOrEqual(200);
    expect(next).toBeGreaterThan(205);
    await storage.close();
  });

  const nothing = [
    { name: "a path that is not there", make: (path: string) => join(path, "nothing"), code: "unusable" },
    { name: "an empty directory", make: (path: string) => path, code: "unusable" },
    {
      name: "a text",
      make: (path: string) => {
        writeFileSync(join(path, "text"), "text ".repeat(1_000));
        return join(path, "text");
      },
      code: "corrupt",
    },
  ] as const;
  for (const { name, make, code } of nothing) {
    test(`${name} cannot be verified`, async () => {
      expect((await rejection(verifyData(make(newDirectory())))).code).toBe(code);
    });
  }
});

describe("restoreData", () => {
  test("puts a backup into a directory that is new, and into one that is not only if told to", async () => {
    const path = newDirectory();
    const backup = join(path, "backup.db");
    const source = new SqliteStorage({ directory: makeData() });
    await source.open();
    await source.backup(backup);
    await source.close();
    const before = readFileSync(backup);

    const target = join(path, "target");
    await restoreData(backup, target);
    const storage = new SqliteStorage({ directory: target });
    expect(await storage.open()).toMatchObject({ last: 9, snapshots: [{ id: 1 }] });
    expect((await rejection(restoreData(backup, target, { force: true }))).code).toBe("locked");
    await storage.append([makeFrame(10), makeFrame(11)], true);
    await storage.close();

    const refused = await rejection(restoreData(backup, target));
    expect(refused).toMatchObject({ code: "unusable" });
    expect(refused.message).toContain("not empty");
    expect((await storage.open()).last).toBe(11);
    await storage.close();

    const shares: number[] = [];
    await restoreData(backup, target, { force: true, onProgress: (done) => shares.push(done) });
    expect(shares.at(-1)).toBe(1);
    expect((await storage.open()).last).toBe(9);
    await storage.close();
    expect(readdirSync(target).sort()).toEqual(["lock.db", "shoal.db"]);
    expect(readFileSync(backup).equals(before)).toBe(true);
    expect(readdirSync(path).sort()).toEqual(["backup.db", "target"]);
  });

  test("restores nothing from a damaged backup, and nothing over files of others", async () => {
    const path = newDirectory();
    const damaged = join(makeData(changeRow("journal", 7, flip(100))), "shoal.db");
    const error = await rejection(restoreData(damaged, join(path, "target")));
    expect(error.code).toBe("corrupt");
    expect(error.message).toContain("journal 7: the checksum does not fit");
    expect(existsSync(join(path, "target"))).toBe(false);

    mkdirSync(join(path, "other"));
    writeFileSync(join(path, "other", "photos"), "");
    const whole = join(makeData(), "shoal.db");
    expect((await rejection(restoreData(whole, join(path, "other")))).message).toContain("not empty (photos)");
    expect(readdirSync(join(path, "other")).filter((name) => name.startsWith("shoal"))).toEqual([]);
  });
});
