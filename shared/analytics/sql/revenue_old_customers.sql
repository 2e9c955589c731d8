-- Doanh thu từ khách cũ / Revenue from customers who had bought before
-- unit: %
-- formula: kept revenue of customers with an earlier purchase / kept revenue of known customers x 100
-- numerator: kept revenue of customers who had bought before
-- denominator: kept revenue of known customers
-- over: days
-- note: K15
WITH first_purchase AS (
    SELECT customer_id, MIN("at") AS "at" FROM orders WHERE customer_id IS NOT NULL AND counts GROUP BY customer_id
)
SELECT o.day, o.store, o.channel, COALESCE(c.value, 'none') AS segment, 'order' AS fact, o.fact_id,
       CASE WHEN f."at" < o."at" THEN o.kept ELSE 0 END AS numerator, o.kept AS denominator
FROM orders o LEFT JOIN first_purchase f ON f.customer_id = o.customer_id
LEFT JOIN customers c ON c.customer_id = o.customer_id
WHERE o.customer_id IS NOT NULL AND o.kept <> 0
