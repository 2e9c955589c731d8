-- Giá trị vòng đời theo lãi gộp / Customer lifetime value, margin
-- unit: VND
-- formula: margin so far / customers, of orders whose costs are known
-- numerator: margin of the orders with known costs until the day
-- denominator: customers with such an order
-- over: state
SELECT d.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'order' AS fact, o.fact_id,
       o.margin AS numerator,
       CASE WHEN ROW_NUMBER() OVER (PARTITION BY d.day, o.customer_id ORDER BY o."at", o.fact_id) = 1 THEN 1 ELSE 0 END
           AS denominator
FROM calendar d JOIN orders o ON o.day <= d.day LEFT JOIN customers c ON c.customer_id = o.customer_id
WHERE o.customer_id IS NOT NULL AND o.counts AND o.margin IS NOT NULL
