// The client of `pennyweight serve`; made by clients/typescript.py, so change that instead.

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [name: string]: JsonValue };

/** An action of an administrator. */
export interface AuditEntry {
  timestamp: number;
  actor: string;
  action: string;
  detail: string;
}

/** Actions of administrators, newest first. */
export interface AuditLog {
  entries: AuditEntry[];
}

/** A filter, and the number that is added to the scores of matching items (log-odds). */
export interface BoostBody {
  filter: string;
  weight: number;
}

/** A bundle in a directory of the server. */
export interface BundleBody {
  path: string;
  publish?: boolean;
  force?: boolean;
}

/**
 * The outcomes of the users of a bundle: users with a list, and users who acted on one.
 *
 * `events` are positive, name a list of the user and came within the window after it;
 * `converted` users have at least one. `rate` is their share.
 */
export interface BundleOutcome {
  bundle_version: string;
  share: number;
  users: number;
  lists: number;
  converted: number;
  events: number;
  rate: IntervalValue | null;
  events_per_user: IntervalValue | null;
  heaviest_user: HeavyUser | null;
}

/** The bundles, those that `rollback` would serve, and notes for operators. */
export interface BundleOverview {
  bundles: BundleStatus[];
  previous: BundleShare[];
  notes: string[];
}

/** A bundle and its share of the users. */
export interface BundleShare {
  bundle_version: string;
  share: number;
}

/** An available bundle; `notes` describe problems. */
export interface BundleStatus {
  bundle_version: string;
  source: string;
  added: number;
  share: number;
  items: number | null;
  created: string | null;
  notes: string[];
}

/** The current state of an item. */
export interface CatalogItem {
  item_id: string;
  attributes: Record<string, JsonValue>;
  available: boolean;
  published: number | null;
}

/** Whether the user was erased before. */
export interface Consent {
  user_id: string;
  erased_before: boolean;
}

/**
 * What an experiment can detect: `detectable` is a relative change (0.1 for 10 %).
 *
 * `users` are those to expect; `rate` is that of the `recent_days`.
 */
export interface DetectableChange {
  days: number;
  users: number;
  detectable: number | null;
  rate: number | null;
  recent_users: number;
  recent_days: number;
  summary: string;
}

/** The erased data of a user, and the bundles trained with it. */
export interface Erasure {
  user_id: string;
  events: number;
  recommendations: number;
  bundle_events: number;
  trained_on: (Record<string, string>)[];
}

/** Several events, stored all or none. */
export interface EventBatch {
  events: EventBody[];
}

/** An action of a user on an item, or an impression of several. */
export interface EventBody {
  user_id: string | number;
  item_id?: string | number | null;
  items?: (string | number)[];
  event_type?: string | null;
  timestamp?: number | string | null;
  weight?: number | null;
  event_id?: string | number | null;
  recommendation_id?: string | number | null;
}

/**
 * Stored events: new ones, duplicates, and unknown items.
 *
 * `erased` counts events of users who were erased, which are dropped: do not send them again.
 * An event type whose name says nothing counts with weight 1.
 */
export interface EventsStored {
  accepted: number;
  duplicates: number;
  erased: number;
  event_ids: string[];
  unknown_items: string[];
  unknown_event_types: string[];
}

/**
 * An experiment to start: the control first, and the planned end.
 *
 * `split` gives each user lists of one bundle; `interleave` merges the lists of two for all users.
 */
export interface ExperimentBody {
  variants: VariantBody[];
  kind?: string;
  name?: string | null;
  ends?: number | string | null;
  force?: boolean;
}

/** The experiments, the newest first. */
export interface ExperimentHistory {
  experiments: ExperimentStatus[];
}

/**
 * An experiment: the control first; times are epoch seconds.
 *
 * `state` is running, stopped or promoted, and `promoted` the bundle that all users got then.
 */
