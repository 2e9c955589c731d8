-- Revenue credited once: an order belongs to the last marketing message within the 7 days before it.
WITH touched AS (
    SELECT o.fact_id, o.kept, m.journey, m.run, m.channel, m.day,
           ROW_NUMBER() OVER (PARTITION BY o.fact_id ORDER BY m.sent_at DESC, m.fact_id DESC) AS latest
    FROM orders o JOIN messages m ON m.customer_id = o.customer_id
    WHERE o.counts AND m.purpose = 'marketing' AND m.sent_at IS NOT NULL AND m.sent_at < o."at"
      AND CAST(o."at" AS TIMESTAMP) <= CAST(m.sent_at AS TIMESTAMP) + INTERVAL '7' DAY
)
SELECT journey AS kind, CASE WHEN journey = 'campaign' THEN run ELSE journey END AS id, SUBSTR(day, 1, 7) AS month,
       channel, COUNT(*) AS orders, SUM(kept) AS revenue
FROM touched
WHERE latest = 1
GROUP BY 1, 2, 3, 4
