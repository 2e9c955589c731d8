-- Thời gian phản hồi đầu tiên / First response time
-- unit: seconds
-- formula: sum of first response times / tickets answered
-- numerator: seconds from the opening to the first answer, of a person or of the bot
-- denominator: tickets answered
-- over: days
-- note: K5. Tickets nobody answered yet have no time: their share is the figure unanswered.
SELECT t.day, t.store, t.channel, COALESCE(c.value, 'none') AS segment, 'ticket' AS fact, t.fact_id,
       LEAST(COALESCE(t.first_response_seconds, t.bot_first_response_seconds), COALESCE(t.bot_first_response_seconds, t.first_response_seconds)) AS numerator, 1 AS denominator
FROM tickets t LEFT JOIN customers c ON c.customer_id = t.customer_id
WHERE t.first_response_seconds IS NOT NULL OR t.bot_first_response_seconds IS NOT NULL
