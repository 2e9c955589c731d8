-- Chi phí gửi tin / Cost of messages
-- unit: VND
-- formula: cost of messages / messages sent
-- numerator: what the providers charge
-- denominator: messages sent
-- over: days
-- note: K8
SELECT COALESCE(CAST(CAST(CAST(m.sent_at AS TIMESTAMP) + INTERVAL '7' HOUR AS DATE) AS VARCHAR), m.day) AS day, c.store, m.channel, COALESCE(c.value, 'none') AS segment, 'message' AS fact, m.fact_id,
       m.cost AS numerator, CASE WHEN m.sent_at IS NOT NULL THEN 1 ELSE 0 END AS denominator
FROM messages m LEFT JOIN customers c ON c.customer_id = m.customer_id
WHERE m.sent_at IS NOT NULL OR m.cost <> 0
