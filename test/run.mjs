/**
 * Runs all tests and adds them up: `npm test`. Plain JavaScript for Node 20, for it installs what is missing first.
 *
 *     node test/run.mjs              everything; the last line is `N passed, N failed`; before it, `N skipped` if any were
 *     node test/run.mjs test/unit    what the runners find under these paths
 *
 * Each runner writes a JUnit report, the one format that `bun test`, `deno test` and `node --test` share, and the totals
 * are counted from those. What a report cannot show counts as a failure too: a test file that is missing from it (it did
 * not load, or holds no test), and a runner that ended with an error although no test failed. No tests at all is an
 * error. A runner to come is one more row in `runners`.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled, executableOf, root } from "../adapters/cli/install.mjs";

/**
 * A runner: its name, the test files that are its own, and its command line. The report goes to `report`; `paths` are
 * what the user named, or nothing for all.
 *
 * @typedef {object} Runner
 * @property {"bun" | "deno" | "node"} name
 * @property {(file: string) => boolean} owns
 * @property {(report: string, paths: string[]) => string[]} args
 */

/** @type {Runner[]} */
const runners = [
  {
    name: "bun",
    owns: (file) => /\.test\.tsx?$/.test(file),
    args: (report, paths) => [
      "test",
      ...(paths.length === 0 ? ["./test"] : paths),
      "--reporter=junit",
      `--reporter-outfile=${report}`,
    ],
  },
];

/** @typedef {{ passed: number, failed: number, skipped: number }} Totals */

/**
 * Counts the test cases of a JUnit report.
 *
 * @param {string} xml
 * @returns {Totals}
 */
export function countReport(xml) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const text = xml.replace(/<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->/g, "");
  for (const [testCase] of text.matchAll(/<testcase\b(?:"[^"]*"|[^">])*?(?:\/>|>[\s\S]*?<\/testcase>)/g)) {
    if (/<(failure|error)\b/.test(testCase)) totals.failed++;
    else if (/<skipped\b/.test(testCase)) totals.skipped++;
    else totals.passed++;
  }
  return totals;
}

/**
 * The files of `expected` that no test suite or case of a report names.
 *
 * @param {string} xml
 * @param {string[]} expected Paths relative to the checkout, with `/`.
 */
export function missingFiles(xml, expected) {
  const named = [...xml.matchAll(/\bfile="([^"]*)"/g)].map((match) => (match[1] ?? "").replaceAll("\\", "/"));
  return expected.filter((file) => !named.some((name) => name === file || name.endsWith(`/${file}`)));
}

/**
 * The closing lines: what was skipped, if anything was, and, alone on the last line, what passed and failed.
 *
 * @param {Totals} totals
 */
export function closingLines({ passed, failed, skipped }) {
  return [...(skipped === 0 ? [] : [`${skipped} skipped`]), `${passed} passed, ${failed} failed`];
}

/**
 * Runs one runner to its end.
 *
 * @param {Runner} runner
 * @param {string} report
 * @param {string[]} paths
 * @returns {Promise<number>} Its exit code, 1 if a signal ended it.
 */
function runOne(runner, report, paths) {
  const child = spawn(executableOf(runner.name), runner.args(report, paths), { cwd: root, stdio: ["ignore", 1, 2] });
  const stop = () => void child.kill("SIGTERM");
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return new Promise((done) => {
    child.on("error", (error) => {
      console.error(`${runner.name} did not start: ${error.message}`);
      done(1);
    });
    child.on("exit", (code) => {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      done(code ?? 1);
    });
  });
}

/** Every file under `test/`, as paths relative to the checkout. */
function testFiles() {
  return readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((file) => `test/${file.split(sep).join("/")}`)
    .sort();
}

/** @param {string[]} paths */
async function main(paths) {
  ensureInstalled(runners.map((runner) => runner.name));
  const reports = mkdtempSync(join(tmpdir(), "shoal-test-"));
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const runner of runners) {
    const report = join(reports, `${runner.name}.xml`);
    const code = await runOne(runner, report, paths);
    const xml = existsSync(report) ? readFileSync(report, "utf8") : "";
    const counted = countReport(xml);
    const missing = paths.length > 0 ? [] : missingFiles(xml, testFiles().filter(runner.owns));
    for (const file of missing) console.log(`${runner.name}: ${file} did not load or holds no test`);
    counted.failed += missing.length;
    if (code !== 0 && counted.failed === 0) {
      console.log(`${runner.name}: ended with exit code ${code} although no test failed`);
      counted.failed = 1;
    }
    totals.passed += counted.passed;
    totals.failed += counted.failed;
    totals.skipped += counted.skipped;
  }
  rmSync(reports, { recursive: true, force: true });
  const ran = totals.passed + totals.failed;
  if (ran === 0) console.log("no test ran");
  process.exitCode = ran === 0 || totals.failed > 0 ? 1 : 0;
  for (const line of closingLines(totals)) console.log(line);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2));
}
