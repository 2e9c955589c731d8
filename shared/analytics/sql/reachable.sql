-- Khách đồng ý nhận tin / Customers who may be advertised to
-- unit: %
-- formula: customers with consent to marketing and an address for it / customers x 100
-- numerator: customers with consent on a channel that reaches them
-- denominator: customers
-- over: state
-- note: R10. As customers stand now.
SELECT d.day, c.store, 'all' AS channel, COALESCE(c.value, 'none') AS segment, 'customer' AS fact, c.fact_id,
       CASE WHEN c.consented IS NOT NULL THEN 1 ELSE 0 END AS numerator, 1 AS denominator
FROM calendar d JOIN customers c ON c.day <= d.day
WHERE c.lead = c.fact_id
