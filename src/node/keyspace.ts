/** The key space as the layers above the store import it. @see ../core/keyspace.ts */
export * from "../core/keyspace.ts";
