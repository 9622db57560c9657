/** The part of better-sqlite3 13 that is used here; the package has no types of its own. */
declare module "better-sqlite3" {
  export type Bindable = number | string | bigint | Uint8Array | null;

  export interface Statement {
    run(...values: readonly Bindable[]): { readonly changes: number };
    get(...values: readonly Bindable[]): unknown;
    all(...values: readonly Bindable[]): unknown[];
    /** Rows are the value of their first column from now on. */
    pluck(): this;
  }

  export interface BackupProgress {
    readonly totalPages: number;
    readonly remainingPages: number;
  }

  /** The code is SQLite's extended one, by name: "SQLITE_IOERR_FSYNC". */
  export class SqliteError extends Error {
    readonly code: string;
  }

  export default class Database {
    static readonly SqliteError: typeof SqliteError;
    /** @param options `timeout`: how long a lock of another connection is waited for, ms */
    constructor(path: string, options?: { readonly?: boolean; fileMustExist?: boolean; timeout?: number });
    readonly open: boolean;
    readonly inTransaction: boolean;
    prepare(sql: string): Statement;
    exec(sql: string): this;
    pragma(text: string, options?: { simple?: boolean }): unknown;
    /** @param options `progress` returns the pages of the next slice, or undefined for as many as before (100) */
    backup(
      path: string,
      options?: { progress?: (progress: BackupProgress) => number | undefined },
    ): Promise<BackupProgress>;
    close(): this;
  }
}
