-- Số điện thoại giả theo thu ngân / Impossible phone numbers by cashier
-- unit: %
-- formula: sales with an impossible number / sales with a cashier x 100
-- numerator: sales with an impossible phone number
-- denominator: sales at a till
-- over: days
-- note: R4. The column channel names the cashier.
SELECT o.day, o.store, COALESCE(o.cashier, 'unknown') AS channel, 'all' AS segment, 'order' AS fact, o.fact_id,
       CASE WHEN o.bad_phone THEN 1 ELSE 0 END AS numerator, 1 AS denominator
FROM orders o
WHERE o.total > 0 AND o.status <> 'cancelled' AND (o.cashier IS NOT NULL OR o.bad_phone)
