-- Thời gian phản hồi đầu tiên của nhân viên / First response time of people
-- unit: seconds
-- formula: sum of first response times of people / tickets answered by people
-- numerator: seconds from the opening to the first answer of a person
-- denominator: tickets a person answered
-- over: days
-- note: K5, T8
SELECT t.day, t.store, t.channel, COALESCE(c.value, 'none') AS segment, 'ticket' AS fact, t.fact_id,
       t.first_response_seconds AS numerator, 1 AS denominator
FROM tickets t LEFT JOIN customers c ON c.customer_id = t.customer_id
WHERE t.first_response_seconds IS NOT NULL
