-- Thời gian xử lý / Handling time
-- unit: seconds
-- formula: sum of handling times / tickets resolved
-- numerator: seconds from the opening to the solution
-- denominator: tickets resolved
-- over: days
-- note: K14, T4. By the day the ticket was opened.
SELECT t.day, t.store, t.channel, COALESCE(c.value, 'none') AS segment, 'ticket' AS fact, t.fact_id,
       t.handled_seconds AS numerator, 1 AS denominator
FROM tickets t LEFT JOIN customers c ON c.customer_id = t.customer_id
WHERE t.handled_seconds IS NOT NULL
