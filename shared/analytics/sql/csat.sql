-- Khách hài lòng (CSAT) / Customer satisfaction (CSAT)
-- unit: %
-- formula: answers of 4 or 5 / all answers x 100
-- numerator: answers of 4 or 5
-- denominator: all answers
-- over: days
-- note: K1. The seeds leave open what a positive answer is: 4 and 5 of 5.
SELECT s.day, COALESCE(s.store, c.store) AS store, s.channel, COALESCE(c.value, 'none') AS segment,
       'survey' AS fact, s.fact_id, CASE WHEN s.score >= 4 THEN 1 ELSE 0 END AS numerator, 1 AS denominator
FROM surveys s LEFT JOIN customers c ON c.customer_id = s.customer_id
WHERE s.survey = 'csat'
