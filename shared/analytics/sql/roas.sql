-- Doanh thu trên chi phí quảng cáo (ROAS) / Return on ad spend (ROAS)
-- unit: x
-- formula: kept revenue of new customers in the period / money spent on ads
-- numerator: kept revenue of first purchases
-- denominator: spending on ads reported
-- over: days
-- note: K11. Of ads alone; campaigns and journeys have their own.
SELECT f.day, f.store, 'all' AS channel, 'all' AS segment, 'order' AS fact, f.fact_id, f.kept AS numerator,
       0 AS denominator
FROM (
    SELECT o.day, o.store, o.fact_id, o.kept, ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o."at", o.fact_id) AS n
    FROM orders o
    WHERE o.customer_id IS NOT NULL AND o.counts
) f
WHERE f.n = 1
UNION ALL
SELECT s.day, 'all' AS store, 'all' AS channel, 'all' AS segment, 'spend' AS fact, s.fact_id, 0 AS numerator,
       s.amount AS denominator
FROM spends s
WHERE s.purpose = 'ads'
