/**
 * Starts Shoal from a checkout: `npm start` and `npm run shoal` are this file. Plain JavaScript for Node 20.
 *
 *     node adapters/cli/launch.mjs start [flags]     the main job: `shoal serve` on Bun
 *     node adapters/cli/launch.mjs shoal [arguments] any `shoal` command, on the runtime whose `run` was used:
 *                                                    Bun for `bun run shoal`, Node for `npm run shoal`
 *
 * (`deno task shoal` needs no help: deno.json starts it with the permissions it needs.)
 *
 * The launcher stays beside the server only to hand on signals and the exit code. A terminal's interrupt reaches the
 * server by itself, so it is not sent a second time. SIGTERM is handed on once, SIGHUP (read the configuration again) each
 * time. (The scripts in package.json say
 * `exec`, for a shell in between would keep npm's signals to itself.) If the npm or Bun that started the launcher is
 * killed, the server is ended too, so that no forgotten one holds the port.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { ensureInstalled, executableOf, root } from "./install.mjs";

const ORPHAN_CHECK_MS = 500;
const program = join(root, "adapters/cli/shoal.ts");
const [mode, ...args] = process.argv.slice(2);

if (mode === "start") {
  ensureInstalled(["bun"]);
  launch(executableOf("bun"), [program, "serve", ...args]);
} else if (mode === "shoal" && isBunRun()) {
  ensureInstalled(["bun"]);
  launch(executableOf("bun"), [program, ...args]);
} else if (mode === "shoal") {
  const stripsTypes = "typescript" in process.features && process.features.typescript !== false;
  ensureInstalled(stripsTypes ? [] : ["node"]);
  launch(stripsTypes ? process.execPath : executableOf("node"), [program, ...args]);
} else {
  console.error("usage: launch.mjs start|shoal [arguments]");
  process.exitCode = 64;
}

/** True if a script was started by `bun run`. */
function isBunRun() {
  return process.versions.bun !== undefined || (process.env.npm_config_user_agent ?? "").startsWith("bun/");
}

/**
 * Runs a command in place of this process: same streams, signals handed on, same exit code.
 *
 * @param {string} command
 * @param {string[]} commandArgs
 */
function launch(command, commandArgs) {
  const child = spawn(command, commandArgs, { stdio: "inherit" });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    let handedOn = signal === "SIGINT" && process.stdin.isTTY === true;
    process.on(signal, () => {
      if (!handedOn) child.kill(signal);
      handedOn = signal !== "SIGHUP";
    });
  }
  if (process.env.npm_lifecycle_event !== undefined) whenOrphaned(() => child.kill("SIGTERM"));
  child.on("error", (error) => {
    console.error(`${command} did not start: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? "SIGTERM"]));
}

/**
 * Calls back once when the process that started this one is gone.
 *
 * @param {() => void} callback
 */
function whenOrphaned(callback) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, ORPHAN_CHECK_MS);
}
