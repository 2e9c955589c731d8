-- The global hold-out, which gets no marketing at all, against everybody else, by month: whoever was a customer before
-- the month began (R26).
WITH months AS (SELECT DISTINCT SUBSTR(day, 1, 7) AS month FROM orders),
bought AS (
    SELECT customer_id, SUBSTR(day, 1, 7) AS month, SUM(kept) AS revenue
    FROM orders
    WHERE customer_id IS NOT NULL AND counts
    GROUP BY customer_id, SUBSTR(day, 1, 7)
)
SELECT 'everyone' AS kind, 'everyone' AS id, m.month, CASE WHEN c.held_out THEN 'holdout' ELSE 'live' END AS arm,
       '' AS variant, COUNT(*) AS entered, SUM(CASE WHEN b.revenue IS NOT NULL THEN 1 ELSE 0 END) AS bought,
       COALESCE(SUM(b.revenue), 0) AS revenue,
       CAST(COALESCE(SUM(CAST(b.revenue AS DOUBLE) / 1000 * b.revenue / 1000), 0) AS BIGINT) AS squares
FROM months m
JOIN customers c ON c.lead = c.fact_id AND c.lifecycle IS NOT NULL AND SUBSTR(c.day, 1, 7) < m.month
LEFT JOIN bought b ON b.customer_id = c.customer_id AND b.month = m.month
GROUP BY m.month, CASE WHEN c.held_out THEN 'holdout' ELSE 'live' END
