import type { TransitionRecord } from "../actors/dispatcher.js";
import { nameOf } from "../actors/flight-recorder.js";
import type { MessageRecord } from "./services.js";
import type { ActorSystem } from "./system.js";
import type { DeadLetter } from "./types.js";

/** Every message, step and dead letter of a system, as lines with their times, in the order in which they happen. */
export function traceTo(lines: string[], system: ActorSystem): void {
  system.messages$.subscribe((one) => lines.push(messageLine(one)));
  system.transitions$.subscribe((one) => lines.push(stepLine(one)));
  system.deadLetters$.subscribe((one) => lines.push(letterLine(one)));
}

const time = (at: number): string => String(Math.round(at * 1000) / 1000);

const messageLine = ({ at, to, message, asked }: MessageRecord): string => `${time(at)} ${to} is ${asked ? "asked" : "told"} ${nameOf(message)}`;

function stepLine({ at, kind, id, incarnation, from, to, message, effects, outcome }: TransitionRecord): string {
  const move = from === undefined ? to : from === to ? `in ${to}` : `${from} -> ${to}`;
  const done = effects.length === 0 ? "" : `: ${effects.map(({ type }) => type).join(", ")}`;
  return `${time(at)} ${kind} ${id}#${incarnation} ${outcome === "moved" ? "" : `${outcome} `}${move} on ${message.type}${done}`;
}

const letterLine = ({ at, to, message, reason }: DeadLetter): string => `${time(at)} dead letter to ${to}: ${nameOf(message)} (${reason})`;
