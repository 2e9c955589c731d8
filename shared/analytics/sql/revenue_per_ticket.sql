-- Doanh thu trên mỗi vé hỗ trợ / Revenue per ticket
-- unit: VND
-- formula: kept revenue of orders within 7 days after a ticket's first answer, each credited once to the latest ticket / tickets answered
-- numerator: kept revenue credited to tickets
-- denominator: tickets answered
-- over: days
-- note: K6. By the day of the first answer; the last week may still grow.
WITH credited AS (
    SELECT o.fact_id, o.kept, t.fact_id AS ticket, t.served_at, t.store, t.channel, o.customer_id,
           ROW_NUMBER() OVER (PARTITION BY o.fact_id ORDER BY t.served_at DESC, t.fact_id DESC) AS latest
    FROM orders o JOIN tickets t ON t.customer_id = o.customer_id
    WHERE NOT t.credit_excluded AND o.total > 0 AND NOT o.exchange AND t.served_at < o."at"
      AND CAST(o."at" AS TIMESTAMP) <= CAST(t.served_at AS TIMESTAMP) + INTERVAL '7' DAY
)
SELECT CAST(CAST(CAST(t.served_at AS TIMESTAMP) + INTERVAL '7' HOUR AS DATE) AS VARCHAR) AS day, t.store, t.channel,
       COALESCE(c.value, 'none') AS segment, 'ticket' AS fact, t.fact_id, 0 AS numerator, 1 AS denominator
FROM tickets t LEFT JOIN customers c ON c.customer_id = t.customer_id
WHERE t.served_at IS NOT NULL
UNION ALL
SELECT CAST(CAST(CAST(x.served_at AS TIMESTAMP) + INTERVAL '7' HOUR AS DATE) AS VARCHAR) AS day, x.store, x.channel,
       COALESCE(c.value, 'none') AS segment, 'order' AS fact, x.fact_id, x.kept AS numerator, 0 AS denominator
FROM credited x LEFT JOIN customers c ON c.customer_id = x.customer_id
WHERE x.latest = 1