export interface ExperimentStatus {
  name: string;
  kind: string;
  state: string;
  variants: BundleShare[];
  started: number;
  started_by: string;
  ends: number | null;
  ended: number | null;
  ended_by: string | null;
  promoted: string | null;
}

/** The reasons for the items of a list. */
export interface Explanation {
  recommendation_id: string;
  bundle_version: string;
  timestamp: number;
  scenario: string | null;
  source: string;
  note: string | null;
  items: ItemExplanation[];
}

/**
 * The status of the service, with the reason for limitations.
 *
 * `notes` are sentences for the operator.
 */
export interface Health {
  status: string;
  reason?: string | null;
  notes?: string[];
}

/** A user with a large share of the events of a bundle. */
export interface HeavyUser {
  user_id: string;
  events: number;
  share: number;
}

/** An event of a session. */
export interface HistoryEvent {
  item_id: string | number;
  weight?: number | null;
  event_type?: string | null;
}

/**
 * Users who acted more on items of the bundle (wins), of the control (losses), or equally.
 *
 * `share` is wins by wins and losses, with an interval that holds at all looks together.
 */
export interface InterleavingPreference {
  control: string;
  bundle_version: string;
  wins: number;
  losses: number;
  ties: number;
  share: IntervalValue | null;
  p: number | null;
  decided: boolean;
}

/** A value with its 95 % interval. */
export interface IntervalValue {
  value: number;
  low: number;
  high: number;
}

/** Several items, stored all or none. */
export interface ItemBatch {
  items: NewItem[];
}

/** A new version of an item. */
export interface ItemBody {
  attributes?: Record<string, JsonValue>;
  available?: boolean | null;
  published?: number | string | null;
}

/** Changes of an item; a null attribute is removed. */
export interface ItemChange {
  attributes?: Record<string, JsonValue>;
  available?: boolean | null;
  published?: number | string | null;
}

/** The reason for a recommended item. */
export interface ItemExplanation {
  item_id: string;
  score: number;
  text: string;
  kind: string;
  component: string | null;
  because: (Record<string, JsonValue>)[];
  shared: string[];
}

/** Items, best first; `source` is their basis, `unknown` are ids outside the catalog. */
export interface ItemList {
  recommendation_id: string;
  bundle_version: string;
  took_ms: number;
  source: string;
  items: ListItem[];
  unknown?: string[];
}

/** A stored item, and whether it can be recommended already. */
export interface ItemStored {
  item_id: string;
  recommendable: boolean;
}

/** Stored items. */
export interface ItemsStored {
  accepted: number;
  recommendable: number;
}

/**
 * An item of a list; with `reason` and `attributes` if requested.
 *
 * A new item that is in the list for exploration has the `source` exploration.
 */
export interface ListItem {
  item_id: string;
  score: number;
  source?: string | null;
  reason?: string | null;
  attributes?: Record<string, JsonValue> | null;
}

/**
 * The outcomes of the lists of a bundle; `rate` is events per list.
 *
 * `meaning` is positive, negative or neutral: dislikes and impressions are no success. A
 * bundle without any events has an empty type.
 */
export interface ListOutcome {
  bundle_version: string;
  event_type: string;
  meaning: string;
  lists: number;
  events: number;
  users: number;
  rate: number;
}

/** An item of a batch. */
export interface NewItem {
  attributes?: Record<string, JsonValue>;
  available?: boolean | null;
  published?: number | string | null;
  item_id: string | number;
}

/**
 * A bundle compared with the control: by how much more users act on a list (0.1 for 10 %).
 *
 * The interval holds at all looks together; `decided` if it excludes zero. `p` is adjusted for
 * the number of comparisons.
 */
export interface OutcomeContrast {
  control: string;
  bundle_version: string;
  lift: IntervalValue;
  p: number;
  decided: boolean;
}

/**
 * The outcomes of lists since `since`, the last change of shares.
 *
 * `outcomes` counts by bundle and event type, `variants` by user, the control of an experiment
 * first. `sample_ratio_p` tests that the users divide as the shares say.
 */
