// Calls from one process to another, or to a company: they may get lost either way, come twice, or late.
import type { ProblemCode } from '../../../contracts/problem.ts';
import { type Engine, Gate, type Life, type Process, type Routine } from './engine.testing.ts';

/** A problem of ours, a company's no (`refused`), or something that is no problem (null: a defect, a bad answer). */
export interface Trouble {
  readonly code: ProblemCode | 'refused' | null;
  readonly why: string;
}
export type Reply<Value> = { readonly value: Value; readonly trouble?: never } | { readonly trouble: Trouble };

export const done: Reply<null> = { value: null };
export const fails = (code: Trouble['code'], why: string): { readonly trouble: Trouble } => ({
  trouble: { code, why },
});

const unavailable = fails('unavailable', 'nobody is there');
const timeout = fails('timeout', 'no answer in time');
const broken = fails(null, 'INTERNAL: it broke');

/** How likely each kind of trouble is with each call. */
export interface Roads {
  readonly lostRequest: number;
  readonly lostAnswer: number;
  readonly twice: number;
  readonly lateRequest: number;
  /** The target breaks, before or after it did the work. */
  readonly broken: number;
}

export const clear: Roads = { lostRequest: 0, lostAnswer: 0, twice: 0, lateRequest: 0, broken: 0 };
/** Also later than any lease. */
const latestMs = 90_000;

/** Somebody who can be called: a service of ours with its processes, or a company. */
export interface Target {
  readonly name: string;
  readonly processes: readonly Process[];
  /** Nobody of it is there. */
  awayUntil: number;
}

export class Network {
  readonly #engine: Engine;
  roads: Roads;

  constructor(engine: Engine, roads: Roads) {
    this.#engine = engine;
    this.roads = roads;
  }

  /** Work that a service does in several steps, in one of its processes. */
  call<Value>(
    caller: Life,
    target: Target,
    deadline: number,
    serve: (life: Life) => Routine<Reply<Value>>,
  ): Routine<Reply<Value>> {
    return this.#send(caller, target, deadline, (gate, answer) => {
      const { life } = this.someone(target);
      life.asked.push(gate);
      this.#engine.start(life, serve(life), (reply) => {
        life.asked.splice(life.asked.indexOf(gate), 1);
        answer(reply);
      });
    });
  }

  /** Work that its doer does in one transaction. */
  ask<Value>(caller: Life, target: Target, deadline: number, serve: () => Reply<Value>): Routine<Reply<Value>> {
    return this.#send(caller, target, deadline, (_gate, answer) => answer(serve()));
  }

  /** One that is not frozen, where there is one. */
  someone({ processes }: Target): Process {
    const { chance, now } = this.#engine;
    const first = Math.floor(chance.next() * processes.length);
    for (let tried = 0; tried < processes.length; tried += 1) {
      const process = processes[(first + tried) % processes.length] as Process;
      if (process.frozenUntil <= now) return process;
    }
    return processes[first] as Process;
  }

  *#send<Value>(
    caller: Life,
    target: Target,
    deadline: number,
    deliver: (gate: Gate, answer: (reply: Reply<Value>) => void) => void,
  ): Routine<Reply<Value>> {
    const engine = this.#engine;
    if (engine.now >= deadline) return timeout;
    const gate = new Gate(caller);
    const timer = engine.at(deadline, caller, () => gate.open(timeout));
    const answer = (reply: Reply<Value>): void => {
      if (engine.strikes('answer lost', this.roads.lostAnswer)) return;
      const told = engine.strikes('broken after', this.roads.broken / 2) ? broken : reply;
      engine.soon(caller, () => gate.open(told));
    };
    const arrive = (): void => {
      if (target.awayUntil > engine.now) engine.soon(caller, () => gate.open(unavailable));
      else if (engine.strikes('broken before', this.roads.broken / 2)) engine.soon(caller, () => gate.open(broken));
      else deliver(gate, answer);
    };
    if (!engine.strikes('request lost', this.roads.lostRequest)) {
      if (engine.strikes('request late', this.roads.lateRequest))
        engine.at(engine.now + engine.chance.whole(1_000, latestMs), null, arrive);
      else engine.soon(null, arrive);
      if (engine.strikes('request twice', this.roads.twice)) engine.soon(null, arrive);
    } else if (engine.chance.next() < 0.5) engine.soon(caller, () => gate.open(unavailable));
    const reply = (yield gate) as Reply<Value> | null;
    timer.gone = true;
    return reply ?? unavailable;
  }
}
