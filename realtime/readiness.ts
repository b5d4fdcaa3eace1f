// Whether the node does its work: asked by sending a probe the way of a message, not by looking at connections.
import type { Bridge } from './bridge.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';

export interface Readiness {
  readonly ready: boolean;
  readonly bridge: 'reads' | 'rebuilds' | 'stalled';
  /** What a probe said that was written to the history, and waited for as a subscriber does. */
  readonly history: 'heard' | 'deaf';
  readonly draining: boolean;
}

export interface ReadinessOptions {
  readonly bridge: Pick<Bridge, 'isReady' | 'busyMs'>;
  readonly history: Pick<History, 'probe'>;
  readonly isDraining: () => boolean;
  readonly log: Log;
  readonly probeMs?: number;
  /** How long messages in hand may wait for the history. */
  readonly stalledMs?: number;
}

/** Whoever asks while a probe is under way waits for the same one. */
export function createReadiness({
  bridge,
  history,
  isDraining,
  log,
  probeMs = 2_000,
  stalledMs = 15_000,
}: ReadinessOptions): () => Promise<Readiness> {
  let probing: Promise<boolean> | undefined;
  const isHeard = async (): Promise<boolean> => {
    try {
      await history.probe(AbortSignal.timeout(probeMs));
      return true;
    } catch (error) {
      log.warn('readiness.probe_failed', { error });
      return false;
    } finally {
      probing = undefined;
    }
  };
  const bridgeState = (): Readiness['bridge'] => {
    if (bridge.busyMs > stalledMs) return 'stalled';
    return bridge.isReady ? 'reads' : 'rebuilds';
  };
  return async () => {
    probing ??= isHeard();
    const heard = await probing;
    const state = bridgeState();
    const draining = isDraining();
    return {
      ready: heard && state === 'reads' && !draining,
      bridge: state,
      history: heard ? 'heard' : 'deaf',
      draining,
    };
  };
}