export interface OutcomeReport {
  outcomes: ListOutcome[];
  since: number;
  window: number;
  variants: BundleOutcome[];
  contrasts: OutcomeContrast[];
  preference: InterleavingPreference | null;
  sample_ratio_p: number | null;
  crossed_users: number;
  summary: string;
  warnings: string[];
}

/** A list given to a user. */
export interface PastRecommendation {
  recommendation_id: string;
  user_id: string;
  timestamp: number;
  bundle_version: string;
  scenario: string | null;
  source: string;
  items: ListItem[];
}

/** A problem with a request (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  request_id?: string | null;
  errors?: (Record<string, JsonValue>)[];
}

/** The bundle that all users get. */
export interface PromotionBody {
  bundle_version: string | number;
}

/** Given items to rank for a user, a history or a text. */
export interface RankBody {
  candidates: (string | number)[];
  user_id?: string | number | null;
  items?: (string | number)[];
  text?: string | null;
  explain?: boolean;
  scenario?: string | number | null;
  fields?: string[];
}

/** A search query; with a user, personalized. */
export interface SearchBody {
  k?: number;
  filter?: string | null;
  boost?: BoostBody[];
  exclude_seen?: boolean | null;
  scenario?: string | number | null;
  diversity?: number;
  explain?: boolean;
  freshness?: number;
  half_life?: number;
  fields?: string[];
  query: string;
  user_id?: string | number | null;
}

/**
 * The state of the service; times are epoch seconds.
 *
 * `event_seq` is the place of the last event in the order of arrival, `newest_event` the latest
 * time of an event, and `bundle_created` that of the bundle of most users. `is_writable` is
 * false if the disk takes no more.
 */
export interface ServiceStatus {
  timestamp: number;
  store_bytes: number;
  bundle_bytes: number;
  free_bytes: number;
  disk_bytes: number;
  event_seq: number;
  newest_event: number | null;
  items: number;
  bundle_created: number;
  is_writable: boolean;
  notes: string[];
  tasks: TaskStatus[];
}

/** The version of the package. */
export interface ServiceVersion {
  pennyweight: string;
  bundle_versions: string[];
}

/** A list for a session, which is not stored, or for a user. */
export interface SessionBody {
  k?: number;
  filter?: string | null;
  boost?: BoostBody[];
  exclude_seen?: boolean | null;
  scenario?: string | number | null;
  diversity?: number;
  explain?: boolean;
  freshness?: number;
  half_life?: number;
  fields?: string[];
  explore?: number | null;
  user_id?: string | number | null;
  items?: (string | number)[];
  events?: HistoryEvent[];
  text?: string | null;
  session?: string | number | null;
}

/** The shares of all bundles of the experiment that runs. */
export interface SharesBody {
  variants: VariantBody[];
}

/** An experiment with other shares, and the share of users who got another bundle. */
export interface SharesChange {
  name: string;
  kind: string;
  state: string;
  variants: BundleShare[];
  started: number;
  started_by: string;
  ends: number | null;
  ended: number | null;
  ended_by: string | null;
  promoted: string | null;
  moved: number;
}

/**
 * A task of the service: `encoding` of items, `refit`, `backup` (or an export) or `import`.
 *
 * `state` is running, idle, or stopped for a refit that died, which the next one goes on with.
 * While it runs, `stage` is the current one, `number` of `stages`, `share` the part of the task
 * that is done, and `seconds_left` the estimated time to its end; null where unknown. `waiting`
 * counts items to encode. `outcome` and `ended` are of the last run: published, not-published,
 * nothing-new, saved or failed.
 */
export interface TaskStatus {
  task: string;
  state: string;
  began: number | null;
  stage: string | null;
  number: number | null;
  stages: number | null;
  share: number | null;
  seconds_left: number | null;
  waiting: number;
  outcome: string | null;
  ended: number | null;
}

