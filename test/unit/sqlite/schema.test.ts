import { afterEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Connection, createFile, openConnection } from "../../../adapters/sqlite/connection.ts";
import {
  APPLICATION_ID,
  chunkKey,
  MAX_CHUNK_NUMBER,
  MAX_SNAPSHOT_ID,
  readChunkKey,
  SCHEMA_VERSION,
} from "../../../adapters/sqlite/schema.ts";
import { verifyDatabase } from "../../../adapters/sqlite/verify-database.ts";
import { sealFrame } from "../../../src/journal/frame.ts";
import { makeChunk, makeFrame } from "../../conformance/storage-frames.ts";
import {
  append,
  failure,
  newDirectory,
  openDatabase,
  readAll,
  removeDirectories,
  STARTED_MS,
  writeSnapshot,
} from "./test-directory.ts";

afterEach(removeDirectories);

/** A database file that is made by `make`. */
function makeFile(path: string, make: (db: Connection) => void): void {
  createFile(path);
  const db = openConnection(path);
  make(db);
  db.close();
}

function sealed(frame: Uint8Array): Uint8Array {
  sealFrame(frame);
  return frame;
}

/** The tables as version 0 had them, written out by hand, with a finished snapshot and one that was not. */
function makeVersion0(db: Connection): void {
  db.pragma("journal_mode = WAL");
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.exec(`
    CREATE TABLE journal (sequence INTEGER PRIMARY KEY, frame BLOB NOT NULL);
    CREATE TABLE snapshot (
      id INTEGER PRIMARY KEY, after INTEGER NOT NULL, started_ms INTEGER NOT NULL, finished_ms INTEGER NOT NULL,
      entries INTEGER NOT NULL, chunks INTEGER NOT NULL, bytes INTEGER NOT NULL, highest INTEGER NOT NULL
    );
    CREATE TABLE chunk (id INTEGER PRIMARY KEY, frame BLOB NOT NULL);`);
  const journal = db.prepare("INSERT INTO journal VALUES (?, ?)");
  for (const number of [5, 6, 7]) journal.run(number, sealed(makeFrame(number)));
  const snapshot = db.prepare("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  const chunk = sealed(makeChunk(1, 9));
  snapshot.run(3, 5, STARTED_MS, STARTED_MS + 1, 30, 1, chunk.length, 50_002);
  snapshot.run(4, 6, STARTED_MS, 0, 0, 0, 0, 0);
  const insert = db.prepare("INSERT INTO chunk VALUES (?, ?)");
  insert.run(chunkKey(3, 9, 1), chunk);
  insert.run(chunkKey(4, 9, 1), chunk);
}

describe("the schema", () => {
  test("keys of chunks are exact, and in the order of reading", () => {
    const parts = [
      [1, 255, 1],
      [1, 255, 2],
      [1, 255, MAX_CHUNK_NUMBER],
      [1, 254, 1],
      [1, 0, MAX_CHUNK_NUMBER],
      [2, 255, 1],
      [MAX_SNAPSHOT_ID, 0, MAX_CHUNK_NUMBER],
      [MAX_SNAPSHOT_ID + 1, 255, 0],
    ] as const;
    const keys = parts.map(([snapshot, heat, number]) => chunkKey(snapshot, heat, number));
    expect(keys).toEqual(keys.toSorted((a, b) => a - b));
    expect(keys.every(Number.isSafeInteger)).toBe(true);
    for (const [i, [snapshot, heat, number]] of parts.entries()) {
      expect(readChunkKey(keys[i] as number)).toEqual({ snapshot, heat, number });
    }
  });

  test("a file of version 0 becomes one of this version, with everything in it", () => {
    const path = newDirectory();
    makeFile(join(path, "shoal.db"), makeVersion0);
    // It can be looked at, and restored from, as it is.
    expect(verifyDatabase(path, () => undefined)).toMatchObject({ version: 0, complete: true, damageCount: 0 });
    const { state, database, close } = openDatabase(path);
    expect(state.remarks[0]).toContain("of version 0 and is now of version 1");
    expect(state.remarks[1]).toContain("not finished");
    expect(state.snapshots).toMatchObject([{ id: 3, after: 5, entries: 30, chunks: 1, highest: 50_002 }]);
    expect([state.first, state.last, state.highest]).toEqual([6, 7, 70_002]);
    expect(readAll(database, { after: 5 }).frames.map(({ sequence }) => sequence)).toEqual([6, 7]);
    expect(readAll(database, { snapshot: 3 }).frames.length).toBe(1);
    expect(writeSnapshot(database, 7, 2)).toBe(5);
    close();
    const again = openDatabase(path);
    expect(again.state.remarks).toEqual([]);
    expect(again.state.snapshots).toMatchObject([{ id: 5, after: 7 }]);
    again.close();
  });

  test("a migration that fails leaves the file as it was", () => {
    const path = newDirectory();
    const file = join(path, "shoal.db");
    makeFile(file, (db) => {
      makeVersion0(db);
      db.exec("CREATE TABLE state (mine TEXT)");
    });
    const before = readFileSync(file);
    expect(failure(() => openDatabase(path))).toMatchObject({ code: "unusable" });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  const refused = [
    {
      name: "a newer version",
      code: "newer",
      message: `version ${SCHEMA_VERSION + 1}, this one reads versions up to ${SCHEMA_VERSION}`,
      make: (db: Connection) => {
        db.pragma("journal_mode = WAL");
        db.pragma(`application_id = ${APPLICATION_ID}`);
        db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
        db.exec("CREATE TABLE journal (a)");
      },
    },
    {
      name: "another program's database",
      code: "unusable",
      message: "another program (application_id 0x00001234)",
      make: (db: Connection) => {
        db.pragma(`application_id = ${0x1234}`);
        db.exec("CREATE TABLE t (a)");
      },
    },
    {
      name: "a database of nobody",
      code: "unusable",
      message: "application_id 0x00000000",
      make: (db: Connection) => db.exec("CREATE TABLE t (a)"),
    },
  ];
  for (const { name, code, message, make } of refused) {
    test(`${name} is refused and not touched`, () => {
      const path = newDirectory();
      const file = join(path, "shoal.db");
      makeFile(file, make);
      const before = readFileSync(file);
      for (let i = 0; i < 2; i++) {
        expect(failure(() => openDatabase(path))).toMatchObject({ code, message: expect.stringContaining(message) });
        expect(readFileSync(file).equals(before)).toBe(true);
      }
      expect(existsSync(`${file}-wal`)).toBe(false);
    });
  }

  test("a newer version that is only in the log is refused, and neither file is touched", () => {
    const path = newDirectory();
    const file = join(path, "shoal.db");
    const whole = newDirectory();
    const { database, close } = openDatabase(whole);
    append(database, 1, 3);
    database.checkpoint(true);
    database.connection().pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    for (const suffix of ["", "-wal"]) copyFileSync(join(whole, `shoal.db${suffix}`), `${file}${suffix}`);
    close();
    const before = ["", "-wal"].map((suffix) => readFileSync(`${file}${suffix}`));
    expect(before[1]?.length).toBeGreaterThan(0);
    expect(before[0]?.readInt32BE(60)).toBe(SCHEMA_VERSION);
    for (let i = 0; i < 2; i++) {
      expect(failure(() => openDatabase(path))).toMatchObject({ code: "newer" });
      const after = ["", "-wal"].map((suffix) => readFileSync(`${file}${suffix}`));
      expect(after.map((bytes, n) => bytes.equals(before[n] as Buffer))).toEqual([true, true]);
    }
  });

  const noDatabase = [
    { name: "text", bytes: new TextEncoder().encode("this is not a database. ".repeat(100)) },
    { name: "an empty file", bytes: new Uint8Array(0) },
    { name: "half a header", bytes: new TextEncoder().encode("SQLite format 3\0....") },
  ];
  for (const { name, bytes } of noDatabase) {
    test(`${name} is no database, and left alone`, () => {
      const path = newDirectory();
      writeFileSync(join(path, "shoal.db"), bytes);
      const error = failure(() => openDatabase(path));
      expect(error).toMatchObject({ code: "corrupt", message: expect.stringContaining("file is not a database") });
      expect(readFileSync(join(path, "shoal.db")).equals(bytes)).toBe(true);
    });
  }

  test("a malformed file is corrupt, in SQLite's words, and left alone", () => {
    const path = newDirectory();
    const { database, close } = openDatabase(path);
    append(database, 1, 50, 100);
    close();
    const file = join(path, "shoal.db");
    const bytes = readFileSync(file);
    bytes.fill(0xff, 16_384, 10 * 16_384);
    writeFileSync(file, bytes);
    const error = failure(() => openDatabase(path));
    expect(error).toMatchObject({ code: "corrupt", message: expect.stringContaining("malformed") });
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  test("a snapshot that is gone is missed even if it has retired no frame", () => {
    const path = newDirectory();
    const { database, close } = openDatabase(path);
    writeSnapshot(database, 0, 3);
    database.connection().exec("DELETE FROM snapshot");
    close();
    expect(failure(() => openDatabase(path)).message).toContain("the row of snapshot 1 is gone");
  });

  test("a chunk that is gone is missed by whoever reads its snapshot", () => {
    const path = newDirectory();
    const { database, close } = openDatabase(path);
    const id = writeSnapshot(database, 0, 3);
    database.connection().exec("DELETE FROM chunk WHERE id = (SELECT MAX(id) FROM chunk)");
    const { frames, error } = readAll(database, { snapshot: id });
    expect(frames.length).toBeLessThan(3);
    expect(error).toMatchObject({ code: "corrupt" });
    close();
  });

  test("damage to a row that says what is stored is found when the file is opened", () => {
    const damages = [
      "UPDATE snapshot SET after = after + 1",
      "UPDATE snapshot SET chunks = 1",
      "DELETE FROM snapshot",
      "UPDATE state SET retired = 0",
      "UPDATE state SET newest = 0",
      "DELETE FROM state",
    ];
    for (const sql of damages) {
      const path = newDirectory();
      const { database, close } = openDatabase(path);
      append(database, 1, 4);
      writeSnapshot(database, 2, 3);
      database.connection().exec(sql);
      close();
      const error = failure(() => openDatabase(path));
      expect({ sql, code: error.code }).toEqual({ sql, code: "corrupt" });
      expect(error.message).toContain("damaged");
    }
  });
});
