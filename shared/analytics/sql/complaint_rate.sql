-- Tỷ lệ khiếu nại / Complaint rate
-- unit: %
-- formula: tickets that are complaints / orders x 100
-- numerator: complaints opened
-- denominator: orders placed
-- over: days
-- note: K17
SELECT t.day, t.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'ticket' AS fact, t.fact_id,
       1 AS numerator, 0 AS denominator
FROM tickets t LEFT JOIN customers c ON c.customer_id = t.customer_id
WHERE t.complaint
UNION ALL
SELECT o.day, o.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'order' AS fact, o.fact_id,
       0 AS numerator, 1 AS denominator
FROM orders o LEFT JOIN customers c ON c.customer_id = o.customer_id
WHERE o.total > 0 AND o.status <> 'cancelled'
