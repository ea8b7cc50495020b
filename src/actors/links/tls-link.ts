/** Links between machines: TCP under TLS 1.3 with a key that both sides had before. */
export { connectLink, type ConnectOptions } from "./connect.js";
export type { FrameLink, LinkEnd } from "./frame-link.js";
export type { Refusal } from "./gate.js";
export { listenLinks, type Listener, type ListenOptions } from "./listener.js";
