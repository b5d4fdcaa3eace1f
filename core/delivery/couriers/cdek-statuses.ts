// CDEK's statuses of orders (its documentation, appendix 1) as our stages.
import type { DeliveryStage } from '../../../contracts/delivery.ts';

/** `created` while the parcel is the seller's. What isn't listed changes nothing. */
export const cdekStages: Readonly<Record<string, DeliveryStage>> = {
  CREATED: 'created',
  RECEIVED_AT_SHIPMENT_WAREHOUSE: 'accepted',
  READY_FOR_SHIPMENT_IN_SENDER_CITY: 'in_transit',
  READY_TO_SHIP_AT_SENDING_OFFICE: 'in_transit',
  // Back at the warehouse because the carrier did not take it; it has not gone back to the seller.
  RETURNED_TO_SENDER_CITY_WAREHOUSE: 'in_transit',
  TAKEN_BY_TRANSPORTER_FROM_SENDER_CITY: 'in_transit',
  PASSED_TO_CARRIER_AT_SENDING_OFFICE: 'in_transit',
  SENT_TO_TRANSIT_CITY: 'in_transit',
  ACCEPTED_IN_TRANSIT_CITY: 'in_transit',
  ACCEPTED_AT_TRANSIT_WAREHOUSE: 'in_transit',
  ENTERED_TO_TRANSIT_WAREHOUSE: 'in_transit',
  RETURNED_TO_TRANSIT_WAREHOUSE: 'in_transit',
  READY_FOR_SHIPMENT_IN_TRANSIT_CITY: 'in_transit',
  READY_TO_SHIP_IN_TRANSIT_OFFICE: 'in_transit',
  TAKEN_BY_TRANSPORTER_FROM_TRANSIT_CITY: 'in_transit',
  PASSED_TO_TRANSIT_CARRIER: 'in_transit',
  IN_CUSTOMS_INTERNATIONAL: 'in_transit',
  IN_CUSTOMS_LOCAL: 'in_transit',
  CUSTOMS_COMPLETE: 'in_transit',
  SHIPPED_TO_DESTINATION: 'in_transit',
  SENT_TO_SENDER_CITY: 'in_transit',
  ACCEPTED_IN_SENDER_CITY: 'in_transit',
  SENT_TO_RECIPIENT_CITY: 'in_transit',
  ACCEPTED_IN_RECIPIENT_CITY: 'in_transit',
  ACCEPTED_AT_RECIPIENT_CITY_WAREHOUSE: 'in_transit',
  ENTERED_TO_RECIPIENT_CITY_WAREHOUSE: 'in_transit',
  RETURNED_TO_RECIPIENT_CITY_WAREHOUSE: 'in_transit',
  TAKEN_BY_COURIER: 'in_transit',
  // Taken out of the parcel locker because nobody came: on its way again.
  POSTOMAT_SEIZED: 'in_transit',
  ACCEPTED_AT_PICK_UP_POINT: 'at_pickup_point',
  ENTERED_TO_PICK_UP_POINT: 'at_pickup_point',
  POSTOMAT_POSTED: 'at_pickup_point',
  DELIVERED: 'delivered',
  POSTOMAT_RECEIVED: 'delivered',
  // Nobody wanted it, and it goes back to the seller.
  NOT_DELIVERED: 'returned',
  REMOVED: 'cancelled',
};

/** Of the request, and not of the parcel: CDEK has yet to decide, or has said no. */
export const cdekUndecided: ReadonlySet<string> = new Set(['ACCEPTED', 'INVALID']);
