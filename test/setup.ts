/**
 * Loaded before every test file: properties draw the same cases at each run, so that a red run is red again. Other cases:
 * `SHOAL_TEST_SEED=1 bun test ...`.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.SHOAL_TEST_SEED ?? 20_261_123) });
