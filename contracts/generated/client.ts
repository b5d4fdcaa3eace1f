// @ts-nocheck
// Made by `npm run generate`; do not edit.
/**
 * Lotok
 * 1
 * DO NOT MODIFY - This file has been generated using oazapfts.
 * See https://www.npmjs.com/package/oazapfts
 */
import * as Oazapfts from "@oazapfts/runtime";
import * as QS from "@oazapfts/runtime/query";
export const defaults: Oazapfts.Defaults<Oazapfts.CustomHeaders> = {
    headers: {},
    baseUrl: "http://localhost:8080"
};
const oazapfts = Oazapfts.runtime(defaults);
export const servers = {
    server1: "http://localhost:8080"
};
export type Money = {
    amount: number;
    currency: string;
};
export type Photo = {
    id: string;
    url: string;
    thumb_url: string;
    width: number;
    height: number;
};
export type Seller = {
    id: string;
    name: string;
    rating: number | null;
    reviews: number;
};
export type Ad = {
    id: string;
    title: string;
    description: string;
    price: Money;
    category: string;
    city: string;
    attributes: {
        [key: string]: string | number | boolean;
    };
    photos: Photo[];
    status: "draft" | "moderation" | "active" | "reserved" | "sold" | "archived" | "rejected";
    rejection_reason: string | null;
    seller: Seller;
    created_at: string;
    updated_at: string;
    version: number;
};
export type AdPage = {
    items: Ad[];
    next_cursor: string | null;
};
export type Problem = {
    "type": string;
    title: string;
    status: number;
    detail?: string;
    errors?: {
        /** Path of the field, such as `price.amount` */
        field: string;
        message: string;
    }[];
    trace_id?: string;
    [key: string]: unknown;
};
export type Price = {
    amount: number;
    currency: string;
};
export type NewAd = {
    title: string;
    description: string;
    price: Price;
    category: string;
    city: string;
    attributes?: {
        [key: string]: string | number | boolean;
    };
    /** Ids of media that you uploaded */
    photos?: string[];
    draft?: boolean;
};
export type AdChange = {
    title?: string;
    description?: string;
    price?: Price;
    category?: string;
    city?: string;
    attributes?: {
        [key: string]: string | number | boolean;
    };
    photos?: string[];
    /** `active` publishes, `archived` takes off */
    status?: "draft" | "active" | "archived";
};
export type Category = {
    id: string;
    name: {
        ru: string;
        en: string;
    };
    attributes: {
        id: string;
        name: {
            ru: string;
            en: string;
        };
        "type": "text" | "number" | "boolean" | "choice";
        unit?: string;
        choices?: {
            id: string;
            name: {
                ru: string;
                en: string;
            };
        }[];
        required: boolean;
    }[];
    /** Active ads */
    ads: number;
};
export type City = {
    id: string;
    name: {
        ru: string;
        en: string;
    };
    latitude: number;
    longitude: number;
};
export type Registration = {
    email: string;
    password: string;
    /** Shown to others; the part before @ when not given */
    name?: string;
    language?: "ru" | "en";
};
export type Tokens = {
    access_token: string;
    refresh_token: string;
    token_type: "Bearer";
    /** Seconds */
    expires_in: number;
    user_id: string;
};
export type Credentials = {
    email: string;
    password: string;
};
export type Profile = {
    id: string;
    email: string;
    name: string;
    phone: string | null;
    language: "ru" | "en";
    roles: ("user" | "moderator" | "operator")[];
    created_at: string;
};
export type PasswordChange = {
    current_password: string;
    new_password: string;
};
export type SessionsEnded = {
    sessions: number;
};
export type SellerPage = {
    id: string;
    name: string;
    since: string;
    rating: number | null;
    reviews: number;
    sales: number;
};
export type Review = {
    order_id: string;
    author: {
        id: string;
        name: string;
    };
    rating: number;
    text: string;
    created_at: string;
};
export type Facets = {
    category: {
        value: string;
        count: number;
    }[];
    city: {
        value: string;
        count: number;
    }[];
    price: {
        "from": number;
        to: number | null;
        count: number;
    }[];
};
export type SearchPage = {
    items: Ad[];
    facets: Facets;
    total: number;
    next_cursor: string | null;
};
export type SavedSearch = {
    id: string;
    name: string;
    query: {
        q: string;
        category?: string;
        city?: string;
        price_min?: number;
        price_max?: number;
    };
    created_at: string;
};
export type NewUpload = {
    content_type: "image/jpeg" | "image/png" | "image/webp";
    /** Bytes */
    size: number;
};
export type Upload = {
    media_id: string;
    upload_url: string;
    method: "PUT";
    headers: {
        [key: string]: string;
    };
    /** Seconds */
    expires_in: number;
};
export type Media = {
    id: string;
    status: "awaiting_upload" | "ready" | "rejected";
    rejection_reason: string | null;
    width: number | null;
    height: number | null;
    url: string | null;
    thumb_url: string | null;
};
export type NewReport = {
    subject: {
        "type": "ad" | "user" | "message";
        id: string;
    };
    reason: "spam" | "fraud" | "forbidden_goods" | "wrong_category" | "duplicate" | "offensive" | "other";
    comment?: string;
};
export type ReportReceipt = {
    id: string;
    status: "processing";
    message: string;
};
export type Report = {
    id: string;
    subject: {
        "type": "ad" | "user" | "message";
        id: string;
    };
    reason: "spam" | "fraud" | "forbidden_goods" | "wrong_category" | "duplicate" | "offensive" | "other";
    comment: string;
    reporter_id: string;
    status: "processing" | "accepted" | "rejected";
    resolution: string | null;
    created_at: string;
    resolved_at: string | null;
};
export type Destination = {
    method: "courier";
    address: string;
} | {
    method: "pickup_point";
    pickup_point: string;
};
export type NewOrder = {
    ad_id: string;
    delivery: Destination;
};
export type DateRange = {
    "from": string;
    to: string;
};
export type Order = {
    id: string;
    status: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
    cancel_reason: ("buyer_cancelled" | "payment_declined" | "payment_timeout" | "courier_refused" | "parcel_returned" | "parcel_lost" | "delivery_timeout" | "ad_unavailable" | "payment_error" | "operator_cancelled") | null;
    buyer_id: string;
    seller_id: string;
    ad: {
        id: string;
        title: string;
        thumb_url: string | null;
    };
    price: Money;
    delivery_price: Money;
    total: Money;
    payment: {
        id: string;
        status: "in_progress" | "authorized" | "captured" | "failed" | "voided" | "refunded";
        confirmation_url: string | null;
    };
    delivery: {
        method: "courier" | "pickup_point";
        address: string | null;
        pickup_point: string | null;
        shipment_id: string | null;
        stage: ("created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled") | null;
        tracking_number: string | null;
        estimated: DateRange | null;
    };
    actions: ("pay" | "cancel" | "accept" | "review")[];
    created_at: string;
    updated_at: string;
    version: number;
};
export type TimelineEntry = {
    kind: "order";
    status: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
    reason: ("buyer_cancelled" | "payment_declined" | "payment_timeout" | "courier_refused" | "parcel_returned" | "parcel_lost" | "delivery_timeout" | "ad_unavailable" | "payment_error" | "operator_cancelled") | null;
    at: string;
} | {
    kind: "payment";
    status: "in_progress" | "authorized" | "captured" | "failed" | "voided" | "refunded";
    at: string;
} | {
    kind: "delivery";
    stage: "created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled";
    at: string;
};
export type OrderWithTimeline = {
    id: string;
    status: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
    cancel_reason: ("buyer_cancelled" | "payment_declined" | "payment_timeout" | "courier_refused" | "parcel_returned" | "parcel_lost" | "delivery_timeout" | "ad_unavailable" | "payment_error" | "operator_cancelled") | null;
    buyer_id: string;
    seller_id: string;
    ad: {
        id: string;
        title: string;
        thumb_url: string | null;
    };
    price: Money;
    delivery_price: Money;
    total: Money;
    payment: {
        id: string;
        status: "in_progress" | "authorized" | "captured" | "failed" | "voided" | "refunded";
        confirmation_url: string | null;
    };
    delivery: {
        method: "courier" | "pickup_point";
        address: string | null;
        pickup_point: string | null;
        shipment_id: string | null;
        stage: ("created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled") | null;
        tracking_number: string | null;
        estimated: DateRange | null;
    };
    actions: ("pay" | "cancel" | "accept" | "review")[];
    created_at: string;
    updated_at: string;
    version: number;
    timeline: TimelineEntry[];
};
export type OperationsCounts = {
    by_status: {
        [key: string]: number;
    };
    needs_attention: number;
};
export type OperationsOrder = {
    id: string;
    status: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
    cancel_reason: ("buyer_cancelled" | "payment_declined" | "payment_timeout" | "courier_refused" | "parcel_returned" | "parcel_lost" | "delivery_timeout" | "ad_unavailable" | "payment_error" | "operator_cancelled") | null;
    /** Why a person has to look */
    needs_attention: string | null;
    attention_since: string | null;
    ad: {
        id: string;
        title: string;
    };
    total: Money;
    buyer_id: string;
    seller_id: string;
    payment: {
        id: string;
        status: "in_progress" | "authorized" | "captured" | "failed" | "voided" | "refunded";
    };
    delivery: {
        shipment_id: string;
        stage: ("created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled") | null;
        tracking_number: string | null;
    };
    /** When the present state times out */
    deadline_at: string | null;
    created_at: string;
    updated_at: string;
    version: number;
};
export type CommandStory = {
    id: number;
    step: "start_payment" | "mark_ad_sold" | "create_shipment" | "notify_paid" | "capture_payment" | "pay_out_seller" | "cancel_shipment" | "return_money" | "release_ad";
    state: "owed" | "done" | "refused" | "dropped" | "parked" | "skipped";
    /** All tries */
    attempts: number;
    /** Tries that failed with an answer, since it was owed or retried */
    failures: number;
    last_error: string | null;
    owed_at: string;
    /** While it is owed */
    next_try_at: string | null;
    finished_at: string | null;
    /** W3C trace id, where it happened in a trace */
    trace_id: string | null;
    /** Those that failed: the first few and the last ones */
    tries: {
        "number": number;
        at: string;
        /** False where the target could not be reached */
        answered: boolean;
        error: string;
        /** W3C trace id, where it happened in a trace */
        trace_id: string | null;
    }[];
};
export type StoryEntry = {
    kind: "order";
    status: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
    reason: ("buyer_cancelled" | "payment_declined" | "payment_timeout" | "courier_refused" | "parcel_returned" | "parcel_lost" | "delivery_timeout" | "ad_unavailable" | "payment_error" | "operator_cancelled") | null;
    at: string;
    /** W3C trace id, where it happened in a trace */
    trace_id: string | null;
    event_id: string | null;
} | {
    kind: "payment";
    status: "in_progress" | "authorized" | "captured" | "failed" | "voided" | "refunded";
    at: string;
    /** W3C trace id, where it happened in a trace */
    trace_id: string | null;
    event_id: string | null;
} | {
    kind: "delivery";
    stage: "created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled";
    at: string;
    /** W3C trace id, where it happened in a trace */
    trace_id: string | null;
    event_id: string | null;
};
export type OperatorDecision = {
    id: number;
    operator: {
        id: string;
        name: string | null;
    };
    action: "retry" | "skip" | "compensate";
    target: "command" | "payment" | "delivery" | "order";
    command_id: number | null;
    step: ("start_payment" | "mark_ad_sold" | "create_shipment" | "notify_paid" | "capture_payment" | "pay_out_seller" | "cancel_shipment" | "return_money" | "release_ad") | null;
    note: string;
    before: {
        status: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
        needs_attention: string | null;
        command_state: ("owed" | "done" | "refused" | "dropped" | "parked" | "skipped") | null;
    };
    after: {
        status: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
        needs_attention: string | null;
        command_state: ("owed" | "done" | "refused" | "dropped" | "parked" | "skipped") | null;
    } | null;
    /** `unknown`: asked of another service, and not heard of since */
    outcome: "done" | "failed" | "unknown";
    failure: string | null;
    at: string;
    /** W3C trace id, where it happened in a trace */
    trace_id: string | null;
};
export type PaymentStory = {
    id: string;
    provider: string;
    provider_id: string | null;
    status: "in_progress" | "authorized" | "captured" | "failed" | "voided" | "refunded";
    amount: Money;
    reason: string | null;
    /** What the provider answers now, in its own word */
    provider_says: string | null;
    provider_error: string | null;
    /** What was decided and the provider has yet to do */
    intent: string | null;
    intent_reason: string | null;
    attempts: number;
    failures: number;
    last_error: string | null;
    next_try_at: string | null;
    needs_attention: string | null;
    changes: {
        version: number;
        status: "in_progress" | "authorized" | "captured" | "failed" | "voided" | "refunded";
        reason: string | null;
        at: string;
    }[];
    provider_events: {
        id: string;
        status: string;
        at: string;
    }[];
    payout: {
        status: string;
        provider_id: string | null;
        amount: Money;
        attempts: number;
        failures: number;
        last_error: string | null;
        next_try_at: string | null;
        created_at: string;
        paid_at: string | null;
    } | null;
    ledger: {
        kind: string;
        at: string;
        entries: {
            account: string;
            amount: number;
            currency: string;
        }[];
    }[];
    /** W3C trace id, where it happened in a trace */
    trace_id: string | null;
};
export type DeliveryStory = {
    id: string;
    courier: string;
    courier_id: string | null;
    tracking_number: string | null;
    stage: ("created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled") | null;
    reason: string | null;
    /** What the courier answers now */
    courier_says: ("created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled") | null;
    courier_error: string | null;
    /** Decided; the courier has yet to agree */
    cancelling: boolean;
    cancel_reason: string | null;
    estimated: DateRange | null;
    attempts: number;
    failures: number;
    last_error: string | null;
    next_try_at: string | null;
    needs_attention: string | null;
    changes: {
        version: number;
        stage: "created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled";
        reason: string | null;
        at: string;
    }[];
    courier_events: {
        id: string;
        stage: ("created" | "accepted" | "in_transit" | "at_pickup_point" | "delivered" | "returned" | "lost" | "cancelled") | null;
        at: string;
    }[];
    /** W3C trace id, where it happened in a trace */
    trace_id: string | null;
};
export type NoticeStory = {
    id: string;
    kind: "order_created" | "order_paid" | "payment_failed" | "order_shipped" | "order_at_pickup_point" | "order_delivered" | "order_completed" | "order_cancelled" | "order_refunded" | "sale_paid" | "sale_completed" | "sale_cancelled" | "ad_rejected" | "report_resolved" | "messages_unread";
    user_id: string;
    in_app: boolean;
    read_at: string | null;
    /** `gathered` leaves together with others; `suppressed` is not sent to an address that mails come back from */
    mail: "none" | "owed" | "gathered" | "sent" | "failed" | "suppressed";
    mail_attempts: number;
    mail_error: string | null;
    mailed_at: string | null;
    created_at: string;
    /** W3C trace id, where it happened in a trace */
    trace_id: string | null;
};
export type OrderStory = {
    order: OperationsOrder;
    /** Whether the money can still go back to the buyer */
    can_compensate: boolean;
    commands: CommandStory[];
    timeline: StoryEntry[];
    decisions: OperatorDecision[];
    payment: PaymentStory | null;
    delivery: DeliveryStory | null;
    notices: NoticeStory[];
    /** Services that did not answer in time: their parts are not here */
    missing: ("payments" | "delivery" | "notifications")[];
};
export type DecisionTarget = {
    kind: "command";
    id: number;
} | {
    kind: "payment";
} | {
    kind: "delivery";
};
export type NewDecision = {
    action: "retry";
    target: DecisionTarget;
    /** Why */
    note: string;
} | {
    action: "skip";
    target: DecisionTarget;
    /** Why */
    note: string;
} | {
    action: "compensate";
    /** The status that you saw: what is undone depends on it */
    status: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
    /** Why */
    note: string;
};
export type FeeQuote = {
    /** The fee in hundredths of a per cent of the price */
    basis_points: number;
    price: Money;
    /** Rounded down, in the seller’s favour */
    fee: Money;
    seller_gets: Money;
};
export type Balance = {
    currency: string;
    /** Of sales that are paid and not yet completed; a cancellation ends it */
    pending: number;
    /** Earned, and not yet paid out */
    available: number;
    paid_out: number;
};
export type StatementEntry = {
    id: number;
    kind: "earned" | "paid_out";
    order_id: string;
    title: string;
    currency: string;
    /** Added to what the seller is owed, or taken off it */
    amount: number;
    /** What the platform kept of the price */
    fee: number;
    /** What the seller was owed in this currency afterwards */
    balance: number;
    at: string;
};
export type KnownDestination = {
    provider: string;
    "type": string;
    /** The last characters of the account or phone number */
    ends_with: string;
    updated_at: string;
};
export type PayoutDestination = {
    "type": "stripe_account";
    account_id: string;
} | {
    "type": "yoo_money";
    account_number: string;
} | {
    "type": "sbp";
    phone: string;
    bank_id: string;
};
export type NewRefund = {
    amount: Price;
    reason: string;
};
export type Refunded = {
    payment_id: string;
    /** All that is back with the buyer */
    refunded: Money;
    /** What is left for the seller, after the fee */
    seller_gets: Money;
    /** The provider has yet to carry it out */
    in_progress: boolean;
};
export type Quote = {
    method: "courier" | "pickup_point";
    courier: string;
    price: Money;
    estimated: DateRange;
};
export type PickupPoint = {
    id: string;
    city: string;
    name: string;
    address: string;
    latitude: number;
    longitude: number;
    hours: string;
    /** Who hands parcels out there */
    courier: string;
    /** From the position that was asked about, else from the centre of the city */
    distance_m: number;
};
export type Notification = {
    id: string;
    kind: "order_created" | "order_paid" | "payment_failed" | "order_shipped" | "order_at_pickup_point" | "order_delivered" | "order_completed" | "order_cancelled" | "order_refunded" | "sale_paid" | "sale_completed" | "sale_cancelled" | "ad_rejected" | "report_resolved" | "messages_unread";
    title: string;
    text: string;
    link: string | null;
    read: boolean;
    created_at: string;
};
export type PreferencesNow = {
    email: boolean;
    in_app: boolean;
    muted: ("order_created" | "order_paid" | "payment_failed" | "order_shipped" | "order_at_pickup_point" | "order_delivered" | "order_completed" | "order_cancelled" | "order_refunded" | "sale_paid" | "sale_completed" | "sale_cancelled" | "ad_rejected" | "report_resolved" | "messages_unread")[];
    /** Mails to your address came back, so none is sent there until you say that it works */
    email_blocked: {
        since: string;
        reason: string;
    } | null;
};
export type Preferences = {
    email: boolean;
    in_app: boolean;
    muted: ("order_created" | "order_paid" | "payment_failed" | "order_shipped" | "order_at_pickup_point" | "order_delivered" | "order_completed" | "order_cancelled" | "order_refunded" | "sale_paid" | "sale_completed" | "sale_cancelled" | "ad_rejected" | "report_resolved" | "messages_unread")[];
};
export type Message = {
    id: string;
    conversation_id: string;
    "number": number;
    sender_id: string;
    text: string;
    attachments: Photo[];
    /** Moderators took its text and pictures away */
    removed: boolean;
    created_at: string;
};
export type Conversation = {
    id: string;
    ad: {
        id: string;
        title: string;
        price: Money;
        status: "draft" | "moderation" | "active" | "reserved" | "sold" | "archived" | "rejected";
        thumb_url: string | null;
    };
    /** What you are in it */
    role: "buyer" | "seller";
    partner: {
        id: string;
        name: string;
    };
    last_message: Message | null;
    unread: number;
    read_up_to: number;
    partner_read_up_to: number;
    /** You blocked the other one */
    blocked: boolean;
    /** Neither of you blocked the other */
    can_write: boolean;
    created_at: string;
};
export type NewMessage = {
    text?: string;
    /** Ids of media that you uploaded */
    attachments?: string[];
};
export type ReportedMessage = {
    message: Message;
    ad: {
        id: string;
        title: string;
    };
    sender: string;
};
export type GraphqlRequest = unknown | {
    extensions: object;
};
/**
 * List active ads
 */
