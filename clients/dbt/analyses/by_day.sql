SELECT changed_at::date AS day, count(*) AS n FROM {{ ref('reports') }} GROUP BY 1
