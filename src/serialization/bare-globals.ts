/**
 * Every global of a worker thread with nothing loaded, over the lines of Node that are supported. A name counts where this
 * Node has it too. `require`, `module`, `exports`, `__dirname` and `__filename` belong to CommonJS modules, not to threads.
 */
const names = `
Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp Error AggregateError
EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError globalThis JSON Math Intl Temporal ArrayBuffer SharedArrayBuffer
Atomics Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float16Array Float32Array Float64Array Uint8ClampedArray
BigUint64Array BigInt64Array DataView Map BigInt Set WeakMap WeakSet WeakRef FinalizationRegistry Iterator AsyncIterator Proxy Reflect
DisposableStack AsyncDisposableStack decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape eval isFinite isNaN
console process global Buffer WebAssembly URL URLSearchParams URLPattern DOMException QuotaExceededError AbortController AbortSignal Event
EventTarget CustomEvent MessageEvent CloseEvent ErrorEvent TextEncoder TextDecoder TextEncoderStream TextDecoderStream CompressionStream
DecompressionStream TransformStream TransformStreamDefaultController WritableStream WritableStreamDefaultController
WritableStreamDefaultWriter ReadableStream ReadableStreamDefaultReader ReadableStreamBYOBReader ReadableStreamBYOBRequest
ReadableByteStreamController ReadableStreamDefaultController ByteLengthQueuingStrategy CountQueuingStrategy clearImmediate
setImmediate clearInterval clearTimeout setInterval setTimeout queueMicrotask structuredClone atob btoa BroadcastChannel
MessageChannel MessagePort Blob File Performance PerformanceEntry PerformanceMark PerformanceMeasure PerformanceObserver
PerformanceObserverEntryList PerformanceResourceTiming performance fetch FormData Headers Request Response WebSocket EventSource
crypto Crypto CryptoKey SubtleCrypto Navigator navigator Storage localStorage sessionStorage
`;

let present: ReadonlySet<string> | undefined;

/** The names that mean the same in a bare worker as in any module. */
export function bareGlobals(): ReadonlySet<string> {
  present ??= new Set(names.split(/\s+/).filter((name) => name !== "" && (name in globalThis)));
  return present;
}
