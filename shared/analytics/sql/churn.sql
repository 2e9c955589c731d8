-- Tỷ lệ rời bỏ / Churn rate
-- unit: %
-- formula: customers lost in the period / customers at its start x 100
-- numerator: customers who became lost
-- denominator: customers at the start who have bought and are not lost
-- over: start
-- note: K4. Lost is what the playbook says, 180 days of silence as shipped.
WITH changes AS (
    SELECT customer_id, day, lifecycle, fact_id,
           LEAD(day) OVER (PARTITION BY customer_id ORDER BY "at", version) AS until_day
    FROM segments
)
SELECT d.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'segment' AS fact, s.fact_id,
       0 AS numerator, 1 AS denominator
FROM calendar d JOIN changes s ON s.day < d.day AND (s.until_day IS NULL OR s.until_day >= d.day)
LEFT JOIN customers c ON c.customer_id = s.customer_id
WHERE s.lifecycle NOT IN ('prospect', 'lost')
UNION ALL
SELECT g.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'segment' AS fact, g.fact_id,
       1 AS numerator, 0 AS denominator
FROM segments g LEFT JOIN customers c ON c.customer_id = g.customer_id
WHERE g.lifecycle = 'lost' AND g.lifecycle_before <> 'lost' AND g.lifecycle_before <> 'prospect'
