-- Sẵn lòng giới thiệu (NPS) / Net promoter score (NPS)
-- unit: points
-- formula: promoters (9-10) % - detractors (0-6) %
-- numerator: promoters less detractors
-- denominator: all answers, passives among them
-- over: days
-- note: K2. Passives (7-8) stay in the denominator.
SELECT s.day, c.store, s.channel, COALESCE(c.value, 'none') AS segment, 'survey' AS fact, s.fact_id,
       CASE WHEN s.score >= 9 THEN 1 WHEN s.score <= 6 THEN -1 ELSE 0 END AS numerator, 1 AS denominator
FROM surveys s LEFT JOIN customers c ON c.customer_id = s.customer_id
WHERE s.survey = 'nps'