export function listAds({ category, q, city, seller, priceMin, priceMax, sort, cursor, limit }: {
    category?: string;
    q?: string;
    city?: string;
    seller?: string;
    priceMin?: number;
    priceMax?: number;
    sort?: "newest" | "oldest" | "price_asc" | "price_desc";
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: AdPage;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/ads${QS.query(QS.explode({
        category,
        q,
        city,
        seller,
        price_min: priceMin,
        price_max: priceMax,
        sort,
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Publish an ad, or keep it as a draft
 */
export function createAd({ newAd }: {
    newAd: NewAd;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: Ad;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/ads", oazapfts.json({
        ...opts,
        method: "POST",
        body: newAd
    }));
}
/**
 * Read several ads at once; those that nobody may read are left out
 */
export function listAdsById({ ids }: {
    ids: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Ad[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/ads/by-id${QS.query(QS.explode({
        ids
    }))}`, {
        ...opts
    });
}
/**
 * Read one ad
 */
export function getAd({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Ad;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/ads/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * Change your ad
 */
export function changeAd({ id, ifMatch, adChange }: {
    id: string;
    ifMatch?: string;
    adChange: AdChange;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Ad;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/ads/${encodeURIComponent(id)}`, oazapfts.json({
        ...opts,
        method: "PATCH",
        body: adChange,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "if-match": ifMatch
        })
    }));
}
/**
 * Take your ad off
 */
export function deleteAd({ id, ifMatch }: {
    id: string;
    ifMatch?: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 412;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/ads/${encodeURIComponent(id)}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "if-match": ifMatch
        })
    });
}
/**
 * Your own ads in every status
 */
