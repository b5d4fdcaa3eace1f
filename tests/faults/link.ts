// A link: a TCP proxy on this machine that can be cut, slowed, silenced, or left with one end dead.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface LinkOptions {
  readonly name: string;
  /** Ports on this machine. With several, each connection takes the next one that lets itself be reached. */
  readonly targets: readonly number[];
}

/** What is done to what passes. */
interface Weather {
  /** Who comes is turned away. */
  readonly refuses: boolean;
  /** Connections stay and nothing passes. */
  readonly stalls: boolean;
  readonly latencyMs: number;
  readonly bytesPerSecond: number;
}

const fair: Weather = { refuses: false, stalls: false, latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
/** What waits in one direction before its sender is held back. */
const mostWaitingBytes = 1024 * 1024;

export class Link implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly #server: Server;
  readonly #targets: readonly number[];
  readonly #passages = new Set<Passage>();
  #turn = 0;
  #weather = fair;

  private constructor({ name, targets }: LinkOptions, server: Server) {
    this.name = name;
    this.port = (server.address() as AddressInfo).port;
    this.#targets = targets;
    this.#server = server.on('connection', (near) => void this.#accept(near));
  }

  static async open(options: LinkOptions): Promise<Link> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Link(options, server);
  }

  /** Connections that are open now. */
  get size(): number {
    return this.#passages.size;
  }

  /** Resets all connections; who comes anew gets through. */
  cut(): void {
    for (const passage of this.#passages) passage.reset();
  }

  /** Resets all connections, and those that come, until it is mended. */
  refuse(): void {
    this.#weather = { ...fair, refuses: true };
    this.cut();
  }

  /** A black hole: whoever is or gets connected hears nothing until it is mended. What was said meanwhile comes then. */
  stall(): void {
    this.#weather = { ...fair, stalls: true };
  }

  slow(latencyMs: number, bytesPerSecond: number): void {
    this.#weather = { ...fair, latencyMs, bytesPerSecond };
  }

  /**
   * As when a firewall forgets its connections: the far ends are closed, the near ends are not told, and what they say
   * vanishes. Mending brings nothing back; only who gives up and connects anew gets through.
   */
  halfOpen(): void {
    for (const passage of this.#passages) passage.loseFarEnd();
  }

  mend(): void {
    this.#weather = fair;
    for (const passage of this.#passages) passage.flow();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  async #accept(near: Socket): Promise<void> {
    near.on('error', () => undefined); // followed by 'close'
    if (this.#weather.refuses) {
      near.resetAndDestroy();
      return;
    }
    const far = await this.#reach();
    if (!far || near.destroyed || this.#weather.refuses) {
      far?.resetAndDestroy();
      near.resetAndDestroy();
      return;
    }
    const passage = new Passage(
      near,
      far,
      () => this.#weather,
      () => this.#passages.delete(passage),
    );
    this.#passages.add(passage);
  }

  async #reach(): Promise<Socket | undefined> {
    const first = this.#turn++ % this.#targets.length;
    for (const port of [...this.#targets.slice(first), ...this.#targets.slice(0, first)]) {
      const far = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
      far.on('error', () => undefined);
      const reached = await new Promise<boolean>((resolve) => {
        far.once('connect', () => resolve(true)).once('close', () => resolve(false));
      });
      if (reached) return far;
    }
    return undefined;
  }
}

/** One connection through a link. */
class Passage {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #directions: readonly [there: Direction, back: Direction];
  #farLost = false;

  constructor(near: Socket, far: Socket, weather: () => Weather, onEnd: () => void) {
    this.#near = near;
    this.#far = far;
    this.#directions = [new Direction(near, far, weather), new Direction(far, near, weather)];
    near.once('close', (failed) => {
      onEnd();
      end(far, failed);
    });
    far.once('close', (failed) => {
      if (!this.#farLost) end(near, failed);
    });
  }

  reset(): void {
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }

  loseFarEnd(): void {
    this.#farLost = true;
    for (const direction of this.#directions) direction.drop();
    this.#far.resetAndDestroy();
  }

  flow(): void {
    for (const direction of this.#directions) direction.flow();
  }
}

/** A connection that broke breaks on the other side too; one that was closed is closed, with all that was said before. */
function end(socket: Socket, failed: boolean): void {
  if (failed) socket.resetAndDestroy();
  else socket.destroySoon();
}

interface Waiting {
  /** Null is the end of what this side says. */
  readonly chunk: Buffer | null;
  readonly dueAt: number;
}

class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: () => Weather;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** When the line is free again, by its bandwidth. */
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #dropped = false;

  constructor(from: Socket, to: Socket, weather: () => Weather) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#take(null));
    from.once('close', () => clearTimeout(this.#timer));
    to.on('drain', () => this.#hold());
  }

  drop(): void {
    this.#dropped = true;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    clearTimeout(this.#timer);
    this.#from.resume();
  }

  /** Lets go what may. */
  flow(): void {
    clearTimeout(this.#timer);
    const { stalls, bytesPerSecond } = this.#weather();
    while (!stalls) {
      const next = this.#waiting[0];
      if (!next) break;
      const passedAt = Math.max(next.dueAt, this.#freeAt) + ((next.chunk?.length ?? 0) / bytesPerSecond) * 1000;
      const waitMs = passedAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.flow(), waitMs);
        break;
      }
      this.#waiting.shift();
      this.#freeAt = passedAt;
      this.#waitingBytes -= next.chunk?.length ?? 0;
      if (next.chunk === null) this.#to.end();
      else this.#to.write(next.chunk);
    }
    this.#hold();
  }

  #take(chunk: Buffer | null): void {
    if (this.#dropped) {
      if (chunk === null) this.#from.destroy();
      return;
    }
    this.#waiting.push({ chunk, dueAt: performance.now() + this.#weather().latencyMs });
    this.#waitingBytes += chunk?.length ?? 0;
    this.flow();
  }

  #hold(): void {
    if (this.#waitingBytes > mostWaitingBytes || this.#to.writableNeedDrain) this.#from.pause();
    else this.#from.resume();
  }
}
