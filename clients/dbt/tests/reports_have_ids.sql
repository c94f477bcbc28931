SELECT * FROM {{ ref('reports') }} WHERE id IS NULL
