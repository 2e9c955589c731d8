-- Chi phí tin trên mỗi khách đã nhận / Cost of messages per customer reached
-- unit: VND
-- formula: cost of messages in the period / customers
-- numerator: cost of messages
-- denominator: customers known at the period's start
-- over: start
-- note: X30
SELECT COALESCE(CAST(CAST(CAST(m.sent_at AS TIMESTAMP) + INTERVAL '7' HOUR AS DATE) AS VARCHAR), m.day) AS day, c.store,
       'all' AS channel, COALESCE(c.value, 'none') AS segment, 'message' AS fact, m.fact_id, m.cost AS numerator,
       0 AS denominator
FROM messages m LEFT JOIN customers c ON c.customer_id = m.customer_id
WHERE m.cost <> 0
UNION ALL
SELECT d.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'customer' AS fact, c.fact_id,
       0 AS numerator, 1 AS denominator
FROM calendar d JOIN customers c ON c.day < d.day
WHERE c.lead = c.fact_id
