-- Tỷ lệ mua lại / Repeat rate
-- unit: %
-- formula: customers with two orders or more / customers with one or more x 100
-- numerator: customers with at least two purchases
-- denominator: customers with a purchase
-- over: state
-- note: K7
WITH numbered AS (
    SELECT o.customer_id, o.day, o.fact_id, ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o."at", o.fact_id) AS n
    FROM orders o
    WHERE o.customer_id IS NOT NULL AND o.counts
)
SELECT d.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'order' AS fact, o.fact_id,
       CASE WHEN o.n = 2 THEN 1 ELSE 0 END AS numerator, CASE WHEN o.n = 1 THEN 1 ELSE 0 END AS denominator
FROM calendar d JOIN numbered o ON o.day <= d.day LEFT JOIN customers c ON c.customer_id = o.customer_id
WHERE o.n <= 2
