-- Phiếu chưa ai trả lời / Tickets without an answer
-- unit: %
-- formula: tickets without any answer / tickets x 100
-- numerator: tickets without any answer
-- denominator: tickets opened
-- over: days
SELECT t.day, t.store, t.channel, COALESCE(c.value, 'none') AS segment, 'ticket' AS fact, t.fact_id,
       CASE WHEN t.served_at IS NULL THEN 1 ELSE 0 END AS numerator, 1 AS denominator
FROM tickets t LEFT JOIN customers c ON c.customer_id = t.customer_id
WHERE TRUE
