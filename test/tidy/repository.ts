/**
 * The tidy rules about the checkout as a whole: what lies at its top, what the two package files promise, which commands
 * the documents name, and that no file names a package registry. Each is a function of plain data, so that the tests can
 * plant a violation without touching the checkout.
 */

/** What may lie at the top of a checkout, beside files whose names begin with a dot and what .gitignore names. */
const TOP_LEVEL = new Set([
  "src",
  "adapters",
  "test",
  "bench",
  "deploy",
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "LICENSE",
  "package.json",
  "package-lock.json",
  "deno.json",
  "bunfig.toml",
  "tsconfig.json",
  "biome.json",
  "node_modules",
  "dist",
]);

/** The conditions of an entry of the exports map, in the order in which they are matched. */
const CONDITIONS = ["types", "deno", "bun", "workerd", "node", "default"];

/** What package.json maps an entry point to: a target for each condition. */
export type PackageExports = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Names at the top level that do not belong there. */
export function unexpectedEntries(names: readonly string[]): string[] {
  return names.filter((name) => !name.startsWith(".") && !name.endsWith(".log") && !TOP_LEVEL.has(name));
}

/** What is wrong with the two exports maps: entries of one only, other conditions, targets that differ. */
export function exportProblems(
  packageExports: PackageExports,
  denoExports: Readonly<Record<string, string>>,
): string[] {
  const problems: string[] = [];
  for (const entry of new Set([...Object.keys(packageExports), ...Object.keys(denoExports)])) {
    const conditions = packageExports[entry];
    const target = denoExports[entry];
    if (conditions === undefined) problems.push(`${entry} is exported by deno.json only`);
    else if (target === undefined) problems.push(`${entry} is exported by package.json only`);
    else {
      const names = Object.keys(conditions);
      if (names.join() !== CONDITIONS.join()) problems.push(`${entry} has the conditions ${names.join(", ")}`);
      if (conditions.deno !== target) problems.push(`${entry} is ${target} in deno.json, ${conditions.deno} for deno`);
    }
  }
  return problems;
}

/** Commands in a document's code that run a script or task which does not exist. */
export function unknownScripts(markdown: string, scripts: readonly string[], tasks: readonly string[]): string[] {
  const code = markdown.match(/```[\s\S]*?```|`[^`\n]+`/g) ?? [];
  const commands = code.join("\n").matchAll(/\b(npm run|bun run|deno task)\s+(?:-\S+\s+)*([a-z][\w:-]*)(?![\w./:-])/g);
  return [...commands]
    .filter(([, runner, name]) => !(runner === "deno task" ? tasks : scripts).includes(name as string))
    .map(([command]) => command.replace(/\s+/g, " "));
}

/**
 * Where ARCHITECTURE.md and the tree disagree: files of `src` that it does not name (the commands, which it names by their
 * folder, aside), and files that it names in its table and that are not there.
 */
export function architectureProblems(markdown: string, files: readonly string[]): string[] {
  const rows = markdown.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) => {
    const spans = [...(row.split("|")[1] ?? "").matchAll(/`([\w/.-]+\.ts)`/g)].map((match) => match[1] as string);
    const folder = spans[0]?.replace(/[^/]*$/, "") ?? "";
    return spans.map((span) => `src/${span.includes("/") ? span : folder + span}`);
  });
  const expected = files.filter((file) => /^src\/.*\/.*\.ts$/.test(file) && !file.includes("/commands/"));
  return [
    ...expected.filter((file) => !named.includes(file)).map((file) => `${file} is not listed`),
    ...named.filter((file) => !files.includes(file)).map((file) => `${file} is listed and is not there`),
  ];
}

/** Hosts in a text that a package registry may have, and lockfile entries that hold an address at all. */
export function registryHosts(text: string): string[] {
  const hosts = /\b(?:registry|npm|jsr|verdaccio|artifactory|nexus)(?:\.[a-z0-9-]+)+\.[a-z]{2,}\b/gi;
  return [...(text.match(hosts) ?? []), ...(text.match(/"resolved":\s*"https?:[^"]*"/g) ?? [])];
}