/** A bundle for all users, or the shares of an experiment. */
export interface TrafficSplitBody {
  variants: VariantBody[];
  force?: boolean;
}

/** A stored event of a user. */
export interface UserEvent {
  event_id: string | null;
  item_id: string;
  event_type: string;
  timestamp: number;
  weight: number;
  recommendation_id: string | null;
  source: string;
}

/** All data about a user; none after an erasure, until /v1/consents. */
export interface UserExport {
  user_id: string;
  erased: boolean;
  events: UserEvent[];
  recommendations: PastRecommendation[];
  trained_on: (Record<string, string>)[];
}

/** Options of a list by the history of a user or a session. */
export interface UserListOptions {
  k?: number;
  filter?: string | null;
  boost?: BoostBody[];
  exclude_seen?: boolean | null;
  scenario?: string | number | null;
  diversity?: number;
  explain?: boolean;
  freshness?: number;
  half_life?: number;
  fields?: string[];
  explore?: number | null;
}

/** Users with live events, in order; `next` continues after the last. */
export interface UserListing {
  users: string[];
  next: string | null;
}

/** A bundle and its share of the users. */
export interface VariantBody {
  bundle_version: string | number;
  share?: number;
}

/** A failed call: the service refuses it, or no response came (status 0). */
export class PennyweightError extends Error {
  readonly status: number;
  readonly problem: Problem | null;
  readonly retryAfter: number | null;

