-- What was sent by journey, campaign and channel and month, and what it cost; what people did with it.
SELECT CASE WHEN m.journey = 'campaign' THEN 'campaign' ELSE m.journey END AS kind,
       CASE WHEN m.journey = 'campaign' THEN m.run ELSE m.journey END AS id, SUBSTR(m.day, 1, 7) AS month, m.channel,
       COUNT(*) AS sent, SUM(m.cost) AS cost, SUM(CASE WHEN m.opened_at IS NOT NULL THEN 1 ELSE 0 END) AS opened,
       SUM(CASE WHEN m.clicked_at IS NOT NULL THEN 1 ELSE 0 END) AS clicked,
       SUM(CASE WHEN m.replied_at IS NOT NULL THEN 1 ELSE 0 END) AS replied
FROM messages m
WHERE m.sent_at IS NOT NULL AND m.purpose <> 'transactional' AND m.channel IS NOT NULL
GROUP BY 1, 2, 3, 4
