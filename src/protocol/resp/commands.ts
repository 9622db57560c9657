/** All commands that a RESP server answers, by group; what COMMAND lists is these without the unsupported ones. */
import type { Command } from "./command.ts";
import { bitCommands } from "./commands/bits.ts";
import { connectionCommands } from "./commands/connection.ts";
import { keyCommands } from "./commands/keys.ts";
import { pubsubCommands } from "./commands/pubsub.ts";
import { serverCommands } from "./commands/server.ts";
import { shoalCommands } from "./commands/shoal.ts";
import { stringCommands } from "./commands/strings.ts";
import { transactionCommands } from "./commands/transactions.ts";
import { unsupportedCommands } from "./commands/unsupported.ts";

export const allCommands: readonly Command[] = [
  ...stringCommands,
  ...bitCommands,
  ...keyCommands,
  ...connectionCommands,
  ...serverCommands,
  ...transactionCommands,
  ...pubsubCommands,
  ...shoalCommands,
  ...unsupportedCommands,
];
