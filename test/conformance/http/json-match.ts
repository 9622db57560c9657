/** Compares a JSON value with what is expected of it: see `JsonExpectation` in case.ts. */
import type { JsonExpectation } from "./case.ts";

const show = (value: unknown): string => {
  const text = value instanceof RegExp || typeof value === "function" ? String(value) : JSON.stringify(value);
  return (text ?? "undefined").slice(0, 200);
};

/** What is wrong, one line each, with the path of the member. */
export function jsonMismatches(expected: JsonExpectation, actual: unknown, path = "body"): string[] {
  const wrong = [`${path}: ${show(actual)} instead of ${show(expected)}`];
  if (expected instanceof RegExp) return typeof actual === "string" && expected.test(actual) ? [] : wrong;
  if (typeof expected === "function") return (expected as (value: unknown) => boolean)(actual) ? [] : wrong;
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return wrong;
    return expected.flatMap((one, i) => jsonMismatches(one, actual[i], `${path}[${i}]`));
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof actual !== "object" || actual === null || Array.isArray(actual)) return wrong;
    return Object.entries(expected).flatMap(([name, one]) =>
      one === undefined && name in actual
        ? [`${path}.${name}: ${show((actual as Record<string, unknown>)[name])}, but it must be absent`]
        : jsonMismatches(one, (actual as Record<string, unknown>)[name], `${path}.${name}`),
    );
  }
  return Object.is(expected, actual) ? [] : wrong;
}

// Predicates for members whose value is not known beforehand.

export const aNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
export const aString = (value: unknown): boolean => typeof value === "string" && value !== "";

/** A number within these bounds, both included. */
export function between(low: number, high: number): (value: unknown) => boolean {
  const within = (value: unknown) => typeof value === "number" && value >= low && value <= high;
  Object.defineProperty(within, "toString", { value: () => `a number from ${low} to ${high}` });
  return within;
}

/** An array with these elements in whatever order. */
export function inAnyOrder(...expected: unknown[]): (value: unknown) => boolean {
  const text = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).sort();
  const same = (value: unknown) => Array.isArray(value) && text(value).join() === text(expected).join();
  Object.defineProperty(same, "toString", { value: () => `in any order: ${JSON.stringify(expected)}` });
  return same;
}
