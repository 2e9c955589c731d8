-- Doanh thu có số điện thoại / Revenue with a known customer
-- unit: %
-- formula: kept revenue of known customers / kept revenue x 100
-- numerator: kept revenue of known customers
-- denominator: kept revenue
-- over: days
SELECT o.day, o.store, o.channel, COALESCE(c.value, 'none') AS segment, 'order' AS fact, o.fact_id,
       CASE WHEN o.customer_id IS NOT NULL THEN o.kept ELSE 0 END AS numerator, o.kept AS denominator
FROM orders o LEFT JOIN customers c ON c.customer_id = o.customer_id
WHERE o.kept <> 0
