-- Chi phí có một khách mới / Cost of a new customer
-- unit: VND
-- formula: money spent on acquisition and ads / new customers
-- numerator: spending reported
-- denominator: customers with their first purchase
-- over: days
-- reported: yes
-- note: K16, W12. Without reported spending there is no figure.
SELECT s.day, 'all' AS store, COALESCE(s.channel, 'all') AS channel, 'all' AS segment, 'spend' AS fact, s.fact_id,
       s.amount AS numerator, 0 AS denominator
FROM spends s
WHERE s.purpose IN ('acquisition', 'ads')
UNION ALL
SELECT f.day, f.store, COALESCE(f.channel, 'all') AS channel, 'all' AS segment, 'order' AS fact, f.fact_id, 0 AS numerator,
       1 AS denominator
FROM (
    SELECT o.day, o.store, o.channel, o.fact_id,
           ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o."at", o.fact_id) AS n
    FROM orders o
    WHERE o.customer_id IS NOT NULL AND o.counts
) f
WHERE f.n = 1
