// The sandbox courier's books: shipments, where they were, and what it has yet to tell.
import { type Generated, type Kysely, type Selectable, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Timestamp } from '../../platform/db/columns.ts';
import { createIdempotencyTable, type IdempotencyTables } from '../api.ts';
import { createWebhooksTable, type WebhookTables } from '../webhooks.ts';

export const stages = [
  'created',
  'accepted',
  'in_transit',
  'at_pickup_point',
  'delivered',
  'returned',
  'lost',
  'cancelled',
] as const;
export type Stage = (typeof stages)[number];

export interface ShipmentsTable {
  id: string;
  /** The shop's own name of it. */
  reference: string;
  tracking_number: string;
  method: 'door' | 'pickup';
  from_city: string;
  /** An address, or the id of a pick-up point. */
  destination: string;
  description: string;
  stage: Stage;
  reason: string | null;
  estimated_from: string;
  estimated_to: string;
  created_at: Timestamp;
  updated_at: Timestamp;
}
export type ShipmentRow = Selectable<ShipmentsTable>;

export interface CourierTables extends IdempotencyTables, WebhookTables {
  shipments: ShipmentsTable;
  movements: { id: Generated<number>; shipment_id: string; stage: Stage; at: Timestamp };
}

const start: Migration = {
  async up(db: Kysely<unknown>) {
    await createIdempotencyTable(db);
    await createWebhooksTable(db);
    await db.schema
      .createTable('shipments')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('reference', 'text', (column) => column.notNull().unique())
      .addColumn('tracking_number', 'text', (column) => column.notNull().unique())
      .addColumn('method', 'text', (column) => column.notNull())
      .addColumn('from_city', 'text', (column) => column.notNull())
      .addColumn('destination', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('stage', 'text', (column) => column.notNull())
      .addColumn('reason', 'text')
      .addColumn('estimated_from', 'text', (column) => column.notNull())
      .addColumn('estimated_to', 'text', (column) => column.notNull())
      .addColumn('created_at', 'timestamptz', (column) => column.notNull())
      .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
      .execute();
    await db.schema
      .createIndex('shipments_moving')
      .on('shipments')
      .column('updated_at')
      .where(sql<boolean>`stage in ('created', 'accepted', 'in_transit', 'at_pickup_point')`)
      .execute();
    await db.schema
      .createTable('movements')
      .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
      .addColumn('shipment_id', 'text', (column) => column.notNull().references('shipments.id'))
      .addColumn('stage', 'text', (column) => column.notNull())
      .addColumn('at', 'timestamptz', (column) => column.notNull())
      .execute();
    await db.schema.createIndex('movements_shipment').on('movements').column('shipment_id').execute();
  },
};

export const migrations: Readonly<Record<string, Migration>> = { '0001-start': start };
