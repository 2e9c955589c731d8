-- Giá trị vòng đời (CLV) / Customer lifetime value (CLV)
-- unit: VND
-- formula: average order value x purchase frequency x length of the relationship = revenue so far / customers
-- numerator: kept revenue of all customers until the day
-- denominator: customers with a purchase
-- over: state
-- note: K3. The seed calls it profit and computes revenue; clv_margin is the profit, where the catalogue knows costs.
SELECT d.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'order' AS fact, o.fact_id,
       o.kept AS numerator,
       CASE WHEN ROW_NUMBER() OVER (PARTITION BY d.day, o.customer_id ORDER BY o."at", o.fact_id) = 1 THEN 1 ELSE 0 END
           AS denominator
FROM calendar d JOIN orders o ON o.day <= d.day LEFT JOIN customers c ON c.customer_id = o.customer_id
WHERE o.customer_id IS NOT NULL AND o.counts
