/**
 * "Did you mean": the nearest of the names that there are, by the optimal string alignment distance (insertions, deletions,
 * replacements, and two neighbours in the wrong order count 1 each). The beginning of a name is near to it.
 */

/** Longer words get no suggestion: nobody mistypes a name of this length, and the distance takes quadratic time. */
const MAX_LENGTH = 40;

function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (before[j - 2] as number) + 1 : replaced;
      next.push(Math.min(replaced, swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    [before, row] = [row, next];
  }
  return row[b.length] as number;
}

/** The name that `word` was probably meant to be, or undefined if none is near. */
export function nearestOf(word: string, names: readonly string[]): string | undefined {
  const given = word.replace(/^-+/, "").toLowerCase();
  if (given.length === 0 || given.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(given.length / 2)) + 0.5;
  for (const name of names) {
    const bare = name.replace(/^-+/, "").toLowerCase();
    const edits = given.length > 2 && (bare.startsWith(given) || given.startsWith(bare)) ? 1 : distance(given, bare);
    if (edits < least) [best, least] = [name, edits];
  }
  return best;
}

/** `; did you mean X?`, or nothing. */
export function didYouMean(word: string, names: readonly string[]): string {
  const near = nearestOf(word, names);
  return near === undefined ? "" : `; did you mean ${near}?`;
}
