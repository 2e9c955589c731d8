-- Chi phí giữ một khách cũ / Cost of a returning customer
-- unit: VND
-- formula: cost of service and marketing messages / purchases of customers who had bought before
-- numerator: cost of messages that are no receipts
-- denominator: purchases of customers who had bought before
-- over: days
-- note: K16, W12
SELECT COALESCE(CAST(CAST(CAST(m.sent_at AS TIMESTAMP) + INTERVAL '7' HOUR AS DATE) AS VARCHAR), m.day) AS day, c.store,
       'all' AS channel, 'all' AS segment, 'message' AS fact, m.fact_id, m.cost AS numerator, 0 AS denominator
FROM messages m LEFT JOIN customers c ON c.customer_id = m.customer_id
WHERE m.cost <> 0 AND m.purpose <> 'transactional'
UNION ALL
SELECT f.day, f.store, 'all' AS channel, 'all' AS segment, 'order' AS fact, f.fact_id, 0 AS numerator, 1 AS denominator
FROM (
    SELECT o.day, o.store, o.fact_id, ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o."at", o.fact_id) AS n
    FROM orders o
    WHERE o.customer_id IS NOT NULL AND o.counts
) f
WHERE f.n > 1
