-- Thời gian phản hồi đầu tiên của bot / First response time of the bot
-- unit: seconds
-- formula: sum of first response times of the bot / tickets answered by the bot
-- numerator: seconds from the opening to the bot's answer
-- denominator: tickets the bot answered
-- over: days
-- note: K5, T8
SELECT t.day, t.store, t.channel, COALESCE(c.value, 'none') AS segment, 'ticket' AS fact, t.fact_id,
       t.bot_first_response_seconds AS numerator, 1 AS denominator
FROM tickets t LEFT JOIN customers c ON c.customer_id = t.customer_id
WHERE t.bot_first_response_seconds IS NOT NULL
