SELECT state, count(*) AS reports, min(changed_at) AS first_report
FROM {{ ref('reports') }} GROUP BY state
