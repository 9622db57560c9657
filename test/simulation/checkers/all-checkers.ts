/** All checkers, by the number of their invariant. I14 is about the near cache, which is not simulated. */
import type { CreateChecker } from "../checker.ts";
import { createHiddenEntries } from "./hidden-entries.ts";
import { createI01 } from "./i01-convergence.ts";
import { createI02 } from "./i02-acknowledged-invalidation.ts";
import { createI03 } from "./i03-stale-fill.ts";
import { createI04 } from "./i04-resurrection.ts";
import { createI05 } from "./i05-expiry.ts";
import { createI06 } from "./i06-memory.ts";
import { createI07 } from "./i07-copies.ts";
import { createI08 } from "./i08-recovery.ts";
import { createI09 } from "./i09-return.ts";
import { createI10 } from "./i10-single-load.ts";
import { createI11 } from "./i11-versions.ts";
import { createI12 } from "./i12-owners.ts";
import { createI13 } from "./i13-sessions.ts";
import { createI15 } from "./i15-limits.ts";
import { createNoErrors } from "./no-errors.ts";
import { createRedelivery } from "./redelivery.ts";

export const allCheckers: readonly CreateChecker[] = [
  createI01,
  createI02,
  createI03,
  createI04,
  createI05,
  createI06,
  createI07,
  createI08,
  createI09,
  createI10,
  createI11,
  createI12,
  createI13,
  createI15,
  createNoErrors,
  createHiddenEntries,
  createRedelivery,
];
