-- What became of the customers whom a journey or a campaign took in, by arm and variant: whether they received anything
-- does not matter, for the hold-out received nothing (R26, X11). The arm `global` is the hold-out of all marketing. One customer counts once a month, from the first entry.
-- `bought` and `revenue` are of the 14 days after it; squares are in thousands of VND.
WITH entries AS (
    SELECT j.customer_id, j.journey AS kind, COALESCE(j.campaign, j.journey) AS id,
           CASE WHEN c.held_out AND j.arm = 'live' THEN 'global' ELSE j.arm END AS arm,
           COALESCE(j.variant, '') AS variant, j."at", SUBSTR(j.day, 1, 7) AS month,
           ROW_NUMBER() OVER (
               PARTITION BY j.customer_id, j.journey, j.campaign, SUBSTR(j.day, 1, 7) ORDER BY j."at", j.fact_id
           ) AS n
    FROM journey_steps j LEFT JOIN customers c ON c.customer_id = j.customer_id
    WHERE j.event = 'entered'
),
after_entry AS (
    SELECT e.kind, e.id, e.month, e.arm, e.variant, e.customer_id, COUNT(o.fact_id) AS orders,
           COALESCE(SUM(o.kept), 0) AS revenue
    FROM entries e
    LEFT JOIN orders o ON o.customer_id = e.customer_id AND o.counts AND o."at" > e."at"
        AND CAST(o."at" AS TIMESTAMP) <= CAST(e."at" AS TIMESTAMP) + INTERVAL '14' DAY
    WHERE e.n = 1
    GROUP BY e.kind, e.id, e.month, e.arm, e.variant, e.customer_id
)
SELECT kind, id, month, arm, variant, COUNT(*) AS entered, SUM(CASE WHEN orders > 0 THEN 1 ELSE 0 END) AS bought,
       SUM(revenue) AS revenue, CAST(SUM(CAST(revenue AS DOUBLE) / 1000 * revenue / 1000) AS BIGINT) AS squares
FROM after_entry
GROUP BY kind, id, month, arm, variant