export function listMyAds({ status, cursor, limit }: {
    status?: "draft" | "moderation" | "active" | "reserved" | "sold" | "archived" | "rejected";
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: AdPage;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/me/ads${QS.query(QS.explode({
        status,
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Categories with their attribute schemas
 */
export function listCategories(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Category[];
        };
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/categories", {
        ...opts
    });
}
/**
 * Cities that ads are placed in
 */
export function listCities(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: City[];
        };
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/cities", {
        ...opts
    });
}
/**
 * Ads you marked
 */
export function listFavourites({ cursor, limit }: {
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: AdPage;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/me/favourites${QS.query(QS.explode({
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Mark an ad
 */
export function addFavourite({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/me/favourites/${encodeURIComponent(id)}`, {
        ...opts,
        method: "PUT"
    });
}
/**
 * Unmark an ad
 */
export function removeFavourite({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/me/favourites/${encodeURIComponent(id)}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * Ads that wait for a moderator
 */
export function listModeration({ cursor, limit }: {
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: AdPage;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/moderation/ads${QS.query(QS.explode({
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Approve or reject an ad
 */
export function moderateAd({ id, body }: {
    id: string;
    body: {
        decision: "approve" | "reject";
        reason?: string;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Ad;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/moderation/ads/${encodeURIComponent(id)}`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Make an account and sign in
 */
export function register({ registration }: {
    registration: Registration;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: Tokens;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/auth/register", oazapfts.json({
        ...opts,
        method: "POST",
        body: registration
    }));
}
/**
 * Sign in
 */
export function login({ credentials }: {
    credentials: Credentials;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Tokens;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/auth/login", oazapfts.json({
        ...opts,
        method: "POST",
        body: credentials
    }));
}
/**
 * Exchange a refresh token; each can be used once
 */
export function refresh({ body }: {
    body: {
        refresh_token: string;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Tokens;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/auth/refresh", oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * End the session of a refresh token
 */
export function logout({ body }: {
    body: {
        refresh_token: string;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/auth/logout", oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Whether the session of the access token still lives
 */
export function checkSession(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/auth/session", {
        ...opts
    });
}
/**
 * Public keys of access tokens (RFC 7517)
 */
export function jwks(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            keys: {
                kty: string;
                kid: string;
                [key: string]: unknown;
            }[];
        };
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/.well-known/jwks.json", {
        ...opts
    });
}
/**
 * Your profile
 */
export function me(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Profile;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me", {
        ...opts
    });
}
/**
 * Change your profile
 */
export function changeMe({ body }: {
    body: {
        name?: string;
        phone?: string | null;
        language?: "ru" | "en";
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Profile;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me", oazapfts.json({
        ...opts,
        method: "PATCH",
        body
    }));
}
/**
 * Change your password; ends all your sessions but this one
 */
export function changePassword({ passwordChange }: {
    passwordChange: PasswordChange;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me/password", oazapfts.json({
        ...opts,
        method: "POST",
        body: passwordChange
    }));
}
/**
 * Sign out everywhere, here too
 */
