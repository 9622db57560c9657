/** What a server calls itself, where clients and dashboards ask. */

export const SERVER_NAME = "shoal";
/** Shoal's own version; a test compares it with package.json. */
export const SHOAL_VERSION = "0.1.0";
/** The version of Redis whose commands, fields and error texts are followed: clients switch features by it. */
export const REDIS_VERSION = "7.4.0";
