-- Tỷ lệ bấm liên kết / Click rate
-- unit: %
-- formula: messages clicked by a person / messages sent x 100
-- numerator: messages clicked, machine opens left out
-- denominator: messages sent
-- over: days
-- note: K12, X12
SELECT CAST(CAST(CAST(m.sent_at AS TIMESTAMP) + INTERVAL '7' HOUR AS DATE) AS VARCHAR) AS day, c.store, m.channel, COALESCE(c.value, 'none') AS segment, 'message' AS fact, m.fact_id,
       CASE WHEN m.clicked_at IS NOT NULL THEN 1 ELSE 0 END AS numerator, 1 AS denominator
FROM messages m LEFT JOIN customers c ON c.customer_id = m.customer_id
WHERE m.sent_at IS NOT NULL AND m.purpose <> 'transactional'
