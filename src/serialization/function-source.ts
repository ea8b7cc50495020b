/** Functions on their way to a worker: as source, with what they use. */
export { callSite, type CallSite } from "./call-site.js";
export { reviveFunction } from "./revive-function.js";
export { shipFunction, type ShipOptions, type ShippedFunction } from "./ship-function.js";
