/** A process of its own that opens the data directory named by its argument, appends, and stays until it is killed. */
import { SqliteStorage } from "../../../adapters/sqlite/sqlite-storage.ts";
import { makeFrame } from "../../conformance/storage-frames.ts";

const storage = new SqliteStorage({ directory: process.argv[2] as string, version: "9.9.9" });
try {
  await storage.open();
  await storage.append([makeFrame(1), makeFrame(2), makeFrame(3)], false);
  console.log("open");
} catch (error) {
  console.error((error as { code?: string }).code, (error as Error).message);
  process.exitCode = 1;
}
