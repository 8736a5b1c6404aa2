/** Requests in 2 minutes; with fewer, a single failure or slow request would count as a rate. */
export const ENOUGH_REQUESTS = 20
