-- Doanh thu giữ được / Revenue kept
-- unit: VND
-- formula: revenue that stays with the shop
-- numerator: kept revenue
-- denominator: none: a sum
-- over: sum
SELECT o.day, o.store, o.channel, COALESCE(c.value, 'none') AS segment, 'order' AS fact, o.fact_id,
       o.kept AS numerator, 0 AS denominator
FROM orders o LEFT JOIN customers c ON c.customer_id = o.customer_id
WHERE o.kept <> 0
