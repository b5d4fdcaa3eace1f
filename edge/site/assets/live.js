// Made by scripts/live-client.ts from contracts/client; change that instead.

// contracts/cursor.ts
var encodeCursor = (places) => [...places].map(([channel, at]) => `${channel}@${at.epoch}.${at.offset.toString(36)}.${at.time.toString(36)}`).join("~");
var longest = 4096;
var decodeCursor = (text) => {
  if (text.length > longest) return null;
  const places = /* @__PURE__ */ new Map();
  for (const part of text.split("~")) {
    const match = /^([a-z]+:[\w-]{1,64})@([a-z0-9]{1,16})\.([0-9a-z]{1,11})\.([0-9a-z]{1,9})$/.exec(part);
    if (!match) return null;
    const [, channel = "", epoch = "", offset = "", time = ""] = match;
    const place = { epoch, offset: Number.parseInt(offset, 36), time: Number.parseInt(time, 36) };
    if (!Number.isSafeInteger(place.offset)) return null;
    places.set(channel, place);
  }
  return places;
};

// contracts/client/backoff.ts
var firstWindowMs = 1e3;
var widestWindowMs = 3e4;
function backoffMs(failures, askedMs, random) {
  if (failures === 0 && askedMs > 0) return askedMs;
  return askedMs + random() * Math.min(widestWindowMs, firstWindowMs * 2 ** Math.max(0, failures - 1));
}
function pause(ms, signal) {
  let wake = () => {
  };
  const over = new Promise((resolve) => {
    const timer = setTimeout(() => wake(), ms);
    wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    signal.addEventListener("abort", wake, { once: true });
    if (signal.aborted) wake();
  });
  return { over, wake };
}

