import type { Socket } from "node:net";

/** TLS: the first byte of a handshake's record, and the most a record holds. */
const handshake = 0x16;
const mostRecord = 16 * 1024;
const recordHeader = 5;

/**
 * Waits until the first record of a TLS client is there, and puts it back; answers what is wrong with it otherwise. So who only connects costs a socket
 * and at most 16 KiB, and what is not TLS meets no TLS.
 */
export function awaitGreeting(socket: Socket, done: (fault: string | undefined) => void): void {
  let got: Buffer = Buffer.alloc(0);
  const finish = (fault: string | undefined): void => {
    socket.off("readable", look);
    if (fault === undefined) socket.unshift(got);
    done(fault);
  };
  const look = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) got = got.length === 0 ? chunk : Buffer.concat([got, chunk]);
    const fault = faultIn(got);
    if (fault !== undefined) finish(fault);
    else if (got.length >= recordHeader && got.length >= recordHeader + got.readUInt16BE(3)) finish(undefined);
  };
  socket.on("readable", look);
}

function faultIn(got: Buffer): string | undefined {
  if ((got.length > 0 && got[0] !== handshake) || (got.length > 1 && got[1] !== 3)) return "what it sent is not TLS";
  if (got.length >= recordHeader && got.readUInt16BE(3) > mostRecord) return "the first record it sent is too long";
  return undefined;
}