  constructor(message: string, status = 0, problem: Problem | null = null, retryAfter: number | null = null) {
    super(message);
    this.name = "PennyweightError";
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** Settings of a client; times are in seconds. */
export interface ClientOptions {
  /** A key of the service, from `pennyweight keys create`. */
  key?: string;
  /** How long to wait for a response; calls that change bundles may need more. */
  timeout?: number;
  /** How long a call goes on after failures; 0: one try. */
  patience?: number;
}

interface Call {
  method: string;
  path: string;
  query?: object;
  body?: unknown;
  /** Whether it may reach the service twice. */
  safe?: boolean;
  /** Statuses that are no errors. */
  expected?: number[];
}

/**
 * A client of a running service.
 *
 * Calls that may reach the service twice without a second effect are tried again after a failure;
 * others only where the service answers 429 or 503 itself and so did nothing. Each event gets its
 * id before it is first sent, so the service stores it once.
 */
export class Client {
  readonly url: string;
  private readonly headers: Record<string, string>;
  private readonly timeout: number;
  private readonly patience: number;

  constructor(url = "http://127.0.0.1:8000", options: ClientOptions = {}) {
    this.url = url.replace(/\/+$/, "");
    this.headers = options.key === undefined ? {} : { Authorization: `Bearer ${options.key}` };
    this.timeout = options.timeout ?? 10;
    this.patience = options.patience ?? 30;
  }

  /** Recommend to a user; an unknown one gets the most popular items. */
  recommend(userId: string | number, query: { k?: number; filter?: string | null; exclude_seen?: boolean | null; scenario?: string | number | null; diversity?: number; explain?: boolean; freshness?: number; half_life?: number; fields?: string; explore?: number | null } = {}): Promise<ItemList> {
    return this.json({ method: "GET", path: `/v1/recommend/${id(userId)}`, query, safe: true });
  }

  /** Recommend to a user, with boosts. */
  recommendWithBoosts(userId: string | number, body: UserListOptions): Promise<ItemList> {
    return this.json({ method: "POST", path: `/v1/recommend/${id(userId)}`, body, safe: true });
  }

  /** Recommend to a session, which is not stored, or to a user. */
  recommendSession(body: SessionBody): Promise<ItemList> {
    return this.json({ method: "POST", path: `/v1/recommend`, body, safe: true });
  }

  /** Search items by text; by default also items of the history. */
  search(body: SearchBody): Promise<ItemList> {
    return this.json({ method: "POST", path: `/v1/search`, body, safe: true });
  }

  /** Rank given items: all that are in the catalog and available. */
  rank(body: RankBody): Promise<ItemList> {
    return this.json({ method: "POST", path: `/v1/rank`, body, safe: true });
  }

  /** Explain the items of a logged list. */
  explain(recommendationId: string | number): Promise<Explanation> {
    return this.json({ method: "GET", path: `/v1/explain/${id(recommendationId)}`, safe: true });
  }

  /** Return the most popular items, as a user without a history gets them. */
  popularItems(query: { k?: number; filter?: string | null; scenario?: string | number | null; explain?: boolean; fields?: string } = {}): Promise<ItemList> {
    return this.json({ method: "GET", path: `/v1/popular`, query, safe: true });
  }

  /** Return the items published last, newest first; scores are epoch seconds. */
  latestItems(query: { k?: number; filter?: string | null; scenario?: string | number | null; explain?: boolean; fields?: string } = {}): Promise<ItemList> {
    return this.json({ method: "GET", path: `/v1/latest`, query, safe: true });
  }

  /** Return similar items. */
  similarItems(itemId: string | number, query: { k?: number; filter?: string | null; scenario?: string | number | null; explain?: boolean; fields?: string } = {}): Promise<ItemList> {
    return this.json({ method: "GET", path: `/v1/similar/${id(itemId)}`, query, safe: true });
  }

  /**
   * Store one or several events.
   *
   * Events with a known id are ignored, and events of erased users are dropped.
   */
  sendEvents(body: EventBody | EventBatch): Promise<EventsStored> {
    return this.json({ method: "POST", path: `/v1/events`, body: withEventIds(body), safe: true });
  }

  /** Create an item, or replace it completely. */
  putItem(itemId: string | number, body: ItemBody): Promise<ItemStored> {
    return this.json({ method: "PUT", path: `/v1/items/${id(itemId)}`, body, safe: true });
  }

  /** Change attributes or availability of an item. */
  changeItem(itemId: string | number, body: ItemChange): Promise<ItemStored> {
    return this.json({ method: "PATCH", path: `/v1/items/${id(itemId)}`, body, safe: true });
  }

  /** Delete an item; it stays in the histories of its users. */
  deleteItem(itemId: string | number): Promise<ItemStored> {
    return this.json({ method: "DELETE", path: `/v1/items/${id(itemId)}` });
  }

  /** Return an item. */
  getItem(itemId: string | number): Promise<CatalogItem> {
    return this.json({ method: "GET", path: `/v1/items/${id(itemId)}`, safe: true });
  }

  /** Create or replace several items, all or none. */
  putItems(body: ItemBatch): Promise<ItemsStored> {
    return this.json({ method: "POST", path: `/v1/items`, body, safe: true });
  }

  /** Return all items with their live changes as JSON lines, in the order of the catalog. */
  exportItems(query: { after?: string | number | null } = {}): AsyncGenerator<CatalogItem> {
    return this.lines({ method: "GET", path: `/v1/items:export`, query, safe: true });
  }

  /** List users with live events, in order. */
  listUsers(query: { limit?: number; after?: string } = {}): Promise<UserListing> {
    return this.json({ method: "GET", path: `/v1/users`, query, safe: true });
  }

  /** Return all data about a user: live events, events in the bundles, lists. */
  getUser(userId: string | number): Promise<UserExport> {
    return this.json({ method: "GET", path: `/v1/users/${id(userId)}`, safe: true });
  }

  /**
   * Erase all data about a user, including its bytes on disk.
   *
   * Later events of the user are dropped, and later bundles are stripped, until /v1/consents.
   */
  eraseUser(userId: string | number): Promise<Erasure> {
    return this.json({ method: "DELETE", path: `/v1/users/${id(userId)}` });
  }

  /** Store events of an erased user again, after renewed consent. */
  readmitUser(userId: string | number): Promise<Consent> {
    return this.json({ method: "POST", path: `/v1/consents/${id(userId)}` });
  }

  /** List the available and the served bundles. */
  listBundles(): Promise<BundleOverview> {
    return this.json({ method: "GET", path: `/v1/bundles`, safe: true });
  }

  /**
   * Add a bundle from a directory of the server and, by default, serve it.
   *
   * One without any item of the served bundle is refused unless `force` is true.
   */
  addBundle(body: BundleBody): Promise<BundleOverview> {
    return this.json({ method: "POST", path: `/v1/bundles`, body });
  }

  /** Serve one bundle to all users, or start an experiment or change its shares. */
  splitTraffic(body: TrafficSplitBody): Promise<BundleOverview> {
    return this.json({ method: "PUT", path: `/v1/bundles/traffic-split`, body });
  }

  /** Delete a bundle that is neither served nor the previous one. */
  deleteBundle(bundleVersion: string | number): Promise<BundleOverview> {
    return this.json({ method: "DELETE", path: `/v1/bundles/${id(bundleVersion)}` });
  }

  /** Serve the previous bundles again. */
  rollBack(): Promise<BundleOverview> {
    return this.json({ method: "POST", path: `/v1/bundles/rollback` });
  }

  /**
   * Return all live events as JSON lines, each once, in the order of their arrival.
   *
   * The header Pennyweight-Position names the last event of the store; its seq as `after` goes
   * on from there.
   */
  exportEvents(query: { after?: number; since?: string | null } = {}): AsyncGenerator<{ user_id: string; item_id: string; event_type: string; timestamp: number; weight: number; event_id: string; recommendation_id: string | null; seq: number; }> {
    return this.lines({ method: "GET", path: `/v1/events:export`, query, safe: true });
  }

  /** Report the outcomes of lists since the last change of the traffic split. */
  feedback(query: { window?: number } = {}): Promise<OutcomeReport> {
    return this.json({ method: "GET", path: `/v1/feedback`, query, safe: true });
  }

  /** List the actions of administrators, newest first. */
  audit(query: { limit?: number } = {}): Promise<AuditLog> {
    return this.json({ method: "GET", path: `/v1/audit`, query, safe: true });
  }

  /** List the experiments, the newest first. */
  listExperiments(): Promise<ExperimentHistory> {
    return this.json({ method: "GET", path: `/v1/experiments`, safe: true });
  }

  /** Divide the users between bundles, until a stop or a promotion. */
  startExperiment(body: ExperimentBody): Promise<ExperimentStatus> {
    return this.json({ method: "POST", path: `/v1/experiments`, body });
  }

  /** Report the smallest change that an experiment can detect, from the users so far. */
  planExperiment(query: { days?: number; shares?: string } = {}): Promise<DetectableChange> {
    return this.json({ method: "GET", path: `/v1/experiments/plan`, query, safe: true });
  }

  /** Change the shares; as few users as possible move, and counting restarts. */
  changeShares(body: SharesBody): Promise<SharesChange> {
    return this.json({ method: "PUT", path: `/v1/experiments/shares`, body });
  }

  /** Serve the control to all users. */
  stopExperiment(): Promise<ExperimentStatus> {
    return this.json({ method: "POST", path: `/v1/experiments/stop` });
  }

  /** Serve one bundle of the experiment to all users; `rollback` serves the former one. */
  promoteBundle(body: PromotionBody): Promise<ExperimentStatus> {
    return this.json({ method: "POST", path: `/v1/experiments/promote`, body });
  }

  /** Return 200 as long as the process responds. */
  live(): Promise<Health> {
    return this.json({ method: "GET", path: `/health/live`, safe: true });
  }

  /**
   * Return 200 while clients should send requests, otherwise 503 and the reason.
   *
   * `loading`: no bundle yet. `damaged`: the store is. `stuck`: a thread works on the same
   * for seconds. `full`: more comes than is answered in time.
   */
  ready(): Promise<Health> {
    return this.json({ method: "GET", path: `/health/ready`, safe: true, expected: [503] });
  }

  /** Return all metrics in the text format of Prometheus. */
  metrics(): Promise<string> {
    return this.text({ method: "GET", path: `/metrics`, safe: true });
  }

  /** Return the state of store and disk, and the tasks with their progress. */
  status(): Promise<ServiceStatus> {
    return this.json({ method: "GET", path: `/v1/status`, safe: true });
  }

  /** Return the version of the package and of the bundles. */
  version(): Promise<ServiceVersion> {
    return this.json({ method: "GET", path: `/v1/version`, safe: true });
  }

  private async json<T>(call: Call): Promise<T> {
    return (await (await this.send(call)).json()) as T;
  }

  private async text(call: Call): Promise<string> {
    return (await this.send(call)).text();
  }

  private async *lines<T>(call: Call): AsyncGenerator<T> {
    const response = await this.send(call, false);
    const decoder = new TextDecoder();
    const reader = response.body!.getReader();
    let rest = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        rest += decoder.decode(value, { stream: !done });
        const lines = rest.split("\n");
        rest = lines.pop()!;
        for (const line of lines) if (line) yield JSON.parse(line) as T;
        if (done) return;
      }
    } finally {
      await reader.cancel();
    }
  }

