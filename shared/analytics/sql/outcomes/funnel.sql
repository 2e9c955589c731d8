-- How many runs reached each step of a journey's version, by month of entry (K13); the hold-out apart.
SELECT journey AS id, SUBSTR(MIN(day), 1, 7) AS month, arm, step, COUNT(DISTINCT customer_id || '/' || COALESCE(run, ''))
       AS runs
FROM journey_steps
WHERE event IN ('entered', 'step')
GROUP BY journey, SUBSTR(day, 1, 7), arm, step
UNION ALL
SELECT journey AS id, SUBSTR(MIN(day), 1, 7) AS month, arm, 'ended ' || COALESCE(why, 'done') AS step,
       COUNT(DISTINCT customer_id || '/' || COALESCE(run, '')) AS runs
FROM journey_steps
WHERE event = 'ended'
GROUP BY journey, SUBSTR(day, 1, 7), arm, why
