/** The storage thread, which dies when it is told to. */
import { parentPort } from "node:worker_threads";
import "../../../adapters/sqlite/storage-thread.ts";

parentPort?.on("message", (message: unknown) => {
  if (message === "throw") throw new Error("thrown on purpose");
  if (message === "exit") process.exit(7);
});
