/**
 * The kinds of fields that a configuration has: each reads a value as it was given, which may be text, and says what is
 * allowed where it cannot. What the fields are is in config.ts and cluster-fields.ts.
 */
import { z } from "zod";
import { MAX_SECRET_BYTES } from "./access.ts";
import { isConfigurableSecret, MAX_SECRETS } from "./token-config.ts";

const MAX_DURATION_MS = 2 ** 31 - 1;

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1_000,
  kb: 2 ** 10,
  m: 1_000_000,
  mb: 2 ** 20,
  g: 1_000_000_000,
  gb: 2 ** 30,
};

/** Bytes of a size as Redis writes it ("256mb", "1gb", "1000"), or NaN. */
export function parseSize(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim().toLowerCase());
  const unit = parts === null ? undefined : SIZE_UNITS[parts[2] as string];
  return parts === null || unit === undefined ? Number.NaN : Math.floor(Number(parts[1]) * unit);
}

/** A size as short as it can be written without loss: "256mb", "1000000". */
export function formatSize(bytes: number): string {
  for (const [unit, size] of [["gb", 2 ** 30] as const, ["mb", 2 ** 20] as const, ["kb", 2 ** 10] as const]) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** A field read by `read`, which returns undefined for what it does not accept; `allowed` says what it does. */
export function field<T>(allowed: string, read: (given: unknown) => T | undefined) {
  return z.unknown().transform((given, context): T => {
    const value = read(given);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: allowed, input: given });
    return z.NEVER;
  });
}

export function integer(min: number, max: number, also: readonly number[] = []) {
  const exceptions = also.map((value) => `${value} or `).join("");
  return field(`${exceptions}a whole number from ${min} to ${max}`, (given) => {
    const value = typeof given === "string" && /^-?\d+$/.test(given.trim()) ? Number(given) : given;
    if (typeof value !== "number" || !Number.isInteger(value)) return undefined;
    return (value >= min && value <= max) || also.includes(value) ? value : undefined;
  });
}

export function size(min: number, max: number) {
  return field(`a size from ${formatSize(min)} to ${formatSize(max)}, such as "256mb" or ${2 ** 28}`, (given) => {
    const value = typeof given === "string" ? parseSize(given) : given;
    return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max ? value : undefined;
  });
}

export function choice<const T extends string>(names: readonly T[]) {
  return field(`one of ${names.join(", ")}`, (given) => names.find((name) => name === given));
}

export function text(allowed: string, pattern: RegExp) {
  return field(allowed, (given) => (typeof given === "string" && pattern.test(given) ? given : undefined));
}

const TRUTHS: Readonly<Record<string, boolean>> = { yes: true, true: true, no: false, false: false };

export function boolean() {
  return field("true or false", (given) =>
    typeof given === "string" ? TRUTHS[given.toLowerCase()] : given === true || given === false ? given : undefined,
  );
}

export function secrets() {
  const allowed = `a list of up to ${MAX_SECRETS} different texts of 1 to ${MAX_SECRET_BYTES} bytes without control characters`;
  return field(allowed, (given) => {
    const list: unknown = typeof given === "string" ? given.split(",") : given;
    if (!Array.isArray(list) || list.length > MAX_SECRETS || new Set(list).size < list.length) return undefined;
    return list.every(isConfigurableSecret) ? list : undefined;
  });
}

export function duration(min: number, also: readonly number[] = [], max = MAX_DURATION_MS) {
  return integer(min, max, also);
}