// contracts/client/places.ts
var Places = class {
  #places = /* @__PURE__ */ new Map();
  /** Undefined before anything is known. */
  get id() {
    return this.#places.size === 0 ? void 0 : encodeCursor(this.#places);
  }
  has(channel) {
    return this.#places.has(channel);
  }
  /** What to come back with for these channels alone: the server takes an id's other channels for noise. */
  idOf(wanted) {
    const places = new Map([...this.#places].filter(([channel]) => wanted(channel)));
    return places.size === 0 ? void 0 : encodeCursor(places);
  }
  /** Whether an id is further on in a channel that we know. */
  isBehind(id) {
    for (const [channel, place] of decodeCursor(id) ?? []) {
      const known = this.#places.get(channel);
      if (known && (known.epoch !== place.epoch || known.offset < place.offset)) return true;
    }
    return false;
  }
  /** Takes over an id; tells which channel it moved on, or null when all of it was known. */
  move(id) {
    let moved = null;
    for (const [channel, place] of decodeCursor(id) ?? []) {
      const known = this.#places.get(channel);
      if (known && known.epoch === place.epoch && known.offset >= place.offset) continue;
      this.#places.set(channel, place);
      moved = channel;
    }
    return moved;
  }
  /** Takes over the places of channels that none was known of. */
  learn(id, channels) {
    for (const [channel, place] of decodeCursor(id) ?? [])
      if (channels.includes(channel) && !this.#places.has(channel)) this.#places.set(channel, place);
  }
  /** Takes over an id as it is, also backwards: after a reset that is where we are. */
  reset(id) {
    for (const [channel, place] of decodeCursor(id) ?? []) this.#places.set(channel, place);
  }
};

// contracts/client/connection.ts
var mostChannels = 20;
var paths = { sse: "/v1/stream", websocket: "/v1/ws" };
var peekMs = 5e3;
var Connection = class {
  #options;
  #places = new Places();
  #closing = new AbortController();
  #channels = [];
  #covered = [];
  #running = false;
  #round = new AbortController();
  #wake;
  /** Whether the present round's stream was opened. */
  #opened = false;
  /** The present round's stream turned out to be another person's. */
  #foreign = false;
  #failures = 0;
  #retryMs = 0;
  #silence;
  constructor(options, channels) {
    this.#options = options;
    this.#channels = channels;
    if (options.since !== void 0) this.#places.reset(options.since);
    this.hurry();
  }
  /** What was asked for last. */
  get channels() {
    return this.#channels;
  }
  /** What is heard. */
  get covered() {
    return this.#covered;
  }
  get live() {
    return this.#opened;
  }
  /** Where we are now. */
  get id() {
    return this.#places.id;
  }
  /** Public channels beside the user's own: the connection is made anew, and nothing is missed in between. */
  async change(channels) {
    const added = channels.filter((channel) => !this.#places.has(channel));
    this.#channels = channels;
    if (added.length > 0 && this.#places.id !== void 0) await this.#learnPlaces(added);
    if (this.#channels === channels) this.#round.abort();
    this.#wake?.();
  }
  /** There is a reason to try at once: the network is back, says the browser, or somebody signed in again. */
  hurry() {
    this.#wake?.();
    if (this.#running || this.#closing.signal.aborted) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
    });
  }
  close() {
    this.#closing.abort();
    this.#round.abort();
  }
  async #run() {
    const { token, ear } = this.#options;
    let refused = false;
    while (!this.#closing.signal.aborted) {
      this.#round = new AbortController();
      this.#opened = false;
      ear.state({ state: "connecting" });
      let ending;
      try {
        const said = await token({ refused });
        if (said === null) {
          ear.state({ state: "signed_out" });
          return;
        }
        ending = await this.#once(said);
      } catch (cause) {
        ending = { why: "unreachable", cause };
      } finally {
        clearTimeout(this.#silence);
      }
      if (this.#closing.signal.aborted) return;
      if (this.#foreign) {
        this.#foreign = false;
        ear.state({ state: "signed_out" });
        return;
      }
      if (this.#round.signal.aborted) continue;
      if (ending.why === "refused") {
        const { status, detail } = ending;
        if (status === 401 && !refused) {
          refused = true;
          continue;
        }
        if (status < 500 && status !== 408 && status !== 429) {
          ear.state(status === 401 ? { state: "signed_out" } : { state: "refused", status, detail });
          return;
        }
      }
      refused = false;
      if (this.#opened) this.#failures = 0;
      else this.#failures += 1;
      const askedMs = ending.why === "refused" ? ending.retryAfterMs : this.#retryMs;
      const forMs = backoffMs(this.#failures, askedMs, this.#options.random);
      ear.state({ state: "waiting", forMs, why: reasonOf(ending) });
      const { over, wake } = pause(forMs, this.#closing.signal);
      this.#wake = wake;
      await over;
      this.#wake = void 0;
    }
  }
  #once(token) {
    const channels = new Set(this.#channels);
    const since = this.#places.idOf((channel) => channel.startsWith("user:") || channels.has(channel));
    return this.#dial({ token, since, channels: this.#channels, signal: this.#round.signal }, this.#ear());
  }
  #ear() {
    const { ear, silenceMs } = this.#options;
    const round = this.#round;
    const channels = this.#channels;
    const listen = () => {
      clearTimeout(this.#silence);
      this.#silence = setTimeout(() => round.abort(), silenceMs);
    };
    listen();
    return {
      opened: (id) => {
        listen();
        if (this.#isForeign(id)) {
          this.#foreign = true;
          round.abort();
          return;
        }
        this.#opened = true;
        this.#covered = channels;
        this.#places.reset(id);
        ear.state({ state: "live" });
        ear.open(id);
      },
      message: ({ id, event, data }) => {
        listen();
        if (event === "reset") {
          this.#places.reset(id);
          ear.heard({ channel: null, event, data, id });
          return;
        }
        const channel = this.#places.move(id);
        if (channel !== null) ear.heard({ channel, event, data, id });
      },
      alive: () => {
        listen();
        ear.alive();
      },
      retry: (ms) => {
        this.#retryMs = ms;
      }
    };
  }
  /** The cookie may be another person's by now. */
  #isForeign(id) {
    const { userId } = this.#options;
    const own = [...decodeCursor(id)?.keys() ?? []].find((channel) => channel.startsWith("user:"));
    return userId !== void 0 && own !== void 0 && own !== `user:${userId}`;
  }
  /** A short look at new channels, for nothing but the place that they are at. */
  async #learnPlaces(channels) {
    const looking = new AbortController();
    const { over, wake } = pause(peekMs, AbortSignal.any([looking.signal, this.#closing.signal]));
    void over.then(() => looking.abort());
    try {
      const token = await this.#options.token({ refused: false });
      if (token === null) return;
      await this.#dial(
        { token, since: void 0, channels, topics: [], signal: looking.signal },
        {
          opened: (id) => {
            if (!this.#isForeign(id)) this.#places.learn(id, channels);
            wake();
          },
          message: () => void 0,
          alive: () => void 0,
          retry: () => void 0
        }
      );
    } catch {
    } finally {
      wake();
    }
  }
  #dial({
    channels,
    topics,
    ...call
  }, ear) {
    const { baseUrl, transport, transports, fetch: fetch2 } = this.#options;
    const url = new URL(paths[transport], baseUrl);
    if (channels.length > 0) url.searchParams.set("channels", channels.join(","));
    if (topics) url.searchParams.set("topics", topics.join(","));
    return transports[transport]({ ...call, url, fetch: fetch2 }, ear);
  }
};
function reasonOf(ending) {
  if (ending.why === "refused") return ending.detail;
  return ending.why === "unreachable" ? String(ending.cause) : "the connection ended";
}

// contracts/client/source.ts
function ownConnection(options, channels, ear) {
  const connection = new Connection(
    {
      ...options,
      ear: {
        state: (state) => ear.state(state),
        open: () => ear.open(connection.covered),
        heard: (heard) => ear.heard(heard),
        alive: () => void 0
      }
    },
    channels
  );
  return {
    get id() {
      return connection.id;
    },
    want(wanted) {
      if (!wanted.every((channel) => connection.channels.includes(channel))) void connection.change(wanted);
      else if (connection.live) ear.open(connection.covered);
    },
    hurry: () => connection.hurry(),
    close: () => connection.close()
  };
}

// contracts/client/transport.ts
async function refusal(response) {
  const seconds = Number(response.headers.get("retry-after") ?? 0);
  const body = await response.json().catch(() => null);
  const say = (name) => {
    const word = typeof body === "object" && body !== null ? body[name] : void 0;
    return typeof word === "string" ? word : void 0;
  };
  return {
    why: "refused",
    status: response.status,
    retryAfterMs: Number.isFinite(seconds) ? Math.max(0, seconds) * 1e3 : 0,
    detail: say("detail") ?? say("title") ?? `HTTP ${response.status}`
  };
}

// contracts/client/sse.ts
var sse = async ({ url, token, since, fetch: fetch2, signal }, ear) => {
  let response;
  try {
    response = await fetch2(url, {
      headers: {
        accept: "text/event-stream",
        ...token === void 0 ? {} : { authorization: `Bearer ${token}` },
        ...since === void 0 ? {} : { "last-event-id": since }
      },
      cache: "no-store",
      signal
    });
  } catch (cause) {
    return { why: "unreachable", cause };
  }
  if (!response.ok) return refusal(response);
  if (!response.body) return { why: "unreachable", cause: new Error("this fetch cannot stream: use the WebSocket") };
  const parse = sseParser(ear);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  try {
    for (; ; ) {
      const { done, value } = await reader.read();
      if (done) return { why: "ended" };
      parse(decoder.decode(value, { stream: true }));
    }
  } catch {
    await reader.cancel().catch(() => void 0);
    return { why: "ended" };
  }
};
var mostChars = 1024 * 1024;
function sseParser(ear) {
  let rest = "";
  let id = "";
  let event = "";
  let data = [];
  const line = (text) => {
    if (text === "") dispatch();
    else if (text.startsWith(":")) ear.alive();
    else take(text);
  };
  const take = (text) => {
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + (text[colon + 1] === " " ? 2 : 1));
    if (field === "id") id = value;
    else if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "retry" && /^\d{1,9}$/.test(value)) ear.retry(Number(value));
  };
  const dispatch = () => {
    if (data.length > 0) ear.message({ id, event, data: JSON.parse(data.join("\n")) });
    else if (id !== "") ear.opened(id);
    event = "";
    data = [];
  };
  return (chunk) => {
    const text = rest + chunk;
    const whole = text.endsWith("\r") ? text.slice(0, -1) : text;
    const lines = whole.split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "") + text.slice(whole.length);
    if (rest.length > mostChars) throw new Error("a line of the stream has no end");
    for (const each of lines) line(each);
  };
}

// contracts/client/subscriber.ts
var mostHeld = 1e3;
var Subscriber = class {
  subscription;
  #random;
  #onError;
  #closing = new AbortController();
  /** Null: live, nothing is held back. Undefined: not begun. */
  #held;
  #loading = 0;
  constructor(subscription, { random, onError }) {
    this.subscription = subscription;
    this.#random = random;
    this.#onError = onError;
  }
  get begun() {
    return this.#held !== void 0;
  }
  begin(why) {
    this.#held = [];
    this.#loading += 1;
    void this.#load(why, this.#loading);
  }
  hear(heard) {
    if (this.#held === void 0 || !this.#concerns(heard)) return;
    if (this.#held === null) this.#deliver(heard);
    else if (this.#held.push(heard) > mostHeld) this.begin("too_slow");
  }
  close() {
    this.#closing.abort();
  }
  async #load(why, loading) {
    for (let failures = 1; ; failures += 1) {
      try {
        await this.subscription.present?.(why);
        break;
      } catch (error) {
        this.#onError(error);
        await pause(backoffMs(failures, 0, this.#random), this.#closing.signal).over;
      }
      if (this.#closing.signal.aborted || this.#loading !== loading) return;
    }
    if (this.#closing.signal.aborted || this.#loading !== loading) return;
    const held = this.#held ?? [];
    this.#held = null;
    for (const heard of held) this.#deliver(heard);
  }
  #concerns({ channel, data }) {
    const { channels = [], order } = this.subscription;
    if (channel === null) return true;
    if (!channel.startsWith("user:")) return channels.includes(channel);
    return order === void 0 || data?.order_id === order;
  }
  #deliver({ event, data, channel }) {
    if (this.#closing.signal.aborted) return;
    const handlers = this.subscription.on;
    const handler = Object.hasOwn(handlers, event) ? handlers[event] : void 0;
    try {
      handler?.(data, { channel: channel ?? "" });
    } catch (error) {
      this.#onError(error);
    }
  }
};

// contracts/client/tabs.ts
function tabsPlatform() {
  const { navigator, document } = globalThis;
  const locks = navigator?.locks;
  if (!locks || typeof BroadcastChannel !== "function") return null;
  return {
    locks,
    open: (name) => new BroadcastChannel(name),
    visible: () => document?.visibilityState !== "hidden"
  };
}
var patienceMs = 3e3;
var Tabs = class {
  #options;
  #platform;
  #name;
  #ear;
  #channel;
  #tab = Math.random().toString(36).slice(2);
  #closing = new AbortController();
  #places = new Places();
  #wanted = [];
  /** What the leader listens to, as far as it said so. */
  #covered = [];
  #term = "";
  #seq = 0;
  #state = { state: "connecting" };
  #leading;
  #doubt;
  constructor(options, {
    name,
    platform,
    wanted,
    ear
  }) {
    this.#options = options;
    this.#platform = platform;
    this.#name = name;
    this.#ear = ear;
    this.#wanted = wanted;
    if (options.since !== void 0) this.#places.reset(options.since);
    this.#channel = platform.open(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    const { signal } = this.#closing;
    this.#hold(`${name}:${this.#tab}`, { signal }, () => ended(signal));
    this.#queue({});
    this.#say({ op: "want", tab: this.#tab, channels: wanted });
    this.#listen();
  }
  get id() {
    return this.#places.id;
  }
  want(channels) {
    this.#wanted = channels;
    if (this.#leading) this.#leading.wants(this.#tab, channels);
    else this.#say({ op: "want", tab: this.#tab, channels });
  }
  hurry() {
    this.#leading?.connection.hurry();
    if (!this.#leading) this.#say({ op: "sync" });
  }
  close() {
    this.#closing.abort();
    clearTimeout(this.#doubt);
    this.#leading?.close();
    this.#channel.close();
  }
  #queue(options) {
    const { signal } = this.#closing;
    this.#hold(this.#name, options.steal ? options : { signal }, async () => {
      if (signal.aborted) return;
      this.#lead();
      await ended(signal);
    });
  }
  #hold(name, options, held) {
    this.#platform.locks.request(name, options, held).catch(() => {
      if (this.#closing.signal.aborted || name !== this.#name) return;
      this.#leading?.close();
      this.#leading = void 0;
      this.#queue({});
      this.#listen();
    });
  }
  #lead() {
    clearTimeout(this.#doubt);
    this.#leading = new Leading({
      ...this.#options,
      since: this.#places.id,
      // What others wanted of the last leader they will want of this one.
      wants: /* @__PURE__ */ new Map([
        ["before", this.#covered],
        [this.#tab, this.#wanted]
      ]),
      say: (said) => {
        this.#say(said);
        this.#follow(said);
      },
      gone: (tab, signal, forget) => this.#hold(`${this.#name}:${tab}`, { signal }, async () => forget())
    });
  }
  #hear(said) {
    if (this.#closing.signal.aborted) return;
    if (this.#leading) {
      if (said.op === "want") this.#leading.wants(said.tab, said.channels);
      else if (said.op === "sync") this.#leading.tellPlace();
      return;
    }
    this.#follow(said);
  }
  #follow(said) {
    if (!this.#leading) this.#listen();
    switch (said.op) {
      case "want":
      case "sync":
        return;
      case "full":
        if (said.tab === this.#tab) this.#ear.full();
        return;
      case "at":
        this.#at(said);
        return;
      case "heard":
        this.#heard(said);
        return;
      default:
        said;
    }
  }
  #at({ term, seq, id, channels, state }) {
    if (term !== this.#term && !this.#leading) this.#say({ op: "want", tab: this.#tab, channels: this.#wanted });
    const inStep = term === this.#term && seq === this.#seq;
    this.#term = term;
    this.#seq = seq;
    this.#covered = channels;
    this.#tellState(state);
    if (id === null) return;
    if (!inStep && !this.#leading && this.#places.isBehind(id)) this.#ear.missed();
    this.#places.move(id);
    this.#ear.open(channels);
  }
  #heard({ term, seq, heard }) {
    const inStep = term === this.#term && seq === this.#seq + 1;
    this.#term = term;
    this.#seq = seq;
    if (heard.channel === null) this.#places.reset(heard.id);
    else if (this.#places.move(heard.id) === null) return;
    if (!inStep && !this.#leading) this.#ear.missed();
    this.#ear.heard(heard);
  }
  #tellState(state) {
    if (this.#state.state === state.state) return;
    this.#state = state;
    this.#ear.state(state);
  }
  /** The leader repeats the server's pings. One that is silent is asked, and if it doesn't answer, replaced. */
  #listen() {
    clearTimeout(this.#doubt);
    if (this.#closing.signal.aborted) return;
    this.#doubt = setTimeout(() => {
      if (!this.#platform.visible()) return this.#listen();
      this.#say({ op: "sync" });
      this.#doubt = setTimeout(() => {
        if (!this.#closing.signal.aborted && !this.#leading) this.#queue({ steal: true });
      }, patienceMs);
    }, this.#options.silenceMs);
  }
  #say(said) {
    if (!this.#closing.signal.aborted) this.#channel.postMessage(said);
  }
};
var Leading = class {
  connection;
  #options;
  #term = Math.random().toString(36).slice(2);
  #closing = new AbortController();
  #seq = 0;
  #state = { state: "connecting" };
  constructor(options) {
    this.#options = options;
    this.connection = new Connection(
      {
        ...options,
        ear: {
          state: (state) => {
            this.#state = state;
            queueMicrotask(() => this.tellPlace());
          },
          open: () => this.tellPlace(),
          heard: (heard) => {
            this.#seq += 1;
            options.say({ op: "heard", term: this.#term, seq: this.#seq, heard });
          },
          alive: () => this.tellPlace()
        }
      },
      this.#union()
    );
  }
  wants(tab, channels) {
    const { wants, say, gone } = this.#options;
    const known = wants.has(tab);
    wants.set(tab, channels);
    if (!known) gone(tab, this.#closing.signal, () => wants.delete(tab));
    const { channels: asked } = this.connection;
    if (this.#state.state === "signed_out") this.connection.hurry();
    if (channels.every((channel) => asked.includes(channel))) {
      this.tellPlace();
      return;
    }
    wants.delete("before");
    if (this.#union().length > mostChannels) {
      wants.delete(tab);
      say({ op: "full", tab });
      return;
    }
    void this.connection.change(this.#union());
  }
  tellPlace() {
    if (this.#closing.signal.aborted) return;
    this.#options.say({
      op: "at",
      term: this.#term,
      seq: this.#seq,
      id: this.#state.state === "live" ? this.connection.id ?? null : null,
      channels: this.connection.covered,
      state: this.#state
    });
  }
  close() {
    this.#closing.abort();
    this.connection.close();
  }
  #union() {
    return [...new Set([...this.#options.wants.values()].flat())].slice(0, mostChannels + 1);
  }
};
var ended = (signal) => new Promise((resolve) => {
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
});

// contracts/client/websocket.ts
var webSocket = async ({ url, token, since, fetch: fetch2, signal }, ear) => {
  const address = new URL(url);
  if (since !== void 0) address.searchParams.set("last_event_id", since);
  if (token !== void 0) {
    const ticket = await ticketFor(new URL("/v1/stream/tickets", url), token, fetch2, signal);
    if (typeof ticket !== "string") return ticket;
    address.searchParams.set("ticket", ticket);
  }
  address.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new Promise((resolve) => {
    const socket = new WebSocket(address);
    let opened = false;
    const leave = () => {
      resolve({ why: "ended" });
      socket.close();
    };
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    socket.addEventListener("message", (event) => {
      const message = incoming(event.data);
      if (signal.aborted) return;
      if (!message) return socket.close();
      if (message.event === "open") {
        opened = true;
        ear.opened(message.id);
      } else if (message.event === "ping") {
        ear.alive();
        socket.send('{"op":"pong"}');
      } else if (message.event === "pong") {
        ear.alive();
      } else {
        ear.message(message);
      }
    });
    socket.addEventListener("close", ({ code, reason }) => {
      signal.removeEventListener("abort", leave);
      resolve(opened ? { why: "ended" } : { why: "unreachable", cause: new Error(`closed with ${code} ${reason}`) });
    });
  });
};
async function ticketFor(url, token, fetch2, signal) {
  try {
    const response = await fetch2(url, { method: "POST", headers: { authorization: `Bearer ${token}` }, signal });
    if (!response.ok) return await refusal(response);
    const { ticket } = await response.json();
    if (typeof ticket !== "string") throw new Error("the answer has no ticket in it");
    return ticket;
  } catch (cause) {
    return { why: "unreachable", cause };
  }
}
function incoming(text) {
  if (typeof text !== "string") return null;
  try {
    const { id = "", event, data } = JSON.parse(text);
    return typeof id === "string" && typeof event === "string" ? { id, event, data } : null;
  } catch {
    return null;
  }
}

// contracts/client/live.ts
function openLive(options = {}) {
  const { random = Math.random, onError = (error) => console.error("live:", error) } = options;
  const page = globalThis;
  const base = options.baseUrl ?? page.location?.href;
  if (base === void 0) throw new TypeError("baseUrl is needed where there is no page");
  const baseUrl = new URL(base).origin;
  if (options.share && options.userId === void 0) throw new TypeError("share needs userId");
  const connection = {
    baseUrl,
    transport: options.transport ?? (page.navigator?.product === "ReactNative" ? "websocket" : "sse"),
    transports: { sse, websocket: webSocket },
    token: options.token ?? (({ refused }) => refused ? null : void 0),
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    userId: options.userId,
    random,
    silenceMs: options.silenceMs ?? 45e3
  };
  const subscribers = /* @__PURE__ */ new Set();
  let source;
  let since = options.since;
  let alone = false;
  const wanted = () => [
    ...new Set([...subscribers].flatMap(({ subscription }) => subscription.channels ?? []))
  ];
  const again = (why) => {
    for (const subscriber of subscribers) if (subscriber.begun) subscriber.begin(why);
  };
  const ear = {
    state: (state) => options.onState?.(state),
    open(channels) {
      const covered = new Set(channels);
      for (const subscriber of subscribers) {
        const all = (subscriber.subscription.channels ?? []).every((channel) => covered.has(channel));
        if (all && !subscriber.begun) subscriber.begin("start");
      }
    },
    heard(heard) {
      if (heard.channel === null) again(reasonOf2(heard));
      else for (const subscriber of subscribers) subscriber.hear(heard);
    },
    missed: () => again("missed_by_tab"),
    full() {
      alone = true;
      pauseConnection();
      connect();
    }
  };
  function connect() {
    if (source || subscribers.size === 0) return;
    const settings = { ...connection, since };
    const platform = options.share && !alone ? tabsPlatform() : null;
    source = platform ? new Tabs(settings, {
      name: `lotok-live:${baseUrl}:${options.userId}`,
      platform,
      wanted: wanted(),
      ear
    }) : ownConnection(settings, wanted(), ear);
  }
  function pauseConnection() {
    since = source?.id ?? since;
    source?.close();
    source = void 0;
  }
  const onHide = () => pauseConnection();
  const onShow = ({ persisted }) => {
    if (persisted) connect();
  };
  const onOnline = () => source?.hurry();
  const listeners = { pagehide: onHide, pageshow: onShow, online: onOnline };
  for (const [type, listener] of Object.entries(listeners)) page.addEventListener?.(type, listener);
  return {
    get position() {
      return source?.id ?? since;
    },
    subscribe(subscription) {
      const subscriber = new Subscriber(subscription, { random, onError });
      subscribers.add(subscriber);
      if (wanted().length > mostChannels) {
        subscribers.delete(subscriber);
        throw new RangeError(`at most ${mostChannels} public channels at once`);
      }
      if (source) source.want(wanted());
      else queueMicrotask(connect);
      return {
        close() {
          subscriber.close();
          subscribers.delete(subscriber);
          if (subscribers.size === 0) pauseConnection();
          else source?.want(wanted());
        }
      };
    },
    close() {
      for (const [type, listener] of Object.entries(listeners)) page.removeEventListener?.(type, listener);
      for (const subscriber of subscribers) subscriber.close();
      subscribers.clear();
      pauseConnection();
    }
  };
}
var reasonOf2 = ({ data }) => {
  const reason = data?.reason;
  return reason === "history_gone" || reason === "too_slow" ? reason : "unknown_position";
};
export {
  openLive
};
