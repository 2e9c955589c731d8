-- Khách có tương tác / Customers who engaged
-- unit: %
-- formula: customers who opened, clicked, answered or looked at something in the period / customers at its start x 100
-- numerator: customers who engaged on the day
-- denominator: customers known at the period's start
-- over: start
-- note: A22. A customer counts once a day; what staff did is no engagement of theirs.
SELECT e.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'engagement' AS fact,
       MIN(e.fact_id) AS fact_id, 1 AS numerator, 0 AS denominator
FROM engagements e LEFT JOIN customers c ON c.customer_id = e.customer_id
WHERE NOT e.backfill AND e.type IN ('page', 'screen', 'track') AND COALESCE(e.source, '') <> 'staff'
GROUP BY e.day, c.store, c.value, e.customer_id
UNION ALL
SELECT d.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'customer' AS fact, c.fact_id,
       0 AS numerator, 1 AS denominator
FROM calendar d JOIN customers c ON c.day < d.day
WHERE c.lead = c.fact_id
