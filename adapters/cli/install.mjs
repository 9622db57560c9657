/**
 * Installs what a checkout needs, and only when something is missing, so that `npm start` and `npm test` work right
 * after a clone. Plain JavaScript for Node 20 without any dependency: it runs before there are any.
 *
 * A checkout is complete when every package of `package-lock.json` is in `node_modules` with its version and the
 * runtimes have their executables. A stamp in `node_modules` remembers the lockfile for which that was last found, so
 * the usual start reads three files. Otherwise `npm ci` runs; where it fails, `npm install` without the lockfile does,
 * because a lockfile names the executables of only those platforms that the registry served when it was written. All
 * direct dependencies are pinned in `package.json`, so both give the same versions of them.
 *
 * On a machine with Bun and no npm, Bun installs.
 *
 * The packages `bun` and `deno` put their executable in place by an install script, and `node` downloads it by one. npm
 * runs no scripts here; those three are run when npm is done.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the checkout. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

const windows = process.platform === "win32";
const suffix = windows ? ".exe" : "";
/** Smaller than any of the runtimes, larger than the placeholder a package holds before its install script ran. */
const MIN_EXECUTABLE_BYTES = 1 << 20;

/** The runtimes that come as packages: where the executable belongs, and the script that puts it there. */
const runtimes = {
  bun: { executable: "node_modules/bun/bin/bun.exe", script: "node_modules/bun/install.js" },
  deno: { executable: `node_modules/deno/deno${suffix}`, script: "node_modules/deno/install.cjs" },
  node: {
    executable: `node_modules/node/bin/node${suffix}`,
    script: "node_modules/node/installArchSpecificPackage.js",
  },
};

/**
 * The path of a runtime's executable in this checkout.
 *
 * @param {keyof typeof runtimes} name
 */
export function executableOf(name) {
  return join(root, runtimes[name].executable);
}

/**
 * Makes the checkout complete, or ends the process with a message that says what to do.
 *
 * @param {(keyof typeof runtimes)[]} needed The runtimes that must have their executables.
 */
export function ensureInstalled(needed) {
  const stamp = join(root, "node_modules/.shoal-installed");
  const wanted = lockDigest();
  if (readText(stamp) !== wanted) {
    if (!isComplete()) install();
    writeFileSync(stamp, wanted);
  }
  for (const name of needed) {
    if (hasExecutable(name)) continue;
    const script = join(root, runtimes[name].script);
    run(process.execPath, [script], dirname(script));
    if (!hasExecutable(name)) {
      fail(`The package ${name} has no executable for ${process.platform}-${process.arch} at ${executableOf(name)}.`);
    }
  }
}

function install() {
  console.error("Installing packages (npm ci) ...");
  // Without scripts: those of the runtimes are run below, and better-sqlite3 comes with its binaries but would be compiled.
  const options = ["--include=dev", "--include=optional", "--no-audit", "--no-fund", "--ignore-scripts"];
  if (run("npm", ["ci", ...options])) return;
  console.error("npm ci failed; trying npm install without the lockfile ...");
  if (run("npm", ["install", "--no-save", "--no-package-lock", ...options])) return;
  if (process.versions.bun !== undefined) {
    console.error("npm failed; trying bun install ...");
    if (run(process.execPath, ["install", "--no-save", "--ignore-scripts"])) return;
  }
  fail("The packages could not be installed. Run `npm ci` to see why.");
}

/** True if every package of the lockfile that this platform needs is there with its version. */
function isComplete() {
  /** @type {{ packages: Record<string, { version?: string, optional?: boolean }> }} */
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries(lock.packages).every(([path, { version, optional }]) => {
    if (path === "") return true;
    const found = readText(join(root, path, "package.json"));
    return found === undefined ? optional === true : JSON.parse(found).version === version;
  });
}

/** @param {keyof typeof runtimes} name */
function hasExecutable(name) {
  const path = executableOf(name);
  return existsSync(path) && statSync(path).size >= MIN_EXECUTABLE_BYTES;
}

/** A digest of what decides which packages are installed. */
function lockDigest() {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const hash = createHash("sha256").update(JSON.stringify([dependencies, devDependencies]));
  return hash.update(readText(join(root, "package-lock.json")) ?? "").digest("hex");
}

/**
 * Runs a command to its end, its output on stderr; true if it succeeded. The checkout's own `.bin` folder is taken
 * from PATH, because npm would otherwise run on a Node that it is about to delete.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {string} [cwd]
 */
function run(command, args, cwd = root) {
  const bin = join(root, "node_modules/.bin");
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => resolve(folder) !== bin);
  const env = { ...process.env, PATH: path.join(delimiter) };
  return spawnSync(command, args, { cwd, env, stdio: ["ignore", 2, 2], shell: windows }).status === 0;
}

/** @param {string} path */
function readText(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  ensureInstalled(["bun", "deno", "node"]);
}
