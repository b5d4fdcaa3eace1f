// The flow on Node.
import { edgeConfig } from '../../edge/config.ts';
import { startEdge } from '../../edge/node.ts';
import { edgeFlow } from './flow.ts';

edgeFlow('Node', (env) => startEdge(edgeConfig(env)));