export function endMySessions(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: SessionsEnded;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me/sign-out", {
        ...opts,
        method: "POST"
    });
}
/**
 * End all sessions of an account
 */
export function endSessionsOfUser({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: SessionsEnded;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/operations/users/${encodeURIComponent(id)}/sign-out`, {
        ...opts,
        method: "POST"
    });
}
/**
 * Several sellers at once; those who do not exist are left out
 */
export function listSellersById({ ids }: {
    ids: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: SellerPage[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/users/by-id${QS.query(QS.explode({
        ids
    }))}`, {
        ...opts
    });
}
/**
 * A seller as others see them
 */
export function getSeller({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: SellerPage;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/users/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * Reviews of a seller
 */
export function listReviews({ id, cursor, limit }: {
    id: string;
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Review[];
            next_cursor: string | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/users/${encodeURIComponent(id)}/reviews${QS.query(QS.explode({
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Review the seller of your completed order
 */
export function createReview({ body }: {
    body: {
        order_id: string;
        rating: number;
        text?: string;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: Review;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/reviews", oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Search active ads in Russian and English
 */
export function search({ q, category, city, priceMin, priceMax, near, radiusKm, sort, cursor, limit }: {
    q?: string;
    category?: string;
    city?: string;
    priceMin?: number;
    priceMax?: number;
    near?: string;
    radiusKm?: number;
    sort?: "relevance" | "newest" | "price_asc" | "price_desc" | "distance";
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: SearchPage;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/search${QS.query(QS.explode({
        q,
        category,
        city,
        price_min: priceMin,
        price_max: priceMax,
        near,
        radius_km: radiusKm,
        sort,
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Complete what is being typed
 */
export function suggest({ q, limit }: {
    q: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: string[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/search/suggestions${QS.query(QS.explode({
        q,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Your saved searches
 */
export function listSavedSearches(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: SavedSearch[];
        };
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me/searches", {
        ...opts
    });
}
/**
 * Save a search
 */
export function saveSearch({ body }: {
    body: {
        name: string;
        query: {
            q?: string;
            category?: string;
            city?: string;
            price_min?: number;
            price_max?: number;
        };
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: SavedSearch;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me/searches", oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Forget a saved search
 */
export function removeSavedSearch({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/me/searches/${encodeURIComponent(id)}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * Ask for a URL to upload a picture to
 */
export function createUpload({ newUpload }: {
    newUpload: NewUpload;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: Upload;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/media/uploads", oazapfts.json({
        ...opts,
        method: "POST",
        body: newUpload
    }));
}
/**
 * Upload to the data folder by a signed URL (embedded object store only)
 */
export function putObject({ id, expires, signature, body }: {
    id: string;
    expires: number;
    signature: string;
    body: Blob;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/media/objects/${encodeURIComponent(id)}${QS.query(QS.explode({
        expires,
        signature
    }))}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body
    }));
}
/**
 * Say that the upload is done; checks it and makes the variants
 */
export function completeUpload({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Media;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/media/${encodeURIComponent(id)}/complete`, {
        ...opts,
        method: "POST"
    });
}
/**
 * State of an upload of yours
 */
export function getMedia({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Media;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/media/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * A picture in one of its sizes
 */
export function getVariant({ id, variant }: {
    id: string;
    variant: "thumb" | "card" | "full";
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Blob;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/media/${encodeURIComponent(id)}/${encodeURIComponent(variant)}.webp`, {
        ...opts
    });
}
/**
 * Complain about an ad, a user, or a message in a conversation of yours
 */
export function createReport({ newReport }: {
    newReport: NewReport;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 202;
        data: ReportReceipt;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/reports", oazapfts.json({
        ...opts,
        method: "POST",
        body: newReport
    }));
}
/**
 * What became of your complaint
 */
export function getReport({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Report;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/reports/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * The moderators’ queue
 */
export function listReports({ status, cursor, limit }: {
    status?: "processing" | "accepted" | "rejected";
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Report[];
            next_cursor: string | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/moderation/reports${QS.query(QS.explode({
        status,
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Decide on a complaint; an accepted one takes the ad off, or the message away
 */
export function resolveReport({ id, body }: {
    id: string;
    body: {
        decision: "accept" | "reject";
        resolution: string;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Report;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/moderation/reports/${encodeURIComponent(id)}`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Buy an ad: reserves it and starts the payment
 */
export function createOrder({ idempotencyKey, newOrder }: {
    idempotencyKey: string;
    newOrder: NewOrder;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: Order;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>("/v1/orders", oazapfts.json({
        ...opts,
        method: "POST",
        body: newOrder,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * Your purchases, or with `role=seller` your sales
 */
export function listOrders({ role, status, cursor, limit }: {
    role?: "buyer" | "seller";
    status?: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Order[];
            next_cursor: string | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/orders${QS.query(QS.explode({
        role,
        status,
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * One order with its timeline
 */
export function getOrder({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: OrderWithTimeline;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/orders/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * Cancel before the courier has the parcel
 */
export function cancelOrder({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Order;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/orders/${encodeURIComponent(id)}/cancel`, {
        ...opts,
        method: "POST"
    });
}
/**
 * Say that the goods are as described; pays the seller
 */
export function acceptOrder({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Order;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/orders/${encodeURIComponent(id)}/accept`, {
        ...opts,
        method: "POST"
    });
}
/**
 * How many orders are in which state, and how many need a person
 */
export function countOperations(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: OperationsCounts;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/operations/counts", {
        ...opts
    });
}
/**
 * Orders of everybody, newest first; those that need a person longest waiting first
 */
export function listOperations({ status, needsAttention, q, cursor, limit }: {
    status?: "pending_payment" | "paid" | "in_delivery" | "delivered" | "completed" | "cancelling" | "cancelled";
    needsAttention?: "true";
    q?: string;
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: OperationsOrder[];
            next_cursor: string | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/operations/orders${QS.query(QS.explode({
        status,
        needs_attention: needsAttention,
        q,
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * All that is known of one order: commands with their tries, events, decisions, and what others know
 */
export function getOrderStory({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: OrderStory;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/operations/orders/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * Retry or skip what is stuck, or take the order back and return the money; written to the audit trail
 */
export function decideOnOrder({ id, newDecision }: {
    id: string;
    newDecision: NewDecision;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: OperationsOrder;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    } | {
        status: 504;
        data: Problem;
    }>(`/v1/operations/orders/${encodeURIComponent(id)}/decisions`, oazapfts.json({
        ...opts,
        method: "POST",
        body: newDecision
    }));
}
/**
 * What the seller gets of a price, and what the platform keeps
 */
export function quoteFee({ price, currency }: {
    price: number;
    currency: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: FeeQuote;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>(`/v1/payments/fee${QS.query(QS.explode({
        price,
        currency
    }))}`, {
        ...opts
    });
}
/**
 * What your sales have brought, by currency
 */
export function getBalance(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Balance[];
        };
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/payments/balance", {
        ...opts
    });
}
/**
 * What you earned and what was paid out to you, newest first
 */
export function getStatement({ currency, cursor, limit }: {
    currency?: string;
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: StatementEntry[];
            next_cursor: string | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/payments/statement${QS.query(QS.explode({
        currency,
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Where your earnings are paid to
 */
export function listPayoutDestinations(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: KnownDestination[];
        };
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/payments/payout-destinations", {
        ...opts
    });
}
/**
 * Say where to pay your earnings; what waited for it is paid then
 */
export function setPayoutDestination({ payoutDestination }: {
    payoutDestination: PayoutDestination;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: KnownDestination[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>("/v1/payments/payout-destinations", oazapfts.json({
        ...opts,
        method: "PUT",
        body: payoutDestination
    }));
}
/**
 * Give the buyer a part of a captured payment back, at the seller’s expense
 */
export function refundPart({ id, idempotencyKey, newRefund }: {
    id: string;
    idempotencyKey: string;
    newRefund: NewRefund;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Refunded;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>(`/v1/operations/payments/${encodeURIComponent(id)}/refunds`, oazapfts.json({
        ...opts,
        method: "POST",
        body: newRefund,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * A payment provider tells what happened
 */
export function paymentWebhook({ provider, body }: {
    provider: string;
    body: Blob;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>(`/v1/payments/webhooks/${encodeURIComponent(provider)}`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * What delivery costs and when it comes
 */
export function quote({ fromCity, toCity, adId }: {
    fromCity: string;
    toCity: string;
    adId?: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Quote[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>(`/v1/deliveries/quotes${QS.query(QS.explode({
        from_city: fromCity,
        to_city: toCity,
        ad_id: adId
    }))}`, {
        ...opts
    });
}
/**
 * Pick-up points of a city, the nearest first
 */
export function listPickupPoints({ city, latitude, longitude, cursor, limit }: {
    city?: string;
    latitude?: number;
    longitude?: number;
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: PickupPoint[];
            next_cursor: string | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>(`/v1/deliveries/pickup-points${QS.query(QS.explode({
        city,
        latitude,
        longitude,
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * One pick-up point
 */
export function getPickupPoint({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: PickupPoint;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>(`/v1/deliveries/pickup-points/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * What the seller sticks on the parcel, as PDF. Only for the seller, from the registration until the courier has it
 */
export function getLabel({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Blob;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>(`/v1/deliveries/shipments/${encodeURIComponent(id)}/label`, {
        ...opts
    });
}
/**
 * A courier tells where a parcel is
 */
export function courierWebhook({ courier, body }: {
    courier: string;
    body: Blob;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/deliveries/webhooks/${encodeURIComponent(courier)}`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * What happened that concerns you, newest first
 */
export function listNotifications({ cursor, limit }: {
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Notification[];
            next_cursor: string | null;
            unread: number;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/notifications${QS.query(QS.explode({
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Mark everything up to a notification as read
 */
export function markRead({ body }: {
    body: {
        up_to: string;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/notifications/read", oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * What you want to hear, and whether mails reach you
 */
export function getPreferences(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: PreferencesNow;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me/preferences", {
        ...opts
    });
}
/**
 * Set what you want to hear
 */
export function putPreferences({ preferences }: {
    preferences: Preferences;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Preferences;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me/preferences", oazapfts.json({
        ...opts,
        method: "PUT",
        body: preferences
    }));
}
/**
 * Say that your address works again
 */
export function unblockEmail(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/me/preferences/email/unblock", {
        ...opts,
        method: "POST"
    });
}
/**
 * Turn off mails that are not about money, by the token of such a mail and without signing in
 */
export function unsubscribe({ token }: {
    token: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/notifications/unsubscribe${QS.query(QS.explode({
        token
    }))}`, {
        ...opts,
        method: "POST"
    });
}
/**
 * Your conversation with the seller of an ad: the one that there is, else a new one
 */
export function startConversation({ body }: {
    body: {
        ad_id: string;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Conversation;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 409;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/conversations", oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Your conversations, those with the newest messages first
 */
export function listConversations({ cursor, limit }: {
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Conversation[];
            next_cursor: string | null;
            /** Unread messages in all of them */
            unread: number;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/conversations${QS.query(QS.explode({
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * One conversation of yours
 */
export function getConversation({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: Conversation;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/conversations/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * Its messages, newest first
 */
export function listMessages({ id, cursor, limit }: {
    id: string;
    cursor?: string;
    limit?: number;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            items: Message[];
            next_cursor: string | null;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/conversations/${encodeURIComponent(id)}/messages${QS.query(QS.explode({
        cursor,
        limit
    }))}`, {
        ...opts
    });
}
/**
 * Write a message
 */
export function sendMessage({ id, idempotencyKey, newMessage }: {
    id: string;
    idempotencyKey: string;
    newMessage: NewMessage;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: Message;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/conversations/${encodeURIComponent(id)}/messages`, oazapfts.json({
        ...opts,
        method: "POST",
        body: newMessage,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey
        })
    }));
}
/**
 * Say up to which message you have read
 */
export function readConversation({ id, body }: {
    id: string;
    body: {
        /** A message’s number */
        up_to: number;
    };
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 422;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/conversations/${encodeURIComponent(id)}/read`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Hear no more of the other one, here and in other conversations
 */
export function blockPartner({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/conversations/${encodeURIComponent(id)}/block`, {
        ...opts,
        method: "PUT"
    });
}
/**
 * Take the block back
 */
export function unblockPartner({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/conversations/${encodeURIComponent(id)}/block`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * A message that a participant complained about; others are nobody else’s business
 */
export function getReportedMessage({ id }: {
    id: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: ReportedMessage;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 403;
        data: Problem;
    } | {
        status: 404;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/v1/moderation/messages/${encodeURIComponent(id)}`, {
        ...opts
    });
}
/**
 * Order statuses, delivery stages and notifications as they happen (SSE)
 */
export function stream({ topics, order, channels, lastEventId, lastEventIdHeader }: {
    topics?: string;
    order?: string;
    channels?: string;
    lastEventId?: string;
    lastEventIdHeader?: string;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            id?: string;
            event?: string;
            data?: string;
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    } | {
        status: 503;
        data: Problem;
    }>(`/v1/stream${QS.query(QS.explode({
        topics,
        order,
        channels,
        last_event_id: lastEventId
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "Last-Event-ID": lastEventIdHeader
        })
    });
}
/**
 * A permission to open one’s stream where a header cannot be set; it holds for a minute
 */
export function createStreamTicket(opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: {
            ticket: string;
            /** Seconds */
            expires_in: number;
        };
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/v1/stream/tickets", {
        ...opts,
        method: "POST"
    });
}
/**
 * The same for queries, whose answers caches can keep; a subscription comes as events (SSE)
 */
export function readGraphql({ query, documentId, operationName, variables, extensions }: {
    query?: string;
    documentId?: string;
    operationName?: string | null;
    variables?: {
        [key: string]: unknown;
    } | null;
    extensions?: {
        persistedQuery?: {
            sha256Hash: string;
            [key: string]: unknown;
        };
        [key: string]: unknown;
    } | null;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            data?: {
                [key: string]: unknown;
            } | null;
            errors?: {
                message: string;
                extensions?: {
                    code?: string;
                    [key: string]: unknown;
                };
                [key: string]: unknown;
            }[];
        };
    } | {
        status: 304;
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: {
            data?: {
                [key: string]: unknown;
            } | null;
            errors?: {
                message: string;
                extensions?: {
                    code?: string;
                    [key: string]: unknown;
                };
                [key: string]: unknown;
            }[];
        };
    } | {
        status: 405;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>(`/graphql${QS.query(QS.explode({
        query,
        documentId,
        operationName
    }), QS.json({
        variables,
        extensions
    }))}`, {
        ...opts
    });
}
/**
 * One screen in one request: home, adPage, sellerPage, search, checkout, orderPage, me, and what changes them
 */
export function graphql({ graphqlRequest }: {
    graphqlRequest: GraphqlRequest;
}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            data?: {
                [key: string]: unknown;
            } | null;
            errors?: {
                message: string;
                extensions?: {
                    code?: string;
                    [key: string]: unknown;
                };
                [key: string]: unknown;
            }[];
        };
    } | {
        status: 400;
        data: Problem;
    } | {
        status: 401;
        data: Problem;
    } | {
        status: 404;
        data: {
            data?: {
                [key: string]: unknown;
            } | null;
            errors?: {
                message: string;
                extensions?: {
                    code?: string;
                    [key: string]: unknown;
                };
                [key: string]: unknown;
            }[];
        };
    } | {
        status: 413;
        data: Problem;
    } | {
        status: 415;
        data: Problem;
    } | {
        status: 429;
        data: Problem;
    } | {
        status: 431;
        data: Problem;
    }>("/graphql", oazapfts.json({
        ...opts,
        method: "POST",
        body: graphqlRequest
    }));
}
