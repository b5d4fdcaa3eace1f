// The flow on workerd.
import { startWorker } from '../../scripts/edge-worker.ts';
import { edgeFlow } from './flow.ts';

edgeFlow('workerd', startWorker);
