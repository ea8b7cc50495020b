export { CarawayError, type ErrorDetails, type ErrorJSON, type ErrorPlace } from "./caraway-error.js";
export { catalogue, type CatalogueEntry, type ErrorCode, type ErrorOrigin } from "./catalogue.js";
export * from "./classes.js";
export { placeError } from "./attach-place.js";
