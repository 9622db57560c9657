/** The JSON resources of a server, put together: one set of schemas checks their requests and makes their document. */
import { mountBackup } from "./backup.ts";
import { mountBatches } from "./batch.ts";
import { mountCluster } from "./cluster-routes.ts";
import { mountHealth } from "./health.ts";
import { mountInvalidations } from "./invalidations.ts";
import { mountLeases } from "./leases.ts";
import { mountOpenapi } from "./openapi.ts";
import { createSchemas } from "./schemas.ts";
import type { HttpServer } from "./server.ts";
import { mountStatistics } from "./statistics-routes.ts";

/** Adds all routes but those of keys. */
export function mountJsonRoutes(server: HttpServer): void {
  const schemas = createSchemas(() => server.config);
  mountBatches(server, schemas);
  mountInvalidations(server, schemas);
  mountLeases(server, schemas);
  mountHealth(server);
  mountStatistics(server);
  mountCluster(server, schemas);
  mountBackup(server);
  mountOpenapi(server, schemas);
}
