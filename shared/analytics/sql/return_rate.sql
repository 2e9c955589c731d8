-- Tỷ lệ hoàn trả / Return rate
-- unit: %
-- formula: orders returned or refunded, wholly or in part / orders x 100
-- numerator: orders returned or refunded
-- denominator: orders placed
-- over: days
-- note: K17
SELECT o.day, o.store, o.channel, COALESCE(c.value, 'none') AS segment, 'order' AS fact, o.fact_id,
       CASE WHEN o.status IN ('returned', 'refunded', 'partly_refunded') THEN 1 ELSE 0 END AS numerator,
       1 AS denominator
FROM orders o LEFT JOIN customers c ON c.customer_id = o.customer_id
WHERE o.total > 0 AND o.status <> 'cancelled'
