/** A program that uses storage once and then has nothing left to do. */
import { SqliteStorage } from "../../../adapters/sqlite/sqlite-storage.ts";
import { makeFrame } from "../../conformance/storage-frames.ts";

const storage = new SqliteStorage({ directory: process.argv[2] as string });
await storage.open();
await storage.append([makeFrame(1), makeFrame(2)], true);
for await (const _ of storage.readJournal(0)) break;
await storage.close();
console.log("closed");
