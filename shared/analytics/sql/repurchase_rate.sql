-- Tỷ lệ tái mua sau tin / Repurchase rate after a message
-- unit: %
-- formula: advertisements after which the customer bought within 14 days / advertisements sent x 100
-- numerator: advertisements with a purchase within 14 days
-- denominator: advertisements sent
-- over: days
-- note: K12. What followed a message is not what it caused: see the lift of its journey.
SELECT CAST(CAST(CAST(m.sent_at AS TIMESTAMP) + INTERVAL '7' HOUR AS DATE) AS VARCHAR) AS day, c.store, m.channel, COALESCE(c.value, 'none') AS segment, 'message' AS fact, m.fact_id,
       CASE WHEN EXISTS (
           SELECT 1 FROM orders o WHERE o.customer_id = m.customer_id AND o.counts AND o."at" > m.sent_at
             AND CAST(o."at" AS TIMESTAMP) <= CAST(m.sent_at AS TIMESTAMP) + INTERVAL '14' DAY
       ) THEN 1 ELSE 0 END AS numerator, 1 AS denominator
FROM messages m LEFT JOIN customers c ON c.customer_id = m.customer_id
WHERE m.sent_at IS NOT NULL AND m.purpose = 'marketing'
