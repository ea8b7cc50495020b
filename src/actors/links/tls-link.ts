/** Links between machines: TCP under TLS 1.3 with a key that both sides had before. */
export { connectLink, type ConnectOptions, type LinkAddress } from "./connect.js";
export { firstOwnType, type FrameLink, type LinkCounters, type LinkEnd } from "./frame-link.js";
export type { Hello, HelloOptions } from "./hello.js";
export { listenLinks, type ListenerLimits, type ListenOptions, type Listener, type ListenerCounts, type Refusal } from "./listener.js";