  private async send(call: Call, timed = true): Promise<Response> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = body === undefined ? this.headers : { ...this.headers, "Content-Type": "application/json" };
    const start = Date.now();
    for (let failures = 1; ; failures += 1) {
      const signal = timed ? AbortSignal.timeout(this.timeout * 1000) : undefined;
      let error: PennyweightError;
      let mayRetry = call.safe ?? false;
      try {
        const init = { method: call.method, headers, body, signal };
        const response = await fetch(this.url + call.path + queryString(call.query), init);
        if (response.ok || call.expected?.includes(response.status)) return response;
        error = await refusal(response);
        const isOwn = response.headers.get("content-type")?.startsWith("application/problem+json") ?? false;
        if (response.status === 429 || response.status === 503) mayRetry ||= isOwn;
        else mayRetry &&= response.status === 502 || response.status === 504;
      } catch (cause) {
        error = new PennyweightError(`${call.method} ${this.url}${call.path}: no response (${String(cause)})`);
      }
      const backoff = Math.min(5, 0.1 * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
      const wait = Math.max(backoff, error.retryAfter ?? 0);
      if (!mayRetry || (Date.now() - start) / 1000 + wait >= this.patience) throw error;
      await new Promise((resume) => setTimeout(resume, wait * 1000));
    }
  }
}

function id(value: string | number): string {
  const text = String(value);
  if (text === "" || text === "." || text === "..") {
    throw new PennyweightError(`the id ${JSON.stringify(text)} cannot be in a path; choose another id`);
  }
  return encodeURIComponent(text);
}

function queryString(query: object = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}

function withEventIds(body: EventBody | EventBatch): EventBody | EventBatch {
  if ("events" in body) return { events: body.events.map(withEventId) };
  return withEventId(body);
}

function withEventId(event: EventBody): EventBody {
  if (event.event_id !== undefined && event.event_id !== null) return event;
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return { ...event, event_id: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

async function refusal(response: Response): Promise<PennyweightError> {
  let problem: Problem | null = null;
  try {
    problem = (await response.json()) as Problem;
  } catch {
    // Not of the service: a proxy, perhaps.
  }
  const seconds = Number.parseFloat(response.headers.get("retry-after") ?? "");
  const detail = problem?.detail ?? "the response has no problem details";
  const retryAfter = Number.isNaN(seconds) ? null : seconds;
  return new PennyweightError(`${response.status}: ${detail}`, response.status, problem, retryAfter);
}
